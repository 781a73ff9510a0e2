"""What the binary-losses figure says: who pulls, who whispers, who is silent, who pushes back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch

from slopes.explorer.figures.binary_losses.entries import RIGHT, WRONG, Entry, Line, Options, line
from slopes.explorer.figures.result import Correction, Table
from slopes.explorer.figures.wording import listed, number

_HARD: Final = 0.5
_FAINT: Final = 0.05
_SURE: Final = 0.1  # of the truth: a mistake that is sure of itself
_GONE: Final = 1e-6  # of a gradient, at the farthest probe

Pull = tuple[str, float]  # label of a loss, and how hard it pulls towards the truth


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A loss that could be evaluated: its line, and value and slope under the cursor."""

    entry: Entry
    options: Options
    line: Line
    value: float
    slope: float


def reading(y: float, p: float, drawn: Sequence[Drawn]) -> str:
    """Return one sentence on how hard each loss pulls.

    Args:
        y: The label, 0 or 1.
        p: The probability that the logit gives to a label of 1.
        drawn: The losses.
    """
    if not drawn:
        return "Nothing could be drawn; the reason stands above."
    side = 1.0 if y == 1 else -1.0
    truth = p if y == 1 else 1 - p
    pulls = [(d.entry.label, -side * d.slope) for d in drawn]
    said = "; ".join(part for part in _parts(pulls) if part)
    faint = truth < _SURE and any(_kind(pull) == "faint" for _, pull in pulls)
    after = " A whisper hardly mends so sure a mistake." if faint else ""
    return f"With {number(100 * truth, 3)} % on the truth, y = {y:.0f}, {said}.{after}"


def _parts(pulls: Sequence[Pull]) -> list[str]:
    groups: dict[str, list[Pull]] = {"hard": [], "some": [], "faint": [], "none": [], "back": [], "odd": []}
    for pull in pulls:
        groups[_kind(pull[1])].append(pull)
    return [
        _say(groups["hard"], "pulls hard", "pull hard"),
        _say(groups["some"], "pulls a little", "pull a little"),
        _say(groups["faint"], "whispers", "whisper"),
        _say(groups["none"], "is silent", "are silent", numbers=False),
        _say(groups["back"], "pushes back, away from the truth", "push back, away from the truth"),
        _say(groups["odd"], "has a gradient that is no number", "have gradients that are no numbers", numbers=False),
    ]


def _kind(pull: float) -> str:
    if math.isnan(pull):
        return "odd"
    if pull == 0:
        return "none"
    if pull < 0:
        return "back"
    return "hard" if pull >= _HARD else "some" if pull >= _FAINT else "faint"


def _say(pulls: Sequence[Pull], one: str, many: str, *, numbers: bool = True) -> str:
    if not pulls:
        return ""
    named = [f"{label} ({number(abs(pull), 3)})" if numbers else label for label, pull in pulls]
    return f"{listed(named)} {one if len(pulls) == 1 else many}"


def readings(z: float, y: float, drawn: Sequence[Drawn]) -> Table:
    """Return value and slope of each loss under the crosshair."""
    rows = tuple((d.entry.label, number(d.value, 6), number(d.slope, 6)) for d in drawn)
    hues = tuple(d.entry.hue for d in drawn)
    title = f"At z = {number(z, 6)}, y = {y:.0f}"
    return Table(title=title, columns=("", "loss", "gradient by z"), rows=rows, hues=hues)


def far_out(y: float, drawn: Sequence[Drawn]) -> Table:
    """Return what is left of each gradient the surer the mistake is."""
    sign = "−" if y == 1 else ""
    right = "" if y == 1 else "−"
    heads = (
        "",
        *(f"z = {sign}{far:g}" for far in WRONG[:-1]),
        "on a sure mistake",
        f"right, z = {right}{RIGHT:g}",
    )
    rows = tuple(
        (d.entry.label, *(number(slope, 3) for slope in d.line.wrong[:-1]), _verdict(d.line), number(d.line.right, 3))
        for d in drawn
    )
    note = f"Gradients by the logit; the verdict is that of |z| = {WRONG[-1]:g} on the wrong side."
    hues = tuple(d.entry.hue for d in drawn)
    return Table(title="What is left of the gradient", columns=heads, rows=rows, hues=hues, note=note)


