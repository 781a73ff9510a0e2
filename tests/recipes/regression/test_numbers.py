from __future__ import annotations

import statistics

import numpy as np
import pytest
import torch
from tests.accuracy import assert_close
from tests.each import each

from slopes import ShapeError
from slopes.recipes.regression.numbers import Standardization, median, median_absolute_deviation


@each("scale", [1.0, 1e-300, 1e300])
def test_mean_and_deviation_at_any_size(scale: float) -> None:
    values = [1.5, 2.0, 9.0, 4.25]
    found = Standardization.from_targets(torch.tensor(values, dtype=torch.float64) * scale)
    assert found.center == pytest.approx(statistics.fmean(values) * scale, rel=1e-14)
    assert found.unit == pytest.approx(statistics.pstdev(values) * scale, rel=1e-14)


def test_median_and_mad_of_even_and_odd_counts() -> None:
    for rows in (5, 6):
        values = torch.randn(rows, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(rows))
        wanted = np.median(values.numpy(), 0)
        assert_close(median(values), wanted.tolist())
        deviation = np.median(np.abs(values.numpy() - wanted), 0)
        assert_close(median_absolute_deviation(values), deviation.tolist())


def test_the_robust_unit_is_the_standard_deviation_of_normal_numbers() -> None:
    values = torch.distributions.Normal(7.0, 3.0).icdf(torch.linspace(0.0005, 0.9995, 1000, dtype=torch.float64))
    found = Standardization.robust(values)
    assert found.center == pytest.approx(7.0, abs=1e-9)
    assert found.unit == pytest.approx(3.0, rel=5e-3)


def test_where_most_targets_are_equal_the_mean_deviation_stands_in() -> None:
    found = Standardization.robust(torch.tensor([0.0, 0.0, 0.0, 4.0]))
    assert (found.center, found.unit) == (0.0, pytest.approx(1.2533141373155003))


def test_forward_and_inverse_undo_each_other() -> None:
    targets = torch.randn(50, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 1000
    scale = Standardization.from_targets(targets)
    standard = scale.forward("test", targets)
    assert_close(standard.mean(0) + 1, [1.0, 1.0], size=50)
    assert_close(standard.square().mean(0), [1.0, 1.0], size=50)
    torch.testing.assert_close(scale.inverse(standard), targets, rtol=1e-13, atol=1e-10)


@each(("targets", "one_sided"), [([1.0, 2.0], True), ([-1.0, -2.0], True), ([0.0, 2.0], False)])
def test_which_targets_have_errors_in_per_cent(targets: list[float], *, one_sided: bool) -> None:
    assert Standardization.from_targets(torch.tensor(targets)).one_sided is one_sided


def test_columns_are_told_from_a_single_one() -> None:
    assert Standardization.from_targets(torch.rand(5)).columns is None
    several = Standardization.from_targets(torch.rand(5, 1))
    assert several.columns == 1
    with pytest.raises(ShapeError, match=r"`targets` has shape \[5\], expected \[1\]"):
        several.forward("test", torch.rand(5))
