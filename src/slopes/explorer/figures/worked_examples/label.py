"""The figures of one label: the cross-entropy of a probability, its gradient on the logit, and the focal loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes.explorer.figures.worked_examples.arithmetic import gradient, real, surprise
from slopes.explorer.figures.worked_examples.views import Example, Line, Mark, View
from slopes.shown import palette


def confident() -> Tensor:
    """Return the loss at p = 0.99 and 0.01."""
    return surprise(real(0.99, 0.01))


def confident_ratio() -> Tensor:
    """Return how many times dearer 0.01 is than 0.99."""
    losses = surprise(real(0.99, 0.01))
    return losses[1] / losses[0]


def spam() -> Tensor:
    """Return the loss at p = 0.92 and 0.05."""
    return surprise(real(0.92, 0.05))


def spam_gradient() -> Tensor:
    """Return how many times larger the gradient on the logit is at 0.05 than at 0.92."""
    logits = torch.logit(real(0.92, 0.05))
    ones = torch.ones_like(logits)
    slopes = gradient(lambda z: L.binary_cross_entropy(z, ones, reduction="sum"), logits)
    return slopes[1] / slopes[0]


def emails() -> Tensor:
    """Return the loss of three mails."""
    return surprise(real(0.95, 0.90, 0.03))


def emails_ratio() -> Tensor:
    """Return how many times dearer the third is than the first."""
    losses = surprise(real(0.95, 0.03))
    return losses[1] / losses[0]


def surprises() -> Tensor:
    """Return the loss at p = 0.99, 0.5 and 0.01."""
    return surprise(real(0.99, 0.5, 0.01))


def savings() -> Tensor:
    """Return what the step from 0.95 to 0.99 saves, and the one from 0.01 to 0.05."""
    return surprise(real(0.95, 0.01)) - surprise(real(0.99, 0.05))


def surprise_table() -> Tensor:
    """Return the loss at p = 0.9, 0.5, 0.1 and 0.01."""
    return surprise(real(0.9, 0.5, 0.1, 0.01))


def robot_table() -> Tensor:
    """Return the loss at p = 0.5, 0.1 and 0.01."""
    return surprise(real(0.5, 0.1, 0.01))


def extreme() -> Tensor:
    """Return the loss of a logit of 100 with label 0."""
    return L.binary_cross_entropy(real(100.0), real(0.0))


def three_logits() -> Tensor:
    """Return the mean loss of three logits."""
    return L.binary_cross_entropy(real(3.0, -2.5, -3.5), real(1.0, 0.0, 1.0))


def focal_of(p: Tensor) -> Tensor:
    """Return the focal loss of a positive label at each probability."""
    return L.focal(torch.logit(p), torch.ones_like(p), gamma=2.0, reduction="none")


def focal_cut() -> Tensor:
    """Return how many times the focal loss is lower than cross-entropy at p = 0.9."""
    return surprise(real(0.9)) / focal_of(real(0.9))


def focal_easy() -> Tensor:
    """Return the focal loss at p = 0.95."""
    return focal_of(real(0.95))


def focal_hard() -> Tensor:
    """Return the focal loss at p = 0.10."""
    return focal_of(real(0.10))


def focal_three() -> Tensor:
    """Return the focal loss at p = 0.9, 0.5 and 0.1."""
    return focal_of(real(0.9, 0.5, 0.1))


def muted() -> Tensor:
    """Return the slope of the sigmoid and that of the loss on the logit, at p = 0.01."""
    logit = torch.logit(real(0.01))
    by_sigmoid = gradient(lambda z: A.sigmoid(z).sum(), logit)
    by_loss = gradient(lambda z: L.binary_cross_entropy(z, real(1.0)), logit)
    return torch.cat([by_sigmoid, by_loss])


_HUE: Final = palette.hue("binary_cross_entropy")


def _over_p(*points: float, low: float = 0.005, high: float = 0.999, direct: bool = True) -> View:
    line = Line(label="−log p", hue=_HUE, function=surprise)
    marks = tuple(Mark(p) for p in points)
    return View(over="probability of the true label", low=low, high=high, lines=(line,), marks=marks, direct=direct)


def _focal_over_p(*points: float, low: float = 0.02, high: float = 0.999) -> View:
    line = Line(label="focal", hue=palette.hue("focal"), function=focal_of)
    marks = tuple(Mark(p) for p in points)
    return View(over="probability of the true label", low=low, high=high, lines=(line,), marks=marks)


def _positive(z: Tensor) -> Tensor:
    return L.binary_cross_entropy(z, torch.ones_like(z), reduction="none")


def _negative(z: Tensor) -> Tensor:
    return L.binary_cross_entropy(z, torch.zeros_like(z), reduction="none")


def _mean_of_three(z: Tensor) -> Tensor:
    rows = torch.cat([real(3.0, -2.5).expand(len(z), -1), z.unsqueeze(-1)], -1)
    return L.binary_cross_entropy(rows, real(1.0, 0.0, 1.0).expand_as(rows), reduction="none").mean(-1)


def _over_logit(
    function: Callable[[Tensor], Tensor], low: float, high: float, *marks: Mark, direct: bool = True, label: str = "BCE"
) -> View:
    line = Line(label=label, hue=_HUE, function=function)
    return View(over="logit", low=low, high=high, lines=(line,), marks=marks, direct=direct)


_LOGIT: Final = torch.logit(real(0.92, 0.05, 0.01)).tolist()

EXAMPLES: Final = {
    "bce-confident": Example(compute=confident, view=_over_p(0.99, 0.01)),
    "bce-ratio": Example(compute=confident_ratio, view=_over_p(0.99, 0.01, direct=False)),
    "bce-spam": Example(compute=spam, view=_over_p(0.92, 0.05, low=0.02)),
    "bce-spam-gradient": Example(
        compute=spam_gradient,
        view=_over_logit(_positive, -5.0, 5.0, Mark(_LOGIT[0], slope=True), Mark(_LOGIT[1], slope=True), direct=False),
    ),
    "emails": Example(compute=emails, view=_over_p(0.95, 0.90, 0.03, low=0.015)),
    "emails-ratio": Example(compute=emails_ratio, view=_over_p(0.95, 0.03, low=0.015, direct=False)),
    "surprise": Example(compute=surprises, view=_over_p(0.99, 0.5, 0.01)),
    "savings": Example(compute=savings, view=_over_p(0.95, 0.99, 0.01, 0.05, direct=False)),
    "surprise-table": Example(compute=surprise_table, view=_over_p(0.9, 0.5, 0.1, 0.01)),
    "robot-table": Example(compute=robot_table, view=_over_p(0.5, 0.1, 0.01)),
    "bce-extreme": Example(compute=extreme, view=_over_logit(_negative, -20.0, 120.0, Mark(100.0), label="BCE, y = 0")),
    "bce-three": Example(compute=three_logits, view=_over_logit(_mean_of_three, -8.0, 6.0, Mark(-3.5), label="mean")),
    "focal-easy-ratio": Example(
        compute=focal_cut,
        view=View(
            over="probability of the true label",
            low=0.02,
            high=0.95,
            lines=(Line(label="BCE / focal", hue=palette.hue("focal"), function=lambda p: surprise(p) / focal_of(p)),),
            marks=(Mark(0.9),),
        ),
    ),
    "focal-easy": Example(compute=focal_easy, view=_focal_over_p(0.95, low=0.949, high=0.951)),
    "focal-hard": Example(compute=focal_hard, view=_focal_over_p(0.10, low=0.0996, high=0.1004)),
    "lesson-focal": Example(compute=focal_three, view=_focal_over_p(0.9, 0.5, 0.1)),
    "robot-muted": Example(
        compute=muted,
        view=View(
            over="logit",
            low=-7.0,
            high=7.0,
            lines=(
                Line(label="sigmoid", hue=palette.hue("sigmoid"), function=A.sigmoid),
                Line(label="BCE, y = 1", hue=_HUE, function=_positive),
            ),
            marks=(Mark(_LOGIT[2], 0, slope=True), Mark(_LOGIT[2], 1, slope=True)),
        ),
    ),
}
