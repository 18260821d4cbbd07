"""Benchmark and ablation reproduction harness for DSANet (arXiv 2105.12085).

From Python: `harness.results`, `harness.scores`, `harness.table`, `harness.claims` and
`harness.run`; see docs/results.md. They are loaded when they are first used.
"""

from typing import TYPE_CHECKING, Any

from harness.utils.instruction_set import prefer_avx2

if TYPE_CHECKING:
    from harness.api import claims, results, run, scores, table

__all__ = ["claims", "results", "run", "scores", "table"]


prefer_avx2()


def __getattr__(name: str) -> Any:
    """Return a function of the Python interface."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from harness import api

    return getattr(api, name)


def __dir__() -> list[str]:
    """Return the names of the package, those of the interface among them."""
    return sorted({*globals(), *__all__})
