"""Labels as they are in the data: checked, counted, and what the counts say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from slopes._core import check
from slopes._core.errors import DtypeError, ShapeError, ValuesError
from slopes._core.linear_logits import Logits
from slopes._core.tensors import wide
from slopes.recipes.recipe import Reason

# From 3 to 1 on the loss is weighted: up to there a weight costs more variance than it gains. From 100 to 1 on it is
# focused instead: a single example of the rare class would weigh more than a batch of the others.
MILD: Final = 3.0
SEVERE: Final = 100.0
FEW: Final = 10


def zero_one(function: str, targets: Tensor, dimensions: str) -> Tensor:
    """Return labels of 0 and 1 as a boolean tensor, after a look at every one of them.

    Args:
        function: Name for error messages.
        targets: `[N]` or `[N, K]`: boolean, integers or floating numbers.
        dimensions: How the expected shape is written: "[N]" or "[N, K]".

    Raises:
        DtypeError: Not a tensor, or of complex numbers.
        ValuesError: No rows, or a value that is neither 0 nor 1, NaN among them.
    """
    check.tensor(function, targets=targets)
    if targets.is_complex():
        message = f"{function}: `targets` has dtype {targets.dtype}, expected labels 0 and 1; pass their real part."
        raise DtypeError(message)
    if targets.numel() == 0:
        message = (
            f"{function}: `targets` has shape {check.shape_of(targets)}, expected {dimensions} with at least one row; "
            f"check how the data were read."
        )
        raise ValuesError(message)
    no_nan(function, targets)
    wrong = (targets != 0) & (targets != 1)
    if bool(wrong.any()):
        message = (
            f"{function}: `targets` holds {targets[wrong][0].item():.6g}, expected 0 or 1; from labels -1 and +1 make "
            f"(targets + 1) / 2, for class indices use MultiClass, for numbers a regression recipe."
        )
        raise ValuesError(message)
    return targets != 0


def no_nan(function: str, targets: Tensor) -> None:
    """Raise `ValuesError` where a target is NaN."""
    missing = int(targets.isnan().sum())
    if missing:
        message = (
            f"{function}: {missing} of {targets.numel()} `targets` {'is' if missing == 1 else 'are'} NaN, expected "
            f"labels; leave these rows out, an unknown label cannot be learned."
        )
        raise ValuesError(message)


def one_dimension(function: str, targets: Tensor) -> None:
    """Raise `ShapeError` unless the targets are `[N]`."""
    check.tensor(function, targets=targets)
    if targets.dim() != 1:
        message = (
            f"{function}: `targets` has shape {check.shape_of(targets)}, expected [N], one label for each row; "
            f"for labels per pixel or token pass targets.flatten(), for [N, 1] targets.squeeze(-1), for several labels "
            f"per row use MultiLabel."
        )
        raise ShapeError(message)


def like_logits(targets: Tensor, raw: Tensor) -> Tensor:
    """Return labels in the dtype that the loss of `raw` is computed in; floating ones as they are."""
    if isinstance(targets, Tensor) and not targets.is_floating_point() and not targets.is_complex():
        return targets.to(wide(raw.dtype))
    return targets


def hard(function: str, raw: Tensor, targets: Tensor) -> Tensor:
    """Return labels of 0 and 1 of exactly the shape of `raw` as int64, for decisions and metrics."""
    check.floating(function, raw=raw)
    check.tensor(function, targets=targets)
    check.same_device(function, raw=raw, targets=targets)
    check.same_shape(function, raw=raw, targets=targets)
    check.hard_labels(function, "targets", targets.to(wide(raw.dtype)))
    return targets.long()


def per_entry(values: Sequence[float], raw: Logits) -> Tensor:
    """Return one number for each class or label as a tensor that goes with `raw`."""
    return torch.tensor(values, dtype=wide(raw.dtype), device=raw.device)


def pos_weight(positives: int, negatives: int, *, weighted: bool | None) -> float:
    """Return negatives / positives, held to 100 to 1; 1 where rows are not weighted, by the counts where None."""
    if weighted is None:
        weighted = max(positives, negatives) >= MILD * min(positives, negatives)
    return min(max(negatives / positives, 1 / SEVERE), SEVERE) if weighted else 1.0


def to_one(more: float, less: float) -> str:
    """Return a ratio as people say it: "9 to 1"."""
    return f"{more / less:.3g} to 1"


def rarity(rare: Sequence[tuple[str, int]]) -> tuple[Reason, ...]:
    """Return what follows from classes or labels, by name, that a handful of rows have."""
    once = [name for name, count in rare if count == 1]
    few = [f"{name} ({count})" for name, count in rare if 1 < count < FEW]
    reasons = []
    if once:
        reasons.append(
            Reason(
                f"{listed(once)}: seen once",
                "A row cannot be both in the training and in the validation part: what is seen once can be learned or "
                "judged, not both. Collect more; where there are others like it, merge them.",
            )
        )
    if few:
        reasons.append(
            Reason(
                f"{listed(few)}: fewer than {FEW} rows",
                "Thresholds and metrics of so few rows move with each of them; read them with that in mind.",
            )
        )
    return tuple(reasons)


def listed(names: Sequence[str], most: int = 5) -> str:
    """Return names as a sentence has them, the rest counted."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
