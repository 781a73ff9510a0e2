"""Tables out of CSV, TSV and Parquet files: streamed, sampled where they are large, refused where they are broken."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from slopes._core.errors import OptionError, ValuesError
from slopes.recipes.data.table import ROWS, Table, sampled, sampling_note

MISSING: Final = ("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "?")
"""Texts that stand for a value that is not there."""

_SEPARATORS: Final = ",;\t|"
_SUFFIXES: Final = (".csv", ".tsv", ".parquet")
_HEAD: Final = 1 << 16
_PARQUET: Final = b"PAR1"
_BLOCK: Final = 1 << 23
_BATCH: Final = 50_000
_MOSTLY: Final = 0.5  # of a column's texts are numbers: then the others are suspect
_SHOWN: Final = 3
# The first bytes of what is often found under a wrong name.
_SIGNS: Final = {
    _PARQUET: "a Parquet file",
    b"PK\x03\x04": "a ZIP archive or a spreadsheet",
    b"\x1f\x8b": "a gzip archive",
    b"\x89PNG": "an image",
    b"%PDF": "a PDF",
    b"SQLite format 3": "an SQLite database",
    b"<!doctype html": "a web page",
    b"<html": "a web page",
    b"{": "JSON",
    b"[": "JSON",
}


def read(path: Path, *, rows: int = ROWS, seed: int = 0) -> Table:
    """Return the table in a file, at most `rows` of its rows.

    Args:
        path: A file whose name ends in .csv, .tsv or .parquet. CSV is UTF-8 with a line of names; its separator is
            whichever of comma, semicolon, tab and bar the line of names holds most of.
        rows: How many rows to keep; of a larger file as many are drawn at random.
        seed: Seed of the draw.

    Raises:
        OptionError: There is no such file, or its name ends in something else.
        ValuesError: The file is empty, is not what its name says, cannot be parsed, or names a column twice.
    """
    _check_file(path)
    try:
        if path.suffix.lower() == ".parquet":
            return _parquet(path, rows, seed)
        return _text(path, rows, seed)
    except (PolarsError, UnicodeDecodeError) as error:
        raise ValuesError(_unreadable(path, error)) from None


def _check_file(path: Path) -> None:
    if path.suffix.lower() not in _SUFFIXES:
        ending = path.suffix or "nothing"
        text = f"compare: {path.name} ends in {ending}, expected {', '.join(_SUFFIXES)}; export it as one."
        raise OptionError(text)
    if not path.is_file():
        text = f"compare: there is no file {str(path)!r}; check the path, or give the name of a bundled set."
        raise OptionError(text)
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        text = f"compare: {path.name} cannot be read: {error.strerror}; check its permissions."
        raise OptionError(text) from None
    if not head.strip():
        text = f"compare: {path.name} is empty; give a file with a line of names and rows below it."
        raise ValuesError(text)
    _check_content(path, head)


def _check_content(path: Path, head: bytes) -> None:
    parquet = path.suffix.lower() == ".parquet"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    found = next((what for sign, what in _SIGNS.items() if start[:16].lower().startswith(sign.lower())), None)
    if parquet and not head.startswith(_PARQUET):
        text = (
            f"compare: {path.name} is not Parquet but {found or 'something else'}; export it as Parquet, or rename it "
            f"if it is a .csv."
        )
        raise ValuesError(text)
    if not parquet and (found or b"\0" in head):
        text = f"compare: {path.name} is no table of text but {found or 'binary'}; export it as CSV or Parquet."
        raise ValuesError(text)


def _unreadable(path: Path, error: Exception) -> str:
    said = str(error).strip().split("\n")[0].rstrip(".")
    if isinstance(error, UnicodeDecodeError) or "utf" in said.lower():
        return f"compare: {path.name} is not UTF-8 text; save it as UTF-8."
    return f"compare: {path.name} cannot be read as {path.suffix[1:].upper()}: {said[:160]}; repair or export it again."


def _parquet(path: Path, rows: int, seed: int) -> Table:
    scan = pl.scan_parquet(path)
    schema = scan.collect_schema()
    flat = [name for name, kind in schema.items() if not (kind.is_nested() or kind == pl.Binary)]
    notes = [f"Column {name!r} holds {schema[name]} and was left out." for name in schema if name not in flat]
    batches = scan.select(flat).collect_batches(chunk_size=_BATCH, maintain_order=True, engine="streaming")
    frame, total = sampled(batches, rows, seed)
    if total > rows:
        notes.append(sampling_note(rows, total, seed))
    return Table(path.name, _two_kinds(frame), _some(path, total), tuple(notes))


def _two_kinds(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the columns as numbers or as strings; a NaN is a missing value."""
    numbers = [
        pl.col(name).cast(pl.Float64).fill_nan(None)
        for name, kind in frame.schema.items()
        if kind.is_numeric() or kind == pl.Null
    ]
    moments = [n for n, k in frame.schema.items() if k == pl.Date or k == pl.Datetime]  # noqa: PLR1714  not hashable alike
    dates = [pl.col(moments).cast(pl.Datetime("us")).dt.strftime("%Y-%m-%dT%H:%M:%S")] if moments else []
    texts = (pl.Boolean, pl.Categorical, pl.Enum, pl.Time, pl.Duration)
    other = [pl.col(n).cast(pl.String) for n, k in frame.schema.items() if any(k == kind for kind in texts)]
    return frame.with_columns(*numbers, *dates, *other)


