"""Every error that slopes raises on purpose.

    SlopesError
    ├── ShapeError                  (ValueError)   shapes that do not fit together
    ├── DtypeError                  (TypeError)    a dtype, or a type, that the function does not take
    ├── DeviceError                 (ValueError)   tensors on different devices
    ├── OptionError                 (ValueError)   an option outside its domain
    ├── ValuesError                 (ValueError)   values of a tensor outside their domain
    ├── UnknownFunctionError        (LookupError)  a name that the catalogue does not have
    ├── TransformError              (NotImplementedError)  a transform of torch that would give a wrong result
    ├── UserFunctionError           (ValueError)   a function brought by the user that cannot be drawn
    └── MissingDependencyError      (ImportError)  an optional package that is not installed

    SuspiciousInputWarning          (UserWarning)  input that is legal and probably a mistake

Each message names the function and the argument, says what came and what was expected, and ends with the fix.
"""

from __future__ import annotations


class SlopesError(Exception):
    """Base of every error that slopes raises on purpose."""


class ShapeError(SlopesError, ValueError):
    """Shapes that do not fit together; nothing broadcasts silently."""


class DtypeError(SlopesError, TypeError):
    """A dtype, or a Python type, that the function does not take; nothing is cast silently."""


class DeviceError(SlopesError, ValueError):
    """Tensors on different devices; nothing is moved silently."""


class OptionError(SlopesError, ValueError):
    """An option outside its domain."""


class ValuesError(SlopesError, ValueError):
    """Values of a tensor outside their domain, as far as `slopes.checks` has them read."""


class UnknownFunctionError(SlopesError, LookupError):
    """A name that the catalogue does not have."""


class TransformError(SlopesError, NotImplementedError):
    """A transform of torch that would give a wrong result here."""


class UserFunctionError(SlopesError, ValueError):
    """A function brought by the user that cannot be loaded or drawn."""


class MissingDependencyError(SlopesError, ImportError):
    """An optional package that is not installed."""


class SuspiciousInputWarning(UserWarning):
    """Input that is legal and probably a mistake."""
