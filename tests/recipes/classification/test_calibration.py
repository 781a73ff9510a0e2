from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from tests.accuracy import assert_close, unit
from tests.each import each
from tests.later import Later
from torch import Tensor

from slopes import DtypeError, OptionError, ShapeError, SlopesError, ValuesError
from slopes.recipes import Cost, fit_temperature, tune_threshold
from slopes.recipes.classification.calibration import tempered

sklearn_metrics = Later("sklearn.metrics")


def random_logits(rows: int, classes: int, scale: float) -> tuple[Tensor, Tensor]:
    """Return logits that are right more often than chance, and their targets."""
    generator = torch.Generator().manual_seed(3)
    targets = torch.randint(classes, (rows,), generator=generator)
    logits = torch.randn(rows, classes, generator=generator, dtype=torch.float64)
    return scale * (logits + torch.nn.functional.one_hot(targets, classes)), targets


def mean_surprise(logits: Tensor, targets: Tensor, temperature: float) -> float:
    """Return the mean cross-entropy, row by row in plain Python."""
    total = 0.0
    for row, target in zip((logits.double() / temperature).tolist(), targets.tolist(), strict=True):
        top = max(row)
        total += top + math.log(math.fsum(math.exp(v - top) for v in row)) - row[target]
    return total / len(targets)


@each(("right", "rows", "classes"), [(3, 4, 2), (9, 10, 2), (60, 100, 5), (30, 100, 4)])
@each("gap", [0.01, 1.0, 8.0, 300.0, 1e6])
def test_temperature_of_equal_gaps_is_that_of_the_formula(right: int, rows: int, classes: int, gap: float) -> None:
    """Assert e^(gap / T) = right (C - 1) / wrong: where the model's confidence is its accuracy."""
    logits = torch.zeros(rows, classes, dtype=torch.float64)
    logits[:, 0] = gap
    targets = torch.tensor([0] * right + [1 + i % (classes - 1) for i in range(rows - right)])
    fit = fit_temperature(logits, targets)
    expected = gap / math.log(right * (classes - 1) / (rows - right))
    assert_close(torch.tensor([fit.temperature], dtype=torch.float64), [expected], size=rows * classes * 16)
    assert fit.after <= fit.before


@each("scale", [0.05, 1.0, 20.0, 1e4])
def test_temperature_is_where_the_loss_is_least(scale: float) -> None:
    logits, targets = random_logits(200, 5, scale)
    fit = fit_temperature(logits, targets)
    least = mean_surprise(logits, targets, fit.temperature)
    assert fit.after == pytest.approx(least, rel=200 * unit(torch.float64))
    assert fit.before == pytest.approx(mean_surprise(logits, targets, 1.0), rel=200 * unit(torch.float64))
    for beside in (0.99, 0.999, 1.001, 1.01):
        assert mean_surprise(logits, targets, fit.temperature * beside) > least


def test_temperature_scales_with_the_logits() -> None:
    logits, targets = random_logits(100, 3, 1.0)
    once, thrice = fit_temperature(logits, targets), fit_temperature(3 * logits, targets)
    assert thrice.temperature / once.temperature == pytest.approx(3, rel=1e4 * unit(torch.float64))


def test_one_binary_logit_is_two_logits_of_which_one_is_0() -> None:
    logits, targets = random_logits(100, 2, 2.0)
    odds = logits[:, 1] - logits[:, 0]
    assert fit_temperature(odds, targets).temperature == pytest.approx(
        fit_temperature(logits, targets).temperature, rel=1e4 * unit(torch.float64)
    )
    assert fit_temperature(odds, targets.bool()) == fit_temperature(odds, targets.double())


