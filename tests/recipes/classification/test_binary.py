from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.accuracy import assert_close, assert_close_to_scale
from tests.each import each
from tests.later import Later
from torch import Tensor, nn

from slopes import DtypeError, OptionError, ShapeError, SlopesError, SuspiciousInputWarning, ValuesError, losses
from slopes.recipes import Binary, Cost

sklearn_metrics = Later("sklearn.metrics")


def labels(positives: int, negatives: int) -> Tensor:
    return torch.tensor([1] * positives + [0] * negatives)


def scored(rows: int = 400, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    """Return log-odds that are `scale` times the true ones, and labels drawn by the true ones."""
    generator = torch.Generator().manual_seed(1)
    odds = 2 * torch.randn(rows, generator=generator, dtype=torch.float64) - 1
    targets = (torch.rand(rows, generator=generator, dtype=torch.float64) < odds.sigmoid()).long()
    return odds * scale, targets


def test_the_matched_pair_has_the_gradient_probability_minus_target() -> None:
    recipe = Binary.from_targets(labels(50, 50))
    raw = torch.tensor([-40.0, -3.0, 0.0, 0.7, 25.0], dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([0, 1, 0, 1, 0])
    (slope,) = torch.autograd.grad(recipe.loss(raw, targets, reduction="sum"), raw)
    probability = recipe.predict(raw.detach()).probability
    assert_close_to_scale(slope, (probability - targets).tolist(), scale=1.0)


@each(
    ("positives", "negatives", "criterion", "pos_weight"),
    [
        (50, 50, "binary_cross_entropy", 1.0),
        (26, 74, "binary_cross_entropy", 1.0),
        (25, 75, "binary_cross_entropy", 3.0),
        (10, 90, "binary_cross_entropy", 9.0),
        (80, 20, "binary_cross_entropy", 0.25),
        (5, 500, "binary_cross_entropy", 100.0),
        (5, 501, "focal", 1.0),
        (501, 5, "focal", 1.0),
    ],
)
def test_the_counts_decide(positives: int, negatives: int, criterion: str, pos_weight: float) -> None:
    recipe = Binary.from_targets(labels(positives, negatives))
    assert (recipe.criterion, recipe.pos_weight) == (criterion, pos_weight)
    assert recipe.prior == positives / (positives + negatives)
    assert recipe.threshold == pytest.approx(1 / (1 + pos_weight))
    assert f"{negatives} negatives to {positives} positives" in recipe.reasons[0].because


def test_reasons_say_what_was_chosen_and_what_was_seen() -> None:
    weighted, focal = Binary.from_targets(labels(10, 90)), Binary.from_targets(labels(10, 9000))
    assert weighted.reasons[0].choice == "pos_weight 9"
    assert "9 to 1" in weighted.reasons[0].because
    assert focal.reasons[0].choice == "focal loss"
    assert "900 to 1" in focal.reasons[0].because
    assert any("softmax over two logits" in reason.because for reason in weighted.reasons)


def test_what_is_asked_for_holds_against_the_counts() -> None:
    forced = Binary.from_targets(labels(1, 999), criterion="binary_cross_entropy")
    assert forced.pos_weight == 100
    assert "held at 100 to 1" in forced.reasons[0].because
    plain = Binary.from_targets(labels(10, 90), weighted=False)
    assert plain.pos_weight == 1
    assert plain.reasons[0].because == "90 negatives to 10 positives, 9 to 1: left as it is, as was asked for."
    assert Binary.from_targets(labels(40, 60), weighted=True).pos_weight == 1.5
    assert Binary.from_targets(labels(50, 50), criterion="focal").criterion == "focal"


@each("dtype", [torch.bool, torch.uint8, torch.int32, torch.int64, torch.float16, torch.float64])
def test_labels_come_in_any_dtype(dtype: torch.dtype) -> None:
    targets = labels(10, 90)
    recipe = Binary.from_targets(targets.to(dtype))
    assert recipe == Binary.from_targets(targets)
    raw = torch.linspace(-2, 2, 100)
    if dtype != torch.float64:
        assert torch.equal(recipe.loss(raw, targets.to(dtype)), recipe.loss(raw, targets))
    assert recipe.score(raw, targets.to(dtype)) == recipe.score(raw, targets)


def test_a_label_seen_once_is_told() -> None:
    reason = Binary.from_targets(labels(1, 20)).reasons[-1]
    assert reason.choice == "class 1: seen once"
    assert "learned or judged, not both" in reason.because
    assert Binary.from_targets(labels(4, 20)).reasons[-1].choice == "class 1 (4): fewer than 10 rows"


@each(("positives", "negatives"), [(50, 50), (10, 90), (90, 10)])
def test_the_head_starts_at_the_best_constant_and_predicts_the_base_rate(positives: int, negatives: int) -> None:
    targets = labels(positives, negatives)
    recipe = Binary.from_targets(targets)
    head = recipe.head(7).double()
    nn.init.zeros_(head.linear.weight)
    raw = head(torch.ones(100, 7, dtype=torch.float64))
    assert raw.shape == targets.shape
    share = torch.full((100,), positives / 100, dtype=torch.float64)
    # The bias is kept in float32.
    assert_close(recipe.predict(raw).probability.float(), share)
    recipe.loss(raw, targets, reduction="sum").backward()
    assert head.linear.bias.grad is not None
    assert_close_to_scale(head.linear.bias.grad.float(), [0.0], scale=positives, size=100)


def test_the_head_of_focal_starts_at_the_log_odds() -> None:
    head = Binary.from_targets(labels(2, 998)).head(3)
    assert_close(head.linear.bias, [math.log(2 / 998)])


def test_weighted_logits_that_are_best_give_the_probabilities_of_the_data() -> None:
    """Train a logit per group under the weighted loss, and find each group's share of positives."""
    groups, rows = torch.tensor([0.3, 0.05, 0.01]), 1000
    targets = torch.cat([labels(round(1000 * share), 1000 - round(1000 * share)) for share in groups.tolist()])
    for criterion in ("binary_cross_entropy", "focal"):
        recipe = Binary.from_targets(targets, criterion=criterion)
        raw = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.LBFGS([raw], max_iter=200, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

        def closure(recipe: Binary = recipe, raw: Tensor = raw, optimizer: Any = optimizer) -> Tensor:  # noqa: ANN401
            optimizer.zero_grad()
            loss = recipe.loss(raw.repeat_interleave(rows), targets)
            loss.backward()
            return loss

        optimizer.step(closure)
        assert (recipe.criterion, recipe.pos_weight > 1) in {("binary_cross_entropy", True), ("focal", False)}
        assert torch.allclose(recipe.predict(raw.detach()).probability, groups.double(), rtol=1e-3)
        assert not torch.allclose(raw.detach().sigmoid(), groups.double(), rtol=0.1)


def test_gamma_reaches_the_loss() -> None:
    raw, targets = torch.randn(9), labels(5, 4)
    focal = losses.focal(raw, targets.float(), gamma=3.5)
    assert torch.equal(Binary(criterion="focal", gamma=3.5).loss(raw, targets), focal)


def test_soft_targets_go_into_cross_entropy_and_not_into_focal() -> None:
    raw, soft = torch.tensor([0.0, 0.0]), torch.tensor([0.25, 0.75])
    assert_close(Binary().loss(raw, soft), torch.tensor(math.log(2), dtype=torch.float64))
    with pytest.raises(ValuesError, match="for soft targets use binary_cross_entropy"):
        Binary(criterion="focal").loss(raw, soft)


@each("criterion", ["binary_cross_entropy", "focal"])
def test_micro_batches_add_up_to_the_whole(criterion: Any) -> None:  # noqa: ANN401  a literal
    recipe = Binary.from_targets(labels(10, 90), criterion=criterion)
    raw, targets = scored(90)
    keep, weight = torch.arange(90) % 7 != 0, torch.rand(90, dtype=torch.float64)
    whole = recipe.loss(raw, targets, mask=keep, weight=weight)
    total = weight[keep].sum()
    parts = [
        recipe.loss(r, t, mask=m, weight=w, denominator=total)
        for r, t, m, w in zip(*(x.split(25) for x in (raw, targets, keep, weight)), strict=True)
    ]
    assert_close(sum(parts, torch.zeros((), dtype=torch.float64)), whole, size=90)
    rows = recipe.loss(raw, targets, reduction="none")
    assert_close(rows.sum(), recipe.loss(raw, targets, reduction="sum"), size=90)


def test_half_precision_is_computed_and_returned_in_float32() -> None:
    recipe, raw = Binary.from_targets(labels(10, 90)), torch.tensor([-1.0, 2.0]).bfloat16()
    assert recipe.loss(raw, torch.tensor([0, 1])).dtype == torch.float32
    assert recipe.predict(raw).probability.dtype == torch.float32
    assert torch.equal(recipe.predict(raw).probability, recipe.predict(raw.float()).probability)


def test_metrics_are_those_of_scikit_learn() -> None:
    raw, targets = scored()
    recipe = replace(Binary(), threshold=0.3, temperature=1.7)
    came = recipe.score(raw, targets)
    y, p = targets.numpy(), (raw / 1.7).sigmoid().numpy()
    d = (p > 0.3).astype(int)
    expected = {
        "auroc": sklearn_metrics.roc_auc_score(y, p),
        "average_precision": sklearn_metrics.average_precision_score(y, p),
        "f1": sklearn_metrics.f1_score(y, d),
        "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(y, d),
        "log_loss": sklearn_metrics.log_loss(y, p),
        "brier": sklearn_metrics.brier_score_loss(y, p),
        "calibration_error": calibration_error(p.tolist(), y.tolist()),
    }
    assert came.keys() == expected.keys()
    assert came == pytest.approx(expected, rel=1e-5)  # torchmetrics keeps sums in float32


def calibration_error(probability: list[float], truth: list[int], bins: int = 15) -> float:
    """Return the gap between mean probability and share of positives, over bins of equal width."""
    gaps = 0.0
    for number in range(bins):
        inside = [(p, y) for p, y in zip(probability, truth, strict=True) if number / bins < p <= (number + 1) / bins]
        gaps += abs(sum(p - y for p, y in inside))
    return gaps / len(truth)


def test_metrics_over_batches_are_those_of_all_the_data() -> None:
    recipe, (raw, targets) = Binary.from_targets(labels(10, 90)), scored()
    metrics = recipe.metrics()
    for r, t in zip(raw.split(33), targets.split(33), strict=True):
        recipe.observe(metrics, r, t)
    assert {k: float(v) for k, v in metrics.compute().items()} == pytest.approx(recipe.score(raw, targets), rel=1e-5)


def test_a_metric_that_was_added_is_given_probability_and_label() -> None:
    from torchmetrics.classification import BinarySpecificity  # noqa: PLC0415

    recipe, (raw, targets) = Binary(), scored()
    metrics = recipe.metrics().clone(prefix="val_")
    metrics.add_metrics({"specificity": BinarySpecificity(threshold=0.5)})
    recipe.observe(metrics, raw, targets)
    came = metrics.compute()
    negatives = targets == 0
    assert float(came["val_specificity"]) == pytest.approx(float((raw[negatives] <= 0).double().mean()))
    assert float(came["val_auroc"]) == recipe.score(raw, targets)["auroc"]


def test_areas_of_one_class_are_nan_and_no_zero() -> None:
    score = Binary().score(torch.tensor([-1.0, 2.0]), torch.tensor([0, 0]))
    assert math.isnan(score["auroc"])
    assert math.isnan(score["average_precision"])


def test_ranks_survive_saturated_float32_probabilities() -> None:
    score = Binary().score(torch.tensor([30.0, 20.0, 25.0, 18.0]), torch.tensor([1, 0, 1, 0]))
    assert score["auroc"] == 1


def test_calibration_finds_temperature_and_threshold_and_says_so() -> None:
    raw, targets = scored(4000, scale=3.0)
    recipe = Binary(reasons=())
    calibrated = recipe.calibrated(raw, targets)
    assert calibrated.temperature == pytest.approx(3, rel=0.15)
    before, after = recipe.score(raw, targets), calibrated.score(raw, targets)
    assert after["calibration_error"] < before["calibration_error"] / 2
    assert after["log_loss"] < before["log_loss"]
    assert after["f1"] > before["f1"]
    assert after["auroc"] == before["auroc"]
    assert [reason.choice for reason in calibrated.reasons] == [
        f"temperature {calibrated.temperature:.3g}",
        f"threshold {calibrated.threshold:.3g}",
    ]
    assert "too sure" in calibrated.reasons[0].because
    assert "4000 validation rows" in calibrated.reasons[1].because
    assert calibrated.calibrated(raw, targets).temperature == calibrated.temperature  # found anew, not on top


def test_a_threshold_for_a_cost_is_near_that_of_theory() -> None:
    raw, targets = scored(20_000)
    cost = Cost(false_positive=1.0, false_negative=9.0)
    calibrated = Binary().calibrated(raw, targets, metric=cost)
    assert calibrated.threshold == pytest.approx(cost.threshold, abs=0.05)
    assert "theory says 0.1" in calibrated.reasons[-1].because


def test_the_decision_is_yes_above_the_threshold_and_not_at_it() -> None:
    assert Binary(threshold=0.5).predict(torch.tensor([-0.1, 0.0, 0.1])).decision.tolist() == [0, 0, 1]
    assert Binary(threshold=1.0).predict(torch.tensor([200.0])).decision.tolist() == [0]


def test_separable_validation_rows_leave_the_temperature_and_say_why() -> None:
    calibrated = Binary().calibrated(torch.tensor([-2.0, -1.0, 3.0]), torch.tensor([0, 0, 1]))
    assert calibrated.temperature == 1
    assert any("goes to 0" in reason.because for reason in calibrated.reasons)
    assert calibrated.predict(torch.tensor([-1.0, 3.0])).decision.tolist() == [0, 1]


NAN = torch.tensor([0.0, 1.0, math.nan])


@each(
    ("targets", "error", "match"),
    [
        ([0, 1], DtypeError, "`targets` is list, expected a torch.Tensor"),
        (torch.zeros(5), ValuesError, "all 5 `targets` are 0, expected both 0 and 1"),
        (torch.ones(5), ValuesError, "all 5 `targets` are 1"),
        (torch.zeros(0), ValuesError, "at least one row"),
        (NAN, ValuesError, "1 of 3 `targets` is NaN"),
        (torch.tensor([-1, 1]), ValuesError, r"holds -1, expected 0 or 1; from labels -1 and \+1 make"),
        (torch.tensor([0, 1, 2]), ValuesError, "holds 2, expected 0 or 1; .* for class indices use MultiClass"),
        (torch.tensor([0.0, 0.5]), ValuesError, "holds 0.5, .* a regression recipe"),
        (torch.tensor([[0], [1]]), ShapeError, r"has shape \[2, 1\], expected \[N\], .* targets.squeeze\(-1\)"),
        (torch.tensor([[0, 1], [1, 0]]), ShapeError, "for several labels per row use MultiLabel"),
        (torch.tensor([0j, 1]), DtypeError, "complex"),
    ],
)
def test_bad_targets(targets: Any, error: type[SlopesError], match: str) -> None:  # noqa: ANN401
    with pytest.raises(error, match=match) as caught:
        Binary.from_targets(targets)
    assert str(caught.value).startswith("Binary: ")


@each(
    ("call", "error", "match"),
    [
        (lambda r: r.loss(torch.zeros(3, 1), torch.zeros(3)), ShapeError, r"`logits` \[3, 1\] and `targets` \[3\]"),
        (lambda r: r.loss([0.0], torch.zeros(1)), DtypeError, "`raw` is list"),
        (lambda r: r.loss(torch.zeros(1), [1]), DtypeError, "`targets` is list"),
        (lambda r: r.loss(torch.zeros(2), torch.tensor([0, 2])), ValuesError, r"holds 2, expected values in \[0, 1\]"),
        (lambda r: r.predict(torch.zeros(2).long()), DtypeError, "`raw` has dtype torch.int64"),
        (lambda r: r.score(torch.zeros(2), torch.zeros(3)), ShapeError, "different shapes"),
        (lambda r: r.score(torch.zeros(2), torch.tensor([0.0, 0.5])), ValuesError, "holds 0.5, expected 0 or 1"),
        (lambda r: r.calibrated(torch.zeros(2, 2), torch.zeros(2, 2)), ShapeError, r"expected \[N\]"),
        (lambda r: r.calibrated(torch.tensor([1.0, 0.0]), torch.zeros(2)), ValuesError, "expected both 0 and 1"),
        (lambda r: r.calibrated(torch.tensor([1.0, math.nan]), torch.tensor([0, 1])), ValuesError, "not finite"),
        (lambda r: r.head(0), OptionError, "`features` is 0"),
        (lambda _r: Binary(prior=0.0), OptionError, r"`prior` is 0.0, expected a number in \(0, 1\)"),
        (lambda _r: Binary(temperature=math.inf), OptionError, "`temperature` is inf"),
        (lambda _r: Binary(threshold=1.5), OptionError, "`threshold` is 1.5"),
        (lambda _r: Binary(criterion="mse"), OptionError, "`criterion` is 'mse', expected one of 'binary_cross"),
        (lambda _r: Binary(criterion="focal", pos_weight=2.0), OptionError, "`pos_weight` is 2.0 beside criterion="),
    ],
)
def test_bad_input(call: Any, error: type[SlopesError], match: str) -> None:  # noqa: ANN401
    with pytest.raises(error, match=match):
        call(Binary())


def test_probabilities_in_the_place_of_logits_are_suspected() -> None:
    with pytest.warns(SuspiciousInputWarning, match="looks like probabilities"):
        Binary().loss(torch.linspace(0.01, 0.99, 20), labels(10, 10))
