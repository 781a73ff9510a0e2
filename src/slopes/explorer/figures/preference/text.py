"""What the preference figure says: its reading, tables, formulas, snippet and corrections."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from torch import Tensor

from slopes.explorer.figures.preference.entries import PER_TOKEN, YOURS, Line, Setting
from slopes.explorer.figures.result import Correction, Table
from slopes.explorer.figures.wording import number

_STILL: Final = 1e-9  # less of the pull at the zero margin is none
_EVERY: Final = 3  # of the drawn points, one in three stands in the table


def reading(at: float, s: Setting, lines: list[Line], *, raw: bool) -> str:
    """Return one or two sentences on what is to be seen at this margin."""
    if not lines:
        return "Nothing could be drawn; the problem is named above."
    by_name = {line.entry.name: line for line in lines}
    start = f"At Δ = {number(at, 3)}"
    if raw and {"dpo", "ipo"} <= set(by_name) and by_name["dpo"].under[1]:
        ratio = abs(by_name["ipo"].under[1] / by_name["dpo"].under[1])
        return (
            f"{start} the slope of IPO is {number(ratio, 3)} times that of DPO: one is in nats squared, the other in "
            "nats. An optimiser that divides by the size of the gradient hides it; a sum of losses does not."
        )
    if s.share < 0 < at:
        return f"{start} both answers fell: {_fallen(at, s)}"
    said = [sentence(by_name[name]) for name, sentence in _SENTENCES.items() if name in by_name][:3]
    if not said:
        line = lines[0]
        said = [f"{line.entry.label} has the value {number(line.under[0], 3)} and the slope {number(line.under[1], 3)}"]
    return f"{start} {'; '.join(said)}."


def _fallen(at: float, s: Setting) -> str:
    chosen, rejected = (math.exp(side) for side in s.sides(at))
    return (
        f"the chosen one is {number(chosen, 2)} times as likely as under the reference, the rejected one "
        f"{number(rejected, 2)} times. DPO, IPO and the hinge see Δ alone and are as content as if the chosen one "
        "had gained; KTO, which looks at each answer, charges the chosen one more than at the start."
    )


def _of_dpo(line: Line) -> str:
    s, share = line.setting, f"with {number(100 * abs(line.pull), 3)} % of its first pull"
    if s.smoothing == 0:
        return f"DPO still pushes {share}, and never stops" if line.at else "DPO pushes, and will never stop"
    rest = _short(s.rests("dpo"))
    if line.pull < -_STILL:
        return f"DPO, told that {number(100 * s.smoothing, 2)} % of the labels are wrong, pulls back to {rest}"
    return f"DPO with ε = {number(s.smoothing, 2)} pushes {share} and rests at {rest}"


def _of_ipo(line: Line) -> str:
    goal = _short(line.setting.goal)
    if abs(line.pull) < _STILL:
        return f"IPO is at rest at its target {goal}"
    if line.pull < 0:
        return f"IPO is past its target {goal} and pulls back with {number(-100 * line.pull, 3)} % of its first pull"
    return f"IPO pushes towards its target {goal}"


def _of_hinge(line: Line) -> str:
    end = line.setting.end
    return (
        f"the hinge has stopped at {_short(end)}" if line.at >= end else f"the hinge pushes evenly until {_short(end)}"
    )


def _of_bradley_terry(line: Line) -> str:
    right = math.exp(-line.under[0])
    return (
        f"Bradley-Terry gives the order that people chose a probability of {_short(right)}; with the implicit reward "
        "β ρ as its reward it is DPO without label smoothing"
    )


def _of_kto(line: Line) -> str:
    s = line.setting
    if s.kl > 0 and 0 < s.share < 1:
        return (
            f"KTO measures each answer against z₀ = {_short(s.kl)} nats and pulls most where a log-ratio meets it, "
            f"the chosen one's at Δ = {_short(s.kl / s.share)} and the rejected one's at "
            f"{_short(s.kl / (s.share - 1))}; here its slope is {_short(line.under[1])}"
        )
    return f"KTO, which saturates on both sides, has {number(100 * line.pull, 3)} % of its first pull"


def _of_orpo(line: Line) -> str:
    if math.isnan(line.under[0]):
        return "ORPO has no value, since a probability would be above 1"
    share = number(100 * line.pull, 3)
    return f"ORPO sees {number(line.at / line.setting.tokens, 2)} nats per token and has {share} % of its first pull"


def _short(value: float) -> str:
    return number(value, 3)


_SENTENCES: Final[dict[str, Callable[[Line], str]]] = {
    "dpo": _of_dpo,
    "ipo": _of_ipo,
    "hinge": _of_hinge,
    "bradley_terry": _of_bradley_terry,
    "kto": _of_kto,
    "orpo": _of_orpo,
}


def readings(at: float, s: Setting, lines: list[Line]) -> Table:
    """Return value and slope of each loss, and how much of its first pull is left."""
    rows = tuple(
        (
            line.entry.label,
            _or_none(line.under[0]),
            _or_none(line.under[1]),
            f"{number(100 * line.pull, 3)} %" if math.isfinite(line.pull) else "none",
            _rest(line),
        )
        for line in lines
    )
    return Table(
        title=f"At Δ = {number(at, 4)}, an implicit reward margin β Δ = {number(s.beta * at, 4)}",
        columns=("", "loss", "slope by Δ", "pull, of that at Δ = 0", "rests at Δ ="),
        rows=rows,
        hues=tuple(line.entry.hue for line in lines),
    )


def _rest(line: Line) -> str:
    place = line.setting.rests(line.entry.name)
    if not math.isinf(place):
        return number(place, 4)
    if not math.isinf(line.turn):
        return f"about {number(line.turn, 3)}"
    return "not in the plot" if line.entry.name == YOURS else "never"


def held(at: float, s: Setting, lines: list[Line]) -> Table:
    """Return what each loss is given at this margin, and what is held fixed to draw it over one axis."""
    chosen, rejected = s.sides(at)
    split = f"s = {number(s.share, 2)}: log-ratios {number(chosen, 3)} and {number(rejected, 3)}"
    level = f"{number(s.tokens, 3)} tokens each, {number(PER_TOKEN)} nat a token where Δ = 0; {split}"
    given = {
        "dpo": ("β Δ", number(s.beta * at, 4), "β; how Δ is split between the answers does not matter"),
        "ipo": ("Δ", number(at, 4), "β; log-ratios are summed over the answer's tokens, as in the paper"),
        "hinge": ("β Δ", number(s.beta * at, 4), "β, and the lead of 1 that is asked for"),
        "kto": (
            "β (ρ − z₀) of each answer for itself",
            f"{number(s.beta * (chosen - s.kl), 3)} and {number(s.beta * (rejected - s.kl), 3)}",
            f"β and z₀ = {number(s.kl, 3)}; {split}; the mean over one desirable and one undesirable answer",
        ),
        "orpo": (
            "mean log-probability of each answer's tokens, no reference",
            f"{number(PER_TOKEN + chosen / s.tokens, 3)} and {number(PER_TOKEN + rejected / s.tokens, 3)}",
            f"{level}; λ = 1 and the odds ratio alone, without the likelihood",
        ),
        "bradley_terry": (
            "rewards of the two answers",
            f"{number(s.beta * chosen, 3)} and {number(s.beta * rejected, 3)}",
            "the reward is β times the log-ratio; no lead is asked for",
        ),
        YOURS: ("β Δ as its prediction, 1 as its target", number(s.beta * at, 4), "β"),
    }
    return Table(
        title="What each is given, and what is held fixed",
        columns=("", "sees", "now", "held fixed"),
        rows=tuple((line.entry.label, *given[line.entry.name]) for line in lines)
        or (("nothing is drawn", "", "", ""),),
        hues=tuple(line.entry.hue for line in lines),
    )


def data(margins: Tensor, lines: list[Line]) -> Table:
    """Return the values and slopes as the library returns them."""

    def rows() -> tuple[tuple[str, ...], ...]:
        cells = [column for line in lines for column in (line.value.tolist(), line.slope.tolist())]
        return tuple(
            (number(x, 4), *(_or_none(column[i]) for column in cells))
            for i, x in list(enumerate(margins.tolist()))[::_EVERY]
        )

    heads = [head for line in lines for head in (line.entry.label, f"{line.entry.label}, slope")]
    return Table(title="Data of the charts, not aligned", columns=("Δ", *heads), fill=rows)


def snippet(at: float, s: Setting, lines: list[Line], own_from: str) -> str:
    """Return Python that prints value and slope of each loss at this margin."""
    calls = {
        "dpo": f"L.dpo(chosen, rejected, zero, zero, beta={s.beta!r}, label_smoothing={s.smoothing!r})",
        "ipo": f"L.ipo(chosen, rejected, zero, zero, beta={s.beta!r})",
        "hinge": f"L.hinge({s.beta!r} * margin, torch.ones_like(margin))",
        "kto": f"L.kto(torch.stack([chosen, rejected]), torch.stack([zero, zero]), good, {s.kl!r}, beta={s.beta!r})",
        "orpo": f"L.orpo(chosen / {s.tokens!r} - 1, rejected / {s.tokens!r} - 1, zero, lam=1.0)",
        "bradley_terry": f"L.bradley_terry({s.beta!r} * chosen, {s.beta!r} * rejected)",
        YOURS: f"{f'load({own_from!r})' if own_from else _name(lines)}({s.beta!r} * margin, torch.ones_like(margin))",
    }
    said = [calls[line.entry.name] for line in lines]
    imports = ["import torch", "import slopes", "from slopes import losses as L"]
    if own_from and any(line.entry.name == YOURS for line in lines):
        imports.append("from slopes.explorer.yours import load")
    return "\n".join(
        [
            *imports,
            "",
            f"margin = torch.tensor({at!r}, dtype=torch.float64, requires_grad=True)",
            f"chosen, rejected = {s.share!r} * margin, ({s.share!r} - 1) * margin  # log-ratios to the reference",
            "zero, good = torch.zeros_like(margin), torch.tensor([True, False])",
            "with slopes.exact():",
            "    for loss in [",
            *(f"        {call}," for call in said),
            "    ]:",
            "        print(loss.item(), torch.autograd.grad(loss, margin, retain_graph=True)[0].item())",
            "",
        ]
    )


def _name(lines: list[Line]) -> str:
    return next((line.entry.label for line in lines if line.entry.name == YOURS), YOURS)


def corrections(beta: float) -> tuple[Correction, ...]:
    """Return what is told otherwise elsewhere."""
    goal = number(0.5 / beta, 3)
    return (
        Correction(
            stated="DPO makes the chosen answer more likely and the rejected one less.",
            holds="It widens the difference of their log-ratios. The margin may grow while the chosen answer becomes "
            "less likely too, as long as the rejected one falls faster.",
        ),
        Correction(
            stated="IPO with β = 0.1 is the same everywhere.",
            holds="The paper sums log-ratios over the tokens of an answer, TRL averages them. With the present β the "
            f"target of {goal} nats is one for the whole answer in the first and one for each token in the second. "
            "slopes.losses.ipo takes the log-probabilities as they are given.",
        ),
        Correction(
            stated="IPO's bounded gradient keeps it from fitting preferences without end.",
            holds="Its gradient grows with the distance from the target, without bound. What is bounded is the margin "
            "that it asks for; DPO is the one whose gradient is bounded, by β, and whose margin is not.",
        ),
        Correction(
            stated="All of the DPO family inherit its frozen reference.",
            holds="ORPO has no reference: it compares the policy's own odds.",
        ),
    )


def _or_none(value: float) -> str:
    return "none" if math.isnan(value) else number(value, 6)
