"""What the ppo-clip figure says: its reading, tables, formulas, snippet and corrections."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.ppo_clip.clipped import At, Line, Setting, at, where
from slopes.explorer.figures.result import Correction, Formula, Table
from slopes.explorer.figures.wording import bracketed, latex_number, number

_EVERY: Final = 4  # of the drawn points, one in four stands in the table

CORRECTIONS: Final = (
    Correction(
        stated="The clip keeps the ratio between 1 − ε and 1 + ε.",
        holds="It only takes the slope away from a sample that has gone the right way so far. The other samples, "
        "which share its weights, and the optimiser's momentum go on moving it, and nothing pulls it back.",
    ),
    Correction(
        stated="The clip bounds the gradient.",
        holds="With A < 0 and an action that has become likelier all the same, the slope by the log-probability is "
        "r A, and grows with r without end. Dual-clip PPO was made for that.",
    ),
    Correction(
        stated="Clipping is a KL penalty in another form.",
        holds="A penalty pulls back towards the old policy, the harder the farther it has gone. The clip never pulls "
        "back: beyond it the slope is 0. RLHF adds the penalty beside the clip, and towards another policy, the "
        "reference.",
    ),
    Correction(
        stated="ε decides how large the first step is.",
        holds="At r = 1, where each batch begins, the slope is A whatever ε is: the plain policy gradient. The clip "
        "speaks from the second step on.",
    ),
)


def _n(value: float) -> str:
    return number(value, 3)


def reading(s: Setting, here: At) -> str:
    """Return whether this sample still pulls, and why."""
    wish, direction = ("more", "up") if s.advantage > 0 else ("less", "down")
    end, side = (s.high, "above") if s.advantage > 0 else (s.low, "below")
    place = where(s)
    if place == "rest":
        return (
            f"An advantage of 0 says that the action was as good as expected: at r = {_n(s.ratio)}, and at every other "
            "ratio, nothing pulls."
        )
    if place == "edge":
        return (
            f"r = {_n(s.ratio)} stands on the edge of the clip, and A = {_n(s.advantage)} wants {wish} of this action: "
            f"one step further {direction}, and the slope is 0."
        )
    if place == "inside":
        return (
            f"r = {_n(s.ratio)} lies within {_n(s.low)} to {_n(s.high)}, where nothing is clipped: the slope by r is "
            f"the advantage itself, {_n(here.by_ratio)}, as if there were no clip."
        )
    if place == "past":
        return (
            f"A = {_n(s.advantage)} wants {wish} of this action, and r = {_n(s.ratio)} has gone that way already, "
            f"{side} {_n(end)}: the slope is {_n(here.by_ratio)}. The sample has stopped pushing; nothing pulls it "
            "back."
        )
    return (
        f"A = {_n(s.advantage)} wants {wish} of this action, but r = {_n(s.ratio)} has gone the wrong way. The clip "
        f"did not stop that and does not bound it now: the smaller term is the unclipped one, with its full slope of "
        f"{_n(here.by_ratio)} by r and {_n(here.by_log)} by the log-probability."
    )


def readings(s: Setting, here: At) -> Table:
    """Return both terms of the minimum, which of them counts, and the slopes."""
    whole, held = s.ratio * s.advantage, s.clipped * s.advantage
    counts = "the same" if whole == held else "unclipped" if whole < held else "clipped"
    rows = (
        ("r A, unclipped", number(whole, 5)),
        ("clip(r) A, clipped", number(held, 5)),
        ("the smaller one, which is maximised", f"{number(here.value, 5)} ({counts})"),
        ("slope by r", number(here.by_ratio, 5)),
        ("slope by log π", number(here.by_log, 5)),
    )
    return Table(
        title=f"At r = {number(s.ratio, 4)}, A = {number(s.advantage, 4)}, ε = {number(s.clip, 4)}",
        columns=("", "now"),
        rows=rows,
        note="slopes.losses.ppo returns this with the opposite sign, as a loss to be minimised.",
    )


def cases(s: Setting) -> Table:
    """Return every way in which a ratio can lie, at the present size of A and at ε."""
    size = abs(s.advantage)
    rows = []
    for advantage in (size, -size):
        for word, ratio in (("fallen", 1 - 1.5 * s.clip), ("as sampled", 1.0), ("risen", 1 + 1.5 * s.clip)):
            if ratio > 0:
                rows.append(_case(s, advantage, word, ratio))
    return Table(
        title="All the cases",
        columns=("", "r is", "the minimum takes", "value", "slope by r", "slope by log π"),
        rows=tuple(rows),
    )


def _case(s: Setting, advantage: float, word: str, ratio: float) -> tuple[str, ...]:
    there = at(ratio, advantage, s.clip)
    place = where(Setting(ratio=ratio, advantage=advantage, clip=s.clip, by=s.by))
    takes = {"past": "the clipped term", "wrong": "the unclipped term"}.get(place, "either, they are equal")
    said = (number(value, 4) for value in (there.value, there.by_ratio, there.by_log))
    return (f"A = {number(advantage, 3)}", f"{number(ratio, 3)}, {word}", takes, *said)


def data(s: Setting, chosen: Line, other: Line) -> Table:
    """Return objective and slope over the ratio, for both signs of the advantage."""

    def rows() -> tuple[tuple[str, ...], ...]:
        columns = [column.tolist() for one in (chosen, other) for column in (one.value, one.slope)]
        return tuple(
            (number(x, 4), *(number(column[i], 5) for column in columns))
            for i, x in list(enumerate(chosen.x.tolist()))[::_EVERY]
        )

    heads = [f"A = {number(a, 3)}" for a in (s.advantage, -s.advantage)]
    columns = ("r", *(head for name in heads for head in (name, f"{name}, slope")))
    return Table(title="Data of the charts", columns=columns, fill=rows)


def formulas(s: Setting, here: At) -> tuple[Formula, ...]:
    """Return the objective and its slope with the present numbers put in."""
    a, r, held = (bracketed(latex_number(v, 4)) for v in (s.advantage, s.ratio, s.clipped))
    objective = (
        r"\min\left(r A,\ \mathrm{clip}(r, 1 - \epsilon, 1 + \epsilon)\,A\right) = "
        rf"\min({r} \cdot {a}, {held} \cdot {a}) = {latex_number(here.value, 4)}"
    )
    which = "0" if where(s) in {"past", "rest"} else latex_number(here.by_ratio, 4)
    slope = rf"\frac{{d}}{{dr}} = {which}"
    log = (
        rf"\frac{{d}}{{d\log\pi}} = r\,\frac{{d}}{{dr}} = {r} \cdot {bracketed(which)} = {latex_number(here.by_log, 4)}"
    )
    return (
        Formula(label="Objective", mathml=mathml(objective)),
        Formula(label="Its slopes", mathml=mathml(slope)),
        Formula(label="Its slopes", mathml=mathml(log)),
    )


def snippet(s: Setting) -> str:
    """Return Python that prints the objective and its slopes by the ratio and by the log-probability."""
    return _SNIPPET.format(r=s.ratio, a=s.advantage, clip=s.clip)


_SNIPPET: Final = """\
import torch
import slopes
from slopes import losses as L

r = torch.tensor({r!r}, dtype=torch.float64, requires_grad=True)
log_ratio = r.log()
advantage = torch.tensor({a!r}, dtype=torch.float64)
with slopes.exact():
    objective = -L.ppo(log_ratio, torch.zeros_like(r), advantage, clip={clip!r})
    print(objective.item())
    print(*(slope.item() for slope in torch.autograd.grad(objective, (r, log_ratio))))
"""
