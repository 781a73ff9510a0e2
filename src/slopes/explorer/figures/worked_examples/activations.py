"""The figures of activations and of the softmax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes.explorer.figures.worked_examples.arithmetic import gradient, real
from slopes.explorer.figures.worked_examples.views import Example, Line, Mark, View
from slopes.shown import palette

_CLASSES: Final = (palette.BLUE, palette.ORANGE, palette.GREEN, palette.VERMILLION, palette.PURPLE)


def sigmoid_at() -> Tensor:
    """Return the sigmoid of 1.4."""
    return A.sigmoid(real(1.4))


def sigmoid_slope() -> Tensor:
    """Return the sigmoid's slope at 0."""
    return gradient(lambda x: A.sigmoid(x).sum(), real(0.0))


def tanh_slope() -> Tensor:
    """Return the slope of tanh at 0."""
    return gradient(lambda x: A.tanh(x).sum(), real(0.0))


def minimum(function: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the least value of a function, found where its slope changes sign between -3 and 0."""
    low, high = real(-3.0), real(0.0)
    for _ in range(26):  # the value is flat there: 4e-8 from the place is 1e-15 from the value
        middle = (low + high) / 2
        rises = gradient(lambda x: function(x).sum(), middle) > 0
        low, high = (low, middle) if rises else (middle, high)
    return function(low)


def gelu_minimum() -> Tensor:
    """Return the least value of the exact GELU."""
    return minimum(A.gelu)


def swish_minimum() -> Tensor:
    """Return the least value of Swish."""
    return minimum(A.swish)


def mish_minimum() -> Tensor:
    """Return the least value of Mish."""
    return minimum(A.mish)


def selu_constants() -> Tensor:
    """Return SELU's alpha and lambda, from its floor and its value at 1."""
    floor, scale = A.selu(real(-1000.0, 1.0))
    return torch.stack([-floor / scale, scale])


def softmax_five() -> Tensor:
    """Return the softmax of five logits."""
    return A.softmax(real(3.2, 2.1, 1.5, 0.8, -0.3), dim=-1)


def softmax_three() -> Tensor:
    """Return the softmax of three logits."""
    return A.softmax(real(2.1, 0.8, -0.3), dim=-1)


def softmax_cold() -> Tensor:
    """Return the same at a temperature of 0.5."""
    return A.softmax(real(2.1, 0.8, -0.3), dim=-1, temperature=0.5)


def softmax_hot() -> Tensor:
    """Return the same at a temperature of 5."""
    return A.softmax(real(2.1, 0.8, -0.3), dim=-1, temperature=5.0)


def softmax_one_place() -> Tensor:
    """Return the softmax that is said to be (0.2, 0.5, 0.3)."""
    return A.softmax(real(0.5, 1.5, 0.9), dim=-1)


def over_sum() -> Tensor:
    """Return scores over their sum: no function of the library does this, since shares may be negative."""
    scores = real(2.1, 0.8, -0.3)
    return scores / scores.sum()


def _curve(
    name: str,
    function: Callable[[Tensor], Tensor],
    *marks: Mark,
    low: float = -6.0,
    high: float = 6.0,
    direct: bool = True,
) -> View:
    line = Line(label=name, hue=palette.hue(name), function=function)
    kinks = (0.0,) if name == "selu" else ()
    return View(over="x", low=low, high=high, lines=(line,), marks=marks, direct=direct, kinks=kinks)


def _over_temperature(logits: tuple[float, ...], at: float, low: float, high: float) -> View:
    def share(i: int) -> Callable[[Tensor], Tensor]:
        return lambda t: A.softmax(real(*logits) / t.unsqueeze(-1), dim=-1)[:, i]

    lines = tuple(
        Line(label=f"of {z:g}".replace("-", "−"), hue=hue, function=share(i))
        for i, (z, hue) in enumerate(zip(logits, _CLASSES, strict=False))
    )
    marks = tuple(Mark(at, i) for i in range(len(logits)))
    return View(over="temperature", low=low, high=high, lines=lines, marks=marks)


def _over_a_score() -> View:
    def share(i: int) -> Callable[[Tensor], Tensor]:
        def function(x: Tensor) -> Tensor:
            scores = torch.stack([torch.full_like(x, 2.1), torch.full_like(x, 0.8), x], -1)
            return scores[:, i] / scores.sum(-1)

        return function

    labels = ("of 2.1", "of 0.8", "of the third")
    lines = tuple(
        Line(label=label, hue=hue, function=share(i))
        for i, (label, hue) in enumerate(zip(labels, _CLASSES, strict=False))
    )
    return View(over="third score", low=-1.5, high=3.0, lines=lines, marks=tuple(Mark(-0.3, i) for i in range(3)))


EXAMPLES: Final = {
    "sigmoid-1.4": Example(compute=sigmoid_at, view=_curve("sigmoid", A.sigmoid, Mark(1.4))),
    "sigmoid-peak-slope": Example(compute=sigmoid_slope, view=_curve("sigmoid", A.sigmoid, Mark(0.0, slope=True))),
    "tanh-peak-slope": Example(compute=tanh_slope, view=_curve("tanh", A.tanh, Mark(0.0, slope=True))),
    "gelu-minimum": Example(
        compute=gelu_minimum, view=_curve("gelu", A.gelu, Mark(-0.7517915246936), low=-4.0, high=1.0)
    ),
    "swish-minimum": Example(
        compute=swish_minimum, view=_curve("swish", A.swish, Mark(-1.2784645427611), low=-6.0, high=1.0)
    ),
    "mish-minimum": Example(
        compute=mish_minimum, view=_curve("mish", A.mish, Mark(-1.1924312145155), low=-6.0, high=1.0)
    ),
    "selu-constants": Example(
        compute=selu_constants,
        view=_curve("selu", A.selu, Mark(-7.5), Mark(1.0), low=-8.0, high=3.0, direct=False),
    ),
    "softmax-demo": Example(
        compute=softmax_five, view=_over_temperature((3.2, 2.1, 1.5, 0.8, -0.3), at=1.0, low=0.1, high=5.0)
    ),
    "softmax-3": Example(compute=softmax_three, view=_over_temperature((2.1, 0.8, -0.3), at=1.0, low=0.1, high=5.0)),
    "softmax-3-cold": Example(
        compute=softmax_cold, view=_over_temperature((2.1, 0.8, -0.3), at=0.5, low=0.1, high=1.5)
    ),
    "softmax-3-hot": Example(compute=softmax_hot, view=_over_temperature((2.1, 0.8, -0.3), at=5.0, low=1.0, high=10.0)),
    "robot-same-p": Example(
        compute=softmax_one_place, view=_over_temperature((0.5, 1.5, 0.9), at=1.0, low=0.1, high=5.0)
    ),
    "naive-normalise": Example(compute=over_sum, view=_over_a_score()),
}
