"""Imbalanced classes: the recipe for the shape of the targets, weighted or focused by the counts."""

from __future__ import annotations

import torch
from torch import Tensor

from slopes._core import check
from slopes.recipes.classification.binary import Binary
from slopes.recipes.classification.multiclass import MultiClass
from slopes.recipes.classification.multilabel import MultiLabel


def imbalanced(targets: Tensor, *, classes: int | None = None) -> Binary | MultiClass | MultiLabel:
    """Return the classification recipe of these targets, with rare classes weighted, or focused above 100 to 1.

    Args:
        targets: `[N]` labels of 0 and 1 in any dtype, `[N]` int64 class indices, or `[N, K]` of 0 and 1.
        classes: C, for class indices; the highest plus 1 where None.

    Returns:
        `Binary`, `MultiClass` or `MultiLabel`. Their `from_targets` weighs from 3 to 1 on; this does at any ratio.

    Raises:
        ShapeError: `targets` is neither `[N]` nor `[N, K]`.
        SlopesError: As `from_targets` of the recipe does.

    Notes:
        Accuracy says nothing here: no-to-everything has 99 % at 99 to 1. The recipes measure average precision, F1
        and balanced accuracy, tell probabilities of the data although the loss is weighted, and tune the threshold.

    Examples:
        >>> imbalanced(torch.tensor([0] * 50 + [1] * 25)).pos_weight
        2.0
        >>> imbalanced(torch.tensor([0] * 500 + [1] * 4)).criterion
        'focal'
    """
    check.tensor("imbalanced", targets=targets)
    if targets.dim() == 2:  # noqa: PLR2004  rows and labels
        return MultiLabel.from_targets(targets, weighted=True)
    if classes is None and _is_zero_one(targets):
        return Binary.from_targets(targets, weighted=True)
    return MultiClass.from_targets(targets, classes=classes, weighted=True)


def _is_zero_one(targets: Tensor) -> bool:
    """Whether these are labels rather than class indices; what is neither is left to say so."""
    return targets.dtype != torch.int64 or targets.numel() == 0 or int(targets.max()) <= 1
