"""Losses of masks: counts of pixels, as the papers have them."""

from __future__ import annotations

from typing import Any, Final

import torch
from mpmath import mp, mpf
from tests.oracles.case import Case, with_options
from tests.oracles.precision import careful

from slopes import losses as L  # noqa: N812  the name that the documentation uses

Inputs = dict[str, Any]
NAMES: Final = ("dice", "jaccard", "tversky", "focal_tversky", "lovasz")
SIZES: Final = {"P": 5}
# Over the batch its images see each other.
COUPLED: Final = NAMES
# The weights of classes are within an image.
WITHIN: Final = NAMES
REFUSE_A_GRADIENT: Final = dict.fromkeys(NAMES, ("class_weight",)) | {"lovasz": ("class_weight", "targets")}


def _weighted(inputs: Inputs) -> Inputs:
    weights = torch.linspace(0.5, 2.0, inputs["logits"].shape[-1], dtype=torch.float64)
    return inputs | {"class_weight": weights}


def _one(inputs: Inputs) -> Inputs:
    shares = torch.sigmoid(inputs["logits"][..., -1]) if inputs["logits"].shape[-1] else inputs["logits"].sum(-1)
    return inputs | {"logits": inputs["logits"][..., 0], "targets": shares}


def _one_hard(inputs: Inputs) -> Inputs:
    one = _one(inputs)
    return one | {"targets": one["targets"].round()}


_COMMON: Final = [
    ("one", {}, _one),
    ("class-weight", {}, _weighted),
    ("batch-present", {"over": "batch", "classes": "present"}, None),
]
VARIANTS: Final = {
    "dice": [
        *_COMMON,
        ("generalized-weight", {"form": "generalized", "smooth": 0.5}, _weighted),
        ("one-squared", {"form": "squared"}, _one),
    ],
    "jaccard": [*_COMMON, ("rough", {"smooth": 3.0}, None)],
    "tversky": [*_COMMON, ("steep", {"alpha": 1.5, "beta": 0.25, "smooth": 0.125}, None)],
    "focal_tversky": [*_COMMON, ("hard", {"gamma": 2.5, "alpha": 1.5, "beta": 0.25, "smooth": 0.125}, None)],
    "lovasz": [("one", {}, _one_hard), *_COMMON[1:]],
}
# They read all pixels of a class at once.
NEVER_UNMADE: Final = NAMES
# Variants without classes, of which none can be missing.
OF_ONE_MASK: Final = (*(f"{name}-one" for name in NAMES), "dice-one-squared")


def _shares(logits: list[Any]) -> list[list[mpf]]:
    """Return the probabilities of the pixels, of one class by the sigmoid, of several by the softmax."""
    if not isinstance(logits[0], list):
        return [[1 / (1 + mp.exp(-z))] for z in logits]
    return [[mp.exp(z) / mp.fsum(mp.exp(x) for x in row) for z in row] for row in logits]


def _masks(logits: list[Any], targets: list[Any]) -> list[list[mpf]]:
    if not isinstance(logits[0], list):
        return [[y] for y in targets]
    return [[mpf(int(y == c)) for c in range(len(logits[0]))] for y in targets]


def _classes(logits: list[Any], targets: list[Any]) -> list[tuple[list[mpf], list[mpf]]]:
    """Return probabilities and mask of each class."""
    p, y = _shares(logits), _masks(logits, targets)
    return list(zip([list(c) for c in zip(*p, strict=True)], [list(c) for c in zip(*y, strict=True)], strict=True))


def _dot(a: list[mpf], b: list[mpf]) -> mpf:
    return mp.fsum(x * y for x, y in zip(a, b, strict=True))


@careful
def dice(logits: list[Any], targets: list[Any], *, smooth: float = 1.0, power: int = 1) -> mpf:
    """Return the mean over classes of 1 - (2 Σ p y + s) / (Σ p^k + Σ y^k + s)."""
    found = [
        1 - (2 * _dot(p, y) + smooth) / (mp.fsum(x**power for x in p) + mp.fsum(x**power for x in y) + smooth)
        for p, y in _classes(logits, targets)
    ]
    return mp.fsum(found) / len(found)


@careful
def generalized_dice(logits: list[Any], targets: list[Any], *, smooth: mpf) -> mpf:
    """Return 1 - 2 Σ w Σ p y / Σ w Σ (p + y), w = 1 / (Σ y)², made to sum to 1 so that the constant is in pixels."""
    classes = _classes(logits, targets)
    weights = [1 / max(mp.fsum(y), mpf(1)) ** 2 for _, y in classes]
    weights = [w / mp.fsum(weights) for w in weights]
    hits = mp.fsum(w * _dot(p, y) for w, (p, y) in zip(weights, classes, strict=True))
    sizes = mp.fsum(w * (mp.fsum(p) + mp.fsum(y)) for w, (p, y) in zip(weights, classes, strict=True))
    return 1 - (2 * hits + smooth) / (sizes + smooth)


