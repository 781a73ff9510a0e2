"""Five logits, a temperature, and the probabilities that come out."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure, Preset
from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.parameters import Number
from slopes.explorer.figures.result import Columns, Correction, Formula, Result, Table
from slopes.explorer.figures.state import State, real
from slopes.explorer.figures.wording import latex_number, number
from slopes.shown import layout, palette

_NAMES: Final = ("cat", "dog", "fox", "owl", "bee")
_HUES: Final = (palette.BLUE, palette.ORANGE, palette.GREEN, palette.VERMILLION, palette.PURPLE)
_LOWEST: Final = 0.05
_HIGHEST: Final = 100.0
_POINTS: Final = 121
_TOP: Final = 1.08  # of the axes, so that a bar of 1 has room for what it says

_T: Final = Number(
    name="t",
    label="Temperature",
    symbol="T",
    low=_LOWEST,
    high=_HIGHEST,
    step=0.01,
    default=1.0,
    log=True,
    help="Every logit is divided by it.",
)
_LOGITS: Final = tuple(
    Number(
        name=name, label=f"Logit of {name}", symbol=f"z_{i}", low=-10.0, high=10.0, step=0.1, default=default, more=True
    )
    for i, (name, default) in enumerate(zip(_NAMES, (3.0, 2.0, 1.0, 0.0, -1.0), strict=True), 1)
)
_PRESETS: Final = (
    Preset(label="As trained", state={}),
    Preset(label="Nearly the argmax", state={"t": 0.1}),
    Preset(label="Nearly uniform", state={"t": 50.0}),
    Preset(label="A tie stays a tie", state={"t": 0.05, "cat": 2.0, "dog": 2.0}),
    Preset(label="One logit far ahead", state={"t": 1.0, "cat": 9.0}),
)


def build(_: Context) -> Figure:
    """Return the figure."""
    return Figure(
        id="softmax-temperature",
        parameters=(_T, *_LOGITS),
        presets=_PRESETS,
        compute=_compute,
        cursor="t",
        cursor_on=("sweep",),
    )


def _compute(state: State) -> Result:
    logits = torch.tensor([real(state, name) for name in _NAMES], dtype=torch.float64)
    t = real(state, "t")
    with slopes.exact():
        p = A.softmax(logits, dim=-1, temperature=t)
        entropy = L.entropy(A.log_softmax(logits, dim=-1, temperature=t)).item()
    temperatures, sweep = _sweep(tuple(logits.tolist()))
    return Result(
        datasets=_datasets(p, t, temperatures, sweep),
        signals={"p_low": 0.0, "p_high": _TOP},
        reading=_reading(p, t, entropy),
        readings=_readings(logits, p, t, entropy),
        tables=(_data(temperatures, sweep),),
        formulas=_formulas(p, t),
        snippet=_SNIPPET.format(logits=logits.tolist(), t=t),
        printed=(*p.tolist(), entropy),
        corrections=(
            Correction(
                stated="A softmax gives the model's confidence.",
                holds="It gives shares that add up to 1. A temperature moves every one of them and leaves the "
                "decision alone, so what they mean has to be calibrated on held-out data.",
            ),
        ),
    )


@lru_cache(maxsize=64)
def _sweep(logits: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """Return temperatures, and the probabilities at each."""
    z = torch.tensor(logits, dtype=torch.float64)
    temperatures = torch.logspace(-1.3, 2, _POINTS, dtype=torch.float64)
    with slopes.exact():
        return temperatures, torch.stack([A.softmax(z, dim=-1, temperature=at) for at in temperatures.tolist()])


_SNIPPET: Final = """\
import torch
import slopes
from slopes import activations as A, losses as L

logits = torch.tensor({logits}, dtype=torch.float64)
with slopes.exact():
    print(*A.softmax(logits, dim=-1, temperature={t}).tolist())
    print(L.entropy(A.log_softmax(logits, dim=-1, temperature={t})).item())
