"""Every activation and loss function: its value and its slope."""

from __future__ import annotations

from slopes import activations, losses
from slopes._core.errors import (
    DeviceError,
    DtypeError,
    MissingDependencyError,
    OptionError,
    ShapeError,
    SlopesError,
    SuspiciousInputWarning,
    UnknownFunctionError,
    UserFunctionError,
    ValuesError,
)
from slopes._core.settings import checks, exact

__version__ = "0.1.0"

__all__ = [
    "DeviceError",
    "DtypeError",
    "MissingDependencyError",
    "OptionError",
    "ShapeError",
    "SlopesError",
    "SuspiciousInputWarning",
    "UnknownFunctionError",
    "UserFunctionError",
    "ValuesError",
    "activations",
    "checks",
    "exact",
    "losses",
]