@each("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_narrow_logits_are_fitted_in_float64(dtype: torch.dtype) -> None:
    logits, targets = random_logits(60, 3, 1.0)
    assert fit_temperature(logits.to(dtype), targets) == fit_temperature(logits.to(dtype).double(), targets)


def test_logits_keep_their_values_and_need_no_graph() -> None:
    logits, targets = random_logits(60, 3, 1.0)
    before = logits.clone()
    fit_temperature(logits.requires_grad_(), targets)
    assert torch.equal(logits, before)
    assert logits.grad is None


def test_separable_logits_have_no_temperature() -> None:
    logits = torch.tensor([[2.0, 1.0], [0.0, 0.1]])
    with pytest.raises(
        ValuesError, match=r"every one of the 2 validation rows is right, .* as the temperature goes to 0"
    ):
        fit_temperature(logits, torch.tensor([0, 1]))
    temperature, reason = tempered(logits, torch.tensor([0, 1]))
    assert temperature == 1
    assert reason.choice == "temperature 1, not fitted"
    assert reason.because.startswith("Every one of the 2 validation rows is right")


def test_rows_that_tie_at_the_top_are_separable_too() -> None:
    with pytest.raises(ValuesError, match="goes to 0"):
        fit_temperature(torch.tensor([[2.0, 2.0], [0.0, 1.0]]), torch.tensor([0, 1]))


def test_logits_that_tell_nothing_have_no_temperature() -> None:
    with pytest.raises(ValuesError, match="temperature goes to infinity"):
        fit_temperature(torch.tensor([[2.0, 1.0], [2.0, 1.0]]), torch.tensor([0, 1]))
    with pytest.raises(ValuesError, match="temperature goes to infinity"):
        fit_temperature(torch.tensor([5.0, -5.0]), torch.tensor([0, 1]))


def test_nearly_separable_logits_still_converge() -> None:
    logits = torch.cat((torch.full((9999,), 1.0), torch.tensor([-1e-3]))).double()
    fit = fit_temperature(logits, torch.ones(10000))
    slope = 9999 / (1 + math.exp(1 / fit.temperature)) - 1e-3 / (1 + math.exp(-1e-3 / fit.temperature))
    assert abs(slope) < 1e-8
    assert fit.temperature < 0.1


@each(
    ("logits", "targets", "error", "match"),
    [
        (torch.zeros(2, 2, 2), torch.zeros(2, dtype=torch.long), ShapeError, r"`logits` has shape \[2, 2, 2\]"),
        (torch.zeros(0, 3), torch.zeros(0, dtype=torch.long), ValuesError, "no rows"),
        (torch.tensor([[0.0, math.inf]]), torch.tensor([0]), ValuesError, "not finite"),
        (torch.zeros(2, 3), torch.tensor([0, 3]), ValuesError, r"holds 3, expected class indices in \[0, 3\)"),
        (torch.zeros(2, 3), torch.zeros(2), DtypeError, r"torch.int64"),
        (torch.zeros(2, 3), torch.zeros(3, dtype=torch.long), ShapeError, r"`targets` has shape \[3\]"),
        (torch.zeros(3), torch.zeros(2), ShapeError, "different shapes"),
        (torch.zeros(2), torch.tensor([0.5, 1.0]), ValuesError, "expected 0 or 1"),
        (torch.zeros(2, 3, dtype=torch.long), torch.tensor([0, 1]), DtypeError, "`logits` has dtype torch.int64"),
    ],
)
def test_bad_input_of_temperature(logits: Tensor, targets: Tensor, error: type[SlopesError], match: str) -> None:
    with pytest.raises(error, match=match):
        fit_temperature(logits, targets)


METRICS: dict[str, str] = {
    "f1": "f1_score",
    "balanced_accuracy": "balanced_accuracy_score",
    "accuracy": "accuracy_score",
    "matthews": "matthews_corrcoef",
}


def theirs(metric: str, targets: Any, decided: Any) -> float:  # noqa: ANN401  numpy's arrays of integers
    options = {"zero_division": 0.0} if metric == "f1" else {}
    value: float = getattr(sklearn_metrics, METRICS[metric])(targets, decided, **options)
    return value


def sample(rows: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return probabilities with ties among them, and labels that go with them somewhat."""
    generator = torch.Generator().manual_seed(seed)
    probability = torch.randint(0, 21, (rows,), generator=generator).double() / 20
    return probability, (torch.rand(rows, generator=generator) < probability * 0.6 + 0.1).long()


@each("seed", range(4))
@each("metric", METRICS)
def test_threshold_is_the_best_of_all_cuts(metric: Any, seed: int) -> None:  # noqa: ANN401  a literal
    probability, targets = sample(40, seed)
    tuned = tune_threshold(probability, targets, metric=metric)
    cuts = [0.0, *np.unique(probability.numpy())]
    values = [theirs(metric, targets.numpy(), (probability.numpy() > cut).astype(int)) for cut in cuts]
    assert tuned.value == pytest.approx(max(values), rel=100 * unit(torch.float64))
    decided = (probability > tuned.threshold).long()
    assert theirs(metric, targets.numpy(), decided.numpy()) == pytest.approx(tuned.value)


@each("seed", range(4))
@each("cost", [Cost(1.0, 10.0), Cost(5.0, 1.0), Cost(0.0, 1.0), Cost(1.0, 0.0)])
def test_threshold_of_a_cost_is_the_cheapest_of_all_cuts(cost: Cost, seed: int) -> None:
    probability, targets = sample(40, seed)
    tuned = tune_threshold(probability, targets, metric=cost)

    def mean_cost(cut: float) -> float:
        yes = probability > cut
        wrong_yes, wrong_no = int((yes & (targets == 0)).sum()), int((~yes & (targets == 1)).sum())
        return (wrong_yes * cost.false_positive + wrong_no * cost.false_negative) / 40

    assert tuned.value == pytest.approx(min(mean_cost(cut) for cut in [0.0, *probability.tolist()]))
    assert mean_cost(tuned.threshold) == pytest.approx(tuned.value)


def test_threshold_of_honest_probabilities_is_that_of_theory() -> None:
    generator = torch.Generator().manual_seed(0)
    probability = torch.rand(200_000, generator=generator)
    targets = torch.rand(200_000, generator=generator) < probability
    cost = Cost(false_positive=1.0, false_negative=9.0)
    assert cost.threshold == pytest.approx(0.1)
    assert tune_threshold(probability, targets, metric=cost).threshold == pytest.approx(cost.threshold, abs=0.02)


def test_threshold_lies_between_the_probabilities_and_neighbours_are_parted() -> None:
    upper = torch.tensor(0.5)
    lower = torch.nextafter(upper, torch.tensor(0.0))
    probability = torch.stack((lower, upper))
    tuned = tune_threshold(probability, torch.tensor([0, 1]))
    assert (probability > tuned.threshold).tolist() == [False, True]


def test_always_and_never_are_cuts_too() -> None:
    targets = torch.tensor([1, 0, 0, 0])
    never = tune_threshold(torch.tensor([0.1, 0.5, 1.0, 1.0]), targets, metric="accuracy")
    assert never == (1.0, 0.75)
    always = tune_threshold(torch.tensor([0.1, 0.5, 0.6, 0.7]), targets, metric=Cost(1.0, 100.0))
    assert always == (0.0, 0.75)


@each(
    ("call", "error", "match"),
    [
        (lambda p, y: tune_threshold(p.unsqueeze(1), y), ShapeError, r"`probability` has shape \[4, 1\]"),
        (lambda p, y: tune_threshold(p, y[:3]), ShapeError, "different shapes"),
        (lambda p, y: tune_threshold(p * 3, y), ValuesError, r"`probability` holds .* apply the sigmoid first"),
        (lambda p, y: tune_threshold(p, y * 0), ValuesError, "only 0 in 4 rows, expected both"),
        (lambda p, y: tune_threshold(p[:0], y[:0]), ValuesError, "no rows"),
        (lambda p, y: tune_threshold(p, y, metric="auroc"), OptionError, "`metric` is 'auroc', expected one of 'f1'"),
        (lambda p, y: tune_threshold(p.long(), y), DtypeError, "`probability` has dtype torch.int64"),
        (lambda _p, _y: Cost(0.0, 0.0), OptionError, "both costs are 0"),
        (lambda _p, _y: Cost(-1.0, 1.0), OptionError, "`false_positive` is -1.0"),
    ],
)
def test_bad_input_of_threshold(call: Any, error: type[SlopesError], match: str) -> None:  # noqa: ANN401
    with pytest.raises(error, match=match):
        call(torch.tensor([0.1, 0.4, 0.6, 0.9]), torch.tensor([0, 1, 0, 1]))
