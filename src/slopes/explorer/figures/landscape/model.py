"""The models of two parameters, their data and their losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor

from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes._core.reduce import Reduction
from slopes.explorer.yours.guarded import GuardedLoss
from slopes.shown import palette

Places = list[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A loss of predictions w x + b; equal keys are equal losses.

    Attributes:
        key: Names loss and options.
        label: What it is called.
        hue: Its colour's place in the palette.
        python: The call, of `z` and `y`, for the snippet.
        call: The same, of predictions, targets and a reduction; None for the visitor's own.
        own: The visitor's own, under guard.
    """

    key: str
    label: str
    hue: int
    python: str
    call: Callable[[Tensor, Tensor, Reduction], Tensor] | None = field(default=None, compare=False)
    own: GuardedLoss | None = field(default=None, compare=False)

    def mean(self, predictions: Tensor, targets: Tensor) -> tuple[float, Tensor]:
        """Return the mean over the data, and its gradient by the predictions."""
        if self.call is None:
            values, slopes = self.each(predictions, targets)
            return values.mean().item(), slopes / len(targets)
        points = predictions.detach().requires_grad_()
        loss = self.call(points, targets, "mean")
        (slopes,) = torch.autograd.grad(loss, points)
        return loss.item(), slopes

    def each(self, predictions: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return value and slope of each prediction.

        Raises:
            UserFunctionError: It is the visitor's own, and raised.
        """
        if self.own is not None:
            return self.own.at(predictions, targets)
        if self.call is None:
            text = f"{self.key} has neither a call nor a function"
            raise ValueError(text)
        points = predictions.detach().clone().requires_grad_()
        values = self.call(points, targets, "none")
        (slopes,) = torch.autograd.grad(values.sum(), points)
        return values.detach(), slopes


@dataclass(frozen=True, kw_only=True)
class Task:
    """Data, and the two losses that are compared on it.

    Attributes:
        x: Inputs.
        y: Targets.
        watched: The data point whose own loss and slope are shown.
        losses: What is compared.
    """

    x: Tensor
    y: Tensor
    watched: int
    losses: tuple[Loss, ...]

    def predictions(self, places: Tensor) -> Tensor:
        """Return w x + b at places `[..., 2]`, `[..., N]`."""
        return places[..., :1] * self.x + places[..., 1:]


def task(name: str, delta: float, own: GuardedLoss | None) -> Task:
    """Return the task of this name."""
    if name == "neuron":
        return Task(x=_INPUTS, y=_CLASSES, watched=0, losses=(_SQUARED_SIGMOID, _CROSS_ENTROPY))
    other = {"line-mae": _ABSOLUTE, "line-huber": _huber(delta)}.get(name) or _own(own)
    return Task(x=_ACROSS, y=_HEIGHTS, watched=len(_ACROSS) - 1, losses=(_SQUARED, other))


def _vector(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


# Two classes that overlap, so that the best neuron is a finite one.
_INPUTS: Final = _vector(-2.3, -1.9, -1.4, -1.1, -0.7, -0.4, 0.3, 0.6, 0.9, 1.3, 1.8, 2.2)
_CLASSES: Final = _vector(0, 0, 0, 0, 1, 0, 1, 0, 1, 1, 1, 1)
# Heights near 2x - 1, and one outlier, the last.
_ACROSS: Final = _vector(-2.3, -1.9, -1.4, -1.1, -0.7, -0.4, 0.3, 0.6, 0.9, 1.3, 1.8, 2.2)
_HEIGHTS: Final = _vector(-5.43, -4.92, -3.66, -3.31, -2.27, -1.94, -0.31, 0.14, 0.93, 1.48, 2.71, -11.0)


def _squared_sigmoid(logits: Tensor, targets: Tensor, reduction: Reduction) -> Tensor:
    return L.mse(A.sigmoid(logits), targets, reduction=reduction)


def _huber(delta: float) -> Loss:
    return Loss(
        key=f"huber({delta!r})",
        label="Huber",
        hue=palette.hue("huber"),
        python=f"L.huber(z, y, delta={delta!r})",
        call=lambda z, y, reduction: L.huber(z, y, delta=delta, reduction=reduction),
    )


def _own(own: GuardedLoss | None) -> Loss:
    if own is None:
        text = "there is no loss of the visitor's own"
        raise ValueError(text)
    return Loss(key=f"yours {id(own)}", label=own.name, hue=palette.YOURS, python="yours(z, y).mean()", own=own)


_SQUARED_SIGMOID: Final = Loss(
    key="mse(sigmoid)",
    label="MSE",
    hue=palette.hue("mse"),
    python="L.mse(A.sigmoid(z), y)",
    call=_squared_sigmoid,
)
_CROSS_ENTROPY: Final = Loss(
    key="binary_cross_entropy",
    label="BCE",
    hue=palette.hue("binary_cross_entropy"),
    python="L.binary_cross_entropy(z, y)",
    call=lambda z, y, reduction: L.binary_cross_entropy(z, y, reduction=reduction),
)
_SQUARED: Final = Loss(
    key="mse",
    label="MSE",
    hue=palette.hue("mse"),
    python="L.mse(z, y)",
    call=lambda z, y, reduction: L.mse(z, y, reduction=reduction),
)
_ABSOLUTE: Final = Loss(
    key="mae",
    label="MAE",
    hue=palette.hue("mae"),
    python="L.mae(z, y)",
    call=lambda z, y, reduction: L.mae(z, y, reduction=reduction),
)
