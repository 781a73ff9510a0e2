"""Data that the decision page has: bundled sets, and the visitor's files in a folder that goes with the process."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import AsyncIterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slopes.explorer.choose.refusal import Refusal
from slopes.recipes.compare.command import NEEDS

if TYPE_CHECKING:
    from slopes.recipes.data.table import Table

LARGEST: Final = 64 * 2**20
"""The most bytes of a file that the page takes."""

KEPT: Final = 4
"""Files that are kept at a time; the oldest makes room."""

_LONGEST_NAME: Final = 120
SUFFIXES: Final = (".csv", ".tsv", ".parquet")


@dataclass(frozen=True)
class Source:
    """Data that were read.

    Attributes:
        id: What the page calls them: the name of a bundled set, or a word that nobody can guess.
        where: What `slopes compare` reads: the name of the set, or the path of the kept file.
        said: What a person calls them: the name of the set or of the file.
        table: Their rows and columns.
    """

    id: str
    where: str
    said: str
    table: Table


class Sources:
    """What was read, and the folder for files and reports."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._files: OrderedDict[str, Source] = OrderedDict()
        self._sets: dict[str, Source] = {}

    def folder(self) -> Path:
        """Return a folder of this process, readable by its user alone; `close` removes it."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="slopes-explorer-"))
        return self._folder

    def close(self) -> None:
        """Remove all files."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def receive(self, name: str, chunks: AsyncIterable[bytes]) -> Path:
        """Write a file as it comes in, and return where it is.

        Raises:
            Refusal: The name is not that of a table, or the file is larger than `LARGEST`.
        """
        check_name(name)
        path = Path(tempfile.mkdtemp(dir=self.folder())) / name
        written = 0
        try:
            with path.open("xb") as file:
                async for chunk in chunks:
                    written += len(chunk)
                    check_size(written)
                    file.write(chunk)
        except BaseException:
            _remove(path)
            raise
        return path

    def keep(self, path: Path) -> Source:
        """Read a file that was received, and keep it; a file that cannot be read is removed.

        Raises:
            SlopesError: It cannot be read; the message says why.
        """
        from slopes.recipes.data import files  # noqa: PLC0415  packages of an extra

        try:
            table = files.read(path)
        except BaseException:
            _remove(path)
            raise
        source = Source(secrets.token_urlsafe(12), str(path), path.name, table)
        self._files[source.id] = source
        while len(self._files) > KEPT:
            _, oldest = self._files.popitem(last=False)
            _remove(Path(oldest.where))
        return source

    def find(self, name: str) -> Source:
        """Return the data of this name or word.

        Raises:
            Refusal: There are none.
        """
        if name in self._files:
            return self._files[name]
        if name not in self._sets:
            from slopes.recipes.data import bundled  # noqa: PLC0415  packages of an extra

            if name not in bundled.SETS:
                text = "These data are not here, or no longer; choose the set or the file again."
                raise Refusal(404, text)
            self._sets[name] = Source(name, name, name, bundled.read(name))
        return self._sets[name]


def check_installed() -> None:
    """Say which packages are missing, where some are.

    Raises:
        MissingDependencyError: One is.
    """
    from slopes.recipes.recipe import needs  # noqa: PLC0415  imports torch

    needs("The decision page", *NEEDS)


def check_name(name: str) -> None:
    """Refuse a name that is not a plain one of a table.

    Raises:
        Refusal: It has a path in it, is too long, or ends in something else than a table does.
    """
    plain = name.isprintable() and not any(c in name for c in "/\\:\0") and not name.startswith(".")
    if not plain or len(name.encode("utf-8", "replace")) > _LONGEST_NAME:
        text = f"The file's name has to be a plain one, without / \\ or :, of at most {_LONGEST_NAME} bytes; rename it."
        raise Refusal(400, text)
    if Path(name).suffix.lower() not in SUFFIXES:
        text = f"{name} ends in {Path(name).suffix or 'nothing'}, expected {', '.join(SUFFIXES)}; export it as one."
        raise Refusal(400, text)


def check_size(size: int) -> None:
    """Refuse a file that is too large for the page.

    Raises:
        Refusal: It is.
    """
    if size > LARGEST:
        text = (
            f"The file is larger than {LARGEST // 2**20} MiB, the most that this page takes; for a larger one use the "
            f"command line: slopes compare FILE --target COLUMN."
        )
        raise Refusal(413, text)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.parent.rmdir()
