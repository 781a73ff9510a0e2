"""Figures that texts on MSE through a softmax work out, beside the exact ones, and what does not hold."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.explorer.figures.confidence.model import CROSS_ENTROPY, DIAGONAL, SQUARES, Taught, teach
from slopes.explorer.figures.result import Correction, Table
from slopes.explorer.figures.wording import number

_UNSURE: Final = (0.2, 0.5, 0.3)
_CERTAIN: Final = (0.01, 0.98, 0.01)
_LIKELY: Final = (0.733, 0.2, 0.067)
_WRONG: Final = (0.067, 0.733, 0.2)


def worked() -> Table:
    """Return the figures as a table."""
    return Table(title="Worked figures", columns=("", "stated", "exact"), fill=_rows)


@lru_cache(maxsize=1)
def corrections() -> tuple[Correction, ...]:
    """Return what does not hold, with the figures that do."""
    unsure, certain, likely = _at(_UNSURE), _at(_CERTAIN), _at(_LIKELY)
    whole, part = _row(unsure, SQUARES), _row(unsure, DIAGONAL)
    shout = _row(unsure, CROSS_ENTROPY)[0]
    squares = [_loss(t, SQUARES) for t in (unsure, certain, likely)]
    surprise = [_loss(t, CROSS_ENTROPY) for t in (unsure, certain, likely)]
    return (
        Correction(
            stated="MSE through a softmax has the gradient 2(pᵢ − yᵢ) pᵢ(1 − pᵢ).",
            holds="That keeps only the diagonal of the softmax's Jacobian, though every probability depends on every "
            "logit. The whole gradient is pᵢ(gᵢ − Σ pⱼgⱼ) with g = 2(p − y): for p = (0.2, 0.5, 0.3) it is "
            f"({_said(whole)}), where the diagonal alone gives ({_said(part)}).",
        ),
        Correction(
            stated="Its signs are right; only its size is wrong.",
            holds="Those of the diagonal always are. The true gradient can lift a wrong class: for p = (0.01, 0.98, "
            f"0.01) it is {number(_row(certain, SQUARES)[2], 3)} at the third logit, and descent raises that one.",
        ),
        Correction(
            stated="Cross-entropy is three times louder on the right class: 0.80 against 0.256.",
            holds=f"Against the whole gradient, {number(-whole[0], 3)}, it is {number(shout / whole[0], 3)} times.",
        ),
        Correction(
            stated="MSE is (1 − p)² and ends at 1.",
            holds="That is the right class's own term. With those of the others the sum goes up to 2, and the mean "
            "over three classes up to 2/3.",
        ),
        Correction(
            stated="On the way to certainty in the wrong class MSE doubles, while cross-entropy grows 15 times.",
            holds="The two start from different predictions. Both from (0.2, 0.5, 0.3), MSE grows "
            f"{number(squares[1] / squares[0], 3)} times and cross-entropy {number(surprise[1] / surprise[0], 3)}; "
            f"both from (0.733, 0.2, 0.067), {number(squares[1] / squares[2], 3)} and "
            f"{number(surprise[1] / surprise[2], 3)} times. The difference that counts is in the gradients.",
        ),
    )


@lru_cache(maxsize=1)
def _rows() -> tuple[tuple[str, ...], ...]:
    unsure, certain, likely, wrong = (_at(p) for p in (_UNSURE, _CERTAIN, _LIKELY, _WRONG))
    error, pull = _on_logits()
    own = certain.p[0, 0].item()
    return (
        ("sum of squares of (0.2, 0.5, 0.3) − (1, 0, 0)", "0.98", number(_loss(unsure, SQUARES), 6)),
        ("its gradient by p", "−1.6, 1.0, 0.6", _said(unsure.by_p[0].tolist())),
        ("by the logits, diagonal only", "−0.256, 0.250, 0.126", _said(_row(unsure, DIAGONAL))),
        ("by the logits, whole Jacobian", "none", _said(_row(unsure, SQUARES))),
        ("its mean over the classes", "0.327", number(_loss(unsure, SQUARES) / 3, 6)),
        ("the same for (0.01, 0.98, 0.01)", "0.647", number(_loss(certain, SQUARES) / 3, 6)),
        ("p(1 − p) at p = 0.01", "0.0099", number(own * (1 - own), 6)),
        ("p − 1 at p = 0.01", "−0.99", number(_row(certain, CROSS_ENTROPY)[0], 6)),
        ("−log 0.2", "1.61", number(_loss(unsure, CROSS_ENTROPY), 6)),
        ("its gradient by the logits", "−0.80, 0.50, 0.30", _said(_row(unsure, CROSS_ENTROPY))),
        ("−log 0.733", "0.311", number(_loss(likely, CROSS_ENTROPY), 6)),
        ("its gradient by the logits", "−0.267, 0.200, 0.067", _said(_row(likely, CROSS_ENTROPY))),
        ("−log 0.067", "2.703", number(_loss(wrong, CROSS_ENTROPY), 6)),
        ("−log 0.01", "4.605", number(_loss(certain, CROSS_ENTROPY), 6)),
        ("squares of the logits (0.5, 1.5, 0.9) − (1, 0, 0)", "3.31", number(error, 6)),
        ("their gradient", "−1.0, 3.0, 1.8", _said(pull)),
    )


def _at(p: tuple[float, ...]) -> Taught:
    return teach(torch.tensor([p], dtype=torch.float64).log())


def _loss(taught: Taught, method: str) -> float:
    return taught.methods[method].loss[0].item()


def _row(taught: Taught, method: str) -> list[float]:
    row: Tensor = taught.methods[method].gradient[0]
    return row.tolist()


def _said(values: list[float]) -> str:
    return ", ".join(number(value, 6) for value in values)


def _on_logits() -> tuple[float, list[float]]:
    z = torch.tensor([0.5, 1.5, 0.9], dtype=torch.float64, requires_grad=True)
    with slopes.exact():
        value = L.mse(z, torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64), reduction="sum")
    return value.item(), torch.autograd.grad(value, z)[0].tolist()
