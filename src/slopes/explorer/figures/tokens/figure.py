"""A short text under two tasks and three masks, the loss of each position, and perplexities."""

from __future__ import annotations

import math
from typing import Final

import slopes
from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure, Preset
from slopes.explorer.figures.parameters import Choice, Number, Option
from slopes.explorer.figures.result import Columns, Result, Table
from slopes.explorer.figures.state import State, real, word
from slopes.explorer.figures.tokens.model import MANY, Told, fates, joint, masked, next_token, second
from slopes.explorer.figures.tokens.sentence import TOKENS
from slopes.explorer.figures.tokens.text import corrections, formulas, reading, snippet
from slopes.explorer.figures.wording import number
from slopes.shown import palette

_LEFT, _RIGHT = 0.36, 0.64  # where the two columns of words stand
_HEAD: Final = 0.95  # above the first row
_HUES: Final = (palette.BLUE, palette.GREEN, palette.VERMILLION, palette.PURPLE)

_TASK: Final = Choice(
    name="task",
    label="Task",
    options=(
        Option(value="next", label="the next token"),
        Option(value="mlm", label="tokens that were masked out"),
    ),
    default="next",
)
_MASK: Final = Choice(
    name="mask",
    label="What counts",
    options=(
        Option(value="all", label="every real token"),
        Option(value="answer", label="the answer only"),
        Option(value="padding", label="padding too, by mistake"),
    ),
    default="all",
    belongs_to=("next",),
)
_LOGIT: Final = Number(
    name="paris",
    label="Logit of Paris",
    symbol="z",
    low=-4.0,
    high=8.0,
    step=0.1,
    default=3.0,
    help="Where Paris is asked for; the other logits stay.",
)
_SHARE: Final = Number(
    name="share",
    label="Share that is chosen",
    low=0.05,
    high=0.95,
    step=0.05,
    default=0.15,
    belongs_to=("mlm",),
    help="15 % in BERT.",
)
_DRAW: Final = Number(
    name="draw",
    label="Draw",
    low=1.0,
    high=60.0,
    step=1.0,
    default=1.0,
    belongs_to=("mlm",),
    help="Chance chooses again.",
)
_PRESETS: Final = (
    Preset(label="Every token", state={}),
    Preset(label="Only the answer", state={"mask": "answer"}),
    Preset(label="Padding by mistake", state={"mask": "padding"}),
    Preset(label="One surprise", state={"paris": -3.0}),
    Preset(label="15 % chosen", state={"task": "mlm", "draw": 40.0}),
    Preset(label="Half chosen", state={"task": "mlm", "share": 0.5, "draw": 9.0}),
)


def build(_: Context) -> Figure:
    """Return the figure."""
    return Figure(
        id="tokens",
        parameters=(_TASK, _MASK, _LOGIT, _SHARE, _DRAW),
        presets=_PRESETS,
        compute=_compute,
    )


def _compute(state: State) -> Result:
    task, mask, logit = word(state, "task"), word(state, "mask"), real(state, "paris")
    with slopes.exact():
        other = second(task)
        if task == "next":
            now = next_token(mask, logit)
        else:
            now = masked(real(state, "share"), round(real(state, "draw")), logit)
        told = corrections()
    both = joint(now, other)
    rows = len(TOKENS)
    top = 1.08 * max(2.0, *(place.loss for place in now.places))
    return Result(
        datasets={**_shift(now, task), **_losses(now), "texts": _texts(now, other)},
        signals={
            "side_low": 0.0,
            "side_high": 1.0,
            "row_low": 0.4 - rows,
            "row_high": 1.4,
            "loss_low": 0.0,
            "loss_high": top,
            "ppl_low": 0.0,
            "ppl_high": 1.2 * max([other.perplexity, both, now.perplexity if now.count else 0.0]),
        },
        reading=reading(task, mask, now, other),
        readings=_readings(now, other),
        tables=(_positions(now), _fates(real(state, "share"))),
        formulas=formulas(now, other),
        snippet=snippet(task, mask, now, other),
        printed=(now.mean, math.exp(now.mean), both),
        corrections=told,
    )


