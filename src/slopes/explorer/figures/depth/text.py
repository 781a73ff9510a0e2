"""What the depth figure says: what survives, the formulas, the Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from slopes.explorer.figures.activations.entries import Entry
from slopes.explorer.figures.depth.network import BATCH, INITS, Forward, Net
from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.result import Correction, Formula
from slopes.explorer.figures.wording import latex_number, number

LIMITS: Final = {"float16": 2.0**-24, "float32": 2.0**-149}  # the least numbers above 0
_MOST: Final = {"float16": 65520.0, "float32": 3.4028236e38}
_ALIKE: Final = 3.0  # times apart, that two lines are told from each other
_SOME: Final = 0.02  # of the units
_KEPT: Final = 0.1  # times its size at the inputs: a signal that is worth its mean and variance


@dataclass(frozen=True, kw_only=True)
class Line:
    """An activation, and what went through its network."""

    entry: Entry
    forward: Forward
    back: tuple[float, ...]

    @property
    def label(self) -> str:
        """What the activation is called."""
        return self.entry.label


def reading(lines: Sequence[Line], depth: int) -> str:
    """Return what is left of the signal and of the gradient: of the first activation, then of the others."""
    first, *others = lines
    said = [_first(first, depth)]
    if len(others) == 1:
        said.append(
            f"{others[0].label}’s signal comes out at {_signal(others[0], depth)}, and it {_gradient(others[0])}."
        )
    elif others:
        signals = [(line.label, line.forward.sizes[depth]) for line in others]
        gradients = [(line.label, line.back[-1]) for line in others]
        said.append(f"Of the others, the signal {_kept(signals)}; of a gradient {_handed(gradients)}.")
    dead = max(lines, key=lambda line: line.forward.dead[depth])
    if (share := dead.forward.dead[depth]) > _SOME:
        said.append(f"In the last layer {number(100 * share, 2)} % of {dead.label}’s units are dead.")
    return " ".join(said)


def _first(line: Line, depth: int) -> str:
    size, mean = line.forward.sizes[depth], line.forward.means[depth]
    kept = ""
    if _KEPT < size < 1 / _KEPT:
        kept = f", with a mean of {number(mean, 2)} and a variance of {number(size**2 - mean**2, 2)}"
    through = f"Through {depth} layers {line.label}’s signal comes out at {_signal(line, depth)}"
    return f"{through}{kept}; of a gradient of 1 it {_gradient(line)}."


def _signal(line: Line, depth: int) -> str:
    return number(line.forward.sizes[depth], 2)


def _gradient(line: Line) -> str:
    return f"hands back {number(line.back[-1], 2)}{_lost(line.back[-1])}"


def _kept(found: list[tuple[str, float]]) -> str:
    (best, most), (worst, least) = _extremes(found)
    if best == worst or _ratio(most, least) < _ALIKE:
        return f"comes out at about {number(most, 2)} under each"
    return f"comes out at {number(most, 2)} under {best} and at {number(least, 2)} under {worst}"


def _handed(found: list[tuple[str, float]]) -> str:
    (best, most), (worst, least) = _extremes(found)
    if best == worst or _ratio(most, least) < _ALIKE:
        return f"each hands back about {number(most, 2)}{_lost(least)}"
    return f"{best} hands back {number(most, 2)} and {worst} {number(least, 2)}{_lost(least)}"


def _extremes(found: list[tuple[str, float]]) -> tuple[tuple[str, float], tuple[str, float]]:
    """Whose size is nearest to 1, and whose is farthest from it."""
    ordered = sorted(found, key=lambda one: abs(math.log(one[1])) if 0 < one[1] < math.inf else math.inf)
    return ordered[0], ordered[-1]


def _ratio(a: float, b: float) -> float:
    return max(a / b, b / a) if a > 0 and b > 0 else math.inf


def _lost(size: float) -> str:
    if size == 0 or not math.isfinite(size):
        return ""
    for name in ("float32", "float16"):
        if size <= LIMITS[name] / 2:
            return f", which {name} rounds to 0"
        if size > _MOST[name]:
            return f", which {name} rounds to ∞"
    return ""


def formulas(lines: Sequence[Line], net: Net, depth: int) -> tuple[Formula, ...]:
    """Return the variance of a weight, and what each activation multiplies the gradient by, layer by layer."""
    init = INITS[net.init]
    squared = "" if net.gain == 1 else rf"{latex_number(net.gain, 3)}^2 \cdot "
    start = rf"\operatorname{{Var}} w = {squared}{init.latex}"
    shown = rf"{start} = {latex_number(net.gain**2 * init.variance(net.width), 3)}\quad (n = {net.width})"
    made = [Formula(label=f"Weights: {init.label}", mathml=mathml(shown))]
    for line in lines:
        last = line.back[-1]
        factor = last ** (1 / depth) if 0 <= last < math.inf else math.nan
        latex = (
            rf"\sqrt[{depth}]{{\frac{{|g_0|}}{{|g_{{{depth}}}|}}}} = "
            rf"\sqrt[{depth}]{{{latex_number(last, 3)}}} = {latex_number(factor, 3)}"
        )
        label = f"{line.label}: what a layer multiplies the gradient by"
        made.append(Formula(label=label, mathml=mathml(latex), hue=line.entry.hue))
    return tuple(made)


def snippet(lines: Sequence[Line], net: Net, depth: int) -> str:
    """Return Python that prints the signal's size after all layers, and the gradient's at the inputs."""
    own = [line.entry.reference for line in lines if line.entry.spec is None and line.entry.reference]
    load = "from slopes.explorer.yours import load\n" if own else ""
    calls = "\n".join(f"    print(*through({_function(line.entry)}))" for line in lines)
    return _SNIPPET.format(
        load=load,
        seed=net.seed,
        batch=BATCH,
        width=net.width,
        depth=depth,
        fill=INITS[net.init].python,
        weight="w" if net.gain == 1 else f"({net.gain!r} * w)",
        bias="" if net.bias == 0 else f" + {net.bias!r}",
        calls=calls,
    )


_SNIPPET: Final = """\
import torch
import slopes
from slopes import activations as A
from torch import nn
{load}
generator = torch.Generator().manual_seed({seed})
x, up = (torch.randn({batch}, {width}, generator=generator, dtype=torch.float64) for _ in range(2))
x, up = (t / t.square().mean().sqrt() for t in (x, up))
weights = torch.empty({depth}, {width}, {width}, dtype=torch.float64)
for w in weights:
    {fill}


