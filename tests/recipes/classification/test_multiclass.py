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

from slopes import DtypeError, LinearLogits, OptionError, ShapeError, SlopesError, ValuesError, losses
from slopes.recipes import MultiClass, mixup

sklearn_metrics = Later("sklearn.metrics")


def indices(*counts: int) -> Tensor:
    return torch.cat([torch.full((count,), k) for k, count in enumerate(counts)])


def scored(rows: int = 400, classes: int = 7, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    """Return log-probabilities times `scale`, and classes drawn by the true probabilities."""
    generator = torch.Generator().manual_seed(2)
    logits = 2 * torch.randn(rows, classes, generator=generator, dtype=torch.float64)
    targets = torch.multinomial(logits.softmax(-1), 1, generator=generator).squeeze(-1)
    return logits * scale, targets


def test_the_matched_pair_has_the_gradient_probabilities_minus_target() -> None:
    recipe = MultiClass.from_targets(indices(5, 5, 5))
    raw = torch.tensor([[3.0, -1.0, 0.0], [40.0, 0.0, 1.0]], dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([1, 0])
    (slope,) = torch.autograd.grad(recipe.loss(raw, targets, reduction="sum"), raw)
    one_hot = nn.functional.one_hot(targets, 3)
    assert_close_to_scale(slope, (recipe.predict(raw.detach()).probability - one_hot).tolist(), scale=1.0)


@each(
    ("counts", "criterion", "weighted"),
    [
        ((10, 10, 10), "cross_entropy", False),
        ((29, 20, 10), "cross_entropy", False),
        ((30, 20, 10), "cross_entropy", True),
        ((1000, 20, 10), "cross_entropy", True),
        ((1001, 20, 10), "softmax_focal", False),
    ],
)
def test_the_counts_decide(counts: tuple[int, ...], criterion: str, weighted: bool) -> None:  # noqa: FBT001  a case
    recipe = MultiClass.from_targets(indices(*counts))
    assert recipe.criterion == criterion
    assert (recipe.class_weight is not None) == weighted
    assert recipe.classes == 3
    assert recipe.prior == tuple(count / sum(counts) for count in counts)
    assert f"{max(counts)} rows, the rarest {min(counts)}" in recipe.reasons[0].because


def test_class_weights_make_classes_count_the_same_and_rows_weigh_1_on_average() -> None:
    recipe = MultiClass.from_targets(indices(60, 30, 10))
    assert recipe.class_weight is not None
    totals = [weight * count for weight, count in zip(recipe.class_weight, (60, 30, 10), strict=True)]
    assert totals == pytest.approx([100 / 3] * 3)
    assert recipe.reasons[0].choice == "class weights from 0.556 to 3.33"


def test_class_weights_are_held_at_100_to_1() -> None:
    recipe = MultiClass.from_targets(indices(5000, 500, 5), criterion="cross_entropy")
    assert recipe.class_weight is not None
    assert max(recipe.class_weight) / min(recipe.class_weight) == pytest.approx(100)
    assert "held at 100 to 1" in recipe.reasons[0].because


def test_smoothing_is_said_and_given_to_the_loss() -> None:
    recipe = MultiClass.from_targets(indices(10, 10, 10), label_smoothing=0.1)
    raw, targets = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    assert torch.equal(recipe.loss(raw, targets), losses.cross_entropy(raw, targets, label_smoothing=0.1))
    assert any(reason.choice == "label smoothing 0.1" for reason in recipe.reasons)
    assert MultiClass.from_targets(indices(5000, 10, 10), label_smoothing=0.1).criterion == "cross_entropy"


def test_gamma_reaches_the_loss() -> None:
    recipe = MultiClass(prior=(1 / 3,) * 3, criterion="softmax_focal", gamma=3.5)
    raw, targets = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    assert torch.equal(recipe.loss(raw, targets), losses.softmax_focal(raw, targets, gamma=3.5))


def test_soft_targets_count_as_their_sums() -> None:
    soft = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]])
    assert MultiClass.from_targets(soft).prior == pytest.approx((0.4, 0.5, 0.1))


