"""Files that are whole or not there: written beside their place, then moved into it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from slopes._core.errors import OptionError


def places(output: str | None, name: str) -> tuple[Path, Path]:
    """Return where the page and its data go, after a look at whether they can.

    Args:
        output: A file ending in .html, or a folder; None is the folder that the command runs in.
        name: What the data are called, for files in a folder.

    Raises:
        OptionError: The folder is not there and cannot be made, or cannot be written to.
    """
    stem = "".join(c if c.isalnum() or c in "-_" else "-" for c in Path(name).stem)
    given = Path(output or ".")
    if given.suffix.lower() in {".html", ".htm"}:
        page = given
    elif given.suffix and not given.is_dir():
        text = f"compare: --output ends in {given.suffix}, expected .html, or a folder; the JSON is written beside it."
        raise OptionError(text)
    else:
        page = given / f"slopes-compare-{stem}.html"
    if page.is_dir():
        text = f"compare: --output {str(page)!r} is a folder, expected a file to write; choose another name."
        raise OptionError(text)
    folder = page.parent
    standing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not standing.is_dir() or not os.access(standing, os.W_OK | os.X_OK):
        text = (
            f"compare: --output {str(given)!r} cannot be written, {str(standing)!r} does not allow it; choose another."
        )
        raise OptionError(text)
    return page, page.with_suffix(".json")


def write(files: Mapping[Path, str]) -> None:
    """Write texts to files: every one is whole in a file beside its place before the first is moved into it.

    Raises:
        OptionError: One of them cannot be written; none is left half-written.
    """
    made: dict[Path, Path] = {}
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, named = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            made[path] = Path(named)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            made[path].chmod(0o644)
        for path, beside in made.items():
            beside.replace(path)
    except OSError as error:
        said = (
            f"compare: {error.filename or 'the report'} cannot be written: {error.strerror}; choose another --output."
        )
        raise OptionError(said) from None
    finally:
        for beside in made.values():
            with contextlib.suppress(OSError):
                beside.unlink()