def through(activation):
    h = first = x.clone().requires_grad_()
    for w in weights:
        h = activation(h @ {weight}.T{bias})
    (gradient,) = torch.autograd.grad(h, first, up)
    return h.square().mean().sqrt().item(), gradient.square().mean().sqrt().item()


with slopes.exact():
{calls}
"""


def _function(entry: Entry) -> str:
    if entry.spec is None:
        return f"load({entry.reference!r})" if entry.reference else entry.label
    if not entry.chosen and entry.name != "prelu":
        return f"A.{entry.spec.name}"
    said = ", ".join(f"{name}={value!r}" for name, value in options(entry).items())
    return f"lambda z: A.{entry.spec.name}(z, {said})"


def options(entry: Entry) -> dict[str, float | str]:
    """Return an activation's own numbers, at their defaults, with the choice made."""
    known = entry.spec.parameters if entry.spec else ()
    return {**{p.name: p.default for p in known if isinstance(p.default, float | int | str)}, **dict(entry.chosen)}


CORRECTIONS: Final = (
    Correction(
        stated="ReLU’s gradient is exactly 1 for positive inputs, so that deep networks train without vanishing "
        "gradients.",
        holds="About half of the inputs are not positive, and a layer hands back half of the gradient’s square. He’s "
        "weights have twice the variance to make up for it; with LeCun’s, Xavier’s or nn.Linear’s ReLU fades too.",
    ),
)
