"""The losses of a generator and of its discriminator, over the logit of a fake."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure, Preset
from slopes.explorer.figures.parameters import Number
from slopes.explorer.figures.result import Columns, Result
from slopes.explorer.figures.state import State, real
from slopes.explorer.figures.two_players import text
from slopes.explorer.figures.two_players.losses import DISCRIMINATOR, GENERATOR, REACH, Drawn, drawn
from slopes.shown import layout

_ENDS: Final = {
    "generator_value": (-6.6, 7.4),
    "generator_slope": (-4.4, 2.4),
    "discriminator_value": (-6.6, 9.6),
    "discriminator_slope": (-2.4, 4.4),
}  # a square leaves the plot, so that the others are seen

_Z: Final = Number(
    name="z",
    label="Logit of the fake",
    symbol="z",
    low=-REACH,
    high=REACH,
    step=0.01,
    default=-4.0,
    help="What the discriminator says of the fake before its sigmoid: D = σ(z).",
)
_PRESETS: Final = (
    Preset(label="Seen through", state={}),
    Preset(label="Hopeless", state={"z": -6.0}),
    Preset(label="A coin flip", state={"z": 0.0}),
    Preset(label="Fooled", state={"z": 3.0}),
    Preset(label="The hinge lets go", state={"z": -1.0}),
)


def build(_: Context) -> Figure:
    """Return the figure."""
    return Figure(id="two-players", parameters=(_Z,), presets=_PRESETS, compute=_compute, cursor="z")


def _compute(state: State) -> Result:
    z = real(state, "z")
    generator, discriminator = drawn(GENERATOR, z), drawn(DISCRIMINATOR, z)
    signals = {"x_low": -REACH, "x_high": REACH}
    for axis, (low, high) in _ENDS.items():
        signals |= {f"{axis}_low": low, f"{axis}_high": high}
    return Result(
        datasets={
            "cursor": {"x": [z]},
            **_datasets("generator", z, generator),
            **_datasets("discriminator", z, discriminator),
        },
        signals=signals,
        reading=text.reading(z, generator),
        readings=text.readings(z, generator),
        tables=(text.discriminated(z, discriminator), text.batch(z), text.data(generator, discriminator)),
        formulas=text.formulas(z, generator),
        snippet=text.snippet(z),
        printed=tuple(number for one in (*generator, *discriminator) for number in one.under),
        corrections=text.CORRECTIONS,
    )


def _datasets(player: str, z: float, lines: list[Drawn]) -> dict[str, Columns]:
    hues = [one.loss.hue for one in lines]
    labels = {
        f"{quantity}_label": layout.spread([getattr(one, quantity)[-1].item() for one in lines], *_ENDS[axis])
        for quantity, axis in (("value", f"{player}_value"), ("slope", f"{player}_slope"))
    }
    return {
        f"{player}_curves": {
            "series": [one.loss.name for one in lines for _ in one.x.tolist()],
            "hue": [one.loss.hue for one in lines for _ in one.x.tolist()],
            "x": [at for one in lines for at in one.x.tolist()],
            "value": [at for one in lines for at in one.value.tolist()],
            "slope": [at for one in lines for at in one.slope.tolist()],
        },
        f"{player}_reading": {
            "x": [z] * len(lines),
            "value": [one.under[0] for one in lines],
            "slope": [one.under[1] for one in lines],
            "hue": hues,
        },
        f"{player}_ends": {"label": [one.loss.label for one in lines], "hue": hues, **labels},
    }
