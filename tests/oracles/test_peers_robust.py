"""Robust losses beside torch's operators, and beside the code that Barron published, written out."""

from __future__ import annotations

import pytest
import torch
from tests.each import each
from tests.oracles.peers import assert_same, normal
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that users give it


def barron(x: Tensor, alpha: float, scale: float) -> Tensor:
    """Return `robust_loss_pytorch.general.lossfun` with its epsilons, for a number alpha."""
    epsilon = torch.finfo(torch.float32).eps
    squared = (x / scale) ** 2
    if alpha == float("-inf"):
        return -torch.expm1(-0.5 * squared)
    if alpha == 0:
        return torch.log1p(0.5 * squared)
    if alpha == 2:
        return 0.5 * squared
    beta = max(epsilon, abs(alpha - 2))
    safe = (1 if alpha >= 0 else -1) * max(epsilon, abs(alpha))
    return (beta / safe) * ((squared / beta + 1) ** (0.5 * alpha) - 1)


@each("alpha", [2.0, 1.5, 1.0, 0.5, 0.0, -1.0, -2.0, -8.0, float("-inf")])
def test_general_robust(alpha: float) -> None:
    residuals = 2 * normal(60, seed=1)
    inputs = {"predictions": residuals, "targets": torch.zeros_like(residuals)}
    assert_same(
        lambda predictions, targets: L.general_robust(predictions, targets, alpha=alpha, scale=0.7, reduction="none"),
        lambda predictions, targets: barron(predictions - targets, alpha, 0.7),
        inputs,
        ["predictions", "targets"],
        scale=4.0,
        slope_scale=4.0,
    )


def test_the_published_code_is_off_where_alpha_is_small() -> None:
    """Its power less 1 cancels: of an alpha of 1e-6 it keeps one digit in float32; ours is the limit, nearly."""
    r = torch.tensor([2.0])
    ours = L.general_robust(r, torch.zeros(1), alpha=1e-6).item()
    assert ours == pytest.approx(1.0986123, rel=1e-6)
    assert abs(barron(r, 1e-6, 1.0).item() - ours) > 0.01


def test_charbonnier_is_the_root() -> None:
    inputs = {"predictions": normal(40, seed=2), "targets": normal(40, seed=3)}
    assert_same(
        lambda predictions, targets: L.charbonnier(predictions, targets, reduction="none"),
        lambda predictions, targets: torch.sqrt((predictions - targets) ** 2 + 1e-6),
        inputs,
        ["predictions", "targets"],
        size=4,
    )
    far = torch.tensor([1e25])
    assert L.charbonnier(far, torch.zeros(1)).item() == pytest.approx(1e25)
    assert (far.square() + 1e-6).sqrt().isinf()


def test_tukey_weights_are_statsmodels() -> None:
    """Its weight function is (1 - (z/c)²)² within c: the slope over the residual."""
    r = torch.linspace(-8, 8, 41, dtype=torch.float64).requires_grad_()
    slope = torch.autograd.grad(L.tukey(r, torch.zeros(41, dtype=torch.float64), reduction="sum"), r)[0]
    inside = (r.abs() <= 4.685).double()
    torch.testing.assert_close(slope, r.detach() * inside * (1 - (r.detach() / 4.685) ** 2) ** 2)
