"""A function of one number, drawn: values and slopes by the library's audited forms, slopes by autograd."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from slopes._core.settings import exact
from slopes._core.spec import Spec

Evaluate = Callable[[Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True, kw_only=True)
class Series:
    """One line of a chart.

    Attributes:
        key: Names function and parameters; equal keys draw equal lines.
        name: Name in URLs, JSON and datasets.
        label: What stands at the end of the line.
        hue: Its colour's place in the palette.
        evaluate: Values and slopes at a vector of float64.
    """

    key: str
    name: str
    label: str
    hue: int
    evaluate: Evaluate = field(compare=False)


def value_and_slope(function: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the values of an elementwise function at `x` and its slopes there, by autograd, audited forms.

    Args:
        function: Any elementwise function of a tensor.
        x: A vector; nothing is written to it.

    Returns:
        Values and slopes, detached, of the shape of `x`.
    """
    with exact():
        return by_autograd(function, x)


def by_autograd(function: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the same in whichever precision is set."""
    points = x.detach().clone().requires_grad_()
    with torch.enable_grad():
        values = function(points)
        (slopes,) = torch.autograd.grad(values.sum(), points)
    return values.detach(), slopes.detach()


def bound(spec: Spec, options: dict[str, float | str]) -> Callable[[Tensor], Tensor]:
    """Return the function of a spec with these options, as a function of its first input alone."""
    return lambda x: spec.function(x, **options)


def from_spec(spec: Spec, options: dict[str, float | str], *, name: str = "", label: str = "", hue: int = 0) -> Series:
    """Return the line of a catalogued elementwise activation."""
    function = bound(spec, options)
    said = ", ".join(f"{option}={value!r}" for option, value in options.items())
    return Series(
        key=f"{spec.name}({said})",
        name=name or spec.name,
        label=label or spec.title,
        hue=hue,
        evaluate=lambda x: value_and_slope(function, x),
    )


def grid(low: float, high: float, points: int, breaks: list[float]) -> Tensor:
    """Return a grid over [low, high] that brackets every break closely enough to be drawn as one."""
    even = torch.linspace(low, high, points, dtype=torch.float64)
    inside = [at for at in breaks if low < at < high]
    if not inside:
        return even
    at = torch.tensor(inside, dtype=torch.float64)
    width = (high - low) * 1e-9
    kept = even[(even[:, None] - at).abs().min(dim=1).values > 2 * width]
    return torch.cat([kept, at - width, at, at + width]).sort().values
