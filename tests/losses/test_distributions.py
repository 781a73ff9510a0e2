"""Likelihoods of one number: values by hand, limits, edges, and what their errors say."""

from __future__ import annotations

import math

import pytest
import torch
from tests.each import each

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses

ZERO = torch.zeros(1)
BOTH = each("dtype", [torch.float32, torch.float64], ids=str)


def test_laplace_by_hand() -> None:
    loss = L.laplace_nll(torch.tensor([1.0]), torch.tensor([2.0]).log(), torch.tensor([5.0]), full=True)
    assert loss.item() == pytest.approx(math.log(4) + 2)


def test_laplace_has_no_pull_on_the_target() -> None:
    m = torch.tensor([1.0, 1.0], requires_grad=True)
    loss = L.laplace_nll(m, torch.tensor([0.0, -200.0]), torch.ones(2), reduction="sum")
    assert torch.autograd.grad(loss, m)[0].tolist() == [0.0, 0.0]


def test_student_t_by_hand() -> None:
    m = torch.tensor([3.0], requires_grad=True)
    loss = L.student_t_nll(m, ZERO, ZERO, ZERO, full=True)
    assert loss.item() == pytest.approx(math.log(10 * math.pi))
    assert torch.autograd.grad(loss, m)[0].item() == pytest.approx(0.6)


@BOTH
def test_student_t_goes_over_into_the_normal_distribution(dtype: torch.dtype) -> None:
    m, s, y = torch.tensor([[0.5, -3.0, 8.0], [-1.0, 0.0, 0.5], [1.0, 1.0, 1.0]], dtype=dtype)
    gaussian = L.gaussian_nll(m, 2 * s, y, reduction="none")
    for k in (60.0, 200.0, math.inf):
        came = L.student_t_nll(m, s, torch.full_like(m, k), y, reduction="none")
        assert torch.allclose(came, gaussian, rtol=8 * torch.finfo(dtype).eps)


@BOTH
def test_the_pull_of_student_t_is_largest_at_the_root_of_the_degrees(dtype: torch.dtype) -> None:
    r = torch.linspace(0.0, 10.0, 1001, dtype=dtype, requires_grad=True)
    zero = torch.zeros_like(r)
    loss = L.student_t_nll(r, zero, torch.full_like(r, math.log(4)), zero, reduction="sum")
    assert r.detach()[torch.autograd.grad(loss, r)[0].argmax()].item() == pytest.approx(2.0)


def test_student_t_of_a_residual_whose_square_no_float_holds() -> None:
    m = torch.tensor([1e30, 1e10], requires_grad=True)
    s = torch.tensor([0.0, -40.0], requires_grad=True)
    loss = L.student_t_nll(m, s, torch.zeros(2), torch.zeros(2), full=True, reduction="none")
    assert loss.tolist() == pytest.approx(
        [math.log(math.pi) + 60 * math.log(10), math.log(math.pi) + 20 * math.log(10) + 40]
    )
    by_m, by_s = torch.autograd.grad(loss.sum(), (m, s))
    assert by_m.tolist() == pytest.approx([2e-30, 2e-10], rel=1e-6)
    assert by_s.tolist() == [-1.0, -1.0]


def test_log_normal_is_the_gaussian_of_the_logarithm() -> None:
    m, s, y = torch.tensor([[0.5, -3.0], [-1.0, 0.5], [0.25, 50.0]], dtype=torch.float64)
    ours = L.log_normal_nll(m, s, y, reduction="none")
    assert torch.allclose(ours, L.gaussian_nll(m, 2 * s, y.log(), reduction="none"), rtol=1e-13)
    whole = L.log_normal_nll(m, s, y, full=True, reduction="none")
    assert (whole - ours).tolist() == pytest.approx((y.log() + 0.5 * math.log(2 * math.pi)).tolist())


def test_log_normal_wants_positive_targets() -> None:
    with pytest.raises(slopes.ValuesError, match=r"log_normal_nll: `targets` holds 0, expected .*use tweedie"):
        L.log_normal_nll(ZERO, ZERO, ZERO)
    with slopes.checks(values=False):
        assert L.log_normal_nll(ZERO, ZERO, ZERO).isnan()
    kept = torch.tensor([True, False])
    assert L.log_normal_nll(torch.zeros(2), torch.zeros(2), torch.tensor([1.0, 0.0]), mask=kept, full=True).isfinite()


def test_evidence_is_student_s_t_and_its_price() -> None:
    m, n, a, b, y = torch.tensor([[0.5, -3.0], [0.25, 2.0], [1.0, -1.0], [0.5, 0.0], [0.75, 4.0]], dtype=torch.float64)
    alpha, nu = a.exp() + 1, n.exp()
    scale = (b.exp() * (1 + nu) / (nu * alpha)).log() / 2
    wanted = L.student_t_nll(m, scale, (2 * alpha).log(), y, reduction="none")
    bare = L.evidential(m, n, a, b, y, strength=0.0, reduction="none")
    assert bare.tolist() == pytest.approx(wanted.tolist(), rel=1e-12)
    dear = L.evidential(m, n, a, b, y, strength=0.5, reduction="none") - bare
    assert dear.tolist() == pytest.approx((0.5 * (m - y).abs() * (2 * nu + alpha)).tolist(), rel=1e-12)


def test_the_far_component_of_a_mixture_has_no_gradient_and_no_nan() -> None:
    mean = torch.tensor([[0.0, 3e38]], requires_grad=True)
    loss = L.mixture_nll(torch.zeros(1, 2), mean, torch.zeros(1, 2), torch.ones(1))
    assert loss.item() == pytest.approx(math.log(2) + 0.5)
    assert torch.autograd.grad(loss, mean)[0].tolist() == [[-1.0, 0.0]]
