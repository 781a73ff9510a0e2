"""What is done to labels to see who bears it: some are corrupted, or the rarest class is thinned."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor

from slopes.recipes.compare.splitting import Rows
from slopes.recipes.data.target import Target

OUTLIER: Final = 10.0
"""Standard deviations by which a corrupted number is moved, up or down."""

LEAST: Final = 3
"""A part keeps at least as many rows of the rarest class; a data set that cannot is not thinned."""

_HOW: Final = {
    "binary": "its label is the other one",
    "multiclass": "its class is another one, drawn at random",
    "multilabel": "each of its labels is the other one",
    "regression": f"its value is moved by {OUTLIER:g} standard deviations, up or down",
}


def described(target: Target) -> str:
    """Return in words what becomes of a corrupted row."""
    return _HOW[target.task]


def corrupted(targets: Tensor, target: Target, share: float, noise: np.random.Generator) -> Tensor:
    """Return targets of which a share is corrupted; the tensor that came is left alone.

    Args:
        targets: `[N]` or `[N, K]`.
        target: What they are.
        share: Which part of them, in [0, 1].
        noise: Where chance comes from.
    """
    rows = torch.from_numpy(noise.permutation(len(targets))[: round(share * len(targets))])
    harmed = targets.clone()
    if len(rows) == 0:
        return harmed
    if target.task == "regression":
        moved = torch.from_numpy(noise.choice([-OUTLIER, OUTLIER], len(rows))).to(targets.dtype)
        harmed[rows] += moved * targets.std()
    elif target.task == "multiclass":
        steps = torch.from_numpy(noise.integers(1, len(target.classes), len(rows)))
        harmed[rows] = (targets[rows] + steps) % len(target.classes)
    else:
        harmed[rows] = 1 - targets[rows]
    return harmed


def thinned(rows: Rows, target: Target, ratio: float, noise: np.random.Generator) -> Rows:
    """Return rows among which the commonest class has `ratio` times those of the rarest, where it has not more yet."""
    values = target.values[rows]
    classes, counts = np.unique(values, return_counts=True)
    rare = rows[values == classes[counts.argmin()]]
    keep = max(LEAST, round(counts.max() / ratio))
    if keep >= len(rare):
        return rows
    dropped = noise.permutation(rare)[keep:]
    return rows[~np.isin(rows, dropped)]


def can_be_thinned(target: Target, ratio: float, share: float) -> bool:
    """Whether a part with this share of the rows keeps enough of the rarest class, and loses some."""
    if target.task not in {"binary", "multiclass"}:
        return False
    counts = np.unique(target.values, return_counts=True)[1]
    return bool(LEAST <= share * counts.max() / ratio < share * counts.min())
