"""Scores of every recipe: what NaN gets, and numbers that were worked out by hand."""

from __future__ import annotations

import inspect
import math
import re
from typing import Any, Final, NamedTuple

import pytest
import torch
from tests.accuracy import assert_close_to_scale
from tests.each import each
from tests.later import Later
from torch import Tensor

import slopes
from slopes import ValuesError, recipes
from slopes.recipes import (
    Binary,
    BoundedRegression,
    Cost,
    Embedding,
    GaussianRegression,
    MaskedToken,
    MultiClass,
    MultiLabel,
    NextToken,
    PositiveRegression,
    QuantileRegression,
    Regression,
    RobustRegression,
    TransformedRegression,
    fit_temperature,
    tune_threshold,
)
from slopes.recipes.classification.calibration import METRICS

measures = Later("slopes.recipes.classification.measures")  # it imports torchmetrics

ROWS, FEATURES = 12, 5
LABELS = torch.arange(ROWS) % 2
CLASSES = torch.arange(ROWS) % 3
SEVERAL = torch.stack((LABELS, CLASSES // 2), 1)
SHARES = torch.linspace(0.1, 0.9, ROWS)
TOKENS = torch.arange(ROWS * 4).reshape(ROWS, 4) % 3
PARTNERS = torch.randn(ROWS, FEATURES, generator=torch.Generator().manual_seed(0))
NAN: Final = math.nan


class Case(NamedTuple):
    """A recipe, and targets that it scores."""

    recipe: Any
    targets: Tensor


CASES: Final = [
    *(Case(Binary.from_targets(LABELS, criterion=c), LABELS) for c in ("binary_cross_entropy", "focal")),
    *(Case(MultiClass.from_targets(CLASSES, criterion=c), CLASSES) for c in ("cross_entropy", "softmax_focal")),
    Case(MultiClass(prior=(0.1,) * 10), CLASSES),  # with a top-5
    *(
        Case(MultiLabel.from_targets(SEVERAL, criterion=c), SEVERAL)
        for c in ("binary_cross_entropy", "focal", "asymmetric")
    ),
    *(
        Case(make(targets), targets)
        for targets in (SHARES, torch.stack((SHARES, 1 - SHARES**2), 1))
        for make in (
            *(Regression.from_targets, RobustRegression.from_targets, TransformedRegression.from_targets),
            *(BoundedRegression.from_targets, PositiveRegression.from_targets),
            *(GaussianRegression.from_targets, QuantileRegression.from_targets),
        )
    ),
    Case(NextToken(3, token_bytes=torch.ones(3, dtype=torch.int64)), TOKENS),
    Case(MaskedToken(3), TOKENS.masked_fill(TOKENS == 1, -100)),
    *(Case(Embedding(FEATURES, objective=o), PARTNERS) for o in ("info_nce", "clip", "nt_xent")),  # type: ignore[arg-type]
    Case(Embedding(FEATURES, objective="triplet"), CLASSES),
]


def outputs(case: Case) -> Tensor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        lead = case.targets.shape if isinstance(case.recipe, NextToken | MaskedToken) else case.targets.shape[:1]
        raw: Tensor = case.recipe.head(FEATURES)(torch.randn(*lead, FEATURES)).detach()
    return raw


def test_no_recipe_is_missing() -> None:
    """Whatever has scores is a case of these laws."""
    scored = {getattr(recipes, name) for name in recipes.__all__ if hasattr(getattr(recipes, name), "score")}
    assert {type(case.recipe) for case in CASES} == {one for one in scored if not inspect.isabstract(one)} - {
        recipes.Recipe
    }


@each("values", [None, False])
def test_predictions_that_are_nan_have_no_score_but_an_error_that_counts_them(values: bool | None) -> None:  # noqa: FBT001
    """Never a number: the likeliest of numbers that are none is the first class, which may well be the right one."""
    with slopes.checks(values=values):
        for case in CASES:
            raw = outputs(case)
            for rows in (slice(None), slice(2, 3)):
                broken = raw.index_put((torch.arange(ROWS)[rows],), torch.tensor(NAN))
                for call in (
                    lambda: case.recipe.score(broken, case.targets),  # noqa: B023  called at once
                    lambda: case.recipe.observe(case.recipe.metrics(), broken, case.targets),  # noqa: B023  likewise
                ):
                    with pytest.raises(ValuesError, match=r"\d+ of \d+ predictions (is|are) NaN, expected numbers; "):
                        call()


def test_one_number_that_is_nan_is_enough_and_is_counted_as_one_prediction() -> None:
    for case in CASES:
        raw = outputs(case)
        broken = raw.clone()
        broken.view(-1)[0] = NAN
        with pytest.raises(ValuesError, match=r": 1 of \d+ predictions is NaN"):
            case.recipe.score(broken, case.targets)


def test_the_others_are_scored_once_those_rows_are_left_out_as_the_error_says() -> None:
    for case in CASES:
        raw = outputs(case)
        broken = raw.clone()
        broken[2] = NAN
        there = ~broken.flatten(1).isnan().any(1) if broken.dim() > 1 else ~broken.isnan()
        score = case.recipe.score(broken[there], case.targets[there])
        assert score == case.recipe.score(raw[torch.arange(ROWS) != 2], case.targets[torch.arange(ROWS) != 2])
        assert all(math.isfinite(value) for value in score.values())


def test_a_partner_that_is_nan_has_no_score_either() -> None:
    with pytest.raises(ValuesError, match=re.escape("Embedding.observe: 1 of 24 predictions is NaN")):
        Embedding(FEATURES).score(PARTNERS, PARTNERS.index_fill(0, torch.tensor([3]), NAN))
    with pytest.raises(ValuesError, match=re.escape("Embedding.observe: 2 of 24 predictions are NaN")):
        Embedding(FEATURES).score(*[PARTNERS.index_fill(0, torch.tensor([3]), math.inf)] * 2)


def test_what_does_not_count_may_be_nan() -> None:
    raw = torch.zeros(2, 4, 3)
    raw[:, -1] = NAN  # it predicts nothing
    raw[0, 1] = NAN
    mask = torch.tensor([[True, True, False, True], [True, True, True, True]])
    assert NextToken(3).score(raw, TOKENS[:2], mask=mask)["perplexity"] == pytest.approx(3)
    labels = torch.tensor([[0, -100, 1, -100], [2, 2, 2, -100]])
    assert MaskedToken(3).score(raw, labels)["perplexity"] == pytest.approx(3)


@each("values", [True, False])
def test_nothing_is_tuned_on_nan(values: bool) -> None:  # noqa: FBT001
    probability, labels = torch.tensor([0.2, NAN, 0.7]), torch.tensor([0, 1, 1])
    with slopes.checks(values=values):
        for metric in (*METRICS, Cost(1.0, 2.0)):
            with pytest.raises(ValuesError, match="tune_threshold: 1 of 3 predictions is NaN"):
                tune_threshold(probability, labels, metric=metric)  # type: ignore[arg-type]
        for logits in (probability, torch.stack((probability, 1 - probability), 1)):
            with pytest.raises(ValuesError, match="`logits` has a logit that is not finite"):
                fit_temperature(logits, labels)


def test_certainty_is_no_prediction_that_is_missing() -> None:
    certain = torch.tensor([math.inf, -math.inf, 3.0, -1.0])
    for criterion in ("binary_cross_entropy", "focal"):
        score = Binary(criterion=criterion).score(certain, torch.tensor([1, 0, 1, 0]))  # type: ignore[arg-type]
        assert score["auroc"] == 1


class TestCalibrationError:
    """What torchmetrics' metrics of this name say is not asked: they give certainty a bin of its own."""

    def test_certainty_shares_its_bin_with_what_is_nearly_certain(self) -> None:
        """0.95 and right, 1 and wrong: 97.5 % sure on average and right in one of two."""
        raw = torch.tensor([0.95, 1.0], dtype=torch.float64).logit()
        right = Binary().score(raw, torch.tensor([1, 0]))["calibration_error"]
        assert right == pytest.approx(0.475, rel=1e-12)
        rows = torch.tensor([[0.95, 0.03, 0.02], [1.0, 0.0, 0.0]], dtype=torch.float64).log()
        score = MultiClass(prior=(0.4, 0.3, 0.3)).score(rows, torch.tensor([0, 1]))
        assert score["calibration_error"] == pytest.approx(0.475, rel=1e-12)

    def test_every_bin_holds_its_upper_end_and_the_first_one_both(self) -> None:
        ends = torch.arange(measures.BINS + 1, dtype=torch.float64) / measures.BINS
        for number, end in enumerate(ends.tolist()):
            inside = (max(number, 1) - 0.5) / measures.BINS  # of the bin below this end
            error = measures.CalibrationError()
            error.update(torch.tensor([end, inside], dtype=torch.float64), torch.tensor([1, 0]))
            assert float(error.compute()) == pytest.approx(abs(end + inside - 1) / 2, abs=1e-15)

    def test_of_certain_answers_it_is_the_share_of_wrong_ones(self) -> None:
        raw = torch.tensor([math.inf, math.inf, math.inf, -math.inf, -math.inf])
        assert Binary().score(raw, torch.tensor([1, 0, 1, 0, 1]))["calibration_error"] == pytest.approx(0.4)

    def test_over_batches_it_is_that_of_all_rows(self) -> None:
        said = torch.rand(300, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
        came = torch.arange(300) % 2
        whole, parts = measures.CalibrationError(), measures.CalibrationError()
        whole.update(said, came)
        for some, of in zip(said.split(7), came.split(7), strict=True):
            parts.update(some, of)
        assert float(parts.compute()) == pytest.approx(float(whole.compute()), rel=1e-12)
        assert parts.compute().dtype == torch.float64

    def test_before_any_row_it_is_nan(self) -> None:
        metric = measures.CalibrationError()
        metric._update_count = 1  # torchmetrics would warn, and say what it says all the same
        assert math.isnan(float(metric.compute()))


def logits(probability: list[Any]) -> Tensor:
    return torch.tensor(probability, dtype=torch.float64).logit()


def assert_score(came: dict[str, float], by_hand: dict[str, float]) -> None:
    assert came.keys() == by_hand.keys()
    for name, value in by_hand.items():
        assert_close_to_scale(torch.tensor(came[name]), [value], max(1.0, abs(value)), what=name)


class TestByHand:
    """Each number can be followed on paper."""

    def test_one_label(self) -> None:
        came = Binary().score(logits([0.9, 0.6, 0.4, 0.2]), torch.tensor([1, 0, 1, 0]))
        by_hand = {
            "auroc": 3 / 4,  # of four pairs 0.4 < 0.6 is the wrong one
            "average_precision": (1 + 2 / 3) / 2,
            "f1": 1 / 2,
            "balanced_accuracy": 1 / 2,
            "log_loss": -(math.log(0.9) + math.log(0.4) + math.log(0.4) + math.log(0.8)) / 4,
            "brier": (0.01 + 0.36 + 0.36 + 0.04) / 4,
            "calibration_error": (0.1 + 0.6 + 0.6 + 0.2) / 4,
        }
        assert_score(came, by_hand)

    def test_exclusive_classes(self) -> None:
        rows = [[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.1, 0.28, 0.62], [0.2, 0.5, 0.3]]
        raw = torch.tensor(rows, dtype=torch.float64).log()
        by_hand = {
            "top_1": 3 / 4,
            "macro_f1": (2 / 3 + 2 / 3 + 1) / 3,
            "log_loss": -(math.log(0.7) + math.log(0.3) + math.log(0.62) + math.log(0.5)) / 4,
            "calibration_error": (0.3 + 0 + 0.38) / 4,  # two rows are 50 % sure, and one of them is right
        }
        assert_score(MultiClass(prior=(0.4, 0.3, 0.3)).score(raw, torch.tensor([0, 1, 2, 1])), by_hand)

    def test_the_five_likeliest_of_six(self) -> None:
        raw = torch.tensor([[6.0, 5, 4, 3, 2, 1]] * 4)
        came = MultiClass(prior=(1 / 6,) * 6).score(raw, torch.tensor([0, 4, 5, 5]))
        assert (came["top_1"], came["top_5"]) == (0.25, 0.5)

    def test_several_labels(self) -> None:
        came = MultiLabel(prior=(0.5, 0.5)).score(
            logits([[0.9, 0.3], [0.2, 0.6], [0.7, 0.8]]), torch.tensor([[1, 0], [0, 1], [0, 1]])
        )
        by_hand = {
            "macro_f1": (2 / 3 + 1) / 2,
            "micro_f1": 6 / 7,
            "mean_average_precision": 1.0,
            "auroc": 1.0,
            "auroc_0": 1.0,
            "auroc_1": 1.0,
            "brier": (0.01 + 0.09 + 0.04 + 0.16 + 0.49 + 0.04) / 6,
        }
        assert_score(came, by_hand)

    TARGETS = torch.tensor([1.0, 2.0, 4.0, 5.0], dtype=torch.float64)
    SAID = torch.tensor([1.0, 3.0, 3.0, 5.0], dtype=torch.float64)
    POINTS: Final = {
        "mae": 2 / 4,
        "rmse": math.sqrt(2 / 4),
        "r2": 1 - 2 / 10,  # of the targets, 2, 1, 1 and 2 from their mean
        "mape": (0 + 1 / 2 + 1 / 4 + 0) / 4,
    }

    def test_numbers(self) -> None:
        for recipe in (Regression.from_targets(self.TARGETS), RobustRegression.from_targets(self.TARGETS)):
            raw = recipe.scale.forward("test", self.SAID)
            assert_score(recipe.score(raw, self.TARGETS), self.POINTS)

    def test_normal_numbers(self) -> None:
        """A standard deviation of 1 for each; 90 % lie within 1.644854 of them."""
        recipe = GaussianRegression.from_targets(self.TARGETS)
        log_variance = torch.full((4,), -2 * math.log(recipe.scale.unit), dtype=torch.float64)  # type: ignore[arg-type]
        raw = torch.stack((recipe.scale.forward("test", self.SAID), log_variance), 1)
        nll = math.log(2 * math.pi) / 2 + (0 + 1 + 1 + 0) / 8
        by_hand = {**self.POINTS, "coverage": 1.0, "width": 2 * 1.6448536269514722, "nll": nll}
        assert_score(recipe.score(raw, self.TARGETS), by_hand)

    def test_quantiles(self) -> None:
        recipe = QuantileRegression.from_targets(self.TARGETS)
        lower, upper = torch.tensor([0, 2.5, 2, 4.5]).double(), torch.tensor([2, 4, 3.5, 6]).double()
        below, above = ((gap / recipe.scale.unit).expm1().log() for gap in (self.SAID - lower, upper - self.SAID))
        raw = torch.stack((below, recipe.scale.forward("test", self.SAID), above), 1)
        pinball = (0.05 + 0.475 + 0.1 + 0.025) + (0 + 0.5 + 0.5 + 0) + (0.05 + 0.1 + 0.475 + 0.05)
        by_hand = {**self.POINTS, "coverage": 2 / 4, "width": (2 + 1.5 + 1.5 + 1.5) / 4, "pinball": pinball / 12}
        assert_score(recipe.score(raw, self.TARGETS), by_hand)

    def test_tokens(self) -> None:
        """The second is predicted with 3 / 4, the third with 1 / 4; each token stands for two bytes."""
        raw = torch.tensor([[[1.0, 3.0], [3.0, 1.0], [1.0, 1.0]]], dtype=torch.float64).log()
        came = NextToken(2, token_bytes=torch.tensor([2, 2])).score(raw, torch.tensor([[0, 1, 1]]))
        nats = -(math.log(0.75) + math.log(0.25)) / 2
        by_hand = {
            "perplexity": math.exp(nats),
            "cross_entropy": nats,
            "accuracy": 0.5,
            "bits_per_byte": nats / 2 / math.log(2),
        }
        assert_score(came, by_hand)
