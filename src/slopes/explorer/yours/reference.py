"""Where the visitor's function is, as typed on a command line, and the function that is there."""

from __future__ import annotations

import importlib
import importlib.util
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from slopes._core.errors import UserFunctionError
from slopes._core.names import meant
from slopes.explorer.yours.broken import BrokenFunctionError, own_frames

if TYPE_CHECKING:
    from slopes.explorer.yours.guarded import Function


def load(reference: str) -> Function:
    """Return the function that `path.py:name` or `module:name` refers to.

    Args:
        reference: Where the function is, as typed on a command line.

    Returns:
        The function, not yet called.

    Raises:
        UserFunctionError: There is no such file, module or name, it cannot be imported, or it cannot be called.
    """
    where, _, name = reference.rpartition(":")
    if not where or not name.isidentifier():
        text = f"'{reference}' does not say where a function is; write path/to/file.py:name or module:name."
        raise BrokenFunctionError(text)
    try:
        module = _from_file(Path(where)) if where.endswith(".py") else importlib.import_module(where)
    except UserFunctionError:
        raise
    except (Exception, SystemExit) as error:
        text = f"{where} could not be imported: {type(error).__name__}: {error}; mend it, or write where it is."
        raise BrokenFunctionError(text, own_frames(error)) from error
    function: Any = getattr(module, name, None)
    if function is None:
        known = [other for other, value in vars(module).items() if callable(value) and not other.startswith("_")]
        text = f"{where} has no {name}; {meant(name, known) if known else 'write it there.'}"
        raise BrokenFunctionError(text)
    if not callable(function):
        text = f"{name} in {where} is a {type(function).__name__}, which cannot be called; name a function."
        raise BrokenFunctionError(text)
    return cast("Function", function)  # what it takes and returns is checked at each call


def check_reference(reference: str) -> None:
    """Refuse what cannot be a reference to a function, before anything is started.

    Raises:
        UserFunctionError: It is not of the form `path.py:name` or `module:name`, or the file is not there.
    """
    where, _, name = reference.rpartition(":")
    if where and name.isidentifier() and (not where.endswith(".py") or Path(where).is_file()):
        return
    load(reference)  # says what is wrong


def _from_file(path: Path) -> Any:  # noqa: ANN401  a module of any shape
    if not path.is_file():
        text = f"There is no file {path}, expected one with the function; check the path."
        raise BrokenFunctionError(text)
    spec = cast("ModuleSpec", importlib.util.spec_from_file_location(path.stem, path.resolve()))  # it ends in .py
    module = importlib.util.module_from_spec(spec)
    cast("Loader", spec.loader).exec_module(module)
    return module
