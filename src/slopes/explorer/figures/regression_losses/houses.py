"""Three houses, of which one has a bad price: what each loss makes of them, and who gets the gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from slopes.explorer.figures.residual_losses import Kind
from slopes.explorer.figures.result import Columns, Table
from slopes.explorer.figures.wording import number

_ROOMY: Final = 0.07  # of the bars' length that a house's letter needs


@dataclass(frozen=True, kw_only=True)
class House:
    """A house, its price and the price that a model predicts, in thousands of dollars."""

    name: str
    price: float
    predicted: float


HOUSES: Final = (
    House(name="A", price=200.0, predicted=210.0),
    House(name="B", price=350.0, predicted=340.0),
    House(name="C", price=180.0, predicted=400.0),
)


@dataclass(frozen=True, kw_only=True)
class Houses:
    """What one loss makes of the houses: a value and a slope for each."""

    values: tuple[float, ...]
    slopes: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The loss of the three."""
        return sum(self.values) / len(self.values)

    def shares(self, quantity: str) -> tuple[float, ...]:
        """Return each house's share of the loss, or of the size of the gradient."""
        sizes = [abs(v) for v in (self.values if quantity == "value" else self.slopes)]
        whole = sum(sizes)
        return tuple(size / whole if whole else math.nan for size in sizes)


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A loss that could be evaluated: over the residual, at the residual of the state, and for the houses."""

    kind: Kind
    option: float
    curve: dict[str, list[float | None]]
    under: tuple[float, float]
    houses: Houses


def marks(signals: dict[str, float]) -> Columns:
    """Return where the houses lie among the residuals drawn, and the height of their letters."""
    low, high = signals["x_low"], signals["x_high"]
    found = [(h.predicted - h.price, h.name) for h in HOUSES if low < h.predicted - h.price < high]
    columns: Columns = {"x": [x for x, _ in found], "label": [name for _, name in found]}
    for quantity in ("value", "slope"):
        bottom, top = signals[f"{quantity}_low"], signals[f"{quantity}_high"]
        columns[f"{quantity}_top"] = [top - 0.04 * (top - bottom) for _ in found]
    return columns


def shares(drawn: Sequence[Drawn]) -> dict[str, Columns]:
    """Return the bars of who makes up each loss and its gradient, and what is written on them."""
    rows = [(d, i, house) for d in drawn for i, house in enumerate(HOUSES)]
    bars: Columns = {
        "label": [d.kind.label for d, _, _ in rows],
        "hue": [d.kind.hue for d, _, _ in rows],
        "house": [house.name for _, _, house in rows],
    }
    named: Columns = {"label": bars["label"], "house": bars["house"]}
    outlier: Columns = {"label": [d.kind.label for d in drawn], "hue": [d.kind.hue for d in drawn]}
    for quantity in ("value", "slope"):
        found = {d.kind.name: d.houses.shares(quantity) for d in drawn}
        start = [sum(found[d.kind.name][:i]) for d, i, _ in rows]
        share = [found[d.kind.name][i] for d, i, _ in rows]
        bars[f"{quantity}_start"] = start
        bars[f"{quantity}_end"] = [a + b for a, b in zip(start, share, strict=True)]
        named[f"{quantity}_middle"] = [a + b / 2 for a, b in zip(start, share, strict=True)]
        named[f"{quantity}_room"] = [
            b > _ROOMY and house.name != "C" for b, (_, _, house) in zip(share, rows, strict=True)
        ]
        outlier[f"{quantity}_said"] = [f"C {percent(found[d.kind.name][2])}" for d in drawn]
    return {"shares": bars, "named": named, "outlier": outlier}


def percent(share: float) -> str:
    """Return a share as text."""
    return "none" if math.isnan(share) else f"{number(100 * share, 3)} %"


def table(drawn: Sequence[Drawn]) -> Table:
    """Return what each loss makes of each house."""
    residuals = [h.predicted - h.price for h in HOUSES]
    heads = tuple(f"{h.name} (r = {number(r)})" for h, r in zip(HOUSES, residuals, strict=True))
    rows = tuple(
        (
            d.kind.label,
            *(f"{number(v, 6)}, slope {number(s, 4)}" for v, s in zip(d.houses.values, d.houses.slopes, strict=True)),
            number(d.houses.mean, 7),
            percent(d.houses.shares("value")[2]),
            percent(d.houses.shares("slope")[2]),
        )
        for d in drawn
    )
    prices = "; ".join(f"{h.name} {h.price:.0f}, predicted {h.predicted:.0f}" for h in HOUSES)
    return Table(
        title="Three houses",
        columns=("", *heads, "mean", "C's share of the loss", "C's share of the gradient"),
        rows=rows,
        hues=tuple(d.kind.hue for d in drawn),
        note=f"Prices in thousands of dollars: {prices}. House C's price may be a typing error. The losses have the "
        "options set above.",
    )
