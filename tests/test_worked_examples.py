"""Every worked figure of the literature notes: computed by the library in float64, beside the exact one.

Where a figure speaks of a probability p, the library is given a logit, since its losses take nothing else:
for one label the logit is log(p / (1 - p)), of which p is the sigmoid; for several classes the logits are the
log-probabilities, of which p is the softmax. A figure said of a loss's gradient is taken through autograd.

A stated figure is the exact one rounded to the places that it shows; zeros that end a whole number are no
places (460 is 458.2 to two figures). Rows marked `holds = false` must not round so.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, Final

import torch
from tests.each import each
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812

ROWS: Final = tomllib.loads((Path(__file__).parent / "worked_examples.toml").read_text("utf-8"))["example"]
PRINTED_DIGITS: Final = 12  # of the exact figures

Figures = Tensor | list[Tensor]
COMPUTED: dict[str, Callable[[], Figures]] = {}


def row(name: str) -> Callable[[Callable[[], Figures]], Callable[[], Figures]]:
    """Say which row of the table a function computes."""

    def keep(function: Callable[[], Figures]) -> Callable[[], Figures]:
        COMPUTED[name] = function
        return function

    return keep


def real(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def surprise(*probabilities: float) -> Tensor:
    """Return -log p of each, as the binary cross-entropy of a positive label."""
    p = real(*probabilities)
    return L.binary_cross_entropy(torch.logit(p), torch.ones_like(p), reduction="none")


def surprise_of_class(*probabilities: float) -> Tensor:
    """Return -log p of each, as the cross-entropy of class 0, the rest shared among nine other classes."""
    p = real(*probabilities)
    rest = ((1 - p) / 9).unsqueeze(-1).expand(-1, 9)
    logits = torch.cat([p.unsqueeze(-1), rest], -1).log()
    return L.cross_entropy(logits, torch.zeros(len(p), dtype=torch.int64), reduction="none")


def gradient(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    """Return the gradient of a number-valued function."""
    at = at.clone().requires_grad_()
    return torch.autograd.grad(function(at), at)[0]


def slope(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    """Return the derivative of an elementwise function."""
    return gradient(lambda x: function(x).sum(), at)


def minimum(function: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the least value, where the slope changes sign between -3 and 0."""
    low, high = real(-3.0), real(0.0)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(function, middle) > 0 else (middle, high)
    return function(low)


# Activations


@row("sigmoid-1.4")
def _() -> Figures:
    return A.sigmoid(real(1.4))


@row("sigmoid-peak-slope")
def _() -> Figures:
    return slope(A.sigmoid, real(0.0))


@row("tanh-peak-slope")
def _() -> Figures:
    return slope(A.tanh, real(0.0))


@row("gelu-minimum")
def _() -> Figures:
    return minimum(A.gelu)


@row("swish-minimum")
def _() -> Figures:
    return minimum(A.swish)


@row("mish-minimum")
def _() -> Figures:
    return minimum(A.mish)


@row("selu-constants")
def _() -> Figures:
    scale = A.selu(real(1.0))
    floor = A.selu(real(-1000.0))  # -scale · alpha
    return [-floor / scale, scale]


@row("softmax-demo")
def _() -> Figures:
    return A.softmax(real(3.2, 2.1, 1.5, 0.8, -0.3), dim=-1)


@row("softmax-3")
def _() -> Figures:
    return A.softmax(real(2.1, 0.8, -0.3), dim=-1)


@row("softmax-3-cold")
def _() -> Figures:
    return A.softmax(real(2.1, 0.8, -0.3), dim=-1, temperature=0.5)


@row("softmax-3-hot")
def _() -> Figures:
    return A.softmax(real(2.1, 0.8, -0.3), dim=-1, temperature=5.0)


@row("robot-same-p")
def _() -> Figures:
    return A.softmax(real(0.5, 1.5, 0.9), dim=-1)


@row("naive-normalise")
def _() -> Figures:
    # Dividing by the sum is what softmax is there to replace, and no function here does it to numbers of both
    # signs. The sum is the library's all the same: the mean absolute error of the positive part less that of
    # the negative one.
    logits = real(2.1, 0.8, -0.3)
    zeros = torch.zeros_like(logits)
    total = L.mae(A.relu(logits), zeros, reduction="sum") - L.mae(A.relu(-logits), zeros, reduction="sum")
    return logits / total


# Regression