@careful
def tversky(
    logits: list[Any], targets: list[Any], *, alpha: mpf, beta: mpf, smooth: float = 1.0, gamma: float = 1.0
) -> mpf:
    """Return the mean over classes of (1 - index)^γ."""
    found = []
    for p, y in _classes(logits, targets):
        hits = _dot(p, y) + smooth
        wrong = alpha * _dot(p, [1 - t for t in y]) + beta * _dot([1 - x for x in p], y)
        found.append((1 - hits / (hits + wrong)) ** gamma)
    return mp.fsum(found) / len(found)


def _jaccard_of(mistaken: set[int], truth: set[int]) -> mpf:
    """Return the Jaccard loss of a mask that is wrong in these pixels."""
    union = truth | mistaken
    return mpf(len(mistaken)) / len(union) if union else mpf(0)


@careful
def lovasz(logits: list[Any], targets: list[Any]) -> mpf:
    """Return the Lovász extension by its definition: of sets that grow by the largest error that is left."""
    found = []
    for number, (p, y) in enumerate(_classes(logits, targets)):
        truth = {i for i, t in enumerate(y) if t == 1}
        if isinstance(logits[0], list):
            if not truth:
                continue
            errors = [abs(t - x) for x, t in zip(p, y, strict=True)]
        else:
            errors = [max(mpf(0), 1 - z * (2 * t - 1)) for z, t in zip(logits, y, strict=True)]
        order = sorted(range(len(errors)), key=lambda i: -errors[i])
        total, so_far = mpf(0), set[int]()
        for i in order:
            total += errors[i] * (_jaccard_of(so_far | {i}, truth) - _jaccard_of(so_far, truth))
            so_far.add(i)
        found.append(total)
        assert number >= 0
    return mp.fsum(found) / len(found)


Z: Final = ([0.5, -1.25, 2.0, 0.125], [30.0, 21.0, -24.0, -17.5], [-90.0, 44.0, 17.0, -3.0], [0.0, 0.0, 0.0, 0.0])
Y: Final = ([1.0, 0.0, 1.0, 0.0], [1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0])
SOFT: Final = ([0.25, 0.5, 1.0, 0.0], [0.125, 0.75, 0.25, 0.5])
BINARY: Final = [(z, y) for z in Z for y in Y[:3]]
ROWS: Final = (
    [[0.5, -1.25, 2.0], [30.0, 1.0, -4.0], [-3.0, 5.0, 2.0], [1.0, 0.25, -0.5]],
    [[40.0, 1.0, 2.0], [1.0, 40.0, 3.0], [2.0, 1.0, 40.0], [60.0, 0.0, 1.0]],
    [[0.0, 0.0, 0.0], [0.0, 17.0, 1.0], [1.0, 2.0, -90.0], [0.5, 0.0, 0.25]],
)
SEVERAL: Final = [(rows, y) for rows in ROWS for y in ([0, 1, 2, 0], [2, 0, 0, 2])]


def _both(name: str, call: Any, oracle: Any, *, several: bool = True) -> list[Case]:  # noqa: ANN401
    cases = [
        Case(name, call, oracle, BINARY, (0,), size=4),
        Case(f"{name} of shares", call, oracle, [(z, y) for z in Z[::3] for y in SOFT], (0,), terms=1.0, size=4),
    ]
    return cases + [Case(f"{name} of classes", call, oracle, SEVERAL, (0,), terms=1.0, size=12)] * several


CASES: Final = (
    *_both("dice", L.dice, dice),
    *_both("dice squared", with_options(L.dice, form="squared", smooth=0.25), with_options(dice, power=2, smooth=0.25)),
    *_both(
        "dice generalized",
        with_options(L.dice, form="generalized", smooth=0.25),
        with_options(generalized_dice, smooth=0.25),
    ),
    *_both("jaccard", L.jaccard, with_options(tversky, alpha=1.0, beta=1.0)),
    *_both(
        "tversky",
        with_options(L.tversky, alpha=0.25, beta=0.75),
        with_options(tversky, alpha=0.25, beta=0.75),
    ),
    *_both(
        "focal_tversky",
        with_options(L.focal_tversky, alpha=0.25, beta=0.75, gamma=1.5),
        with_options(tversky, alpha=0.25, beta=0.75, gamma=1.5),
    ),
    Case("lovasz", with_options(L.lovasz, classes="all"), lovasz, [(z, y) for z in Z[:3] for y in Y[:2]], (0,), size=4),
    Case("lovasz of classes", L.lovasz, lovasz, SEVERAL[:1], (0,), terms=1.0, size=12),
)
