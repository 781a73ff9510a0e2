from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
from tests.each import each
from tests.later import Later

from slopes import OptionError, ValuesError
from slopes.recipes.regression.transforms import Kind, Transform

preprocessing = Later("sklearn.preprocessing")


def heavy(columns: int = 2) -> torch.Tensor:
    draws = torch.randn(200, columns, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return (1.3 * draws).exp() * torch.tensor([1.0, 1e6])[:columns]


@each("kind", ["box-cox", "yeo-johnson"])
def test_it_is_scikit_learns_transform_of_the_scaled_targets(kind: Kind) -> None:
    targets = heavy() - (3.0 if kind == "yeo-johnson" else 0.0)
    transform = Transform.fitted(targets, kind=kind)
    scaled = (targets.numpy() - np.asarray(transform.shift)) / np.asarray(transform.size)
    peer = preprocessing.PowerTransformer(method=kind, standardize=True).fit(scaled)
    np.testing.assert_allclose(transform.power, peer.lambdas_, rtol=1e-12)
    np.testing.assert_allclose(transform.forward("test", targets).numpy(), peer.transform(scaled), atol=1e-9)
    there = np.random.default_rng(0).standard_normal((50, 2))
    back = peer.inverse_transform(there) * np.asarray(transform.size) + np.asarray(transform.shift)
    np.testing.assert_allclose(transform.inverse(torch.from_numpy(there)).numpy(), back, rtol=1e-8)


@each("kind", get_args(Kind))
@each("unit", [1e-6, 1.0, 1e6])
def test_the_inverse_undoes_it_in_any_unit(kind: Kind, unit: float) -> None:
    targets = heavy(1)[:, 0] * unit
    transform = Transform.fitted(targets, kind=kind)
    standard = transform.forward("test", targets)
    assert standard.mean().item() == pytest.approx(0.0, abs=1e-12)
    assert standard.square().mean().item() == pytest.approx(1.0)
    torch.testing.assert_close(transform.inverse(standard), targets, rtol=1e-9, atol=1e-9 * unit)
    torch.testing.assert_close(standard, Transform.fitted(targets / unit, kind=kind).forward("t", targets / unit))


def test_float32_goes_there_and_back() -> None:
    targets = heavy(1)[:, 0].float()
    for kind in get_args(Kind):
        transform = Transform.fitted(targets, kind=kind)
        assert transform.forward("test", targets).dtype == torch.float32
        torch.testing.assert_close(transform.inverse(transform.forward("test", targets)), targets, rtol=1e-4, atol=1e-4)


@each(("power", "beyond", "limit"), [(0.5, -100.0, 0.0), (-0.5, 100.0, torch.inf)])
def test_beyond_its_range_the_inverse_of_box_cox_is_the_limit(power: float, beyond: float, limit: float) -> None:
    transform = Transform(kind="box-cox", power=power, shift=0.0, size=1.0, center=0.0, unit=1.0)
    assert transform.inverse(torch.tensor([beyond])).item() == limit


def test_what_is_not_positive_is_refused_with_the_way_out() -> None:
    for kind in ("log", "box-cox"):
        with pytest.raises(ValuesError, match=r"`targets` holds 0, expected values in \(0, ∞\).*'yeo-johnson'"):
            Transform.fitted(torch.tensor([0.0, 1.0]), kind=kind)
    transform = Transform.fitted(torch.tensor([1.0, 2.0]), kind="log")
    with pytest.raises(ValuesError, match="-1"):
        transform.forward("test", torch.tensor([-1.0]))
    with pytest.raises(OptionError, match="'square'"):
        Transform.fitted(torch.tensor([1.0, 2.0]), kind="square")  # type: ignore[arg-type]


def test_exponents_of_many_rows_are_fitted_on_some_of_them() -> None:
    targets = torch.randn(150_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).exp()
    transform = Transform.fitted(targets, kind="box-cox")
    assert transform.power == pytest.approx(0.0, abs=0.01)
    assert transform == Transform.fitted(targets, kind="box-cox")
