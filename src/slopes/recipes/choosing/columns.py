"""A column of targets as people have it, as one tensor: from a tensor, an array, a list, polars, numbers or strings.

Nothing is dropped or filled in: what is missing, infinite, mixed or a date is an error that counts it and says
what to do.

Dimension names: N rows, K values a row.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NoReturn

import torch
from torch import Tensor

from slopes._core import check
from slopes._core.errors import DtypeError, ShapeError, ValuesError

Kind = Literal["text", "boolean", "integer", "floating"]

_TABLE: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Targets, read.

    Attributes:
        kind: What the values are.
        values: `[N]` or `[N, K]`: int64 for integers and booleans, as given for floating tensors and arrays, the
            default dtype for lists of floats; of text the index of each row's label, int64.
        labels: The different texts, sorted; empty for numbers.
        given: What came, in words: "torch.int64 [442]".
    """

    kind: Kind
    values: Tensor
    labels: tuple[str, ...] = ()
    given: str = ""

    @property
    def rows(self) -> int:
        """N."""
        return len(self.values)

    @property
    def whole(self) -> bool:
        """Whether all values are whole numbers."""
        return self.kind in {"boolean", "integer"} or bool((self.values == self.values.round()).all())


def read(targets: object) -> Column:
    """Return targets as one tensor.

    Args:
        targets: A tensor or numpy array of numbers or strings, a list or tuple of numbers, strings or rows of numbers,
            or a polars Series or DataFrame.

    Raises:
        ShapeError: No rows, one row only, or neither `[N]` nor `[N, K]`.
        DtypeError: Something else, dates or complex numbers.
        ValuesError: Values are missing or infinite, or text is mixed with numbers.
    """
    column = _read(targets)
    if column.values.dim() not in {1, _TABLE}:
        message = (
            f"choose: `targets` has shape {check.shape_of(column.values)}, expected [N], or [N, K] for K values a row; "
            f"for labels or numbers per pixel pass {as_tensor(column.given)}.flatten()."
        )
        raise ShapeError(message)
    if column.rows < 2 or column.values.numel() == 0:  # noqa: PLR2004
        message = (
            f"choose: `targets` has shape {check.shape_of(column.values)}, expected at least two rows; "
            f"fewer do not tell what kind of targets they are, so check how the data were read."
        )
        raise ShapeError(message)
    _check_finite(column.values)
    return column


def _read(targets: object) -> Column:
    if isinstance(targets, Tensor):
        return _of_tensor(targets.detach().cpu(), f"{targets.dtype} {check.shape_of(targets)}")
    package = type(targets).__module__.partition(".")[0]
    if package == "polars":
        return _of_polars(targets)
    if package == "numpy":
        return _of_numpy(targets)
    if isinstance(targets, list | tuple):
        return _of_list(targets, f"{type(targets).__name__} of {len(targets)}")
    message = (
        f"choose: `targets` is {type(targets).__name__}, expected a torch.Tensor, a numpy array, a list, or a polars "
        f"Series or DataFrame; convert it to one of these."
    )
    raise DtypeError(message)


def as_tensor(given: str) -> str:
    """Return how targets are written that have the methods of a tensor, after what was given."""
    return "torch.tensor(targets)" if given.startswith(("list", "tuple")) else "targets"


def _of_tensor(values: Tensor, given: str) -> Column:
    if values.is_complex():
        _refuse("complex numbers", "pass real and imaginary part as two columns")
    if values.dtype.is_floating_point:
        return Column(kind="floating", values=values, given=given)
    return Column(kind="boolean" if values.dtype == torch.bool else "integer", values=values.long(), given=given)


def _of_numpy(array: Any) -> Column:  # noqa: ANN401  numpy is not imported for it
    given = f"numpy {array.dtype} {list(array.shape)}"
    if array.dtype.kind in "Mm":
        _refuse("dates or durations", "turn them into numbers yourself: days since a date, or parts of one")
    if array.dtype.kind in "OUST":
        return _of_list(array.tolist(), given)
    if array.dtype.kind not in "biufc":
        _refuse(f"of dtype {array.dtype}", "pass numbers or strings")
    if array.dtype.kind == "u" and array.size and int(array.max()) > torch.iinfo(torch.int64).max:
        _too_large(int(array.max()))
    if array.dtype.kind == "u":
        array = array.astype("int64")
    return _of_tensor(torch.as_tensor(array.copy()), given)