def _shift(now: Told, task: str) -> dict[str, Columns]:
    shown = [place.shown for place in now.places]
    if task == "next":
        shown.append(TOKENS[-1])
    by = 1 if task == "next" else 0  # rows between a token that goes in and the place that asks for it
    ways = [i for i in range(by, len(shown)) if now.places[i - by].counts]
    counted = [(i, place) for i, place in enumerate(now.places) if place.counts]
    idle = [(i, place) for i, place in enumerate(now.places) if not place.counts]
    return {
        "ways": {
            "side": [_LEFT] * len(ways),
            "row": [float(-i) for i in ways],
            "side2": [_RIGHT] * len(ways),
            "row2": [float(by - i) for i in ways],
        },
        "heads_in": {"side": [_LEFT], "row": [_HEAD], "label": ["goes in"]},
        "heads_asked": {"side": [_RIGHT], "row": [_HEAD], "label": ["is asked for"]},
        "shown": {"side": [_LEFT] * len(shown), "row": [float(-i) for i in range(len(shown))], "label": shown},
        "counted": {
            "side": [_RIGHT] * len(counted),
            "row": [float(-i) for i, _ in counted],
            "label": [place.asked for _, place in counted],
            "hue": [palette.BLUE] * len(counted),
        },
        "idle": {
            "side": [_RIGHT] * len(idle),
            "row": [float(-i) for i, _ in idle],
            "label": [f"({place.asked})" for _, place in idle],
        },
    }


def _losses(now: Told) -> dict[str, Columns]:
    def bars(*, counts: bool) -> Columns:
        rows = [(i, place.loss) for i, place in enumerate(now.places) if place.counts == counts]
        return {
            "row": [float(-i) for i, _ in rows],
            "loss": [loss for _, loss in rows],
            "start": [0.0] * len(rows),
            "hue": [palette.BLUE] * len(rows),
        }

    rows = [float(-i) for i in range(len(now.places))]
    return {
        "bars": bars(counts=True),
        "faint": bars(counts=False),
        "mean": {"loss": [now.mean] if now.count else []},
        "asked": {"row": rows, "loss": [0.0] * len(rows), "label": [place.asked for place in now.places]},
        "chances": {
            "row": rows,
            "loss": [place.loss for place in now.places],
            "label": [f"{number(100 * place.p, 2)} %" for place in now.places],
        },
        "heads_of_losses": {
            "row": [_HEAD] if now.count else [],
            "loss": [now.mean] if now.count else [],
            "label": [f"mean {number(now.mean, 3)}"] if now.count else [],
        },
    }


def _texts(now: Told, other: Told) -> Columns:
    found = [("this text", now.perplexity), ("second", other.perplexity)]
    found += [("their mean", (now.perplexity + other.perplexity) / 2), ("all tokens", joint(now, other))]
    shown = [(label, value, hue) for (label, value), hue in zip(found, _HUES, strict=True) if not math.isnan(value)]
    return {
        "label": [label for label, *_ in shown],
        "ppl": [value for _, value, _ in shown],
        "said": [number(value, 3) for _, value, _ in shown],
        "hue": [hue for *_, hue in shown],
    }


def _readings(now: Told, other: Told) -> Table:
    both = joint(now, other)
    rows = (
        ("this text", str(now.count), _said(now.mean, now.count), _said(now.perplexity, now.count)),
        ("second text", str(other.count), number(other.mean, 5), number(other.perplexity, 5)),
        ("all tokens", str(now.count + other.count), number(math.log(both), 5), number(both, 5)),
        ("mean of the two", "", "", _said((now.perplexity + other.perplexity) / 2, now.count)),
    )
    return Table(
        title="What counts",
        columns=("", "tokens", "mean loss", "perplexity"),
        rows=rows,
        hues=(_HUES[0], _HUES[1], _HUES[3], _HUES[2]),
    )


def _said(value: float, count: int) -> str:
    return number(value, 5) if count else "–"


def _positions(now: Told) -> Table:
    rows = tuple(
        (str(i), place.shown, place.asked, number(place.p, 4), number(place.loss, 5), "yes" if place.counts else "no")
        for i, place in enumerate(now.places, 1)
    )
    columns = ("position", "goes in", "is asked for", "probability", "−log of it", "counts")
    return Table(title="Every position", columns=columns, rows=rows)


def _fates(share: float) -> Table:
    found = fates(share)
    meant = {"chosen": share, "masked": 0.8 * share, "random": 0.1 * share, "kept": 0.1 * share}
    words = {
        "chosen": "chosen, and asked for",
        "masked": "of these, become [MASK]",
        "random": "become a random word",
        "kept": "stay as they are",
    }
    rows = tuple((words[name], f"{number(100 * meant[name], 3)} %", f"{count:,}") for name, count in found.items())
    return Table(
        title=f"Masked language modelling: {MANY:,} tokens",
        columns=("", "meant", "counted"),
        rows=rows,
        note="Some are replaced or kept so that the model cannot rely on seeing [MASK], which no real text has.",
    )
