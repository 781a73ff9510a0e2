"""What the chapter on distances computes: what a loss charges for a residual, how it pulls, and where it rests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes.explorer.book.answers import Guess, Option, Pick, Rank, Reach, Slip
from slopes.explorer.book.by_hand import Axes, Line, Sketch
from slopes.explorer.book.derivation import Derivation, Numbers, Step
from slopes.explorer.book.exercise import Exercise
from slopes.explorer.figures.state import State, real
from slopes.explorer.figures.wording import number
from slopes.shown import palette
from slopes.shown.curve import value_and_slope

GIVEN: Final = frozenset({"0.001", "0.9", "0.5"})  # a small miss, and quantiles
_SAID, _PAID = (210.0, 340.0, 400.0), (200.0, 350.0, 180.0)
_FLATS: Final = (200.0, 210.0, 220.0, 230.0, 640.0)
_TRIED: Final = 260.0  # a prediction for the flats that is not the best
_ASKED: Final = 40.0  # per cent of the gradient
_ENOUGH: Final = 13.0  # a δ within a step or two of the largest


def _of(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _loss(name: str, p: Tensor, t: Tensor, option: float) -> Tensor:
    """Return one value for each prediction."""
    match name:
        case "mse":
            return L.mse(p, t, reduction="none")
        case "mae":
            return L.mae(p, t, reduction="none")
        case "huber":
            return L.huber(p, t, delta=option, reduction="none")
        case "smooth_l1":
            return L.smooth_l1(p, t, beta=option, reduction="none")
        case _:
            return L.quantile(p[..., None], t, [option], reduction="none")[..., 0]


def _values(name: str, p: Sequence[float], t: Sequence[float], option: float) -> list[float]:
    with slopes.exact():
        found: list[float] = _loss(name, _of(p), _of(t), option).tolist()
    return found


def _slopes(name: str, p: Sequence[float], t: Sequence[float], option: float) -> list[float]:
    found: list[float] = value_and_slope(lambda at: _loss(name, at, _of(t), option), _of(p))[1].tolist()
    return found


def value(name: str, r: float, option: float = 1.0) -> float:
    """Return what a loss charges for a residual."""
    return _values(name, [r], [0.0], option)[0]


def slope(name: str, r: float, option: float = 1.0) -> float:
    """Return how it pulls there."""
    return _slopes(name, [r], [0.0], option)[0]


def houses(name: str, option: float = 1.0) -> float:
    """Return the mean loss of the three houses."""
    return sum(_values(name, _SAID, _PAID, option)) / len(_PAID)


def _share(sizes: Sequence[float]) -> float:
    """Return the last one's part of the whole, as a per cent."""
    return 100 * abs(sizes[-1]) / sum(map(abs, sizes))


def share_of_loss(name: str, option: float = 1.0) -> float:
    """Return house C's share of the loss, as a per cent."""
    return _share(_values(name, _SAID, _PAID, option))


def share_of_gradient(name: str, option: float = 1.0) -> float:
    """Return its share of the gradient."""
    return _share(_slopes(name, _SAID, _PAID, option))


def _flats(name: str, m: float, option: float = 1.0) -> float:
    """Return the mean loss of one prediction for all flats."""
    return sum(_values(name, [m] * len(_FLATS), _FLATS, option)) / len(_FLATS)


def _pull(name: str, m: float, option: float = 1.0) -> float:
    """Return the slope of that by the prediction."""
    return sum(_slopes(name, [m] * len(_FLATS), _FLATS, option)) / len(_FLATS)


def rest(name: str, option: float = 1.0) -> float:
    """Return the whole number that costs the five flats least."""
    return float(min(range(150, 700), key=lambda m: _flats(name, float(m), option)))


def bell(r: float, sigma: float) -> float:
    """Return −log of the density of a bell curve of this width at a residual."""
    with slopes.exact():
        return L.gaussian_nll(_of([r]), _of([2 * math.log(sigma)]), _of([0.0]), full=True).item()


def behind_relu(output: float, target: float) -> float:
    """Return the slope of squares before a ReLU that is the last thing a model does."""
    return value_and_slope(lambda z: L.mse(A.relu(z), _of([target])), _of([output]))[1].item()


