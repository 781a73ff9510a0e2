"""Robust losses: values by hand, limits that are continuous, what is ignored, and what is refused."""

from __future__ import annotations

import math
import re

import pytest
import torch
from tests.each import each

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses

ZERO = torch.zeros(1)


def at(alpha: float, r: float, scale: float = 1.0) -> tuple[float, float]:
    """Return value and slope of the general loss, in float64."""
    x = torch.tensor([r], dtype=torch.float64, requires_grad=True)
    loss = L.general_robust(x, torch.zeros(1, dtype=torch.float64), alpha=alpha, scale=scale)
    return loss.item(), torch.autograd.grad(loss, x)[0].item()


class TestCharbonnier:
    def test_a_triangle_of_3_4_5(self) -> None:
        r = torch.tensor([4.0, -4.0, 0.0], requires_grad=True)
        loss = L.charbonnier(r, torch.zeros(3), epsilon=3.0, reduction="none")
        assert loss.tolist() == [5.0, 5.0, 3.0]
        assert torch.autograd.grad(loss.sum(), r)[0].tolist() == pytest.approx([0.8, -0.8, 0.0])

    def test_squares_neither_overflow_nor_vanish(self) -> None:
        r = torch.tensor([3e30, 0.0, math.inf], requires_grad=True)
        loss = L.charbonnier(r, torch.zeros(3), epsilon=1e-30, reduction="none")
        assert loss.tolist() == pytest.approx([3e30, 1e-30, math.inf])
        assert torch.autograd.grad(loss.sum(), r)[0].tolist() == [1.0, 0.0, 1.0]

    def test_pseudo_huber_is_another_scale_and_offset_of_it(self) -> None:
        r = torch.linspace(-5, 5, 21, dtype=torch.float64)
        ours = 0.7 * (L.charbonnier(r, torch.zeros_like(r), epsilon=0.7, reduction="none") - 0.7)
        pseudo = 0.7**2 * ((1 + (r / 0.7) ** 2).sqrt() - 1)
        torch.testing.assert_close(ours, pseudo)

    @each("wrong", [0.0, -1.0, math.inf, math.nan])
    def test_epsilon(self, wrong: float) -> None:
        with pytest.raises(slopes.OptionError, match=r"^charbonnier: `epsilon` is .*expected a number in \(0, ∞\)"):
            L.charbonnier(ZERO, ZERO, epsilon=wrong)


class TestGeneralRobust:
    @each(
        ("alpha", "value", "slope"),
        [
            (2.0, 2.0, 2.0),
            (1.0, math.sqrt(5) - 1, 2 / math.sqrt(5)),
            (0.0, math.log(3), 2 / 3),
            (-2.0, 1.0, 0.5),
            (-math.inf, 1 - math.exp(-2), 2 * math.exp(-2)),
        ],
    )
    def test_named_members_at_a_residual_of_2(self, alpha: float, value: float, slope: float) -> None:
        assert at(alpha, 2.0) == pytest.approx((value, slope), rel=1e-14)

    @each("limit", [2.0, 0.0])
    @each("r", [1e-8, 0.5, 3.0, 1e8])
    def test_it_is_continuous_at_its_limits(self, limit: float, r: float) -> None:
        for step in (1e-6, 1e-9, 1e-13, 1e-16, 1e-30):
            near = [at(limit + side * step, r) for side in (-1, 1) if limit + side * step <= 2]
            for found in near:
                assert found == pytest.approx(at(limit, r), rel=400 * step + 1e-14)

    def test_far_below_0_it_is_its_end(self) -> None:
        for alpha in (-1e16, -1e19, -1e21, -1e300):
            if abs(alpha) < 3e38:
                assert at(alpha, 1.5) == pytest.approx(at(-math.inf, 1.5), rel=1e-14)

    def test_it_never_falls_with_alpha(self) -> None:
        """The family's theorem: at every residual the loss grows with alpha."""
        alphas = [-math.inf, -1e9, -50.0, -6.5, -6.0, -2.0, -1e-3, 0.0, 1e-3, 0.5, 1.0, 1.5, 2 - 1e-9, 2.0]
        for r in (0.1, 1.0, 3.0, 20.0):
            values = [at(alpha, r)[0] for alpha in alphas]
            assert values == sorted(values)

    def test_a_far_residual_costs_what_it_must(self) -> None:
        x = torch.tensor([1e30, math.inf], requires_grad=True)
        for alpha, value in ((1.0, 1e30), (0.0, 2 * math.log(1e30) - math.log(2)), (-2.0, 2.0), (-math.inf, 1.0)):
            loss = L.general_robust(x, torch.zeros(2), alpha=alpha, reduction="none")
            assert loss[0].item() == pytest.approx(value, rel=1e-6)
            assert not torch.autograd.grad(loss.sum(), x)[0].isnan().any()

    @each("wrong", [2.1, math.inf, math.nan])
    def test_alpha_beyond_squares(self, wrong: float) -> None:
        with pytest.raises(slopes.OptionError, match=re.escape("general_robust: `alpha` is ") + r".*\(-∞, 2\]"):
            L.general_robust(ZERO, ZERO, alpha=wrong)


class TestTukey:
    def test_values_by_hand(self) -> None:
        r = torch.tensor([0.0, 3.0, -3.0, 6.0, 60.0, math.inf], requires_grad=True)
        loss = L.tukey(r, torch.zeros(6), c=6.0, reduction="none")
        assert loss.tolist() == [0.0, 3.46875, 3.46875, 6.0, 6.0, 6.0]
        assert torch.autograd.grad(loss.sum(), r)[0].tolist() == [0.0, 1.6875, -1.6875, 0.0, 0.0, 0.0]

    def test_the_slope_keeps_its_digits_at_the_edge(self) -> None:
        """Beside c the slope is r (2 (c - r) / c)², nearly; 1 - (r/c)² would have none of its digits left."""
        c = 4.685
        r = torch.tensor([4.6849995], requires_grad=True)
        slope = torch.autograd.grad(L.tukey(r, ZERO, c=c), r)[0].item()
        given = r.item()
        assert slope == pytest.approx(given * (1 - (given / c) ** 2) ** 2, rel=1e-5)
        typed = (r * (1 - (r / c) ** 2) ** 2).item()
        assert abs(typed / slope - 1) > 1e-2