def test_a_class_that_the_data_lack_is_told_and_starts_low() -> None:
    recipe = MultiClass.from_targets(indices(50, 50), classes=3)
    assert any(reason.choice == "class 2: not seen" for reason in recipe.reasons)
    assert_close(recipe.head(2).bias, [math.log(0.5), math.log(0.5), math.log(0.25)])


def test_classes_seen_once_are_told() -> None:
    reasons = MultiClass.from_targets(indices(20, 1, 3)).reasons
    assert [reason.choice for reason in reasons[-2:]] == ["class 1: seen once", "class 2 (3): fewer than 10 rows"]


@each("counts", [(40, 30, 30), (70, 20, 10)])
def test_the_head_starts_at_the_best_constant_and_predicts_the_shares(counts: tuple[int, ...]) -> None:
    targets = indices(*counts)
    recipe = MultiClass.from_targets(targets)
    head = recipe.head(4).double()
    nn.init.zeros_(head.weight)
    raw = head(torch.ones(100, 4, dtype=torch.float64))
    assert_close(recipe.predict(raw[0]).probability.float(), [count / 100 for count in counts], size=3)
    recipe.loss(raw, targets, reduction="sum").backward()
    assert head.bias.grad is not None
    assert_close_to_scale(head.bias.grad.float(), [0.0] * 3, scale=100 / 3, size=100)


