"""The quick forms of rows, through torch's softmax kernel, against float64 and autograd."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Final

import torch
from tests.accuracy import assert_close_to_scale
from tests.each import each
from torch import Tensor

from slopes.kernels.rows import formulas, quick

ROWS, CLASSES = 6, 50
T: Final = torch.tensor([0, 7, 49, 3, 3, 20])


def plain() -> Tensor:
    return 2 * torch.randn(ROWS, CLASSES, generator=torch.Generator().manual_seed(0))


def sure_and_wrong() -> Tensor:
    """Return rows in which the target leads by far, or is next to impossible, and plain ones."""
    x = plain()
    x[0, 0], x[1, 7], x[2, 5] = 60.0, -120.0, 90.0
    return x


def masked() -> Tensor:
    x = plain()
    x[:, 10:14] = -torch.inf
    return x


def huge() -> Tensor:
    return plain() + 1e4


LOGITS: Final[dict[str, Callable[[], Tensor]]] = {made.__name__: made for made in (plain, sure_and_wrong, masked, huge)}
SMOOTHINGS: Final = (None, (0.1, False), (0.1, True), (1.0, False))


def by_definition(x: Tensor, smoothing: tuple[float, bool] | None, z_loss: float) -> tuple[Tensor, Tensor]:
    """Return losses and gradients of -Σ y log p + z (log Σ e^x)², in float64, by autograd."""
    wide = x.double().requires_grad_()
    y = torch.nn.functional.one_hot(T, CLASSES).double()
    if smoothing is not None:
        amount, others = smoothing
        there = x > -torch.inf
        left = there.sum(-1, keepdim=True)
        spread = there.double() * (1 - y) / (left - 1) if others else there.double() / left
        y = (1 - amount) * y + amount * spread
    log_p = wide.log_softmax(-1).masked_fill(x == -torch.inf, 0.0)
    loss = -(y * log_p).sum(-1) + z_loss * wide.logsumexp(-1) ** 2
    (gradient,) = torch.autograd.grad(loss.sum(), wide)
    return loss.detach(), gradient


@each("z_loss", [0.0, 1e-3])
@each("smoothing", SMOOTHINGS, ids=str)
@each("logits", LOGITS)
def test_cross_entropy(logits: str, smoothing: tuple[float, bool] | None, z_loss: float) -> None:
    x = LOGITS[logits]()
    kept = x.clone()
    if smoothing is None:
        forms = [
            quick.by_index(x, T, z_loss),
            quick.by_index_owned(x.clone(), T, z_loss, lambda rows: x[rows]),
        ]
    else:
        options = None, *smoothing, z_loss
        forms = [
            quick.smoothed(x, T, *options),
            quick.smoothed_owned(x.clone(), T, *options, lambda rows: x[rows]),
        ]
    wanted, by_x = by_definition(x, smoothing, z_loss)
    for loss, (gradient, _) in forms:
        for row in range(ROWS):
            assert_close_to_scale(loss[row], wanted[row], max(1.0, float(wanted[row])), size=4)
            largest = max(float(by_x[row].abs().max()), 1e-8)  # float64 has no more of p - 1
            assert_close_to_scale(gradient[row], by_x[row], largest, size=4)
    assert torch.equal(x, kept)


def test_class_weights_take_the_definition() -> None:
    x, weights = plain(), torch.linspace(0.5, 2.0, CLASSES)
    loss, (gradient, _) = quick.smoothed(x, T, weights, 0.1, False, 1e-3)
    wanted, (by_x, _) = formulas.smoothed(x, T, weights, 0.1, False, 1e-3)
    assert torch.equal(loss, wanted)
    assert torch.equal(gradient, by_x)


def distilled(
    s: Tensor, teacher: Tensor, alpha: float, temperature: float, *, reverse: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Return losses and both gradients, in float64, by autograd."""
    wide = [t.double().requires_grad_() for t in (s, teacher)]
    hard = torch.nn.functional.cross_entropy(wide[0], T, reduction="none")
    log_q, log_p = (t.div(temperature).log_softmax(-1) for t in wide)
    if reverse:
        log_q, log_p = log_p, log_q
    soft = (log_p.exp() * (log_p - log_q)).sum(-1)
    loss = alpha * hard + (1 - alpha) * temperature**2 * soft
    return loss.detach(), *torch.autograd.grad(loss.sum(), wide)


@each(
    ("temperature", "alpha", "reverse", "apart"),
    list(itertools.product((1.0, 4.0), (0.0, 0.3), (False, True), (0.01, 0.3, 3.0))),
)
def test_distillation(temperature: float, alpha: float, reverse: bool, apart: float) -> None:  # noqa: FBT001
    s = plain()
    teacher = s + apart * torch.randn(ROWS, CLASSES, generator=torch.Generator().manual_seed(1))
    loss, slopes = quick.distillation(s, teacher, T, alpha, temperature, reverse)
    wanted, by_student, by_teacher = distilled(s, teacher, alpha, temperature, reverse=reverse)
    for row in range(ROWS):
        # Two log-probabilities, rounded off, are subtracted: what is left has lost as many digits as they are alike.
        scale = max(float(wanted[row]), temperature * apart)
        assert_close_to_scale(loss[row], wanted[row], scale, size=4)
        for given, by in zip(slopes[:2], (by_student, by_teacher), strict=True):
            slope = given() if callable(given) else given
            assert isinstance(slope, Tensor)
            assert_close_to_scale(slope[row], by[row], max(float(by[row].abs().max()), 0.1 * temperature), size=4)


@each("other", ["sure_and_wrong", "masked"])
def test_distillation_takes_the_definition_where_logits_are_far_apart(other: str) -> None:
    s, teacher = plain(), LOGITS[other]()
    found, wanted = (of(s, teacher, T, 0.3, 1.0, False) for of in (quick.distillation, formulas.distillation))
    assert torch.equal(found[0], wanted[0])


def test_a_student_like_its_teacher_loses_nothing() -> None:
    s = plain()
    loss, (by_student, _, _) = quick.distillation(s, s.clone(), T, 0.0, 2.0, False)
    assert (loss == 0).all()
    assert (by_student == 0).all()
