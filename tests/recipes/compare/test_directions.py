"""What the bundled data show of what the field predicts; where they show nothing, the test says so.

Every number is a mean over seeds, scores on test rows and errors along the training on validation rows, with the
candidates, the model and the splits of `slopes compare`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from tests.each import each

from slopes.recipes.compare.trials import Outcome, Trial, run
from slopes.recipes.data.dataset import Columns, load

SEEDS = 4
STEPS = 250


@lru_cache(maxsize=64)
def outcomes(data: str, candidate: str, corrupted: float = 0.0) -> tuple[Outcome, ...]:
    whole = load(data, Columns())
    trials = (Trial(candidate=candidate, seed=seed, corrupted=corrupted) for seed in range(SEEDS))
    return tuple(run(whole, trial, SEEDS, STEPS) for trial in trials)


def mean(data: str, candidate: str, measure: str, *, corrupted: float = 0.0, calibrated: bool = True) -> float:
    found = outcomes(data, candidate, corrupted)
    return float(np.mean([(o.scores if calibrated else o.uncalibrated)[measure] for o in found]))


def error(data: str, candidate: str, low: int, high: int) -> list[float]:
    """Return each seed's mean error on validation rows between two steps."""
    return [float(np.mean([e for step, e in o.curve if low <= step <= high])) for o in outcomes(data, candidate)]


@pytest.mark.long
def test_cross_entropy_learns_classes_faster_than_squares_early_on() -> None:
    early = zip(error("digits", "cross_entropy", 15, 80), error("digits", "squares", 15, 80), strict=True)
    assert all(ours < theirs for ours, theirs in early)


@pytest.mark.long
def test_with_twentieths_of_targets_corrupted_huber_and_mae_beat_mse() -> None:
    mse, huber, mae = (mean("diabetes", name, "mae", corrupted=0.05) for name in ("mse", "huber", "mae"))
    assert huber < 0.95 * mse
    assert mae < 0.95 * mse
    clean = [mean("diabetes", name, "rmse") for name in ("mse", "huber", "mae")]
    assert max(clean) < 1.05 * min(clean), "without corruption nothing is lost or won"


@pytest.mark.long
def test_sigmoids_beat_a_softmax_on_several_labels() -> None:
    sigmoids, softmax = (
        mean("digits_attributes", name, "macro_f1", calibrated=False) for name in ("cross_entropy", "softmax")
    )
    assert sigmoids > softmax + 0.3


@pytest.mark.long
def test_tuned_thresholds_rescue_the_softmax_s_f1_but_not_its_probabilities() -> None:
    """What the field does not say: after tuning, ranking by shares of a softmax decides almost as well."""
    assert (
        mean("digits_attributes", "softmax", "macro_f1") > mean("digits_attributes", "cross_entropy", "macro_f1") - 0.03
    )
    assert mean("digits_attributes", "softmax", "brier") > 2 * mean("digits_attributes", "cross_entropy", "brier")


@pytest.mark.long
@each("candidate", ["smoothed", "hinge"])
def test_temperature_scaling_lowers_the_calibration_error_of_shifted_confidence(candidate: str) -> None:
    before, after = (mean("digits", candidate, "calibration_error", calibrated=c) for c in (False, True))
    assert after < 0.5 * before


def test_temperature_scaling_finds_little_to_do_after_cross_entropy_stopped_in_time() -> None:
    before, after = (mean("digits", "cross_entropy", "calibration_error", calibrated=c) for c in (False, True))
    assert before < 0.04
    assert abs(after - before) < 0.01


@each("candidate", ["asymmetric", "softmax"])
def test_tuned_thresholds_raise_macro_f1_where_probabilities_are_shifted(candidate: str) -> None:
    before, after = (mean("digits_attributes", candidate, "macro_f1", calibrated=c) for c in (False, True))
    assert after > before


def test_tuned_thresholds_raise_f1_of_a_rare_class() -> None:
    before, after = (mean("digits_rare", "cross_entropy", "f1", calibrated=c) for c in (False, True))
    assert after > before


@pytest.mark.long
def test_intervals_cover_what_they_promise() -> None:
    """Within 3 points of 90 %, over seeds; one split of 89 test rows has a standard error of as much."""
    for candidate in ("quantiles", "gaussian"):
        assert mean("diabetes", candidate, "coverage") == pytest.approx(0.9, abs=0.03)


def test_targets_that_are_not_standardised_cost_most_of_what_there_is_to_learn() -> None:
    assert mean("diabetes", "mse", "r2") > 0.3
    assert mean("diabetes", "unstandardised", "r2") < 0