def _some(path: Path, total: int) -> int:
    if total == 0:
        text = f"compare: {path.name} has names of columns and no rows; give a file with rows."
        raise ValuesError(text)
    return total


def _text(path: Path, rows: int, seed: int) -> Table:
    names, separator = _names(path)
    frame, total = sampled(_batches(path, names, separator), rows, seed)
    _some(path, total)
    there = frame.filter(~pl.all_horizontal(pl.all().is_null()))
    notes = [] if separator == "," else [f"Columns are separated by {separator!r}, as the first line shows."]
    if len(there) < len(frame):
        notes.append(f"{len(frame) - len(there):,} lines without any value were left out.")
    if total > rows:
        notes.append(sampling_note(rows, total, seed))
    typed = there.with_columns(_typed(there[name]) for name in names)
    mixed = [(name, _texts(there[name])) for name in names if typed.schema[name] == pl.String]
    suspect = tuple((name, texts) for name, texts in mixed if texts)
    return Table(path.name, typed, _some(path, total), tuple(notes), mixed=suspect)


def _batches(path: Path, names: list[str], separator: str) -> Iterator[pl.DataFrame]:
    """Yield the rows of a text file as texts, some megabytes at a time.

    polars' own streaming reader runs ahead of whoever takes its batches, by hundreds of megabytes.
    """
    options: dict[str, Any] = {"has_header": False, "infer_schema": False, "null_values": list(MISSING)}
    with path.open("rb") as file:
        file.readline()
        for block in _blocks(file):
            yield pl.read_csv(block, schema=dict.fromkeys(names, pl.String), separator=separator, **options)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield pieces of a file that end at the end of a row: at a line break with quotes closed."""
    rest = b""
    while read := file.read(_BLOCK):
        block = rest + read
        text = np.frombuffer(block, np.uint8)
        breaks, quotes = np.flatnonzero(text == ord("\n")), np.flatnonzero(text == ord('"'))
        closed = breaks[np.searchsorted(quotes, breaks) % 2 == 0]
        # A quote that is never closed belongs to a broken file; polars says so when it comes to it.
        ends = closed if len(closed) else breaks
        end = int(ends[-1]) + 1 if len(ends) else 0
        rest = block[end:]
        if end:
            yield block[:end]
    if rest:
        yield rest


def _names(path: Path) -> tuple[list[str], str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        line = file.readline(_HEAD)
    separator = max(_SEPARATORS, key=line.count)
    names = next(csv.reader(io.StringIO(line), delimiter=separator))
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        text = f"compare: {path.name} has more than one column called {twice[0]!r}; give each column its own name."
        raise ValuesError(text)
    if all(_is_number(name) for name in names):
        text = f"compare: the first line of {path.name} holds numbers, expected names of columns; put a line on top."
        raise ValuesError(text)
    return names, separator


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _as_numbers(column: pl.Series) -> pl.Series:
    return column.str.strip_chars().cast(pl.Float64, strict=False).fill_nan(None)


def _typed(column: pl.Series) -> pl.Series:
    """Return a column of texts as numbers where every text that is there is one."""
    numbers = _as_numbers(column)
    return numbers if numbers.null_count() == column.null_count() else column.str.strip_chars()


def _texts(column: pl.Series) -> tuple[str, ...]:
    """Return the texts of a column that holds mostly numbers, the commonest first; none where it does not."""
    numbers = _as_numbers(column)
    there = len(column) - column.null_count()
    if there - numbers.null_count() + column.null_count() <= _MOSTLY * there:
        return ()
    odd = column.filter(numbers.is_null() & column.is_not_null())
    counted = Counter(odd.to_list()).most_common(_SHOWN)
    return tuple(f"{text!r} ({count:,})" for text, count in counted)