def _verdict(drawn: Line) -> str:
    last, before = abs(drawn.wrong[-1]), abs(drawn.wrong[-2])
    if not math.isfinite(last):
        return "no number"
    if last < _GONE:
        return "dies out"
    return "keeps pulling" if math.isclose(last, before, rel_tol=1e-3) else "pulls ever harder"


def data(drawn: Sequence[Drawn]) -> Table:
    """Return some of the charts' own points."""

    def rows() -> tuple[tuple[str, ...], ...]:
        places = [{x: i for i, x in enumerate(d.line.x.tolist())} for d in drawn]
        shared = [x for x in (places[0] if places else {}) if all(x in place for place in places)]
        return tuple(
            (
                number(x, 5),
                *(_cell(v[place[x]].item()) for d, place in zip(drawn, places, strict=True) for v in _both(d)),
            )
            for x in shared[::3]
        )

    heads = ("z", *(head for d in drawn for head in (d.entry.label, f"{d.entry.label}, gradient")))
    return Table(title="Data of the charts", columns=heads, fill=rows)


def _both(d: Drawn) -> tuple[torch.Tensor, torch.Tensor]:
    return d.line.values, d.line.slopes


def _cell(value: float) -> str:
    return "jump" if math.isnan(value) else number(value, 5)


def snippet(z: float, y: float, drawn: Sequence[Drawn]) -> str:
    """Return Python that prints loss and gradient of each."""
    own = any(d.entry.call.startswith("load(") for d in drawn)
    calls = "".join(f"        {_call(d)},\n" for d in drawn)
    return _SNIPPET.format(load="from slopes.explorer.yours import load\n" if own else "", z=z, y=y, calls=calls)


def _call(d: Drawn) -> str:
    return d.entry.call.replace("{options}", "".join(f", {name}={value!r}" for name, value in d.options))


_SNIPPET: Final = """\
import torch
import slopes
from slopes import activations as A, losses as L
{load}
z = torch.tensor({z!r}, dtype=torch.float64, requires_grad=True)
y = torch.tensor({y!r}, dtype=torch.float64)
with slopes.exact():
    for loss in (
{calls}    ):
        print(loss.item(), torch.autograd.grad(loss, z)[0].item())
"""


@lru_cache(maxsize=4)
def corrections(squared: Entry, asymmetric: Entry) -> tuple[Correction, ...]:
    """Return what does not hold, with figures that do."""
    third = torch.tensor([1 / 3], dtype=torch.float64).logit()
    most = squared.evaluate(third, 1.0, ())[1].item()
    standard = (("gamma_negative", 4.0), ("gamma_positive", 1.0), ("clip", 0.05))
    value, slope = asymmetric.evaluate(torch.tensor([10.0], dtype=torch.float64), 0.0, standard)
    far = line(squared, 1.0, ()).wrong[2]
    return (
        Correction(
            stated="Under MSE on the probability, more wrong means a smaller nudge.",
            holds=f"Only beyond p = 1/3, where its gradient is largest, {number(abs(most), 3)}. From there it falls "
            f"the surer the mistake is, to {number(abs(far), 2)} at z = −10, where that of cross-entropy is 1.",
        ),
        Correction(
            stated="The asymmetric loss only throws easy negatives away.",
            holds="Its shift also caps what a negative can cost. A sure false alarm at z = 10 costs "
            f"{number(value.item(), 3)} and has a gradient of {number(slope.item(), 2)}: mistakes of the model and of "
            "the labels are forgiven alike.",
        ),
    )
