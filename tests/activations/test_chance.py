"""Activations that draw: repeatable by a generator, distributed as they say, and with the gradient that they say."""

from __future__ import annotations

import math
import re
from typing import Any, Final

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  the field's own abbreviation
from tests.each import each

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses

every_dtype = each("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
LOGITS: Final = torch.tensor([0.0, 1.0, 2.0])


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_rrelu_draws_in_training_only() -> None:
    x = torch.full((10_000,), -1.0)
    assert torch.equal(A.rrelu(x), torch.full_like(x, -(0.125 + 1 / 3) / 2))
    y = A.rrelu(x, training=True, generator=seeded())
    assert torch.equal(y, A.rrelu(x, training=True, generator=seeded()))
    assert not torch.equal(y, A.rrelu(x, training=True, generator=seeded(1)))
    assert -1 / 3 <= y.min() < -0.333
    assert -0.1251 < y.max() <= -0.125
    assert y.mean().item() == pytest.approx(-(0.125 + 1 / 3) / 2, abs=0.003)
    assert torch.equal(A.rrelu(-x, training=True), -x)


@every_dtype
def test_the_gradient_of_rrelu_is_the_slope_that_was_drawn(dtype: torch.dtype) -> None:
    x = torch.tensor([-4.0, -0.5, 0.0, 2.0, math.nan], dtype=dtype, requires_grad=True)
    y = A.rrelu(x, training=True, generator=seeded())
    slope = torch.autograd.grad(y, x, torch.ones_like(y))[0]
    assert y.dtype == dtype
    assert torch.allclose(slope[:2], y[:2] / x[:2], rtol=torch.finfo(dtype).eps)
    assert 0.12 <= slope[2] <= 0.34
    assert slope[3] == 1
    assert bool(y[4].isnan())
    assert bool(slope[4].isnan())


def test_the_module_of_rrelu_follows_its_mode() -> None:
    module, x = A.RReLU(lower=0.25, upper=0.75), torch.full((100,), -1.0)
    assert module(x).unique().numel() > 90
    assert torch.equal(module(x, generator=seeded()), module(x, generator=seeded()))
    assert torch.equal(module.eval()(x), torch.full_like(x, -0.5))
    assert repr(module) == "RReLU(lower=0.25, upper=0.75)"


def test_gumbel_softmax_draws_the_classes_of_the_softmax() -> None:
    hard = A.gumbel_softmax(LOGITS.expand(60_000, 3), hard=True, generator=seeded())
    assert torch.equal(hard.sum(-1), torch.ones(60_000))
    assert hard.mean(0).tolist() == pytest.approx(torch.softmax(LOGITS, 0).tolist(), abs=0.008)


def test_the_noise_is_the_one_that_torch_draws() -> None:
    x = torch.randn(50, 4, generator=seeded(3))
    torch.manual_seed(5)
    theirs = F.gumbel_softmax(x, tau=0.7)
    torch.manual_seed(5)
    ours = A.gumbel_softmax(x, temperature=0.7)
    assert torch.allclose(ours, theirs, rtol=1e-6, atol=1e-7)
    assert torch.allclose(A.gumbel_softmax(x, temperature=0.7, generator=seeded(5)), theirs, rtol=1e-6, atol=1e-7)


def test_in_16_bits_the_noise_has_more_than_a_few_values() -> None:
    """Torch draws it in bfloat16, and repeats itself."""
    x = torch.zeros(20_000, 2, dtype=torch.bfloat16)
    wide = A.gumbel_softmax(x.float(), generator=seeded())
    assert torch.equal(A.gumbel_softmax(x, generator=seeded()), wide.bfloat16())


@every_dtype
@each("dim", [-1, 0])
def test_straight_through_is_exactly_one_class_with_the_gradient_of_the_soft_draw(dtype: torch.dtype, dim: int) -> None:
    noise = torch.randn(40, 7, generator=seeded(1)).to(dtype)
    weight = torch.randn(40, 7, generator=seeded(2)).to(dtype)
    slopes_of = []
    for hard in (False, True):
        x = torch.randn(40, 7, generator=seeded()).to(dtype).requires_grad_()
        y = A.gumbel_softmax(x, temperature=0.5, hard=hard, dim=dim, noise=noise)
        slopes_of.append(torch.autograd.grad(y, x, weight)[0])
    assert torch.equal(*slopes_of)
    assert bool(slopes_of[0].any())
    assert set(y.detach().unique().tolist()) == {0.0, 1.0}
    assert torch.equal(y.sum(dim), torch.ones_like(y.sum(dim)))
    assert torch.equal(y.argmax(dim), (x.float() + noise.float()).argmax(dim))


def test_the_gradient_of_a_soft_draw_is_that_of_the_softmax_of_the_noisy_logits() -> None:
    noise = torch.randn(6, 4, generator=seeded(1), dtype=torch.float64)
    x = torch.randn(6, 4, generator=seeded(), dtype=torch.float64)
    found = []
    for call in (lambda v: A.gumbel_softmax(v, noise=noise), lambda v: torch.softmax(v + noise, -1)):
        at = x.clone().requires_grad_()
        found.append(torch.autograd.grad((call(at) ** 2).sum(), at)[0])
    assert torch.allclose(*found, rtol=1e-12)


def test_nan_and_infinity() -> None:
    noise = torch.zeros(2, 3)
    x = torch.tensor([[0.0, math.inf, 1.0], [0.0, math.nan, 1.0]])
    y = A.gumbel_softmax(x, noise=noise)
    assert y[0].tolist() == [0.0, 1.0, 0.0]
    assert bool(y[1].isnan().all())
    assert A.gumbel_softmax(torch.zeros(2, 0), hard=True).shape == (2, 0)


ERRORS: Final = [
    (lambda: A.rrelu(torch.ones(1), lower=0.5, upper=0.25), slopes.OptionError, "rrelu: `lower` is 0.5 and `upper` is 0.25, expected `lower` below `upper`; exchange them, or move one away from the other."),  # noqa: E501
    (lambda: A.rrelu(torch.ones(1), training=1), slopes.OptionError, "rrelu: `training` is 1, expected True or False; choose one of them."),  # noqa: E501
    (lambda: A.rrelu(torch.ones(1), training=True, generator=0), slopes.OptionError, "rrelu: `generator` is 0, expected a torch.Generator or None; make one with torch.Generator().manual_seed(0)."),  # noqa: E501
    (lambda: A.gumbel_softmax(torch.ones(2), hard="yes"), slopes.OptionError, "gumbel_softmax: `hard` is 'yes', expected True or False; choose one of them."),  # noqa: E501
    (lambda: A.gumbel_softmax(torch.ones(2), noise=torch.ones(3)), slopes.ShapeError, "gumbel_softmax: `x` [2] and `noise` [3] have different shapes, expected equal ones;"),  # noqa: E501
    (lambda: A.gumbel_softmax(torch.ones(2), noise=torch.ones(2).double()), slopes.DtypeError, "gumbel_softmax: `x` is torch.float32, `noise` is torch.float64, expected one dtype;"),  # noqa: E501
]  # fmt: skip


@each(("call", "kind", "text"), ERRORS, ids=[text[:30] for *_, text in ERRORS])
def test_error_texts(call: Any, kind: type[Exception], text: str) -> None:  # noqa: ANN401
    with pytest.raises(kind, match="^" + re.escape(text)):
        call()
