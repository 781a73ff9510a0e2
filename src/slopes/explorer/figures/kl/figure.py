"""Two distributions whose divergence has a direction: over three outcomes, and over a line with two bumps."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure, Preset
from slopes.explorer.figures.kl import text
from slopes.explorer.figures.kl.bumps import REACH, Fit, Fits, Moved, Target, fitted, moved
from slopes.explorer.figures.kl.outcomes import NAMES, Pair, compare
from slopes.explorer.figures.parameters import Number
from slopes.explorer.figures.result import Columns, Result
from slopes.explorer.figures.state import State, StateError, real
from slopes.explorer.figures.wording import number
from slopes.shown import layout, palette

P_HUE: Final = palette.INK
Q_HUE: Final = palette.GREEN
FORWARD_HUE: Final = palette.hue("kl_divergence")
REVERSE_HUE: Final = palette.BLUE
_DRAWN: Final = 141  # points of a density


def _weight(side: str, name: str, index: int, default: float, *, more: bool) -> Number:
    return Number(
        name=f"{side}_{name}",
        label=f"{side}: weight of {name}",
        symbol=f"{side}_{index}",
        low=0.0,
        high=1.0,
        step=0.01,
        default=default,
        more=more,
        help="Weights are divided by their sum.",
    )


_P: Final = tuple(
    _weight("p", name, i, default, more=True)
    for i, (name, default) in enumerate(zip(NAMES, (0.7, 0.2, 0.1), strict=True), 1)
)
_Q: Final = tuple(
    _weight("q", name, i, default, more=False)
    for i, (name, default) in enumerate(zip(NAMES, (0.5, 0.3, 0.2), strict=True), 1)
)
_NUMBERS: Final = (
    Number(
        name="distance",
        label="Distance of the bumps",
        low=0.0,
        high=8.0,
        step=0.1,
        default=7.0,
        help="From centre to centre.",
    ),
    Number(
        name="width",
        label="Width of a bump",
        low=0.5,
        high=1.5,
        step=0.05,
        default=1.0,
        more=True,
        help="Its standard deviation.",
    ),
    Number(name="left", label="Share of the left bump", low=0.05, high=0.95, step=0.05, default=0.5, more=True),
    Number(
        name="mean",
        label="Move the Gaussian to",
        low=-REACH,
        high=REACH,
        step=0.1,
        default=1.5,
        more=True,
        help="Where the two divergences are read; it also follows the pointer over that chart.",
    ),
)
_PRESETS: Final = (
    Preset(label="The worked pair", state={}),
    Preset(label="q rules snow out", state={"q_sun": 0.6, "q_rain": 0.4, "q_snow": 0.0}),
    Preset(label="p rules snow out", state={"p_sun": 0.7, "p_rain": 0.3, "p_snow": 0.0}),
    Preset(label="Nothing in common", state={"p_rain": 0.0, "p_snow": 0.0, "q_sun": 0.0, "q_rain": 0.0}),
    Preset(label="Bumps that nearly touch", state={"distance": 5.0}),
    Preset(label="One bump is heavier", state={"left": 0.8, "distance": 6.0, "mean": 3.0}),
)


def build(_: Context) -> Figure:
    """Return the figure."""
    distance, *more = _NUMBERS
    return Figure(
        id="kl",
        parameters=(*_Q, distance, *_P, *more),
        presets=_PRESETS,
        compute=_compute,
        cursor="mean",
        cursor_on=("means",),
        check=_check,
    )


def _check(state: State) -> None:
    for side in ("p", "q"):
        if not any(real(state, f"{side}_{name}") for name in NAMES):
            msg = f"The weights of {side} are all 0; at least one outcome must be possible."
            raise StateError(msg)


def _compute(state: State) -> Result:
    p, q = (tuple(real(state, f"{side}_{name}") for name in NAMES) for side in ("p", "q"))
    pair = compare(p, q)
    target = Target(**{name: real(state, name) for name in ("distance", "width", "left")})
    fits = fitted(target)
    there = moved(target, real(state, "mean"))
    datasets, signals = _outcomes(pair), {"probability_low": 0.0, "probability_high": 1.15}
    low, high = layout.axis([v for v in datasets["pulls"]["gradient"] if math.isfinite(v)])
    signals |= {"gradient_low": low - 0.1 * (high - low), "gradient_high": high + 0.1 * (high - low)}
    fit_sets, fit_signals = _fit_sets(target, fits, there)
    return Result(
        datasets={**datasets, **_pull_ends(pair, signals), **fit_sets},
        signals=signals | fit_signals,
        reading=text.reading(pair, target, fits),
        readings=text.readings(pair),
        tables=(text.fits(fits, there), text.data(fits)),
        formulas=text.formulas(pair),
        snippet=text.snippet(p, q, target, fits),
        printed=(
            *(pair.forward, pair.reverse, pair.js, pair.entropy_p, pair.entropy_q, pair.cross_pq, pair.cross_qp),
            *(v for fit in (fits.forward, fits.reverse) for v in (fit.forward, fit.reverse)),
        ),
        corrections=text.CORRECTIONS,
    )


def _outcomes(pair: Pair) -> dict[str, Columns]:
    both = [v for two in zip(pair.p, pair.q, strict=True) for v in two]
    pulls = [v for two in zip(pair.slope_forward, pair.slope_reverse, strict=True) for v in two]
    each = [name for name in NAMES for _ in range(2)]
    return {
        "outcomes": {
            "outcome": each,
            "series": ["p", "q"] * len(NAMES),
            "hue": [P_HUE, Q_HUE] * len(NAMES),
            "probability": both,
            "said": [_short(v) for v in both],
        },
        "outcomes_ends": {
            "label": ["p", "q"],
            "hue": [P_HUE, Q_HUE],
            "probability_label": layout.spread(both[-2:], 0.0, 2.0),
        },
        "pulls": {
            "outcome": each,
            "series": ["forward", "reverse"] * len(NAMES),
            "hue": [FORWARD_HUE, REVERSE_HUE] * len(NAMES),
            "gradient": [v if math.isfinite(v) else math.nan for v in pulls],
            "said": [_short(v) if math.isfinite(v) else "" for v in pulls],
        },
    }


def _short(value: float) -> str:
    """What a bar says: it has room for four figures and a sign."""
    return number(round(value, 2), 2)


def _pull_ends(pair: Pair, signals: dict[str, float]) -> dict[str, Columns]:
    low, high = signals["gradient_low"], signals["gradient_high"]
    last = [v if math.isfinite(v) else 0.0 for v in (pair.slope_forward[-1], pair.slope_reverse[-1])]
    air = (high - low) / 2  # the plate is half as high as others, so a label takes twice the share
    return {
        "pulls_ends": {
            "label": [
                f"{name} = ∞" if math.isinf(value) else name
                for name, value in (("KL(p‖q)", pair.forward), ("KL(q‖p)", pair.reverse))
            ],
            "hue": [FORWARD_HUE, REVERSE_HUE],
            "gradient_label": layout.spread(last, low - air, high + air),
        }
    }


def _fit_sets(target: Target, fits: Fits, there: Moved) -> tuple[dict[str, Columns], dict[str, float]]:
    x = torch.linspace(-REACH, REACH, _DRAWN, dtype=torch.float64)
    densities = [target.log_density(x).exp(), *(_density(x, fit) for fit in (fits.forward, fits.reverse))]
    top = max(line.max().item() for line in densities)
    lines = [*fits.forward_over, *fits.reverse_over]
    low, high = layout.axis([v for line in lines for v in line.tolist()])
    count, hues, names = len(fits.means), (FORWARD_HUE, REVERSE_HUE), ("forward", "reverse")
    profile: Columns = {
        "series": [name for name in names for _ in range(count)],
        "hue": [hue for hue in hues for _ in range(count)],
        "x": fits.means.repeat(2).numpy(),
    }
    labels = ["by KL(p‖q)", "by KL(q‖p)"]
    last = [line[0][-1].item() for line in (fits.forward_over, fits.reverse_over)]
    datasets: dict[str, Columns] = {
        "densities": {
            "series": [name for name in ("p", *names) for _ in range(_DRAWN)],
            "hue": [hue for hue in (P_HUE, *hues) for _ in range(_DRAWN)],
            "x": x.repeat(3).numpy(),
            "density": torch.cat(densities).numpy(),
        },
        "density_ends": {
            "label": ["p", *labels],
            "hue": [P_HUE, *hues],
            "density_label": layout.spread([line[-1].item() for line in densities], 0.0, top),
        },
        "profiles": {**profile, "nats": torch.cat([fits.forward_over[0], fits.reverse_over[0]]).numpy()},
        "slopes": {**profile, "nats": torch.cat([fits.forward_over[1], fits.reverse_over[1]]).numpy()},
        "profile_ends": {
            "label": ["KL(p‖q)", "KL(q‖p)"],
            "hue": list(hues),
            "nats_label": layout.spread(last, low, high),
        },
        "cursor": {"x": [there.mean]},
        "reading": {"x": [there.mean] * 2, "nats": [there.forward[0], there.reverse[0]], "hue": list(hues)},
    }
    signals = {"x_low": -REACH, "x_high": REACH, "density_low": 0.0, "density_high": 1.08 * top}
    return datasets, signals | {"nats_low": low, "nats_high": high}


def _density(x: Tensor, fit: Fit) -> Tensor:
    z = (x - fit.mean) / fit.deviation
    return torch.exp(-0.5 * z.square()) / (fit.deviation * math.sqrt(2 * math.pi))
