"""How often each class occurs, from class indices or distributions, and the weights that balance them."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from slopes._core import check
from slopes._core.errors import DtypeError, OptionError, ShapeError, ValuesError
from slopes.recipes.classification import labels
from slopes.recipes.classification.labels import SEVERE

_LEAST: Final = 3


def enough(function: str, classes: int) -> None:
    """Raise `OptionError` for fewer than three classes, and name the recipe for two."""
    if classes < _LEAST:
        message = (
            f"{function}: {classes} class{'es' if classes != 1 else ''}, expected at least {_LEAST}; for two use "
            f"Binary: one logit and a sigmoid predict what a softmax over two logits does, with half the parameters."
        )
        raise OptionError(message)


def counted(function: str, targets: Tensor, classes: int | None) -> list[float]:
    """Return how often each class occurs, after a look at every target."""
    check.tensor(function, targets=targets)
    if classes is not None:
        check.count(function, "classes", classes)
    if targets.dim() not in {1, 2} or targets.numel() == 0:
        message = (
            f"{function}: `targets` has shape {check.shape_of(targets)}, expected [N] class indices or [N, C] "
            f"distributions with at least one row; flatten labels per token or pixel."
        )
        raise (ShapeError if targets.numel() else ValuesError)(message)
    labels.no_nan(function, targets)
    if targets.dim() == 2:  # noqa: PLR2004  rows and classes
        return _soft_counts(function, targets, classes)
    if targets.dtype != torch.int64:
        message = (
            f"{function}: `targets` has dtype {targets.dtype}, expected int64 class indices; convert them with "
            f"targets.long() if they are whole numbers from 0 on, or use a regression recipe if they are quantities."
        )
        raise DtypeError(message)
    if int(targets.min()) < 0 or (classes is not None and int(targets.max()) >= classes):
        wrong = int(targets.min()) if int(targets.min()) < 0 else int(targets.max())
        message = (
            f"{function}: `targets` holds {wrong}, expected class indices from 0 on"
            f"{'' if classes is None else f' and below {classes}'}; leave rows without a label out, and check the "
            f"label encoding."
        )
        raise ValuesError(message)
    return _occurring(function, targets, classes)


def _occurring(function: str, targets: Tensor, classes: int | None) -> list[float]:
    """Return the counts of class indices, none of which may be missing unless `classes` says so."""
    highest = int(targets.max())
    different = len(set(targets.tolist()))
    if different == 1:
        message = (
            f"{function}: all {len(targets)} `targets` are {highest}, expected several classes; a constant label "
            f"teaches nothing, so check the column, or how the data were split."
        )
        raise ValuesError(message)
    if classes is None and different <= highest:
        message = (
            f"{function}: `targets` has {different} different class indices up to {highest}, expected every one "
            f"from 0 to {highest}; number the classes anew (targets.unique(return_inverse=True)[1]), or say how many "
            f"there are with classes={highest + 1}."
        )
        raise ValuesError(message)
    enough(function, highest + 1 if classes is None else classes)
    return [float(count) for count in targets.bincount(minlength=classes or 0).tolist()]


def _soft_counts(function: str, targets: Tensor, classes: int | None) -> list[float]:
    if not targets.is_floating_point():
        message = (
            f"{function}: `targets` has shape {check.shape_of(targets)} and dtype {targets.dtype}, expected [N] class "
            f"indices or [N, C] floating distributions; for several labels per row use MultiLabel, for one-hot rows "
            f"pass targets.int().argmax(-1), for [N, 1] targets.squeeze(-1)."
        )
        raise DtypeError(message)
    if classes is not None and classes != targets.shape[1]:
        message = (
            f"{function}: `targets` has shape {check.shape_of(targets)} beside classes={classes}, expected "
            f"[N, {classes}]; leave `classes` out, the distributions say it."
        )
        raise ShapeError(message)
    enough(function, targets.shape[1])
    off = (targets.double().sum(-1) - 1).abs() > 1e-3  # noqa: PLR2004  distributions in 16 bits are that far off
    wrong = off | (targets < 0).any(-1)
    if bool(wrong.any()):
        message = (
            f"{function}: a row of `targets` is {[round(v, 6) for v in targets[int(wrong.int().argmax())].tolist()]}, "
            f"expected probabilities that sum to 1; for several labels per row use MultiLabel."
        )
        raise ValuesError(message)
    return [float(count) for count in targets.double().sum(0).tolist()]


def balancing(counts: list[float]) -> tuple[float, ...]:
    """Return weights in inverse proportion to the counts, N / (C · count) up to 100 to 1; 1 for a class not seen.

    The rows' weights have mean 1, so that the loss keeps its size.
    """
    least = max(counts) / SEVERE
    inverse = [1 / max(count, least) for count in counts]
    mean = sum(w * count for w, count in zip(inverse, counts, strict=True)) / sum(counts)
    return tuple(w / mean if count else 1.0 for w, count in zip(inverse, counts, strict=True))
