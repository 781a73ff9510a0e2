"""A table as it was read, and the sampling that keeps a large one small."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from slopes.recipes.data.tasks import Task

ROWS: Final = 20_000  # as many as a small model needs; what is beyond is sampled


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


def sampled(batches: Iterable[pl.DataFrame], rows: int, seed: int) -> tuple[pl.DataFrame, int]:
    """Return at most `rows` rows in their order, drawn without replacement, and how many there were.

    Every row gets a random key as it passes by, and those with the smallest keys stay: one pass, in which only the
    sample and a batch are held.

    Args:
        batches: Frames of the same columns, at least one.
        rows: How many rows to keep.
        seed: Seed of the keys.
    """
    noise = np.random.default_rng(seed)
    kept: pl.DataFrame | None = None
    keys, places, total = np.zeros(0), np.zeros(0, np.int64), 0
    for batch in batches:
        fresh = noise.random(len(batch))
        bar = np.inf if len(keys) < rows else keys.max()
        chosen = np.flatnonzero(fresh < bar)
        kept = batch[chosen] if kept is None else pl.concat([kept, batch[chosen]])
        keys, places = np.append(keys, fresh[chosen]), np.append(places, chosen + total)
        total += len(batch)
        if len(keys) > rows:
            best = np.sort(np.argpartition(keys, rows)[:rows])
            kept, keys, places = kept[best], keys[best], places[best]
    if kept is None:
        return pl.DataFrame(), 0
    return kept[np.argsort(places)].rechunk(), total


def sampling_note(rows: int, total: int, seed: int) -> str:
    """Return the sentence that says that not all rows were taken."""
    return (
        f"{rows:,} of {total:,} rows were drawn at random (seed {seed}); the others were counted and not used. "
        f"--rows takes more."
    )
