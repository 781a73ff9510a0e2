"""A table as it was read, and the sampling that keeps a large one small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from slopes.recipes.data.target import Task

ROWS: Final = 20_000  # as many as a small model needs; what is beyond is sampled
_BATCH: Final = 50_000


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of data and where they come from.

    Attributes:
        name: What a report calls it.
        frame: The rows that were kept. A column is of numbers, or of strings; nothing is imputed.
        total: Rows that the source has.
        notes: What a reader has to know: sampled, guessed separators, ...
        targets: The columns that are predicted where nobody says which.
        task: What predicting these is.
        about: What the data are, for the bundled sets.
        mixed: For each column of strings that are mostly numbers, the texts that are none.
    """

    name: str
    frame: pl.DataFrame
    total: int
    notes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    task: Task | None = None
    about: str = ""
    mixed: tuple[tuple[str, tuple[str, ...]], ...] = ()


def sampled(frame: pl.LazyFrame, rows: int, seed: int) -> tuple[pl.DataFrame, int]:
    """Return at most `rows` rows in their order, drawn without replacement, and how many there are.

    The source is streamed twice, once to count and once to take, so that memory grows with the sample and a batch, and
    not with the file. (A filter on a row index would be one expression, and polars holds the whole file for it.)
    """
    total = int(frame.select(pl.len()).collect(engine="streaming").item())
    if total <= rows:
        return frame.collect(engine="streaming"), total
    taken = np.sort(np.random.default_rng(seed).choice(total, rows, replace=False, shuffle=False))
    parts, start = [], 0
    for batch in frame.collect_batches(chunk_size=_BATCH, maintain_order=True, engine="streaming"):
        first, last = np.searchsorted(taken, (start, start + len(batch)))
        parts.append(batch[taken[first:last] - start])
        start += len(batch)
    return pl.concat(parts).rechunk(), total


def sampling_note(rows: int, total: int, seed: int) -> str:
    """Return the sentence that says that not all rows were taken."""
    return (
        f"{rows:,} of {total:,} rows were drawn at random (seed {seed}); the others were counted and not used. "
        f"--rows takes more."
    )
