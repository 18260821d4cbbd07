import pytest
import torch

from harness.zoo.pretrained import from_official
from tests.helpers import golden_cases

EIGHT = {"time_strides": (1, 1, 2)}
NETWORKS = {
    "c2d_8x8_r50": ("c2d_resnet50", {}, {}),
    "i3d_8x8_r50": ("i3d_5x7x7_resnet50", EIGHT, {}),
    "i3d_nln_8x8_r50": ("i3d_5x7x7_resnet50", EIGHT, {"res3": (1, 3), "res4": (1, 3, 5)}),
    "i3d_nln_8x8_r101": ("i3d_5x7x7_resnet101", EIGHT, {"res3": (1, 3), "res4": (1, 3, 5)}),
}


def released(case, **shapes):
    """Return the tensors of a released network without values, some in another shape."""
    listed = golden_cases.golden(f"names/{case}_pyslowfast")["state_dict"]
    return {name: torch.empty(shapes.get(name, shape), device="meta") for name, shape in listed}


def imported(family, tensors, **options):
    with torch.device("meta"):
        return from_official(family, tensors, **options)


@pytest.mark.parametrize("case", NETWORKS)
def test_the_network_is_read_off_names_and_shapes(case):
    backbone, options, blocks = NETWORKS[case]
    spec = imported(f"{case[:3]}-pyslowfast", released(case)).spec
    assert (spec.backbone, spec.backbone_options, spec.blocks) == (backbone, options, blocks)
    assert spec.module == ("non_local" if blocks else None)
    assert spec.position == ("after_block" if blocks else "after_conv1")


def kernels(case, blocks, extent):
    """Return other extents in time of the first convolution of some blocks of res4."""
    shapes = dict(golden_cases.golden(f"names/{case}_pyslowfast")["state_dict"])
    names = [f"s4.pathway0_res{index}.branch2.a.weight" for index in blocks]
    return {name: [*shapes[name][:2], extent, 1, 1] for name in names}


def test_temporal_kernels_in_the_first_blocks_only_are_read():
    flat = kernels("i3d_nln_8x8_r101", range(6, 23, 2), 1)
    found = imported("i3d-pyslowfast", released("i3d_nln_8x8_r101", **flat))
    assert found.spec.backbone_options == EIGHT | {"inflated_depths": (3, 4, 5, 3)}
    assert (found.new, found.unused) == ((), ())


def test_the_attention_can_be_said():
    found = imported("i3d-pyslowfast", released("i3d_nln_8x8_r50"), attention="dot_product")
    assert found.spec.module_options == {"attention": "dot_product"}


def test_temporal_kernels_elsewhere_are_refused():
    inflated = kernels("i3d_8x8_r50", [1], 3)
    message = r"temporal kernels in blocks \[0, 1, 2, 4\] of res4; the zoo's I3D has them in block"
    with pytest.raises(ValueError, match=message):
        imported("i3d-pyslowfast", released("i3d_8x8_r50", **inflated))


@pytest.mark.parametrize(
    ("family", "case", "message"),
    [
        ("i3d-pyslowfast", "c2d_8x8_r50", "the stem of an I3D sees five frames"),
        ("c2d-pyslowfast", "i3d_8x8_r50", "a C2D has no temporal kernels"),
    ],
)
def test_a_network_of_another_family_is_refused(family, case, message):
    with pytest.raises(ValueError, match=message):
        imported(family, released(case))


@pytest.mark.parametrize("family", ["i3d-pyslowfast", "c2d-pyslowfast"])
def test_a_file_of_something_else_is_refused(family):
    with pytest.raises(ValueError, match="no tensors of res2, res3, res4, res5 in the file"):
        imported(family, {"weight": torch.empty(1)})


def test_non_local_blocks_of_tsm_are_read_with_their_own_attention():
    listed = golden_cases.golden("names/tsm_r50_nl_8f")["state_dict"]
    tensors = {name: torch.empty(shape, device="meta") for name, shape in listed}
    spec = imported("tsm", tensors).spec
    assert (spec.backbone, spec.position) == ("tsm_resnet50", "after_block")
    assert spec.blocks == {"res3": (0, 2), "res4": (0, 2, 4)}
    assert spec.module_options == {"attention": "embedded_gaussian", "pooling": "after"}
