"""Label smoothing over the lead of the best logit, beside a teacher and a student at a temperature."""

from __future__ import annotations

import math
from typing import Final

from torch import Tensor

from slopes.explorer.figures.calibration import text
from slopes.explorer.figures.calibration.smoothing import AHEAD, BEHIND, Over, Smoothed, over_leads
from slopes.explorer.figures.calibration.teaching import (
    COOLEST,
    HOTTEST,
    NAMES,
    STUDENTS,
    Lesson,
    lesson,
    over_temperatures,
)
from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure, Preset
from slopes.explorer.figures.parameters import Choice, Number, Option
from slopes.explorer.figures.result import Columns, Result
from slopes.explorer.figures.state import State, real, word
from slopes.shown import layout, palette

_HUES: Final = {"hard": palette.INK, "all": palette.BLUE, "others": palette.ORANGE}
_LABELS: Final = {"hard": "hard labels", "all": "over all", "others": "over others"}
_NORMS: Final = (2e-4, 20.0)
_TOP: Final = 1.12  # of the shares, so that a bar of 1 has room for what it says

_PARAMETERS: Final = (
    Number(
        name="lead",
        label="Lead of the best logit",
        symbol="g",
        low=BEHIND,
        high=AHEAD,
        step=0.05,
        default=8.0,
        help="How far it is ahead of all others, which are equal.",
    ),
    Number(
        name="smoothing",
        label="Smoothing",
        symbol=r"\epsilon",
        low=0.0,
        high=0.5,
        step=0.01,
        default=0.1,
        help="The share of the target that is spread; 0 leaves hard labels.",
    ),
    Choice(
        name="over",
        label="Spread over",
        options=(
            Option(value="all", label="all classes, as torch does", hue=_HUES["all"]),
            Option(value="others", label="the other classes", hue=_HUES["others"]),
        ),
        default="all",
    ),
    Number(
        name="t",
        label="Temperature of the teacher",
        symbol="T",
        low=COOLEST,
        high=HOTTEST,
        step=0.01,
        default=4.0,
        log=True,
        help="The logits of teacher and student are divided by it.",
    ),
    Choice(
        name="classes",
        label="Classes K",
        options=tuple(Option(value=str(k), label=str(k)) for k in (2, 4, 10, 100, 1000)),
        default="10",
        more=True,
    ),
    Choice(
        name="student",
        label="Student",
        options=tuple(Option(value=name, label=label) for name, (label, _) in STUDENTS.items()),
        default="sure",
        more=True,
    ),
)
_PRESETS: Final = (
    Preset(label="Too sure: pulled back", state={}),
    Preset(label="Hard labels never rest", state={"smoothing": 0.0}),
    Preset(label="At rest", state={"lead": 4.51}),
    Preset(label="A thousand classes", state={"classes": "1000"}),
    Preset(label="Hot: T² carries it all", state={"t": 20.0}),
    Preset(label="Who mixes up wolf and van", state={"t": 2.0, "student": "swapped"}),
)


def build(_: Context) -> Figure:
    """Return the figure."""
    return Figure(
        id="calibration",
        parameters=_PARAMETERS,
        presets=_PRESETS,
        compute=_compute,
        cursor="lead",
        cursor_on=("loss", "slope"),
    )


def _compute(state: State) -> Result:
    lead, eps, t, who = real(state, "lead"), real(state, "smoothing"), real(state, "t"), word(state, "student")
    over: Over = "all" if word(state, "over") == "all" else "others"
    losses = _losses(eps, int(word(state, "classes")))
    chosen = losses[over]
    here, told = chosen.here(lead), lesson(who, t)
    lines = {name: over_leads(loss) for name, loss in losses.items()}
    signals = _signals(lines)
    datasets = {
        **_smoothed(lead, over, losses, lines, signals),
        **_shares(told),
        **_sizes(told, over_temperatures(who)),
    }
    named = {_LABELS[name]: (loss, _HUES[name]) for name, loss in losses.items()}
    return Result(
        datasets=datasets,
        signals=signals,
        reading=text.reading(lead, chosen, here, told),
        readings=text.readings(lead, named),
        tables=(
            text.lessons(who, told, lesson(who, 1.0)),
            *text.data({_LABELS[name]: line for name, line in lines.items()}, over_temperatures(who)),
        ),
        formulas=text.formulas(lead, chosen, here, told),
        snippet=text.snippet(lead, chosen, who, t),
        printed=(*here, chosen.rest, *told.norms[:2]),
        corrections=text.CORRECTIONS,
    )


