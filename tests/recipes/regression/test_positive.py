from __future__ import annotations

import math

import pytest
import torch
from tests.accuracy import assert_close
from tests.each import each

from slopes import OptionError, ValuesError
from slopes.recipes.regression.positive import PositiveRegression

TARGETS = torch.tensor([0.0, 2.0, 3.0, 15.0], dtype=torch.float64)


@each("link", ["softplus", "exp"])
def test_predictions_are_positive_and_start_at_the_mean(link: str) -> None:
    recipe = PositiveRegression.from_targets(TARGETS, link=link)
    assert bool((recipe.predict(torch.linspace(-30, 30, 101)).value > 0).all())
    start = recipe.head(3).linear.bias
    assert recipe.predict(start).value.item() == pytest.approx(5.0, rel=1e-6)


@each("link", ["softplus", "exp"])
def test_the_loss_is_the_squared_error_in_squares_of_the_mean(link: str) -> None:
    recipe = PositiveRegression.from_targets(TARGETS, link=link)
    raw = torch.tensor([-1.0, 0.5, 2.0, 1.0], dtype=torch.float64)
    value = [5 * (math.log1p(math.exp(x)) if link == "softplus" else math.exp(x)) for x in raw.tolist()]
    wanted = [((v - t) / 5) ** 2 for v, t in zip(value, TARGETS.tolist(), strict=True)]
    assert_close(recipe.loss(raw, TARGETS, reduction="none"), wanted, size=16)
    assert_close(recipe.predict(raw).value, value, size=4)


def test_negative_targets_are_refused() -> None:
    with pytest.raises(ValuesError, match=r"`targets` holds -1, expected values in \[0, ∞\).*Regression"):
        PositiveRegression.from_targets(torch.tensor([-1.0, 2.0]))
    recipe = PositiveRegression.from_targets(TARGETS)
    with pytest.raises(ValuesError, match=r"PositiveRegression.loss: `targets` holds -3"):
        recipe.loss(torch.zeros(1), torch.tensor([-3.0]))
    with pytest.raises(OptionError, match="'square'"):
        PositiveRegression.from_targets(TARGETS, link="square")  # type: ignore[arg-type]