@row("mse-house")
def _() -> Figures:
    return L.mse(real(420.0, 440.0), real(400.0, 400.0), reduction="none")


HOUSES = (real(210.0, 340.0, 400.0), real(200.0, 350.0, 180.0))


@row("houses-mse")
def _() -> Figures:
    return L.mse(*HOUSES)


@row("houses-mse-share")
def _() -> Figures:
    each = L.mse(*HOUSES, reduction="none")
    return 100 * each[2] / L.mse(*HOUSES, reduction="sum")


@row("houses-mae")
def _() -> Figures:
    return L.mae(*HOUSES)


@row("houses-mae-share")
def _() -> Figures:
    each = L.mae(*HOUSES, reduction="none")
    return 100 * each[2] / L.mae(*HOUSES, reduction="sum")


@row("houses-huber")
def _() -> Figures:
    return [*L.huber(*HOUSES, delta=15.0, reduction="none"), L.huber(*HOUSES, delta=15.0)]


@row("houses-huber-drop")
def _() -> Figures:
    capped = L.huber(*HOUSES, delta=15.0, reduction="none")[2]
    return 100 * (1 - capped / L.mse(*HOUSES, reduction="none")[2])


LESSON = (real(300.0, 210.0, 480.0), real(350.0, 200.0, 500.0))


@row("lesson-mse")
def _() -> Figures:
    return L.mse(*LESSON)


@row("lesson-mse-gradient")
def _() -> Figures:
    return gradient(lambda prediction: L.mse(prediction, LESSON[1]), LESSON[0])


@row("mse-on-classes")
def _() -> Figures:
    truth = real(1.0, 0.0, 0.0)
    return [L.mse(real(0.2, 0.5, 0.3), truth), L.mse(real(0.01, 0.98, 0.01), truth)]


OUTLIER = (real(11.0, 19.0, 14.0, 13.0, 50.0), real(10.0, 20.0, 15.0, 12.0, 100.0))


@row("outlier")
def _() -> Figures:
    return [L.mae(*OUTLIER), L.mse(*OUTLIER), L.huber(*OUTLIER, delta=1.0)]


@row("weighted-mse")
def _() -> Figures:
    # The figure divides by the count; a weighted mean here divides by the sum of the weights unless told.
    weight = real(1.0, 1.0, 2.0, 3.0, 3.0)
    return L.mse(*OUTLIER, weight=weight, denominator=float(len(weight)))


@row("pinball-asymmetry")
def _() -> Figures:
    levels, truth = real(0.9), real(0.0, 0.0)
    under, over = L.quantile(real(-1.0, 1.0).unsqueeze(-1), truth, levels, reduction="none").squeeze(-1)
    return under / over


# One label


@row("bce-confident")
def _() -> Figures:
    return surprise(0.99, 0.01)


@row("bce-ratio")
def _() -> Figures:
    cheap, dear = surprise(0.99, 0.01)
    return dear / cheap


@row("bce-spam")
def _() -> Figures:
    return surprise(0.92, 0.05)


@row("bce-spam-gradient")
def _() -> Figures:
    logits = torch.logit(real(0.92, 0.05))
    ones = torch.ones_like(logits)
    cheap, dear = gradient(lambda z: L.binary_cross_entropy(z, ones, reduction="sum"), logits)
    return dear / cheap


@row("emails")
def _() -> Figures:
    return surprise(0.95, 0.90, 0.03)


@row("emails-ratio")
def _() -> Figures:
    cheap, dear = surprise(0.95, 0.03)
    return dear / cheap


@row("surprise")
def _() -> Figures:
    return surprise(0.99, 0.5, 0.01)


@row("savings")
def _() -> Figures:
    confident, sure, wrong, less_wrong = surprise(0.95, 0.99, 0.01, 0.05)
    return [confident - sure, wrong - less_wrong]


@row("surprise-table")
def _() -> Figures:
    return surprise(0.9, 0.5, 0.1, 0.01)


@row("robot-table")
def _() -> Figures:
    return surprise(0.5, 0.1, 0.01)


@row("bce-extreme")
def _() -> Figures:
    return L.binary_cross_entropy(real(100.0), real(0.0))


@row("bce-three")
def _() -> Figures:
    return L.binary_cross_entropy(real(3.0, -2.5, -3.5), real(1.0, 0.0, 1.0))