def _losses(eps: float, classes: int) -> dict[str, Smoothed]:
    return {
        "hard": Smoothed(smoothing=0.0, over="all", classes=classes),
        "all": Smoothed(smoothing=eps, over="all", classes=classes),
        "others": Smoothed(smoothing=eps, over="others", classes=classes),
    }


def _signals(lines: dict[str, tuple[Tensor, Tensor, Tensor]]) -> dict[str, float]:
    signals = {"x_low": BEHIND, "x_high": AHEAD, "p_low": 0.0, "p_high": _TOP}
    signals |= {"norm_low": _NORMS[0], "norm_high": _NORMS[1]}
    for place, quantity in ((1, "value"), (2, "slope")):
        low, high = layout.axis([v for line in lines.values() for v in line[place].tolist()])
        signals |= {f"{quantity}_low": low, f"{quantity}_high": high}
    return signals


def _smoothed(
    lead: float,
    over: Over,
    losses: dict[str, Smoothed],
    lines: dict[str, tuple[Tensor, Tensor, Tensor]],
    signals: dict[str, float],
) -> dict[str, Columns]:
    """The lines over the lead, where each rests, and what is under the cursor."""
    under = {name: loss.here(lead) for name, loss in losses.items()}
    rests = {name: loss for name, loss in losses.items() if BEHIND <= loss.rest <= AHEAD}
    hues = list(_HUES.values())
    return {
        "chosen": _columns([over], lines),
        "others": _columns([name for name in lines if name != over], lines),
        "cursor": {"x": [lead]},
        "rests": {
            "x": [loss.rest for loss in rests.values()],
            "value": [loss.floor for loss in rests.values()],
            "slope": [0.0] * len(rests),
            "hue": [_HUES[name] for name in rests],
        },
        "reading": {
            "x": [lead] * len(under),
            "value": [value for value, _ in under.values()],
            "slope": [slope for _, slope in under.values()],
            "hue": hues,
        },
        "ends": {
            "label": list(_LABELS.values()),
            "hue": hues,
            **{
                f"{quantity}_label": layout.spread(
                    [line[place][-1].item() for line in lines.values()],
                    signals[f"{quantity}_low"],
                    signals[f"{quantity}_high"],
                )
                for place, quantity in ((1, "value"), (2, "slope"))
            },
        },
    }


def _columns(names: list[str], lines: dict[str, tuple[Tensor, Tensor, Tensor]]) -> Columns:
    return {
        "series": [name for name in names for _ in range(len(lines[name][0]))],
        "hue": [_HUES[name] for name in names for _ in range(len(lines[name][0]))],
        "x": [v for name in names for v in lines[name][0].tolist()],
        "value": [v for name in names for v in lines[name][1].tolist()],
        "slope": [v for name in names for v in lines[name][2].tolist()],
    }


def _shares(told: Lesson) -> dict[str, Columns]:
    pairs = [("teacher", text.TEACHER_HUE, told.teacher.tolist()), ("student", text.STUDENT_HUE, told.student.tolist())]
    return {
        "shares": {
            "label": list(NAMES) * 2,
            "series": [series for series, _, _ in pairs for _ in NAMES],
            "hue": [hue for _, hue, _ in pairs for _ in NAMES],
            "p": [p for _, _, shares in pairs for p in shares],
            "said": [_short(p) for _, _, shares in pairs for p in shares],
        },
        "who": {
            "label": [series for series, _, _ in pairs],
            "hue": [hue for _, hue, _ in pairs],
            "p_label": [1.0, 0.9],
        },
    }


def _short(p: float) -> str:
    """What a bar says, in hundredths; one that cannot be seen says nothing."""
    rounded = round(100 * p)
    return str(rounded) if rounded else ""


def _sizes(told: Lesson, sizes: tuple[Tensor, Tensor]) -> dict[str, Columns]:
    t, norms = sizes
    hues = [palette.GREEN, palette.PURPLE, palette.INK]
    labels = ["with T²", "without", "hard label"]
    hard = told.norms[2]
    lines = [norms.tolist(), (norms / t**2).tolist(), [hard] * len(t)]
    low, high = (math.log(end) for end in _NORMS)
    placed = layout.spread([math.log(line[-1]) for line in lines], low, high)
    return {
        "sizes": {
            "series": [label for label in labels for _ in t.tolist()],
            "hue": [hue for hue in hues for _ in t.tolist()],
            "t": t.tolist() * len(lines),
            "norm": [v for line in lines for v in line],
        },
        "at_t": {"t": [told.temperature]},
        "sizes_reading": {"t": [told.temperature] * len(lines), "norm": list(told.norms), "hue": hues},
        "sizes_ends": {"label": labels, "hue": hues, "norm_label": [math.exp(height) for height in placed]},
    }
