"""The losses that can be drawn: the library's, each as a function of one logit, and the visitor's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final

import torch
from torch import Tensor

from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes._core.spec import Spec
from slopes.explorer.figures.parameters import Number, Option
from slopes.explorer.figures.state import State, real
from slopes.explorer.yours.guarded import GuardedLoss
from slopes.shown import palette
from slopes.shown.curve import grid, value_and_slope

YOURS: Final = "yours"
REACH: Final = 8.0
POINTS: Final = 121
WRONG: Final = (2.0, 5.0, 10.0, 20.0, 40.0)  # how far on the wrong side a loss is asked for its gradient
RIGHT: Final = 10.0  # and how far on the right one

Options = tuple[tuple[str, float], ...]
Evaluate = Callable[[Tensor, float, Options], tuple[Tensor, Tensor]]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One loss that can be drawn.

    Attributes:
        name: Its name in URLs.
        label: What stands at the end of its line.
        hue: Its colour's place in the palette.
        group: Its heading in the picker.
        words: What else it is searched by.
        evaluate: Values and slopes at logits, for a label and options.
        call: The Python that computes it, with the options put in.
        spec: The catalogue's name of the loss whose options have sliders; empty for none.
    """

    name: str
    label: str
    hue: int
    group: str
    words: str = ""
    evaluate: Evaluate
    call: str
    spec: str = ""

    def option(self) -> Option:
        """Return what a picker shows."""
        return Option(value=self.name, label=self.label, group=self.group, words=self.words, hue=self.hue)

    def options(self, numbers: Sequence[Number], state: State) -> Options:
        """Return the loss' options in a state."""
        own = [number for number in numbers if self.name in number.belongs_to]
        return tuple((number.name.partition(".")[2], real(state, number.name)) for number in own)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A loss over the logit, and its slopes far out: on the wrong side, then on the right one."""

    x: Tensor
    values: Tensor
    slopes: Tensor
    wrong: tuple[float, ...]
    right: float


@lru_cache(maxsize=256)
def line(entry: Entry, y: float, options: Options) -> Line:
    """Return a loss over the drawn logits and at the probes; equal lines are computed once."""
    side = 1.0 if y == 1 else -1.0
    breaks = _breaks(entry, y, dict(options))
    x = grid(-REACH, REACH, POINTS, breaks)
    probes = torch.tensor([*(-side * far for far in WRONG), side * RIGHT], dtype=torch.float64)
    values, slopes = entry.evaluate(torch.cat([x, probes]), y, options)
    far = slopes[len(x) :].tolist()
    drawn = slopes[: len(x)].clone()
    drawn[torch.isin(x, torch.tensor(breaks, dtype=torch.float64))] = torch.nan  # where it jumps, the line has a gap
    return Line(x=x, values=values[: len(x)], slopes=drawn, wrong=tuple(far[:-1]), right=far[-1])


def entries(yours: GuardedLoss | None, reference: str) -> list[Entry]:
    """Return what can be drawn: the visitor's own loss first.

    Args:
        yours: The visitor's loss under guard.
        reference: Where it was loaded from.
    """
    if yours is None:
        return list(_LIBRARY)
    call = f"load({reference!r})(z, y)" if reference else f"{yours.name}(z, y)"
    evaluate = partial(_guarded, yours)
    own = Entry(name=YOURS, label=yours.name, hue=palette.YOURS, group="yours", evaluate=evaluate, call=call)
    return [own, *_LIBRARY]


def numbers(catalog: Sequence[Spec]) -> tuple[Number, ...]:
    """Return a slider for each option of each loss that has one."""
    specs = {spec.name: spec for spec in catalog}
    return tuple(
        Number(
            name=f"{entry.name}.{parameter.name}",
            label=f"{entry.label}: {parameter.name.replace('_', ' ')}",
            low=float(parameter.slider[0]),
            high=float(parameter.slider[1]),
            step=float(parameter.slider[2]),
            default=1.0 if parameter.default is None else float(parameter.default),  # no pos_weight weighs 1
            symbol=parameter.latex,
            belongs_to=(entry.name,),
            help=parameter.meaning,
            more=True,
        )
        for entry in _LIBRARY
        if entry.spec in specs
        for parameter in specs[entry.spec].parameters
        if parameter.slider and parameter.name not in _LEFT_OUT
    )


_LEFT_OUT: Final = frozenset({"alpha"})  # its own figure has it


def _guarded(loss: GuardedLoss, z: Tensor, y: float, _: Options) -> tuple[Tensor, Tensor]:
    return loss.at(z, torch.full_like(z, y))


def _breaks(entry: Entry, y: float, options: dict[str, float]) -> list[float]:
    """Return where the slope of a loss jumps."""
    if entry.name == "hinge":
        return [options["margin"] if y == 1 else -options["margin"]]
    if entry.name == "asymmetric" and y == 0 and options["clip"] > 0 and options["gamma_negative"] == 0:
        return [torch.tensor(options["clip"], dtype=torch.float64).logit().item()]
    return []


def _on_logit(loss: Callable[..., Tensor]) -> Evaluate:
    """Return a loss that takes the logit and the label."""

    def evaluate(z: Tensor, y: float, options: Options) -> tuple[Tensor, Tensor]:
        return value_and_slope(lambda x: loss(x, torch.full_like(x, y), reduction="none", **dict(options)), z)

    return evaluate


def _on_score(loss: Callable[..., Tensor]) -> Evaluate:
    """Return a loss that takes a score and −1 or +1."""
    inner = _on_logit(loss)
    return lambda z, y, options: inner(z, 2 * y - 1, options)


def _on_probability(loss: Callable[..., Tensor]) -> Evaluate:
    """Return a loss of numbers, given the sigmoid of the logit."""

    def evaluate(z: Tensor, y: float, _: Options) -> tuple[Tensor, Tensor]:
        return value_and_slope(lambda x: loss(A.sigmoid(x), torch.full_like(x, y), reduction="none"), z)

    return evaluate


_LIBRARY: Final = (
    Entry(
        name="binary_cross_entropy",
        label="cross-entropy",
        hue=palette.hue("binary_cross_entropy"),
        group="on the logit",
        words="bce log loss logistic",
        evaluate=_on_logit(L.binary_cross_entropy),
        call="L.binary_cross_entropy(z, y{options})",
        spec="binary_cross_entropy",
    ),
    Entry(
        name="focal",
        label="focal",
        hue=palette.hue("focal"),
        group="on the logit",
        words="retinanet",
        evaluate=_on_logit(L.focal),
        call="L.focal(z, y{options})",
        spec="focal",
    ),
    Entry(
        name="asymmetric",
        label="asymmetric",
        hue=palette.hue("asymmetric"),
        group="on the logit",
        words="asl",
        evaluate=_on_logit(L.asymmetric),
        call="L.asymmetric(z, y{options})",
        spec="asymmetric",
    ),
    Entry(
        name="hinge",
        label="hinge",
        hue=palette.hue("hinge"),
        group="on the score",
        words="svm margin",
        evaluate=_on_score(L.hinge),
        call="L.hinge(z, 2 * y - 1{options})",
        spec="hinge",
    ),
    Entry(
        name="mse_score",
        label="MSE on z",
        hue=palette.YELLOW,
        group="on the score",
        words="squared least squares",
        evaluate=_on_score(L.mse),
        call="L.mse(z, 2 * y - 1)",
    ),
    Entry(
        name="mse",
        label="MSE on p",
        hue=palette.hue("mse"),
        group="on the probability",
        words="squared brier",
        evaluate=_on_probability(L.mse),
        call="L.mse(A.sigmoid(z), y)",
    ),
    Entry(
        name="mae",
        label="MAE on p",
        hue=palette.hue("mae"),
        group="on the probability",
        words="absolute l1",
        evaluate=_on_probability(L.mae),
        call="L.mae(A.sigmoid(z), y)",
    ),
)