def _of_polars(given: Any) -> Column:  # noqa: ANN401  polars is not imported for it
    if hasattr(given, "collect"):
        _refuse("a polars LazyFrame", "call .collect() on it")
    if hasattr(given, "columns"):
        said = f"polars DataFrame {list(given.shape)}"
        return _of_list([list(row) for row in given.rows()], said)
    said = f"polars {given.dtype} [{len(given)}]"
    if given.dtype.is_temporal():
        _refuse(
            f"dates or times ({given.dtype})", "turn them into numbers yourself: days since a date, or parts of one"
        )
    if given.dtype.is_nested() or not given.dtype.is_numeric():
        return _of_list(given.to_list(), said)
    if given.null_count():
        _missing(given.null_count(), len(given), int(given.is_null().arg_true()[0]))
    if given.dtype.is_decimal():
        return _of_list([float(value) for value in given.to_list()], said)
    column = _of_numpy(given.to_numpy())
    return Column(kind=column.kind, values=column.values, given=said)


def _of_list(values: Sequence[Any], given: str) -> Column:
    absent = [row for row, value in enumerate(values) if _absent(value)]
    if absent:
        _missing(len(absent), len(values), absent[0])
    texts = [row for row, value in enumerate(values) if isinstance(value, str)]
    if texts and len(texts) < len(values):
        _mixed(values, texts)
    if texts:
        labels = tuple(sorted(set(values)))
        index = {label: code for code, label in enumerate(labels)}
        return Column(kind="text", values=torch.tensor([index[value] for value in values]), labels=labels, given=given)
    try:
        made = torch.tensor(values)
    except (TypeError, ValueError, RuntimeError) as error:
        message = (
            f"choose: `targets`, {given}, is no table of numbers ({error}), expected numbers, strings, or rows of "
            f"equally many numbers; pass one column, or numbers in their place."
        )
        raise DtypeError(message) from error
    return _of_tensor(made, given)


def _absent(value: object) -> bool:
    if isinstance(value, list | tuple):
        return any(_absent(entry) for entry in value)
    return value is None or (isinstance(value, float) and math.isnan(value))


def _missing(count: int, rows: int, first: int) -> NoReturn:
    message = (
        f"choose: {count} of {rows} `targets` {'is' if count == 1 else 'are'} missing, the first in row {first}, "
        f"expected none; leave those rows out, an unknown target teaches nothing."
    )
    raise ValuesError(message)


def _mixed(values: Sequence[Any], texts: Sequence[int]) -> NoReturn:
    numbers = len(values) - len(texts)
    first = values[texts[0]]
    other = next(row for row, value in enumerate(values) if not isinstance(value, str))
    message = (
        f"choose: `targets` mixes {len(texts)} texts (the first {first!r} in row {texts[0]}) with {numbers} numbers "
        f"(the first {values[other]!r} in row {other}), expected one kind; find out what the odd ones stand for."
    )
    raise ValuesError(message)


def _check_finite(values: Tensor) -> None:
    if not values.dtype.is_floating_point:
        return
    by_row = values.reshape(len(values), -1)
    missing = by_row.isnan().any(1)
    if bool(missing.any()):
        _missing(int(missing.sum()), len(values), int(missing.nonzero()[0]))
    infinite = by_row.isinf().any(1)
    if bool(infinite.any()):
        message = (
            f"choose: {int(infinite.sum())} of {len(values)} `targets` are infinite, the first in row "
            f"{int(infinite.nonzero()[0])}, expected finite numbers; find out what they stand for, or leave them out."
        )
        raise ValuesError(message)


def _refuse(what: str, fix: str) -> NoReturn:
    message = f"choose: `targets` are {what}, expected numbers or strings; {fix}."
    raise DtypeError(message)


def _too_large(value: int) -> NoReturn:
    message = (
        f"choose: `targets` holds {value}, expected integers that fit into int64; encode them as classes yourself."
    )
    raise ValuesError(message)


def as_numbers(labels: Iterable[str]) -> list[float] | None:
    """Return what texts say as numbers, None unless every one is a finite number."""
    found = []
    for label in labels:
        try:
            number = float(label)
        except ValueError:
            return None
        if not math.isfinite(number):
            return None
        found.append(number)
    return found


def counts(values: Tensor) -> Counter[float]:
    """Return how often each value occurs, in rising order of the values."""
    different, often = torch.unique(values.flatten(), return_counts=True)
    return Counter(dict(zip(different.tolist(), often.tolist(), strict=True)))
