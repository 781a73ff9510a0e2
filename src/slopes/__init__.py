"""Every activation and loss function: its value and its slope."""

from __future__ import annotations

import importlib
import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from slopes._core.errors import (
    DeviceError,
    DtypeError,
    MissingDependencyError,
    OptionError,
    ShapeError,
    SlopesError,
    SuspiciousInputWarning,
    TransformError,
    UnknownFunctionError,
    UserFunctionError,
    ValuesError,
)

if TYPE_CHECKING:
    from slopes import activations, losses, recipes
    from slopes._core.linear_logits import LinearLogits
    from slopes._core.settings import checks, exact, fused
    from slopes.explorer import explore
    from slopes.explorer.figures.notebook import figure
    from slopes.kernels.blocks.chunks import chunks
    from slopes.kernels.record import explain
    from slopes.shown.plotting import plot

if find_spec("numpy") is None:
    # torch says so when it is imported, by whichever module asks for it first. Nothing here is in want of NumPy that
    # does not say so itself; one that is there and cannot be loaded is another matter, and torch's to tell.
    warnings.filterwarnings("ignore", "Failed to initialize NumPy: No module named 'numpy'", UserWarning)

__version__ = "0.1.0"

__all__ = [
    "DeviceError",
    "DtypeError",
    "LinearLogits",
    "MissingDependencyError",
    "OptionError",
    "ShapeError",
    "SlopesError",
    "SuspiciousInputWarning",
    "TransformError",
    "UnknownFunctionError",
    "UserFunctionError",
    "ValuesError",
    "activations",
    "checks",
    "chunks",
    "exact",
    "explain",
    "explore",
    "figure",
    "fused",
    "losses",
    "plot",
    "recipes",
]

# What needs torch, or the explorer's packages, comes in when it is first asked for: the explorer serves its page
# before torch is there.
_LATER: Final = {
    "activations": "slopes.activations",
    "losses": "slopes.losses",
    "LinearLogits": "slopes._core.linear_logits",
    "checks": "slopes._core.settings",
    "chunks": "slopes.kernels.blocks.chunks",
    "exact": "slopes._core.settings",
    "explain": "slopes.kernels.record",
    "explore": "slopes.explorer",
    "figure": "slopes.explorer.figures.notebook",
    "fused": "slopes._core.settings",
    "plot": "slopes.shown.plotting",
    "recipes": "slopes.recipes",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  modules and functions
    if name not in _LATER:
        message = f"module 'slopes' has no attribute {name!r}"
        raise AttributeError(message)
    module = importlib.import_module(_LATER[name])
    found = module if _LATER[name] == f"{__name__}.{name}" else getattr(module, name)
    globals()[name] = found  # asked for once; from then on a plain global, which torch.compile reads too
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