def exercises() -> tuple[Exercise, ...]:
    """Return the chapter's questions."""
    pulled = share_of_gradient("huber", 15)
    at = (-3.0, -1.5, -0.5, 0.5, 1.5, 3.0)
    absolutes = tuple(_slopes("mae", at, [0.0] * len(at), 1.0))
    grid = [-4 + 8 * i / 80 for i in range(81)]
    dearer = value("mse", 10_000) / value("mse", 10)
    steeper = slope("mse", 10_000) / slope("mse", 10)
    return (
        Guess(
            id="share-of-gradient",
            question="Huber, δ = 15. Of all the pull on the three predictions, how many per cent is C's?",
            answer=pulled,
            unit="%",
            within=0.03,
            slips=(
                Slip(
                    answer=share_of_loss("huber", 15),
                    said=f"That is C's share of the *loss*. By slopes C has 15 and A and B have 10 each: "
                    f"{number(pulled, 3)} %.",
                ),
                Slip(
                    answer=share_of_gradient("mae"),
                    said="That is how absolutes have it, one vote each. Under Huber A and B are inside δ and pull with "
                    f"10 each, C pulls with 15: {number(pulled, 3)} %.",
                ),
                Slip(
                    answer=share_of_gradient("mse"),
                    said="That is how squares have it, without a limit. Huber stops at δ: C pulls with 15 and not with "
                    f"220, which makes {number(pulled, 3)} %.",
                ),
            ),
            told="A and B pull with 10 each, C with δ = 15: 15 of 35.",
            hint="How steep is ½*r*² at 10, and how steep is the straight piece?",
        ),
        Reach(
            id="forty",
            question="Give Huber the largest δ with which C still holds less than 40 % of the gradient.",
            figure="regression-losses",
            start="delta=15",
            goal="delta=13.33",
            met=_below_forty,
            told="A and B pull with 10 each and C with δ, as long as δ is above 10: δ / (20 + δ) is 40 % at 13⅓.",
            hint="A and B pull with 10 each, and C with δ.",
        ),
        Sketch(
            id="draw-huber",
            question="Draw the *slope* of Huber with δ = 1.5 over the residual. The slope of |*r*| is there to compare "
            "with.",
            axes=Axes(x=(-4.0, 4.0), y=(-3.5, 3.5), x_title="r, the residual", y_title="slope"),
            at=at,
            truth=lambda xs: _slopes("huber", xs, [0.0] * len(xs), 1.5),
            within=0.3,
            context=(
                Line(
                    label="MAE",
                    x=tuple(grid),
                    y=tuple(_slopes("mae", grid, [0.0] * len(grid), 1.0)),
                    hue=palette.hue("mae"),
                ),
            ),
            slips=(
                (absolutes, "You drew the slope of |*r*|. Huber has no jump at 0, and beyond δ it pulls with δ."),
                (
                    tuple(_values("huber", at, [0.0] * len(at), 1.5)),
                    "You drew the loss. Its slope is negative where the prediction is too low.",
                ),
                (at, "That is the slope of ½*r*², which has no limit. Huber stops at δ."),
            ),
            told="It is *r*, cut off at −1.5 and 1.5: a straight line through 0 with two level ends.",
            hint="Inside δ it is ½*r*². How steep is that?",
        ),
        Rank(
            id="highest",
            question="The five flats again, 200 to 640. Which loss makes the model say most?",
            items=(
                ("pinball, τ = 0.1", rest("quantile", 0.1)),
                ("absolutes", rest("mae")),
                ("squares", rest("mse")),
                ("pinball, τ = 0.9", rest("quantile", 0.9)),
            ),
            unit="thousand",
            slips=(
                (
                    (0, 2, 1, 3),
                    "The quantiles are the other way round: at τ = 0.9 it is dear to be too *low*.",
                ),
                (
                    (2, 3, 1, 0),
                    "Squares are drawn towards 640 and stop at the mean. The 0.9 quantile of five is 640 itself.",
                ),
            ),
            told="The 0.9 quantile of five is the dearest of them, the mean is drawn towards it, the median stays in "
            "the middle, and the 0.1 quantile is the cheapest.",
            hint="Which of them notice that 640 is so far off?",
        ),
        Guess(
            id="units",
            question="House A once more, now with prices in single units: 210,000 for 200,000. Its squared error grows "
            "by which power of ten?",
            answer=math.log10(dearer),
            power=True,
            slips=(
                Slip(
                    answer=math.log10(steeper),
                    said="That is how much its *slope* grows, 2*r*. The square itself grows by the square of that: "
                    "twice the power of ten.",
                ),
                Slip(answer=0.0, said="The house is the same, but the number *r* is not: it is a thousand times *r*."),
            ),
            told=f"The residual grows {number(steeper)} times, and so does the slope of squares; the square grows "
            "by a thousand times a thousand.",
            hint="Square what the residual grows by.",
        ),
        Guess(
            id="smooth",
            question="Smooth L1 with β = 3 and Huber with δ = 3 have the same shape. Huber is how many times as large?",
            answer=value("huber", 5, 3) / value("smooth_l1", 5, 3),
            unit="times",
            within=0.01,
            slips=(
                Slip(answer=1.0, said="That holds at β = δ = 1 only. Smooth L1 divides by β: far out it pulls with 1."),
                Slip(answer=9.0, said="Its slope far out is δ = 3, that of smooth L1 is 1. The factor is that ratio."),
            ),
            told="Far out Huber pulls with δ, smooth L1 always with 1. A model that changes from one to the other has "
            "to change its learning rate too.",
            hint="Compare the slopes far out.",
        ),
        Pick(
            id="stuck",
            question="A model's last step is a [ReLU](/functions/relu), and before it stands −2 for a house that went "
            "for 180. It says 0. Which of the three losses gets it out?",
            options=(
                Option(
                    label="squares: a miss of 180 pulls with 360",
                    said="By the *output*, yes. But the slope of a ReLU at −2 is 0, and 360 times 0 is "
                    f"{number(abs(behind_relu(-2.0, 180.0)))}.",
                ),
                Option(
                    label="absolutes: they pull everywhere",
                    said="They pull with 1 by the output, and the ReLU's slope at −2 multiplies that by 0.",
                ),
                Option(
                    label="Huber: it does both",
                    said="Whatever it pulls with is multiplied by the slope of the ReLU, which is 0 at −2.",
                ),
                Option(label="none of them"),
            ),
            right=_rescuer(),
            told="A loss teaches through the output's slope. Where that is 0, no distance helps. A price that has to "
            "be positive is better left to softplus, or predicted as a logarithm.",
            hint="What is the slope of a ReLU at −2?",
        ),
    )