@each("criterion", ["cross_entropy", "softmax_focal"])
def test_logits_that_are_best_give_the_shares_of_the_data(criterion: Any) -> None:  # noqa: ANN401  a literal
    targets = indices(900, 90, 10)
    recipe = MultiClass.from_targets(targets, criterion=criterion)
    raw = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([raw], max_iter=200, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = recipe.loss(raw.expand(1000, 3), targets)
        loss.backward()
        return loss

    optimizer.step(closure)
    shares = torch.tensor([0.9, 0.09, 0.01], dtype=torch.float64)
    assert torch.allclose(recipe.predict(raw.detach()).probability, shares, rtol=1e-3)
    assert not torch.allclose(raw.detach().softmax(-1), shares, rtol=0.1)


def test_the_decision_is_the_highest_logit() -> None:
    recipe = MultiClass.from_targets(indices(80, 10, 10))
    prediction = recipe.predict(torch.tensor([[0.0, 0.1, 0.0]]))
    assert prediction.decision.tolist() == [1]
    assert prediction.probability.argmax(-1).tolist() == [0]


def test_metrics_are_those_of_scikit_learn() -> None:
    raw, targets = scored()
    recipe = replace(MultiClass(prior=(1 / 7,) * 7), temperature=0.8)
    came = recipe.score(raw, targets)
    y, p = targets.numpy(), (raw / 0.8).softmax(-1).numpy()
    expected = {
        "top_1": sklearn_metrics.accuracy_score(y, p.argmax(1)),
        "top_5": sklearn_metrics.top_k_accuracy_score(y, p, k=5),
        "macro_f1": sklearn_metrics.f1_score(y, p.argmax(1), average="macro"),
        "log_loss": sklearn_metrics.log_loss(y, p),
        "calibration_error": calibration_error(p.max(1).tolist(), (p.argmax(1) == y).tolist()),
    }
    assert came.keys() == expected.keys()
    assert came == pytest.approx(expected, rel=1e-5)  # torchmetrics keeps sums in float32


def calibration_error(confidence: list[float], right: list[bool], bins: int = 15) -> float:
    """Return the gap between confidence and accuracy, over bins of equal width."""
    gaps = 0.0
    for number in range(bins):
        inside = [(c, r) for c, r in zip(confidence, right, strict=True) if number / bins < c <= (number + 1) / bins]
        gaps += abs(sum(c - r for c, r in inside))
    return gaps / len(right)


def test_top_5_of_five_classes_would_always_be_1_and_is_left_out() -> None:
    assert "top_5" not in MultiClass(prior=(0.2,) * 5).metrics()
    assert "top_5" in MultiClass(prior=(1 / 6,) * 6).metrics()


def test_metrics_over_batches_and_leading_dimensions_are_those_of_all_the_data() -> None:
    recipe, (raw, targets) = MultiClass(prior=(1 / 7,) * 7), scored()
    metrics = recipe.metrics()
    for r, t in zip(raw.split(130), targets.split(130), strict=True):
        recipe.observe(metrics, r.unflatten(0, (-1, 10)), t.unflatten(0, (-1, 10)))
    assert {k: float(v) for k, v in metrics.compute().items()} == pytest.approx(recipe.score(raw, targets), rel=1e-5)


def test_temperature_lowers_the_calibration_error_and_says_so() -> None:
    raw, targets = scored(4000, scale=3.0)
    recipe = MultiClass.from_targets(targets)
    calibrated = recipe.calibrated(raw[:2000], targets[:2000])
    assert calibrated.temperature == pytest.approx(3, rel=0.15)
    before, after = recipe.score(raw[2000:], targets[2000:]), calibrated.score(raw[2000:], targets[2000:])
    assert after["calibration_error"] < before["calibration_error"] / 2
    assert after["top_1"] == before["top_1"]
    assert calibrated.reasons[-1].choice == f"temperature {calibrated.temperature:.3g}"


def test_separable_validation_rows_leave_the_temperature_and_say_why() -> None:
    raw = 5 * torch.eye(3)
    calibrated = MultiClass(prior=(1 / 3,) * 3).calibrated(raw, torch.arange(3))
    assert calibrated.temperature == 1
    assert "goes to 0" in calibrated.reasons[-1].because


def test_logits_need_not_be_made() -> None:
    recipe = MultiClass.from_targets(indices(30, 20, 10))
    hidden, head = torch.randn(6, 4), recipe.head(4)
    targets = torch.tensor([0, 1, 2, 0, 1, 2])
    unmade = recipe.loss(LinearLogits(hidden, head.weight, head.bias), targets)
    assert_close(unmade.detach(), recipe.loss(head(hidden), targets).detach().double(), size=6)


def test_mixed_targets_go_into_the_loss() -> None:
    recipe = MultiClass.from_targets(indices(30, 20, 10))
    batch = mixup(torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2]), classes=3)
    assert recipe.loss(recipe.head(4)(batch.inputs), batch.targets).isfinite()


