from __future__ import annotations

import pytest
import torch
from tests.each import each
from torch import Tensor

from slopes import DtypeError, ShapeError, ValuesError
from slopes.recipes.regression.tails import NORMAL_FAR, Tails


def spread(distribution: torch.distributions.Distribution, rows: int = 2000) -> Tensor:
    return distribution.icdf((torch.arange(rows, dtype=torch.float64) + 0.5) / rows)


def test_normal_numbers_have_no_tails() -> None:
    tails = Tails.of(spread(torch.distributions.Normal(torch.tensor(5.0).double(), 2.0)))
    assert tails.far == pytest.approx(NORMAL_FAR * 2000, abs=2)
    assert tails.deviation == pytest.approx(2.0, rel=1e-3)
    assert (tails.heavy, tails.skewed, tails.loss) == (False, False, "mse")
    assert tails.below == tails.above


@each(
    ("distribution", "far", "loss"),
    [
        # P(|x| > 3 · 1.4826 · ln 2) = exp(-3.083); P(|x| > 4.448) of a Cauchy, whose MAD is 1
        (torch.distributions.Laplace(torch.tensor(0.0).double(), 1.0), 0.0458, "huber"),
        (torch.distributions.Cauchy(torch.tensor(0.0).double(), 1.0), 0.1408, "mae"),
    ],
)
def test_heavy_tails_are_counted(distribution: torch.distributions.Distribution, far: float, loss: str) -> None:
    tails = Tails.of(spread(distribution))
    assert tails.far / tails.count == pytest.approx(far, abs=2e-3)
    assert tails.loss == loss
    assert not tails.skewed


def far_ones(rows: int, far: int, distance: float = 5.0) -> Tails:
    values = torch.cat([drawn_normal(rows - far), torch.full((far,), distance, dtype=torch.float64)])
    return Tails.of(values)


def drawn_normal(rows: int) -> Tensor:
    return spread(torch.distributions.Normal(torch.tensor(0.0).double(), 1.0), rows).clamp(-2.5, 2.5)


@each(
    ("rows", "far", "heavy"),
    # Poisson of mean 0.0027 · rows: P(>= 3 | 0.594) = 0.022, P(>= 4 | 0.594) = 0.003, P(>= 2 | 0.054) = 0.0014
    [(220, 3, False), (220, 4, True), (20, 1, False), (20, 2, True), (30_000, 299, False), (30_000, 301, True)],
)
def test_few_far_numbers_may_be_chance(rows: int, far: int, *, heavy: bool) -> None:
    tails = far_ones(rows, far)
    assert tails.far == far
    assert tails.heavy is heavy


def test_a_single_number_that_normal_noise_never_reaches_is_a_tail() -> None:
    assert not far_ones(5000, 1, distance=9.0).heavy
    assert far_ones(5000, 1, distance=12.0).heavy


def test_a_long_tail_on_one_side_is_skewed() -> None:
    tails = Tails.of(spread(torch.distributions.Exponential(torch.tensor(1.0).double())))
    assert tails.skewed
    assert tails.below == 0


def test_the_sentence_has_the_numbers() -> None:
    # -24 to 24 and one at 1000: the median is 0.5, the median of the distances 12.5, 1.4826 of which are 18.53.
    told = Tails.of(torch.cat([torch.arange(-24.0, 25.0), torch.tensor([1000.0])])).told()
    assert told == (
        "1 of 50 residuals lie more than 3 robust standard deviations (18.53 each, 1.4826 times the median absolute "
        "deviation) from their median 0.5 (0 below, 1 above, the farthest 53.9 of them away); of normal ones 0.1 would."
    )


@each(
    ("values", "error", "said"),
    [
        (torch.rand(19), ShapeError, "at least 20"),
        (torch.rand(5, 20), ShapeError, r"expected \[N\]"),
        (torch.arange(30), DtypeError, "int64"),
        (torch.tensor([0.0] * 20 + [1.0] * 10), ValuesError, "more than half of 30 `values` are 0"),
        (torch.tensor([torch.nan] * 20), ValuesError, "20 NaN"),
    ],
)
def test_what_has_no_tails_is_refused(values: Tensor, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        Tails.of(values)
