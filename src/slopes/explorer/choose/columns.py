"""What the columns of a table hold, in words and numbers."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from slopes.recipes.data.table import Table

_SHOWN: Final = 4
_LONGEST: Final = 24


def columns(table: Table) -> list[dict[str, Any]]:
    """Return for each column its name, kind, number of distinct and of missing values, and some of them."""
    mixed = dict(table.mixed)
    return [_column(table.frame[name], mixed.get(name, ())) for name in table.frame.columns]


def _column(column: pl.Series, odd: tuple[str, ...]) -> dict[str, Any]:
    there = column.drop_nulls()
    return {
        "name": column.name,
        "kind": "numbers, and text" if odd else _kind(there),
        "distinct": there.n_unique(),
        "missing": column.null_count(),
        "holds": f"also {', '.join(odd)}" if odd else _holds(there),
    }


def _kind(there: pl.Series) -> str:
    if there.n_unique() < 2:  # noqa: PLR2004  nothing, or the same everywhere
        return "constant" if len(there) else "empty"
    if there.dtype == pl.String:
        return "text"
    if set(there.unique().head(3).to_list()) <= {0.0, 1.0}:
        return "0 and 1"
    return "whole numbers" if bool((there == there.round()).all()) else "numbers"


def _holds(there: pl.Series) -> str:
    if not len(there):
        return ""
    if there.dtype != pl.String:
        numbers = there.to_numpy()
        return f"{numbers.min():.6g} to {numbers.max():.6g}"
    counted = there.value_counts(sort=True).head(_SHOWN).rows()
    said = ", ".join(f"{_short(text)} ({count:,})" for text, count in counted)
    return said + (", …" if there.n_unique() > _SHOWN else "")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
