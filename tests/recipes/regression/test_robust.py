from __future__ import annotations

import pytest
import torch
from tests.each import each
from torch import Tensor

from slopes import OptionError, ShapeError, ValuesError
from slopes.recipes.regression.robust import RobustRegression


def drawn(distribution: torch.distributions.Distribution, rows: int = 500) -> Tensor:
    return distribution.icdf((torch.arange(rows, dtype=torch.float64) + 0.5) / rows)


NORMAL = drawn(torch.distributions.Normal(torch.tensor(0.0).double(), 1.0))
TARGETS = 10 * NORMAL + 100


def test_delta_is_the_median_absolute_deviation_of_the_residuals() -> None:
    residuals = 2 * NORMAL
    recipe = RobustRegression.from_residuals(TARGETS, residuals)
    mad = 2 * 0.6744897501960817
    assert recipe.delta * recipe.scale.unit == pytest.approx(mad, rel=1e-2)
    doubled = RobustRegression.from_residuals(TARGETS, residuals, deviations=2.0)
    assert doubled.delta == pytest.approx(2 * recipe.delta)
    unmoved = RobustRegression.from_residuals(TARGETS, residuals + 50)  # a constant error is no spread
    assert unmoved.delta == pytest.approx(recipe.delta)


def test_delta_does_not_depend_on_the_unit() -> None:
    first = RobustRegression.from_residuals(TARGETS, NORMAL)
    second = RobustRegression.from_residuals(TARGETS * 1000, NORMAL * 1000)
    assert second.delta == pytest.approx(first.delta)


@each(
    ("residuals", "criterion", "said"),
    [
        (NORMAL, "huber", "the MSE (`Regression`) would do as well"),
        (torch.cat([NORMAL, torch.full((25,), 40.0).double()]), "huber", "few enough to be exceptions"),
        (drawn(torch.distributions.Cauchy(torch.tensor(0.0).double(), 1.0)), "mae", "more than a tenth"),
    ],
)
def test_the_tails_of_the_residuals_choose(residuals: Tensor, criterion: str, said: str) -> None:
    recipe = RobustRegression.from_residuals(TARGETS, residuals)
    assert recipe.criterion == criterion
    assert said in recipe.reasons[0].because
    assert f"of {len(residuals)} residuals lie more than 3 robust" in recipe.reasons[0].because


def test_the_caller_may_choose_otherwise() -> None:
    recipe = RobustRegression.from_residuals(TARGETS, NORMAL, criterion="mae")
    assert recipe.criterion == "mae"
    assert "as asked for" in recipe.reasons[0].choice


def test_no_target_pulls_with_more_than_delta() -> None:
    targets = torch.cat([TARGETS, torch.tensor([1e9]).double()])
    for criterion in ("huber", "mae"):
        recipe = RobustRegression.from_targets(targets, criterion=criterion)
        assert recipe.scale.center == pytest.approx(100.0, abs=0.1)
        assert recipe.scale.unit == pytest.approx(10.0, rel=2e-2)
        raw = torch.zeros(501, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(recipe.loss(raw, targets, reduction="sum"), raw)
        assert slope.abs().max().item() == pytest.approx(recipe.delta if criterion == "huber" else 1.0)


def test_residuals_of_several_columns_are_pooled_in_standardised_units() -> None:
    targets = torch.stack([TARGETS, TARGETS.flip(0) * 1e6], 1)
    residuals = torch.stack([NORMAL, NORMAL * 1e6], 1)
    one = RobustRegression.from_residuals(TARGETS, NORMAL)
    both = RobustRegression.from_residuals(targets, residuals)
    assert both.delta == pytest.approx(one.delta, rel=1e-6)
    with pytest.raises(ShapeError, match=r"`residuals` has shape \[500\], expected \[2\]"):
        RobustRegression.from_residuals(targets, NORMAL)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(OptionError, match="'cauchy'"):
        RobustRegression.from_targets(TARGETS, criterion="cauchy")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="deviations"):
        RobustRegression.from_residuals(TARGETS, NORMAL, deviations=0.0)
    with pytest.raises(ShapeError, match="at least 20"):
        RobustRegression.from_residuals(TARGETS, NORMAL[:10])
    with pytest.raises(ValuesError, match="more than half"):
        RobustRegression.from_residuals(TARGETS, torch.zeros(30))
    with pytest.raises(ValuesError, match="1 NaN"):
        RobustRegression.from_residuals(TARGETS, torch.full((1,), torch.nan))
