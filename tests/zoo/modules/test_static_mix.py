import torch
from einops import rearrange

from harness.zoo.modules.dsa import DSA
from harness.zoo.modules.static_mix import StaticMix

U = 4


def clips(videos=3):
    return torch.randn(videos * U, 6, 2, 5, 5)


def live(**options):
    module = StaticMix(6, num_snippets=U, **options)
    torch.nn.init.normal_(module.weight)
    return module


def test_every_video_is_mixed_with_the_same_kernels():
    module, x = live(), clips()
    mixed = rearrange(x, "(n u) c t h w -> n u c t h w", u=U)
    first, *others = module.taps(mixed)
    assert all(torch.equal(first, other) for other in others)
    assert first.shape == (6, 3)
    assert torch.allclose(first.sum(dim=1), torch.ones(6))


def test_it_is_linear_in_the_snippets_and_dsa_is_not():
    first, second = clips(), clips()
    dsa = DSA(6, num_snippets=U).eval()
    for module, is_linear in ((live(), True), (dsa, False)):
        together = module(first + second, U)
        apart = module(first, U) + module(second, U)
        assert torch.allclose(together, apart, atol=1e-5) == is_linear


def test_it_starts_with_nearly_equal_taps():
    mixed = rearrange(clips(), "(n u) c t h w -> n u c t h w", u=U)
    assert torch.allclose(StaticMix(6, num_snippets=U).taps(mixed), torch.tensor(1 / 3), atol=0.1)


def test_channels_beyond_beta_pass():
    x = clips()
    y = live(beta=0.5)(x, U)
    assert torch.equal(y[:, 3:], x[:, 3:])
    assert not torch.allclose(y[:, :3], x[:, :3])