@each(
    ("targets", "options", "error", "match"),
    [
        (indices(5, 5), {}, OptionError, "2 classes, expected at least 3; for two use Binary: one logit and a sigmoid"),
        (indices(5, 5), {"classes": 2}, OptionError, "use Binary"),
        (torch.tensor([[0.5, 0.5]]), {}, OptionError, "use Binary"),
        (indices(5), {}, ValuesError, "all 5 `targets` are 0, expected several classes"),
        (torch.tensor([0, 1, 5]), {}, ValuesError, "has 3 different class indices up to 5, .* say .* with classes=6"),
        (torch.tensor([0, 1, 10**12]), {}, ValuesError, "different class indices"),
        (torch.tensor([0, 1, -100]), {}, ValuesError, "holds -100, expected class indices from 0 on"),
        (torch.tensor([0, 1, 7]), {"classes": 4}, ValuesError, "holds 7, .* below 4"),
        (torch.tensor([0.0, 1.0, 2.0]), {}, DtypeError, r"dtype torch.float32, expected int64 .* targets.long\(\)"),
        (torch.tensor([0, 1, 2], dtype=torch.int32), {}, DtypeError, "torch.int32"),
        (torch.tensor([0.0, 1.0, math.nan]), {}, ValuesError, "1 of 3 `targets` is NaN"),
        (torch.tensor([[0, 1, 1], [1, 0, 0]]), {}, DtypeError, "for several labels per row use MultiLabel"),
        (torch.tensor([[0.0, 1.0, 1.0]]), {}, ValuesError, r"is \[0.0, 1.0, 1.0\], .* use MultiLabel"),
        (torch.tensor([[0.2, 0.3, 0.5], [-0.5, 0.5, 1.0]]), {}, ValuesError, r"is \[-0.5, 0.5, 1.0\]"),
        (torch.tensor([[0.2, 0.3, 0.5]]), {"classes": 4}, ShapeError, "beside classes=4"),
        (torch.zeros(0, dtype=torch.long), {}, ValuesError, "at least one row"),
        (torch.zeros(2, 2, 2), {}, ShapeError, "flatten labels per token or pixel"),
        ([0, 1, 2], {}, DtypeError, "`targets` is list"),
        (indices(5, 5, 5), {"classes": 2.0}, OptionError, "`classes` is 2.0"),
        (indices(5, 5, 5), {"label_smoothing": 1.0}, OptionError, "`label_smoothing` is 1.0"),
        (indices(5, 5, 5), {"label_smoothing": 0.1, "criterion": "softmax_focal"}, OptionError, "hard labels"),
    ],
)
def test_bad_targets(targets: Any, options: dict[str, Any], error: type[SlopesError], match: str) -> None:  # noqa: ANN401
    with pytest.raises(error, match=match) as caught:
        MultiClass.from_targets(targets, **options)
    assert str(caught.value).startswith("MultiClass: ")


THREE = MultiClass(prior=(0.5, 0.3, 0.2))


@each(
    ("call", "error", "match"),
    [
        (lambda: THREE.loss(torch.zeros(2, 4), torch.zeros(2).long()), ShapeError, r"expected \[..., 3\]"),
        (lambda: THREE.loss(torch.zeros(2, 3), torch.zeros(3).long()), ShapeError, r"`targets` has shape \[3\]"),
        (lambda: THREE.loss(torch.zeros(2, 3).long(), torch.zeros(2).long()), DtypeError, "`raw` has dtype"),
        (lambda: THREE.predict(torch.zeros(2)), ShapeError, r"`raw` has shape \[2\], expected \[..., 3\]"),
        (lambda: THREE.score(torch.zeros(2, 3), torch.zeros(2)), DtypeError, "expected torch.int64"),
        (lambda: THREE.score(torch.zeros(2, 3), torch.tensor([0, 3])), ValuesError, r"holds 3, .* in \[0, 3\)"),
        (lambda: THREE.calibrated(torch.zeros(3), torch.tensor([0, 1, 1])), ShapeError, r"`raw` has shape \[3\]"),
        (
            lambda: replace(THREE, criterion="softmax_focal").loss(torch.zeros(1, 3), torch.tensor([[0.5, 0.5, 0.0]])),
            OptionError,
            "use criterion='cross_entropy' with mixup or CutMix",
        ),
        (lambda: MultiClass(prior=(0.5, 0.5)), OptionError, "use Binary"),
        (lambda: MultiClass(prior=(0.5, 0.3, 0.2), class_weight=(1.0,)), OptionError, "1 entries beside 3"),
        (lambda: MultiClass(prior=(0.5, 0.3, 1.2)), OptionError, "`prior` is 1.2"),
        (lambda: replace(THREE, class_weight=(1.0, 0.0, 1.0)), OptionError, "`class_weight` is 0.0"),
        (
            lambda: replace(THREE, class_weight=(1.0, 2.0, 1.0), criterion="softmax_focal"),
            OptionError,
            "beside criterion='softmax_focal'",
        ),
    ],
)
def test_bad_input(call: Any, error: type[SlopesError], match: str) -> None:  # noqa: ANN401
    with pytest.raises(error, match=match):
        call()
