from __future__ import annotations

import math

import pytest
import torch
from tests.each import each

from slopes import OptionError, ShapeError, ValuesError
from slopes.recipes.regression.intervals import conformal_quantile, conformal_width, covered, normal_multiple, outside


@each(("rows", "coverage"), [(9, 0.9), (19, 0.95), (100, 0.9), (99, 0.5), (37, 0.73), (199, 0.995)])
def test_the_quantile_has_the_rank_of_the_definition(rows: int, coverage: float) -> None:
    misses = torch.randperm(rows, generator=torch.Generator().manual_seed(rows)).double() + 1
    rank = next(k for k in range(1, rows + 1) if k / (rows + 1) >= coverage - 1e-12)
    assert conformal_quantile(misses, coverage=coverage) == rank


def test_each_column_has_its_own() -> None:
    misses = torch.stack([torch.arange(19.0), -torch.arange(19.0)], 1)
    assert conformal_quantile(misses, coverage=0.9) == (17.0, -1.0)


def test_the_promise_holds_on_the_average_over_calibrations() -> None:
    """Assert coverage between the promise and 1 / (M + 1) above it: the theorem, for noise of any shape."""
    generator = torch.Generator().manual_seed(0)
    rows, coverage, runs = 30, 0.8, 4000
    noise = torch.rand(runs, rows + 1, dtype=torch.float64, generator=generator).pow(-0.7)  # without a variance
    widths = torch.tensor(conformal_quantile(noise[:, :rows].T, coverage=coverage))
    found = (noise[:, rows] <= widths).double().mean().item()
    slack = 3 * math.sqrt(coverage * (1 - coverage) / runs)
    assert coverage - slack <= found <= coverage + 1 / (rows + 1) + slack


def test_too_few_rows_promise_nothing() -> None:
    with pytest.raises(ShapeError, match=r"has 8 rows, expected at least 9 for a coverage of 0\.9"):
        conformal_quantile(torch.rand(8), coverage=0.9)
    with pytest.raises(OptionError, match="coverage"):
        conformal_quantile(torch.rand(8), coverage=1.0)
    with pytest.raises(ValuesError, match="1 NaN"):
        conformal_quantile(torch.tensor([torch.nan] + [1.0] * 9), coverage=0.5)


def test_width_and_misses() -> None:
    predictions, targets = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([0.5, 0.0, 4.0])
    assert conformal_width(predictions, targets, coverage=0.75) == 2.0
    lower, upper = predictions - 1, predictions + 1
    assert outside(lower, upper, targets).tolist() == [-0.5, 0.0, 1.0]
    assert covered(lower, upper, targets) == pytest.approx(2 / 3)
    assert normal_multiple(0.6826894921370859) == pytest.approx(1.0)
