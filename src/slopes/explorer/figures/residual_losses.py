"""The losses of a residual, as the regression figures draw them, the visitor's own among them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.explorer.figures.parameters import Option
from slopes.explorer.figures.state import State, real
from slopes.explorer.yours.guarded import GuardedLoss
from slopes.shown import palette
from slopes.shown.curve import value_and_slope

YOURS: Final = "yours"

Unreduced = Callable[[Tensor, Tensor, float], Tensor]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A loss between predictions and targets, one value for each.

    Attributes:
        name: Name in URLs and datasets.
        label: What stands at the end of its line.
        said: What a sentence calls it.
        hue: Its colour's place in the palette.
        loss: The loss of predictions and targets under its option, not reduced.
        python: The call that a reader types; `{p}`, `{t}` and `{o}` stand for predictions, targets and option.
        option: The name of its number in a state, where it has one.
        kinked: Whether its slope jumps at 0, so that it has no curvature there.
        guarded: The visitor's own, under guard.
    """

    name: str
    label: str
    said: str
    hue: int
    loss: Unreduced | None = None
    python: str = ""
    option: str = ""
    kinked: bool = False
    guarded: GuardedLoss | None = None

    def at(self, predictions: Tensor, targets: Tensor, option: float) -> tuple[Tensor, Tensor]:
        """Return values, and slopes by the predictions, of vectors of float64.

        Raises:
            UserFunctionError: It is the visitor's own, and raised or returned the wrong thing.
        """
        if self.guarded is not None:
            return self.guarded.at(predictions, targets)
        loss = self.loss
        if loss is None:
            text = f"{self.name} has neither a loss nor a function"
            raise ValueError(text)
        return value_and_slope(lambda p: loss(p, targets, option), predictions)

    def number(self, state: State) -> float:
        """Return its option in a state; 0 where it has none."""
        return real(state, self.option) if self.option else 0.0

    def call(self, predictions: str, targets: str, option: float) -> str:
        """Return its mean as Python."""
        return self.python.format(p=predictions, t=targets, o=repr(option))

    def choice(self) -> Option:
        """Return what a picker shows."""
        words = {YOURS: "your own function", "quantile": "quantile tilted"}.get(self.name, self.name)
        return Option(value=self.name, label=self.label, group="losses", words=words, hue=self.hue)


def _quantile(p: Tensor, t: Tensor, tau: float) -> Tensor:
    return L.quantile(p.unsqueeze(-1), t, (tau,), reduction="none").squeeze(-1)


_LIBRARY: Final = (
    Kind(
        name="mse",
        label="MSE",
        said="the MSE",
        hue=palette.hue("mse"),
        loss=lambda p, t, _: L.mse(p, t, reduction="none"),
        python="L.mse({p}, {t})",
    ),
    Kind(
        name="mae",
        label="MAE",
        said="the MAE",
        hue=palette.hue("mae"),
        loss=lambda p, t, _: L.mae(p, t, reduction="none"),
        python="L.mae({p}, {t})",
        kinked=True,
    ),
    Kind(
        name="huber",
        label="Huber",
        said="Huber",
        hue=palette.hue("huber"),
        loss=lambda p, t, delta: L.huber(p, t, delta=delta, reduction="none"),
        python="L.huber({p}, {t}, delta={o})",
        option="delta",
    ),
    Kind(
        name="smooth_l1",
        label="Smooth L1",
        said="smooth L1",
        hue=palette.hue("smooth_l1"),
        loss=lambda p, t, beta: L.smooth_l1(p, t, beta=beta, reduction="none"),
        python="L.smooth_l1({p}, {t}, beta={o})",
        option="beta",
    ),
    Kind(
        name="quantile",
        label="Pinball",
        said="the pinball loss",
        hue=palette.hue("quantile"),
        loss=_quantile,
        python="L.quantile({p}.unsqueeze(-1), {t}, [{o}])",
        option="tau",
        kinked=True,
    ),
)


def kinds(yours: GuardedLoss | None, reference: str, *, without: tuple[str, ...] = ()) -> dict[str, Kind]:
    """Return what can be drawn, by name: the visitor's own loss first, then the library's.

    Args:
        yours: The visitor's loss under guard.
        reference: Where it was loaded from; empty where Python handed it over.
        without: Those that a figure leaves out.
    """
    found = [kind for kind in _LIBRARY if kind.name not in without]
    if yours is not None:
        call = f"load({reference!r})" if reference else yours.name
        own = Kind(
            name=YOURS,
            label=yours.name,
            said=yours.name,
            hue=palette.YOURS,
            python=call + "({p}, {t}).mean()",
            guarded=yours,
        )
        found.insert(0, own)
    return {kind.name: kind for kind in found}


def imports(drawn: list[Kind]) -> str:
    """Return the imports that the Python of these losses needs."""
    lines = ["import torch", "import slopes", "from slopes import losses as L"]
    if any("load(" in kind.python for kind in drawn):
        lines.append("from slopes.explorer.yours import load")
    return "\n".join(lines)


def vector(*numbers: float) -> Tensor:
    """Return a vector of float64."""
    return torch.tensor(numbers, dtype=torch.float64)