@row("focal-easy-ratio")
def _() -> Figures:
    logit = torch.logit(real(0.9))
    one = torch.ones_like(logit)
    return L.binary_cross_entropy(logit, one) / L.focal(logit, one, gamma=2.0)


@row("focal-easy")
def _() -> Figures:
    return L.focal(torch.logit(real(0.95)), real(1.0), gamma=2.0)


@row("focal-hard")
def _() -> Figures:
    return L.focal(torch.logit(real(0.10)), real(1.0), gamma=2.0)


@row("lesson-focal")
def _() -> Figures:
    return L.focal(torch.logit(real(0.9, 0.5, 0.1)), real(1.0, 1.0, 1.0), gamma=2.0, reduction="none")


@row("robot-muted")
def _() -> Figures:
    logit = torch.logit(real(0.01))
    return [
        slope(A.sigmoid, logit),
        gradient(lambda z: L.binary_cross_entropy(z, real(1.0)), logit),
    ]


# Several classes

TRIO = real(0.2, 0.5, 0.3)
CAT = real(1.0, 0.0, 0.0)
FIRST = torch.zeros(1, dtype=torch.int64)


@row("ce-cat")
def _() -> Figures:
    return surprise_of_class(0.7)


@row("ten-class")
def _() -> Figures:
    return surprise_of_class(0.9, 0.01)


@row("lesson-ce")
def _() -> Figures:
    return surprise_of_class(0.733, 0.067, 0.01)


@row("lesson-ce-gradient")
def _() -> Figures:
    logits = real(0.733, 0.200, 0.067).log().unsqueeze(0)
    return gradient(lambda z: L.cross_entropy(z, FIRST), logits).squeeze(0)


@row("robot-ce")
def _() -> Figures:
    logits = TRIO.log().unsqueeze(0)
    by_logit = gradient(lambda z: L.cross_entropy(z, FIRST), logits).squeeze(0)
    return [L.cross_entropy(logits, FIRST), *by_logit]


@row("smoothed-target")
def _() -> Figures:
    smooth = L.smooth_labels(FIRST, 4, label_smoothing=0.1, dtype=torch.float64)[0]
    return [smooth[1], smooth[0]]


@row("lesson-smoothed")
def _() -> Figures:
    return L.smooth_labels(FIRST, 3, label_smoothing=0.1, dtype=torch.float64)[0, :2]


@row("robot-mse")
def _() -> Figures:
    return L.mse(TRIO, CAT, reduction="sum")


@row("robot-mse-dp")
def _() -> Figures:
    return gradient(lambda p: L.mse(p, CAT, reduction="sum"), TRIO)


@row("robot-mse-dz-diagonal")
def _() -> Figures:
    jacobian = torch.autograd.functional.jacobian(lambda z: A.softmax(z, dim=-1), TRIO.log())
    return jacobian.diagonal() * gradient(lambda p: L.mse(p, CAT, reduction="sum"), TRIO)


@row("robot-mse-dz-full")
def _() -> Figures:
    return gradient(lambda z: L.mse(A.softmax(z, dim=-1), CAT, reduction="sum"), TRIO.log())


@row("robot-logit-mse")
def _() -> Figures:
    logits = real(0.5, 1.5, 0.9)
    return [
        L.mse(logits, CAT, reduction="sum"),
        *gradient(lambda z: L.mse(z, CAT, reduction="sum"), logits),
    ]


# Divergences


@row("entropy-coins")
def _() -> Figures:
    return L.entropy(torch.stack([real(0.5, 0.5), real(0.99, 0.01)]).log(), reduction="none")


KL_PAIR = (real(0.7, 0.2, 0.1).log(), real(0.5, 0.3, 0.2).log())


@row("kl-forward")
def _() -> Figures:
    return L.kl_divergence(*KL_PAIR)


@row("kl-reverse")
def _() -> Figures:
    return L.kl_divergence(*reversed(KL_PAIR))


# Embeddings


@row("contrastive")
def _() -> Figures:
    others = torch.stack([real(0.2, 0.3), real(0.3, 0.5), real(3.0, 3.0)])  # at √0.13, √0.34 and √18
    similar = torch.tensor([True, False, False])
    return L.contrastive(torch.zeros_like(others), others, similar, margin=2.0, reduction="none")


@row("info-nce")
def _() -> Figures:
    similarity = real(0.9, 0.1, -0.5, 0.3)
    keys = torch.stack([similarity, (1 - similarity**2).sqrt()], -1)  # unit vectors at these cosines of (1, 0)
    loss = L.info_nce(real(1.0, 0.0).unsqueeze(0), keys, FIRST, temperature=0.5)
    return [torch.exp(-loss), loss]


