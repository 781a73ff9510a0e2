"""Targets with several values a row: labels, one-hot classes, shares of a whole, tokens, numbers."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from slopes._core import check
from slopes._core.errors import ShapeError
from slopes.recipes.choosing.columns import Column, as_tensor
from slopes.recipes.choosing.kinds_of_numbers import of_several, rows_sum_to_one
from slopes.recipes.choosing.verdict import Answer, Verdict, asked, clear

_TWO: Final = 2
_EMBEDDING: Final = 32


def of_rows(column: Column) -> Verdict:
    """Return what rows of K values `[N, K]` say.

    Raises:
        ShapeError: K is 1: nothing is squeezed silently.
    """
    values = column.values
    if values.shape[1] == 1:
        frame = column.given.startswith("polars")
        flat = "targets.to_series()" if frame else f"{as_tensor(column.given)}.squeeze(-1)"
        message = (
            f"choose: `targets` has shape {check.shape_of(values)}, expected [N] for one value a row; pass {flat}."
        )
        raise ShapeError(message)
    low, high = float(values.amin()), float(values.amax())
    if bool(((values == 0) | (values == 1)).all()):
        return _of_zeros_and_ones(values)
    if high == 1 and bool(((values == 0) | (values.abs() == 1)).all()):
        return _of_signs(values)
    if column.kind == "integer" and low >= 0:
        return _of_tokens(values, high)
    if low >= 0 and high <= 1:
        return _of_shares(values)
    if values.shape[1] >= _EMBEDDING:
        return asked(
            f"Each row has {values.shape[1]} numbers. Are they quantities to be predicted, or the features of "
            "a partner?",
            Answer("regression", "they are quantities to be predicted"),
            Answer("embedding", "each row is the partner that its row is to be found by"),
            evidence=of_several(values).evidence,
        )
    return of_several(values)


def _of_zeros_and_ones(values: Tensor) -> Verdict:
    rows, width = values.shape
    per_row = values.double().sum(1)
    seen = (
        f"{rows} rows of {width} zeros and ones, with {float(per_row.mean()):.3g} ones a row, from "
        f"{per_row.amin():.0f} to {per_row.amax():.0f}."
    )
    if not rows_sum_to_one(values):
        return clear("multilabel", seen, "Rows with none or several ones are labels that do not exclude each other.")
    if width == _TWO:
        classes = Answer("binary", "they are two classes, one-hot; the second column is then the label")
    else:
        classes = Answer("multiclass", "they are classes, one-hot, and a row can never have two")
    return asked(
        "Every row has exactly one 1. Is that so by nature, or by chance?",
        classes,
        Answer("multilabel", "a row could have none or several"),
        evidence=(seen,),
    )


def _of_signs(values: Tensor) -> Verdict:
    rows, width = values.shape
    often = {sign: int((values == sign).sum()) for sign in (-1, 0, 1)}
    seen = f"{rows} rows of {width} values: {often[-1]} times -1, {often[0]} times 0, {often[1]} times 1."
    if not often[0]:
        return clear("multilabel", seen, "Columns of -1 and 1 are labels, 1 for yes.")
    return asked(
        "There are only -1, 0 and 1. Are they labels, or quantities?",
        Answer(
            "multilabel",
            "they are labels, and 1 alone is yes; where -1 or 0 stands for unknown, leave those entries out of the "
            "loss with a mask",
        ),
        Answer("regression", "they are quantities: directions, changes, differences"),
        evidence=(seen,),
    )


def _of_tokens(values: Tensor, high: float) -> Verdict:
    rows, width = values.shape
    seen = (
        f"{rows} rows of {width} integers from {values.amin()} to {values.amax()}, {len(torch.unique(values))} of them "
        f"different."
    )
    return asked(
        f"Rows of integers up to {high:.0f} can be texts of tokens or {width} numbers. What are they?",
        Answer("next_token", "they are token ids, and each token is predicted from those before it"),
        Answer("masked_token", "they are token ids, and those that are taken out are predicted"),
        Answer("regression", f"they are {width} quantities a row"),
        evidence=(seen,),
    )


def _of_shares(values: Tensor) -> Verdict:
    rows, width = values.shape
    seen = f"{rows} rows of {width} numbers in [0, 1], from {values.amin():.4g} to {values.amax():.4g}."
    if not rows_sum_to_one(values):
        return asked(
            "All numbers lie in [0, 1], and rows do not sum to 1. Can the quantities leave that range?",
            Answer("bounded", "they are proportions or probabilities, each for itself, and cannot"),
            Answer("regression", "they can: somebody scaled them"),
            evidence=(seen,),
        )
    if width == _TWO:
        return asked(
            "Each row is two numbers that sum to 1, and so one number. What is it?",
            Answer("bounded", "it is the share or probability of the second; that column is then the target"),
            Answer("binary", "it is how sure somebody was of two classes; round the second column to labels yourself"),
            evidence=(seen,),
        )
    return asked(
        f"Each row has {width} numbers that sum to 1. Are they how probable each class is, or parts of a whole?",
        Answer("multiclass", "they are soft labels: a teacher's probabilities, or several annotators' votes"),
        Answer("bounded", "they are parts of a whole, measured; each is predicted for itself"),
        evidence=(seen,),
    )
