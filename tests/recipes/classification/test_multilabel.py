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

from slopes import DtypeError, OptionError, ShapeError, SlopesError, ValuesError, losses
from slopes.recipes import Cost, MultiLabel

sklearn_metrics = Later("sklearn.metrics")


def columns(rows: int, *positives: int) -> Tensor:
    """Return labels of which column k has so many ones, at the top."""
    return torch.stack([(torch.arange(rows) < count).long() for count in positives], 1)


def scored(rows: int = 400, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    """Return log-odds of three labels, common to rare, times `scale`, and labels drawn by the true ones."""
    generator = torch.Generator().manual_seed(4)
    odds = 1.5 * torch.randn(rows, 3, generator=generator, dtype=torch.float64) + torch.tensor([0.0, -2.0, -3.5])
    targets = (torch.rand(rows, 3, generator=generator, dtype=torch.float64) < odds.sigmoid()).long()
    return odds * scale, targets


def test_the_matched_pair_has_the_gradient_probability_minus_target() -> None:
    recipe = MultiLabel.from_targets(columns(10, 5, 4))
    raw = torch.tensor([[-30.0, 1.0], [2.0, 40.0]], dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([[1, 1], [0, 0]])
    (slope,) = torch.autograd.grad(recipe.loss(raw, targets, reduction="sum"), raw)
    assert_close_to_scale(slope, (recipe.predict(raw.detach()).probability - targets).tolist(), scale=1.0)


def test_each_label_has_the_weight_of_its_counts() -> None:
    recipe = MultiLabel.from_targets(columns(1000, 500, 100, 800, 5))
    assert recipe.criterion == "binary_cross_entropy"
    assert recipe.pos_weight == (1.0, 9.0, 0.25, 100.0)
    assert recipe.prior == (0.5, 0.1, 0.8, 0.005)
    assert "1 label is beyond 100 to 1 and held there" in recipe.reasons[1].because
    assert recipe.reasons[-1].choice == "label 3 (5): fewer than 10 rows"
    assert MultiLabel.from_targets(columns(10, 5, 4)).pos_weight is None


def test_focal_where_most_labels_are_rarer_than_100_to_1() -> None:
    assert MultiLabel.from_targets(columns(5000, 10, 20, 500)).criterion == "focal"
    assert MultiLabel.from_targets(columns(5000, 10, 200, 500)).criterion == "binary_cross_entropy"


@each("criterion", ["binary_cross_entropy", "focal", "asymmetric"])
def test_the_loss_is_the_one_that_is_named(criterion: Any) -> None:  # noqa: ANN401  a literal
    recipe = MultiLabel.from_targets(columns(100, 50, 10), criterion=criterion)
    raw, targets = torch.randn(100, 2), columns(100, 50, 10)
    mask = torch.rand(100, 2) < 0.5
    options = {"pos_weight": torch.tensor([1.0, 9.0])} if criterion == "binary_cross_entropy" else {}
    expected = getattr(losses, criterion)(raw, targets.float(), mask=mask, **options)
    assert torch.equal(recipe.loss(raw, targets, mask=mask), expected)
    assert any(criterion.split("_")[0] in reason.choice for reason in recipe.reasons) or recipe.pos_weight


def test_options_reach_the_loss() -> None:
    raw, targets = torch.randn(9, 2), columns(9, 5, 4)
    options = {"gamma_negative": 2.5, "gamma_positive": 0.5, "clip": 0.2}
    asymmetric = replace(MultiLabel(prior=(0.5, 0.5), criterion="asymmetric"), **options)
    assert torch.equal(asymmetric.loss(raw, targets), losses.asymmetric(raw, targets.float(), **options))
    focal = MultiLabel(prior=(0.5, 0.5), criterion="focal", gamma=3.5)
    assert torch.equal(focal.loss(raw, targets), losses.focal(raw, targets.float(), gamma=3.5))


def test_the_head_starts_at_the_best_constants_and_predicts_the_shares() -> None:
    targets = columns(100, 40, 10)
    recipe = MultiLabel.from_targets(targets)
    head = recipe.head(4).double()
    nn.init.zeros_(head.weight)
    raw = head(torch.ones(100, 4, dtype=torch.float64))
    assert_close(recipe.predict(raw[0]).probability.float(), [0.4, 0.1], size=2)
    recipe.loss(raw, targets, reduction="sum").backward()
    assert head.bias.grad is not None
    assert_close_to_scale(head.bias.grad.float(), [0.0, 0.0], scale=50.0, size=100)
    for criterion in ("focal", "asymmetric"):
        other = MultiLabel.from_targets(targets, criterion=criterion)
        assert_close(other.head(4).bias[1:], [math.log(1 / 9)])


def test_labels_do_not_compete() -> None:
    recipe = MultiLabel.from_targets(columns(10, 5, 4))
    prediction = recipe.predict(torch.tensor([[9.0, 9.0]]))
    assert bool((prediction.probability > 0.99).all())
    assert prediction.decision.tolist() == [[1, 1]]


def test_decisions_before_tuning_are_at_even_weighted_odds() -> None:
    recipe = MultiLabel.from_targets(columns(100, 50, 10))
    assert recipe.predict(torch.tensor([[0.01, 0.01], [-0.01, -0.01]])).decision.tolist() == [[1, 1], [0, 0]]


def test_a_decision_is_yes_above_the_threshold_and_not_at_it() -> None:
    recipe = MultiLabel(prior=(0.5, 0.5), thresholds=(0.5, 1.0))
    assert recipe.predict(torch.tensor([[0.0, 200.0], [0.1, 0.0]])).decision.tolist() == [[0, 0], [1, 0]]


def test_metrics_are_those_of_scikit_learn_and_never_accuracy() -> None:
    raw, targets = scored()
    recipe = MultiLabel(prior=(0.5,) * 3, thresholds=(0.5, 0.3, 0.1), labels=("a", "b", "c"))
    came = recipe.score(raw, targets)
    y, p = targets.numpy(), raw.sigmoid().numpy()
    d = (p > [0.5, 0.3, 0.1]).astype(int)
    areas = sklearn_metrics.roc_auc_score(y, p, average=None)
    expected = {
        "macro_f1": sklearn_metrics.f1_score(y, d, average="macro"),
        "micro_f1": sklearn_metrics.f1_score(y, d, average="micro"),
        "mean_average_precision": sklearn_metrics.average_precision_score(y, p, average="macro"),
        "auroc": areas.mean(),
        "auroc_a": areas[0],
        "auroc_b": areas[1],
        "auroc_c": areas[2],
        "brier": ((p - y) ** 2).mean(),
    }
    assert came.keys() == expected.keys()
    assert came == pytest.approx(expected, rel=1e-5)  # torchmetrics keeps sums in float32
    assert "accuracy" not in came


def test_a_label_that_never_occurs_has_no_area_and_stays_out_of_the_means() -> None:
    raw, targets = scored()
    targets[:, 2] = 0
    score = MultiLabel(prior=(0.5,) * 3).score(raw, targets)
    assert math.isnan(score["auroc_2"])
    assert score["auroc"] == pytest.approx((score["auroc_0"] + score["auroc_1"]) / 2)
    precision = sklearn_metrics.average_precision_score(targets[:, :2].numpy(), raw[:, :2].sigmoid().numpy())
    assert score["mean_average_precision"] == pytest.approx(precision, rel=1e-5)


def test_a_label_that_neither_occurs_nor_is_decided_on_counts_as_0_in_macro_f1() -> None:
    score = MultiLabel(prior=(0.5, 0.5)).score(
        torch.tensor([[1.0, -1.0], [-1.0, -1.0]]), torch.tensor([[1, 0], [0, 0]])
    )
    assert score["macro_f1"] == 0.5
    assert score["micro_f1"] == 1.0


def test_metrics_over_batches_are_those_of_all_the_data() -> None:
    recipe, (raw, targets) = MultiLabel(prior=(0.5,) * 3), scored()
    metrics = recipe.metrics()
    for r, t in zip(raw.split(33), targets.split(33), strict=True):
        recipe.observe(metrics, r, t)
    assert {k: float(v) for k, v in metrics.compute().items()} == pytest.approx(recipe.score(raw, targets), rel=1e-5)


def test_tuned_thresholds_raise_macro_f1_and_temperature_lowers_brier() -> None:
    raw, targets = scored(6000, scale=3.0)
    recipe = MultiLabel(prior=(0.5,) * 3)
    calibrated = recipe.calibrated(raw[:3000], targets[:3000])
    assert calibrated.temperature == pytest.approx(3, rel=0.15)
    assert calibrated.thresholds is not None
    assert len(set(calibrated.thresholds)) == 3
    before, after = recipe.score(raw[3000:], targets[3000:]), calibrated.score(raw[3000:], targets[3000:])
    assert after["macro_f1"] > before["macro_f1"] + 0.02
    assert after["brier"] < before["brier"]
    assert after["auroc"] == before["auroc"]
    choices = [reason.choice for reason in calibrated.reasons]
    assert f"temperature {calibrated.temperature:.3g}" in choices
    assert any(choice.startswith("a threshold per label, from ") for choice in choices)


def test_thresholds_for_a_cost_are_near_those_of_theory() -> None:
    raw, targets = scored(20_000)
    calibrated = MultiLabel(prior=(0.5,) * 3).calibrated(raw, targets, metric=Cost(1.0, 4.0))
    assert calibrated.thresholds == pytest.approx((0.2,) * 3, abs=0.06)


def test_a_label_that_the_validation_rows_lack_keeps_its_threshold_and_is_named() -> None:
    raw, targets = scored()
    targets[:, 1] = 0
    recipe = MultiLabel(prior=(0.5,) * 3, thresholds=(0.5, 0.25, 0.5), labels=("a", "rare one", "c"))
    calibrated = recipe.calibrated(raw, targets)
    assert calibrated.thresholds is not None
    assert calibrated.thresholds[1] == 0.25
    assert calibrated.reasons[-1].because.endswith("no threshold can be tuned: rare one.")


def test_separable_validation_rows_leave_the_temperature_and_say_why() -> None:
    calibrated = MultiLabel(prior=(0.5, 0.5)).calibrated(
        torch.tensor([[1.0, -1.0], [-1.0, 1.0]]), torch.tensor([[1, 0], [0, 1]])
    )
    assert calibrated.temperature == 1
    assert any("goes to 0" in reason.because for reason in calibrated.reasons)


@each(
    ("targets", "options", "error", "match"),
    [
        (torch.tensor([0, 1]), {}, ShapeError, r"has shape \[2\], expected \[N, K\]"),
        (columns(10, 5, 0), {}, ValuesError, r"1 of 2 labels never change: 1 \(always 0\)"),
        (columns(10, 5, 10), {"labels": ["a", "b"]}, ValuesError, r"b \(always 1\), .* leave these columns out"),
        (columns(10, 5, 4), {"labels": ["a"]}, OptionError, "`labels` has 1 names, .* expected 2"),
        (columns(10, 5, 4), {"labels": ["a", "a"]}, OptionError, "1 of them different"),
        (torch.tensor([[0.0, math.nan]]), {}, ValuesError, "1 of 2 `targets` is NaN"),
        (torch.tensor([[0, 2]]), {}, ValuesError, "holds 2, expected 0 or 1"),
        (torch.zeros(0, 3), {}, ValuesError, "at least one row"),
        ([[0, 1]], {}, DtypeError, "`targets` is list"),
        (columns(10, 5, 4), {"criterion": "softmax"}, OptionError, "`criterion` is 'softmax'"),
    ],
)
def test_bad_targets(targets: Any, options: dict[str, Any], error: type[SlopesError], match: str) -> None:  # noqa: ANN401
    with pytest.raises(error, match=match) as caught:
        MultiLabel.from_targets(targets, **options)
    assert str(caught.value).startswith("MultiLabel: ")


TWO = MultiLabel(prior=(0.5, 0.5))


@each(
    ("call", "error", "match"),
    [
        (lambda: TWO.loss(torch.zeros(2, 3), torch.zeros(2, 3)), ShapeError, r"expected \[..., 2\]"),
        (lambda: TWO.loss(torch.zeros(2, 2), torch.zeros(2)), ShapeError, "different shapes"),
        (lambda: TWO.predict(torch.zeros(2, 2).long()), DtypeError, "`raw` has dtype"),
        (lambda: TWO.score(torch.zeros(3, 2), torch.zeros(3, 1)), ShapeError, "different shapes"),
        (lambda: TWO.calibrated(torch.zeros(2, 1, 2), torch.zeros(2, 1, 2)), ShapeError, r"expected \[N, K\]"),
        (lambda: TWO.calibrated(torch.full((1, 2), math.inf), torch.zeros(1, 2)), ValuesError, "not finite"),
        (lambda: replace(TWO, pos_weight=(1.0,)), OptionError, "`pos_weight` has 1 entries beside 2"),
        (lambda: replace(TWO, pos_weight=(1.0, 2.0), criterion="focal"), OptionError, "expected None"),
        (lambda: replace(TWO, thresholds=(0.5, 2.0)), OptionError, "`thresholds` is 2.0"),
        (lambda: replace(TWO, clip=1.0), OptionError, "`clip` is 1.0"),
        (lambda: MultiLabel(prior=()), OptionError, "at least one label"),
        (lambda: MultiLabel(prior=(0.0, 1.0)), OptionError, "`prior` is 0.0"),
    ],
)
def test_bad_input(call: Any, error: type[SlopesError], match: str) -> None:  # noqa: ANN401
    with pytest.raises(error, match=match):
        call()