@row("chance")
def _() -> Figures:
    # A query that is as near to every negative as to its positive: what is left is the chance level.
    query = real(1.0, 0.0).unsqueeze(0)
    return [100 * torch.exp(-L.info_nce(query, query.expand(1 + n, 2), FIRST)) for n in (3, 255)]


# Language and preference


@row("perplexity-uniform")
def _() -> Figures:
    logits = torch.zeros(1, 2, 50_000, dtype=torch.float64)
    return L.perplexity(logits, torch.tensor([[17, 31]]))


@row("bradley-terry")
def _() -> Figures:
    chosen, rejected = real(0.82), real(0.31)
    return [A.sigmoid(chosen - rejected), L.bradley_terry(chosen, rejected)]


def as_list(value: Any) -> list[str]:  # noqa: ANN401  a string or a list of them, as TOML has it
    return value if isinstance(value, list) else [value]


def numbers(figures: Figures) -> list[float]:
    return [float(figure) for figure in (figures.flatten() if isinstance(figures, Tensor) else figures)]


def assert_printed_as(actual: float, exact: str) -> None:
    """Assert agreement with the twelve digits of the table, a unit of the last one left to float64."""
    wanted = Decimal(exact)
    if wanted == 0:
        assert actual == 0
        return
    last_digit = Decimal(1).scaleb(wanted.adjusted() + 1 - PRINTED_DIGITS)
    assert abs(Decimal(actual) - wanted) <= last_digit, f"computed {actual!r}, exactly {exact}"


def places(stated: str) -> Decimal:
    """Return the unit of the last place that a stated figure shows."""
    if "." in stated:
        return Decimal(1).scaleb(-len(stated.split(".")[1]))
    return Decimal(1).scaleb(len(stated) - len(stated.rstrip("0")))


def rounds_to(stated: str, exact: str) -> bool:
    """Return whether the exact figure, rounded to the places of the stated one, is the stated one."""
    place = places(stated)
    steps = Decimal(exact) / place
    return any(
        steps.quantize(Decimal(1), rounding=how) * place == Decimal(stated) for how in (ROUND_HALF_EVEN, ROUND_HALF_UP)
    )


def test_every_row_is_computed_and_no_other() -> None:
    assert sorted(COMPUTED) == sorted(entry["id"] for entry in ROWS)


@each("precise", [False, True], ids=["default", "exact"])
@each("entry", ROWS, ids=[entry["id"] for entry in ROWS])
def test_library_computes_the_exact_figure(entry: dict[str, Any], precise: bool) -> None:  # noqa: FBT001
    with slopes.exact(precise):
        computed = numbers(COMPUTED[entry["id"]]())
    wanted = as_list(entry["exact"])
    assert len(computed) == len(wanted)
    for actual, exact in zip(computed, wanted, strict=True):
        assert_printed_as(actual, exact)


@each("entry", ROWS, ids=[entry["id"] for entry in ROWS])
def test_stated_figure_holds_exactly_where_the_table_says(entry: dict[str, Any]) -> None:
    pairs = zip(as_list(entry["stated"]), as_list(entry["exact"]), strict=True)
    assert all(rounds_to(stated, exact) for stated, exact in pairs) == entry["holds"]
    assert entry["holds"] or entry["why"]


def test_smoothing_over_the_others_is_the_other_convention() -> None:
    smooth = L.smooth_labels(FIRST, 3, smooth_over="others", dtype=torch.float64)[0]
    assert [f"{mass:.12g}" for mass in smooth.tolist()] == ["0.9", "0.05", "0.05"]


@each(
    ("stated", "exact", "answer"),
    [
        ("460", "458.2", True),
        ("458", "458.2", True),
        ("459", "458.2", False),
        ("0.80", "0.802", True),
        ("0.80", "0.8051", False),
        ("-33.33", "-33.3333", True),
        ("0.733", "0.7335413", False),
        ("0.12", "0.125", True),
        ("0.13", "0.125", True),
        ("100", "100.0", True),
        ("0.0", "0.0", True),
    ],
)
def test_rounding_rule_by_hand(stated: str, exact: str, answer: bool) -> None:  # noqa: FBT001
    assert rounds_to(stated, exact) == answer