def _below_forty(state: State) -> tuple[bool, str]:
    delta = real(state, "delta")
    share = share_of_gradient("huber", delta)
    said = f"With δ = {number(delta)} C holds {number(share, 3)} %."
    if share >= _ASKED:
        return False, f"{said} Less has to be done for it: a smaller δ."
    if delta < _ENOUGH:
        return False, f"{said} That is below 40 %, but a larger δ is as well."
    return True, said


def _rescuer() -> int:
    """Return the first loss that moves a model whose ReLU is shut; 3 where none does."""
    for place, name in enumerate(("mse", "mae", "huber")):
        z = _of([-2.0]).requires_grad_()
        with slopes.exact():
            pulled = torch.autograd.grad(_loss(name, A.relu(z), _of([180.0]), 1.0).sum(), z)[0].item()
        if pulled:
            return place
    return 3


def _normal(n: Numbers) -> float:
    return math.exp(-(n["r"] ** 2) / (2 * n[r"\sigma"] ** 2)) / (n[r"\sigma"] * math.sqrt(2 * math.pi))


def derivations() -> tuple[Derivation, ...]:
    """Return the chapter's derivations."""
    mean = sum(_FLATS) / len(_FLATS)
    below = sum(y < _TRIED for y in _FLATS)
    return (
        Derivation(
            id="rest-mean",
            title="Squares rest at the mean",
            of=r"\frac{d}{dm} \frac{1}{n} \sum_i (m - y_i)^2",
            numbers={"m": _TRIED, "n": float(len(_FLATS)), r"\bar y": mean},
            value=lambda n: _pull("mse", n["m"]),
            steps=(
                Step(
                    tex=r"\frac{1}{n} \sum_i 2 (m - y_i)",
                    value=lambda n: sum(2 * (n["m"] - y) for y in _FLATS) / n["n"],
                    because="The slope of each square, at a first try of *m* = 260.",
                    shown=r"\frac{1}{5} (120 + 100 + 80 + 60 - 760)",
                ),
                Step(
                    tex=r"2 m - \frac{2}{n} \sum_i y_i",
                    value=lambda n: 2 * n["m"] - 2 / n["n"] * sum(_FLATS),
                    because="*m* is the same for all flats, so it comes out of the sum.",
                    shown=r"2 \cdot 260 - \frac{2}{5} \cdot 1500",
                ),
                Step(
                    tex=r"2 (m - \bar y)",
                    value=lambda n: 2 * (n["m"] - n[r"\bar y"]),
                    because="The sum divided by *n* is the mean. The slope is 0 there and nowhere else.",
                    shown=r"2 (260 - 300)",
                ),
            ),
        ),
        Derivation(
            id="rest-quantile",
            title="Pinball rests at a quantile",
            of=r"\frac{d}{dm} \frac{1}{n} \sum_i \ell_\tau(m - y_i)",
            numbers={"m": _TRIED, "n": float(len(_FLATS)), r"\tau": 0.9},
            value=lambda n: _pull("quantile", n["m"], n[r"\tau"]),
            steps=(
                Step(
                    tex=r"\frac{1}{n} \left( \sum_{y_i < m} (1 - \tau) - \sum_{y_i > m} \tau \right)",
                    value=lambda n: (
                        (
                            sum(1 - n[r"\tau"] for y in _FLATS if y < n["m"])
                            - sum(n[r"\tau"] for y in _FLATS if y > n["m"])
                        )
                        / n["n"]
                    ),
                    because="A flat below *m* pulls it down with 1 − τ, one above pulls it up with τ. How far off it "
                    "is does not matter.",
                    shown=r"\frac{1}{5} (4 \cdot 0.1 - 1 \cdot 0.9)",
                ),
                Step(
                    tex=r"\frac{1}{n} \left( \sum_{y_i < m} 1 - n \tau \right)",
                    value=lambda n: (below - n["n"] * n[r"\tau"]) / n["n"],
                    because="Each of the *n* flats gives −τ, and those below *m* give 1 besides.",
                    shown=r"\frac{1}{5} (4 - 5 \cdot 0.9)",
                ),
                Step(
                    tex=r"F(m) - \tau",
                    value=lambda n: below / n["n"] - n[r"\tau"],
                    because="*F*(*m*) is the share of flats below *m*. Where it passes τ the slope changes its sign; "
                    "there the loss is least.",
                    shown=r"0.8 - 0.9",
                ),
            ),
        ),
        Derivation(
            id="bell",
            title="−log of a bell curve is a square",
            of=r"-\log p(r)",
            numbers={"r": 2.0, r"\sigma": 1.5},
            value=lambda n: bell(n["r"], n[r"\sigma"]),
            steps=(
                Step(
                    tex=r"-\log \left( \frac{1}{\sigma \sqrt{2 \pi}} e^{-r^2 / 2 \sigma^2} \right)",
                    value=lambda n: -math.log(_normal(n)),
                    because="The density of a bell curve of width σ around the prediction, at the target.",
                    shown=rf"-\log {_normal({'r': 2.0, chr(92) + 'sigma': 1.5}):.4f}",
                ),
                Step(
                    tex=r"\frac{r^2}{2 \sigma^2} + \log \sigma + \frac{1}{2} \log 2 \pi",
                    value=lambda n: (
                        n["r"] ** 2 / (2 * n[r"\sigma"] ** 2) + math.log(n[r"\sigma"]) + math.log(2 * math.pi) / 2
                    ),
                    because="The logarithm takes the exponential away and makes a sum of the product. Only the first "
                    "term has the prediction in it; with a fixed σ its slope is *r*/σ², and that of squares is 2*r*.",
                    shown=r"\frac{2^2}{2 \cdot 1.5^2} + \log 1.5 + \frac{1}{2} \log 2 \pi",
                ),
            ),
        ),
    )
