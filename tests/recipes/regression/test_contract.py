"""What holds for every regression recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Final

import pytest
import torch
from tests.accuracy import assert_close
from tests.each import each
from torch import Tensor

from slopes import DtypeError, ShapeError, ValuesError
from slopes.recipes.recipe import Recipe
from slopes.recipes.regression.bounded import BoundedRegression
from slopes.recipes.regression.heteroscedastic import GaussianRegression
from slopes.recipes.regression.plain import Regression
from slopes.recipes.regression.positive import PositiveRegression
from slopes.recipes.regression.quantiles import QuantileRegression
from slopes.recipes.regression.robust import RobustRegression
from slopes.recipes.regression.transformed import TransformedRegression

# Each recipe, and what the raw outputs of one number are: one, mean and log-variance, or three quantiles.
RECIPES: Final[dict[str, tuple[Callable[[Tensor], Recipe], tuple[int, ...]]]] = {
    "plain": (Regression.from_targets, ()),
    "huber": (RobustRegression.from_targets, ()),
    "mae": (lambda t: RobustRegression.from_targets(t, criterion="mae"), ()),
    "log": (TransformedRegression.from_targets, ()),
    "yeo-johnson": (lambda t: TransformedRegression.from_targets(t, kind="yeo-johnson"), ()),
    "bounded": (BoundedRegression.from_targets, ()),
    "positive": (PositiveRegression.from_targets, ()),
    "exp": (lambda t: PositiveRegression.from_targets(t, link="exp"), ()),
    "gaussian": (GaussianRegression.from_targets, (2,)),
    "quantiles": (QuantileRegression.from_targets, (3,)),
}


def made(columns: int | None = None, rows: int = 40, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return targets in (0, 1), which every recipe takes."""
    shape = (rows,) if columns is None else (rows, columns)
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype) * 0.9 + 0.05


