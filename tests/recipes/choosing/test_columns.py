from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
import torch
from tests.each import each

from slopes import DtypeError, ShapeError, SlopesError, ValuesError
from slopes.recipes.choosing.columns import read


@each(
    ("targets", "kind", "values"),
    [
        (torch.tensor([1, 0]), "integer", [1, 0]),
        (torch.tensor([True, False]), "boolean", [1, 0]),
        (torch.tensor([0.5, 1.0]).half(), "floating", [0.5, 1.0]),
        (np.array([3, 4], dtype=np.uint8), "integer", [3, 4]),
        (np.array([3, 4], dtype=np.uint64), "integer", [3, 4]),
        (np.array([1.5, 2.5]), "floating", [1.5, 2.5]),
        (np.array(["b", "a"]), "text", [1, 0]),
        (np.array(["b", "a"], dtype=object), "text", [1, 0]),
        ([1, 2], "integer", [1, 2]),
        ((1, 2.5), "floating", [1.0, 2.5]),
        ([[1, 2], [3, 4]], "integer", [[1, 2], [3, 4]]),
        (["x", "y", "x"], "text", [0, 1, 0]),
        (pl.Series([1, 2]), "integer", [1, 2]),
        (pl.Series([1.5, 2.0]), "floating", [1.5, 2.0]),
        (pl.Series([True, False]), "boolean", [1, 0]),
        (pl.Series(["b", "a"]), "text", [1, 0]),
        (pl.Series(["b", "a"], dtype=pl.Categorical), "text", [1, 0]),
        (pl.Series(["1.50", "2.25"]).str.to_decimal(scale=2), "floating", [1.5, 2.25]),
        (pl.Series([[1, 0], [0, 1]]), "integer", [[1, 0], [0, 1]]),
        (pl.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}), "floating", [[1.0, 3.0], [2.0, 4.0]]),
    ],
    ids=lambda value: str(type(value).__name__),
)
def test_every_form_is_read(targets: object, kind: str, values: list[object]) -> None:
    column = read(targets)
    assert column.kind == kind
    assert column.values.tolist() == values


def test_the_callers_array_is_not_shared() -> None:
    array = np.array([1.0, 2.0])
    column = read(array)
    column.values[0] = 7.0
    assert array[0] == 1.0


@each(
    ("targets", "error", "said"),
    [
        ([1.0, None, 3.0, None], ValuesError, "2 of 4 `targets` are missing, the first in row 1"),
        (["a", None, "b"], ValuesError, "1 of 3 `targets` is missing"),
        ([[1, 2], [3, None]], ValuesError, "1 of 2 `targets` is missing, the first in row 1"),
        (torch.tensor([[1.0, 2.0], [3.0, torch.nan]]), ValuesError, "1 of 2 `targets` is missing, the first in row 1"),
        (np.array([1.0, np.nan]), ValuesError, "1 of 2 `targets` is missing"),
        (pl.Series([1, None]), ValuesError, "1 of 2 `targets` is missing, the first in row 1"),
        (pl.Series(["a", None]), ValuesError, "1 of 2 `targets` is missing"),
        (torch.tensor([1.0, torch.inf]), ValuesError, "1 of 2 `targets` are infinite, the first in row 1"),
        ([1, 2, "n/a"], ValuesError, "mixes 1 texts .the first 'n/a' in row 2. with 2 numbers .the first 1 in row 0."),
        ([], ShapeError, "at least two rows"),
        ([3.0], ShapeError, "at least two rows"),
        (torch.tensor(3.0), ShapeError, r"expected \[N\]"),
        (torch.zeros(2, 2, 2), ShapeError, r"expected \[N\]"),
        ([[1, 2], [3]], DtypeError, "no table of numbers"),
        ([2**70, 1], DtypeError, "no table of numbers"),
        (np.array([2**63 + 1, 1], dtype=np.uint64), ValuesError, "int64"),
        (np.array(["2020-01-01", "2021-01-01"], dtype="datetime64"), DtypeError, "dates"),
        (pl.Series([date(2020, 1, 1), date(2021, 1, 1)]), DtypeError, "dates"),
        (pl.LazyFrame({"a": [1, 2]}), DtypeError, "collect"),
        (torch.zeros(2, dtype=torch.complex64), DtypeError, "complex"),
        (np.zeros(2, dtype=np.complex64), DtypeError, "complex"),
        ({"a": 1}, DtypeError, "dict"),
        ("text", DtypeError, "str"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(targets: object, error: type[SlopesError], said: str) -> None:
    with pytest.raises(error, match=said) as raised:
        read(targets)
    assert str(raised.value).startswith("choose: ")
    assert "expected" in str(raised.value)