"""


def _datasets(p: Tensor, t: float, temperatures: Tensor, sweep: Tensor) -> dict[str, Columns]:
    last = sweep[-1].tolist()
    return {
        "classes": {
            "label": list(_NAMES),
            "hue": list(_HUES),
            "p": p.tolist(),
            "said": [_short(v) for v in p.tolist()],
        },
        "curves": {
            "series": [name for name in _NAMES for _ in range(_POINTS)],
            "hue": [hue for hue in _HUES for _ in range(_POINTS)],
            "t": temperatures.repeat(len(_NAMES)).numpy(),
            "p": sweep.T.reshape(-1).numpy(),
        },
        "cursor": {"t": [t]},
        "reading": {"t": [t] * len(_NAMES), "p": p.tolist(), "hue": list(_HUES)},
        "ends": {"label": list(_NAMES), "hue": list(_HUES), "p_label": layout.spread(last, 0.0, _TOP)},
    }


def _short(p: float) -> str:
    """Return a probability in so few digits that it fits over its bar on a phone."""
    return "< 0.001" if 0 < p < 0.001 else number(p, 2 if p < 0.1 else 3)  # noqa: PLR2004  the table has the rest


def _reading(p: Tensor, t: float, entropy: float) -> str:
    first = _NAMES[int(p.argmax())]
    top = p.max().item()
    unit = "nat" if number(entropy, 3) == "1" else "nats"
    ties = int((p >= top * (1 - 1e-12)).sum())
    if ties > 1:
        start = f"At T = {number(t, 3)} the {ties} largest logits are equal, and share what there is"
    elif top > 0.99:  # noqa: PLR2004  all but a hundredth
        start = f"At T = {number(t, 3)} {first} takes all but {number(1 - top, 2)}"
    else:
        start = f"At T = {number(t, 3)} {first} takes {number(100 * top, 3)} % of the probability"
    choices = number(math.exp(entropy), 3)
    return f"{start}; the entropy is {number(entropy, 3)} {unit}, as of {choices} equal choices out of 5."


def _readings(logits: Tensor, p: Tensor, t: float, entropy: float) -> Table:
    rows = tuple(
        (name, number(z, 4), number(z / t, 4), number(share, 6))
        for name, z, share in zip(_NAMES, logits.tolist(), p.tolist(), strict=True)
    )
    return Table(
        title=f"At T = {number(t, 4)}",
        columns=("", "logit", "logit / T", "probability"),
        rows=rows,
        hues=_HUES,
        note=f"Entropy {number(entropy, 5)} nats; uniform would be {number(torch.tensor(5.0).log().item(), 5)}.",
    )


def _data(temperatures: Tensor, sweep: Tensor) -> Table:
    def rows() -> tuple[tuple[str, ...], ...]:
        return tuple(
            (number(t, 4), *(number(v, 5) for v in row))
            for t, row in zip(temperatures.tolist()[::3], sweep.tolist()[::3], strict=True)
        )

    return Table(title="Data of the charts", columns=("T", *_NAMES), fill=rows)


def _formulas(p: Tensor, t: float) -> tuple[Formula, ...]:
    latex = rf"p_i = \frac{{e^{{z_i / {latex_number(t, 3)}}}}}{{\sum_j e^{{z_j / {latex_number(t, 3)}}}}}"
    first = p[0].item()
    slope = (
        rf"\frac{{\partial p_1}}{{\partial z_1}} = \frac{{p_1 (1 - p_1)}}{{T}} = \frac{{{latex_number(first, 3)} \cdot "
        rf"{latex_number(1 - first, 3)}}}{{{latex_number(t, 3)}}} = {latex_number(first * (1 - first) / t, 3)}"
    )
    return (Formula(label="Softmax", mathml=mathml(latex)), Formula(label="Its slope", mathml=mathml(slope)))
