"""Targets in one column that are quantities: their range and their tails."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from slopes._core.errors import ShapeError, ValuesError
from slopes.recipes.choosing.verdict import Answer, Verdict, asked, clear
from slopes.recipes.regression.numbers import median
from slopes.recipes.regression.tails import Tails
from slopes.recipes.regression.transforms import Kind, Transform

_PER_CENT: Final = 100.0
_NEARLY_ALL: Final = 0.9
_POSITIVE: Final = Answer("positive", "a negative prediction would make no sense, and 0 may occur")
_LOG: Final = Answer("transformed", "errors grow with the target, so that ratios count")
_INTERVALS: Final = Answer("quantiles", "an interval is wanted, or the cost of too much and too little differs")
_NOISY: Final = Answer(
    "heteroscedastic", "the noise differs from row to row, and each prediction is to have an error bar"
)


def of_quantity(values: Tensor) -> Verdict:
    """Return what a column of numbers `[N]` says."""
    given = values.double()
    low, high = float(given.amin()), float(given.amax())
    told = (
        f"{len(given)} numbers from {low:.6g} to {high:.6g}, {len(torch.unique(given))} different, with a mean of "
        f"{float(given.mean()):.4g} and a median of {float(median(given)):.4g}."
    )
    seen = (told,)
    if low >= 0 and high <= 1:
        return asked(
            f"All numbers lie in [0, 1], from {low:.4g} to {high:.4g}. Can the quantity leave that range?",
            Answer("bounded", "they are proportions or probabilities, and cannot"),
            Answer("regression", "it can: somebody scaled it, or it is small"),
            evidence=seen,
        )
    others = _others(low, high)
    try:
        tails = Tails.of(given)
    except ShapeError:
        few = "Fewer than 20 rows say nothing of tails; the mean squared error is where to start."
        return clear("regression", *seen, few, alternatives=others)
    except ValuesError:
        return _half_equal(given, seen, others)
    if not tails.heavy:
        return clear("regression", *seen, f"{tails.told('targets')} No heavy tails.", alternatives=others)
    return _heavy(given, tails, seen, others)


def _others(low: float, high: float) -> tuple[Answer, ...]:
    bounded = Answer("bounded", "they are per cent and cannot leave 0 to 100; give BoundedRegression high=100 yourself")
    per_cent = low >= 0 and _NEARLY_ALL * _PER_CENT <= high <= _PER_CENT
    return (
        *((_POSITIVE,) if low >= 0 else ()),
        *((_LOG,) if low > 0 else ()),
        *((bounded,) if per_cent else ()),
        _NOISY,
        _INTERVALS,
    )


def _half_equal(given: Tensor, seen: tuple[str, ...], others: tuple[Answer, ...]) -> Verdict:
    middle = median(given)
    equal = int((given == middle).sum())
    told = f"{equal} of them are exactly {float(middle):.6g}: more than half, so that their tails have no unit."
    if float(given.amin()) >= 0:
        why = "None is negative: a softplus output takes zeros, and its mean squared error finds the mean with them."
        rest = tuple(answer for answer in others if answer.task != "positive")
        return clear("positive", *seen, told, why, alternatives=rest)
    return clear("regression", *seen, told, alternatives=others)


def _heavy(given: Tensor, tails: Tails, seen: tuple[str, ...], others: tuple[Answer, ...]) -> Verdict:
    told = f"{tails.told('targets')} Heavy tails: under the MSE these would rule."
    rest = tuple(answer for answer in others if answer.task != "transformed")
    if tails.skewed:
        kind: Kind = "log" if float(given.amin()) > 0 else "yeo-johnson"
        after = Tails.of(Transform.fitted(given, kind=kind).forward("choose", given))
        if not after.heavy:
            better = f"They lie on one side, and under a {kind} transform {after.far} of {after.count} are so far out."
            robust = Answer("robust", "the far ones are errors in the data, and not part of the quantity")
            return clear("transformed", *seen, told, better, alternatives=(robust, *rest))
        worse = f"A {kind} transform leaves {after.far} of {after.count} so far out: they are not of one kind."
        return clear("robust", *seen, told, worse, _RESIDUALS, alternatives=(_LOG_OR_POWER, *rest))
    return clear("robust", *seen, told, _RESIDUALS, alternatives=(_MSE, *others))


_RESIDUALS: Final = (
    "Targets with tails may have residuals without: train a first model and look at its residuals with "
    "RobustRegression.from_residuals."
)
_MSE: Final = Answer("regression", "the features explain the far targets, and the residuals have no tails")
_LOG_OR_POWER: Final = Answer("transformed", "the far targets are right, and part of the quantity")


def of_several(values: Tensor) -> Verdict:
    """Return what rows of K numbers `[N, K]` say."""
    given = values.double()
    heavy, told = [], []
    for column, numbers in enumerate(given.unbind(1)):
        try:
            tails = Tails.of(numbers)
        except (ShapeError, ValuesError):
            continue
        if tails.heavy:
            heavy.append(column)
            told.append(f"Column {column}: {tails.told('targets')}")
    seen = f"{len(given)} rows of {given.shape[1]} numbers each, from {given.amin():.4g} to {given.amax():.4g}."
    rest = (_NOISY, _INTERVALS)
    if heavy:
        most = 3
        more = (f"So have {len(told) - most} more.",) if len(told) > most else ()
        return clear("robust", seen, *told[:most], *more, _RESIDUALS, alternatives=(_LOG_OR_POWER, _MSE, *rest))
    return clear("regression", seen, "No column has heavy tails.", alternatives=rest)


def rows_sum_to_one(values: Tensor) -> bool:
    """Whether the entries of each row are shares of a whole."""
    slack = 1e-6 + 4 * torch.finfo(values.dtype).eps * values.shape[1] if values.dtype.is_floating_point else 0.0
    return bool(((values.double().sum(1) - 1).abs() <= slack).all())