def outputs(like: Tensor, trailing: tuple[int, ...], seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((*like.shape, *trailing), generator=generator, dtype=torch.float64).to(like.dtype)


@pytest.fixture(params=RECIPES, ids=str)
def named(request: pytest.FixtureRequest) -> tuple[Callable[[Tensor], Recipe], tuple[int, ...]]:
    return RECIPES[request.param]


@each("columns", [None, 1, 3])
def test_head_loss_prediction_and_metrics_have_the_shapes_of_the_targets(
    named: tuple[Callable[[Tensor], Recipe], tuple[int, ...]], columns: int | None
) -> None:
    make, trailing = named
    targets = made(columns, dtype=torch.float32)
    recipe = make(targets)
    assert isinstance(recipe, Recipe)
    assert recipe.reasons
    raw = recipe.head(5)(torch.randn(40, 5))
    assert raw.shape == (*targets.shape, *trailing)
    assert recipe.loss(raw, targets).shape == ()
    assert recipe.loss(raw, targets, reduction="none").shape == targets.shape
    assert recipe.predict(raw)[0].shape == targets.shape
    score = recipe.score(raw, targets)
    suffix = "" if columns is None else "_0"
    assert {"mae" + suffix, "rmse" + suffix, "r2" + suffix, "mape" + suffix} <= set(score)
    assert all(value == value for value in score.values())  # noqa: PLR0124  no NaN
    calibrated = recipe.calibrated(raw, targets)
    assert calibrated.predict(raw)[0].shape == targets.shape


def test_the_gradient_of_the_loss_is_right(named: tuple[Callable[[Tensor], Recipe], tuple[int, ...]]) -> None:
    make, trailing = named
    targets = made(2, rows=4)
    recipe = make(targets)
    raw = outputs(targets, trailing).requires_grad_()
    weight = torch.rand(targets.shape, dtype=torch.float64)
    torch.autograd.gradcheck(lambda r: recipe.loss(r, targets, weight=weight), (raw,))


def test_micro_batches_add_up_to_the_full_batch(named: tuple[Callable[[Tensor], Recipe], tuple[int, ...]]) -> None:
    make, trailing = named
    targets = made()
    recipe, raw = make(targets), outputs(targets, trailing)
    weight = torch.rand(40, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    mask = torch.arange(40) % 3 != 0
    kept = (weight * mask).sum()
    parts = [
        recipe.loss(raw[s], targets[s], mask=mask[s], weight=weight[s], denominator=kept)
        for s in (slice(0, 7), slice(7, 40))
    ]
    whole = recipe.loss(raw, targets, mask=mask, weight=weight)
    assert_close(torch.stack(parts).sum(), whole, size=40)
    each = recipe.loss(raw, targets, mask=mask, weight=weight, reduction="none")
    assert_close(each.sum() / kept, whole, size=40)
    assert_close(recipe.loss(raw, targets, mask=mask, weight=weight, reduction="sum"), each.sum(), size=40)


@each("hidden", ["mask", "weight"])
def test_what_does_not_count_leaves_no_trace(
    named: tuple[Callable[[Tensor], Recipe], tuple[int, ...]], hidden: str
) -> None:
    make, trailing = named
    targets = made()
    recipe, raw = make(targets), outputs(targets, trailing)
    counts = torch.arange(40) % 2 == 0
    wild = torch.where(counts, targets, torch.tensor([-1e9, torch.nan, torch.inf, 7.0]).repeat(10).double())
    spoiled = torch.where(counts.reshape(-1, *(1 for _ in trailing)), raw, torch.inf).requires_grad_()
    given = {"mask": counts} if hidden == "mask" else {"weight": counts.double()}
    loss = recipe.loss(spoiled, wild, **given)
    assert_close(loss, recipe.loss(raw[counts], targets[counts]), size=40)
    (slope,) = torch.autograd.grad(loss, spoiled)
    assert bool((slope[~counts] == 0).all())
    assert bool(slope.isfinite().all())


def test_16_bit_outputs_are_computed_in_float32(named: tuple[Callable[[Tensor], Recipe], tuple[int, ...]]) -> None:
    make, trailing = named
    targets = made(dtype=torch.float32)
    recipe, raw = make(targets), outputs(targets, trailing).bfloat16()
    loss = recipe.loss(raw, targets)
    assert loss.dtype == torch.float32
    assert_close(loss, recipe.loss(raw.float(), targets).double(), size=40)
    prediction = recipe.predict(raw)
    assert {part.dtype for part in prediction} == {torch.float32}
    for part, wide in zip(prediction, recipe.predict(raw.float()), strict=True):
        assert torch.equal(part, wide)


def test_nothing_is_cast_or_broadcast(named: tuple[Callable[[Tensor], Recipe], tuple[int, ...]]) -> None:
    make, trailing = named
    targets = made(dtype=torch.float32)
    recipe, raw = make(targets), outputs(targets, trailing)
    with pytest.raises(DtypeError, match="float64"):
        recipe.loss(raw, targets.double())
    with pytest.raises(DtypeError, match="int64"):
        recipe.loss(raw, targets.long())
    with pytest.raises(ShapeError, match=r"\[40, 1\]"):
        recipe.loss(raw, targets.unsqueeze(-1))
    with pytest.raises(ShapeError, match="mask"):
        recipe.loss(raw, targets, mask=torch.ones(1, dtype=torch.bool))
    with pytest.raises(ShapeError):
        recipe.observe(recipe.metrics(), raw, targets[:-1])


def test_columns_must_be_those_of_the_training_targets(
    named: tuple[Callable[[Tensor], Recipe], tuple[int, ...]],
) -> None:
    make, trailing = named
    recipe = make(made(3))
    with pytest.raises(ShapeError, match=r"\[40, 3\]"):
        recipe.predict(outputs(made(2), trailing))
    with pytest.raises(ShapeError, match=r"\[40, 3\]"):
        recipe.loss(outputs(made(2), trailing), made(2))


def test_metrics_over_batches_are_those_of_all_the_data(
    named: tuple[Callable[[Tensor], Recipe], tuple[int, ...]],
) -> None:
    make, trailing = named
    targets = made(2)
    recipe, raw = make(targets), outputs(targets, trailing)
    metrics = recipe.metrics()
    for rows in (slice(0, 3), slice(3, 4), slice(4, 40)):
        recipe.observe(metrics, raw[rows], targets[rows])
    whole = recipe.score(raw, targets)
    for name, value in metrics.compute().items():
        assert_close(value.double(), torch.tensor(whole[name], dtype=torch.float64), size=40, what=name)


@each(
    ("bad", "kind", "said"),
    [
        (torch.tensor([1.0, torch.nan, 2.0]), ValuesError, "1 NaN and 0 infinite of 3 numbers, the first at"),
        (torch.tensor([1.0, torch.inf]), ValuesError, "0 NaN and 1 infinite"),
        (torch.full((5,), 0.5), ValuesError, "all 5 `targets` are 0.5, expected numbers that differ"),
        (torch.stack([torch.rand(5), torch.ones(5)], 1), ValuesError, "of column 1 are 1, expected"),
        (torch.tensor([0.5]), ShapeError, "at least two rows"),
        (torch.zeros(0), ShapeError, "at least two rows"),
        (torch.rand(2, 2, 2), ShapeError, r"expected \[N\], or \[N, D\]"),
        (torch.tensor([1, 2, 3]), DtypeError, "int64"),
        ([0.1, 0.2], DtypeError, "list"),
    ],
)
def test_bad_targets_are_refused_in_words(
    named: tuple[Callable[[Tensor], Recipe], tuple[int, ...]],
    bad: Tensor,
    kind: type[Exception],
    said: str,
) -> None:
    with pytest.raises(kind, match=said) as error:
        named[0](bad)
    assert "expected" in str(error.value)


def test_one_row_has_no_r2(named: tuple[Callable[[Tensor], Recipe], tuple[int, ...]]) -> None:
    make, trailing = named
    targets = made()
    with pytest.raises(ShapeError, match="at least two rows"):
        make(targets).score(outputs(targets[:1], trailing), targets[:1])


def test_recipes_are_values(named: tuple[Callable[[Tensor], Recipe], tuple[int, ...]]) -> None:
    make, _ = named
    recipe = make(made())
    assert recipe == make(made())
    assert hash(recipe) == hash(make(made()))
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.reasons = ()  # type: ignore[misc]


def test_untrained_heads_predict_what_a_constant_would(
    named: tuple[Callable[[Tensor], Recipe], tuple[int, ...]],
) -> None:
    """Assert that the head starts where half of the targets, or their mean, lies: nothing is spent on it."""
    make, _ = named
    targets = made(2, rows=400, dtype=torch.float32)
    recipe = make(targets)
    value = recipe.predict(recipe.head(3)(torch.zeros(1, 3)))[0]
    middle = torch.stack([targets.mean(0), targets.median(0).values])
    assert bool((value[0] >= middle.amin(0) - 0.1).all())
    assert bool((value[0] <= middle.amax(0) + 0.1).all())


def test_the_documentation_names_the_metrics(named: tuple[Callable[[Tensor], Recipe], tuple[int, ...]]) -> None:
    make, _ = named
    first = (type(make(made())).metrics.__doc__ or "").partition("\n")[0]
    assert all(name in first for name in ("MAE", "RMSE", "R²", "MAPE"))
