"""What is recommended follows from the numbers, and the words say how surely."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from tests.each import each

from slopes.recipes.compare import conclusion, page
from slopes.recipes.compare.candidates import of
from slopes.recipes.compare.comparison import Comparison, Plan
from slopes.recipes.compare.measures import MEASURES
from slopes.recipes.compare.trials import Outcome, Trial
from slopes.recipes.data.dataset import Columns, Dataset, load

NOISE = (0.010, -0.010, 0.004, -0.004, 0.0)


@pytest.fixture(scope="module")
def wine() -> Dataset:
    return load("wine", Columns())


def found(
    data: Dataset, means: dict[str, float], seeds: int = 5, measure: str = "macro_f1", decides: str = ""
) -> Comparison:
    """Return a comparison whose candidates have these means, and noise that no two share."""
    outcomes = [
        Outcome(
            Trial(candidate=name, seed=seed),
            {measure: mean + 0.3 * NOISE[(seed + shift) % 5] + NOISE[seed]},
            {measure: mean},
            [(1, 0.5), (10, 0.2)],
            np.zeros((2, 0), np.float32),
            np.zeros(0, np.float32),
            (106, 36),
            (),
            0.1,
        )
        for shift, (name, mean) in enumerate(means.items())
        for seed in range(seeds)
    ]
    every = of("multiclass")
    return Comparison(
        data=data,
        plan=Plan(seeds=seeds, corrupted=(), ratios=()),
        tried=tuple(every[name] for name in means),
        outcomes=tuple(outcomes),
        decides=MEASURES[decides or measure],
        rules="cross_entropy",
        why=("No weights: because.",),
    )


@each("measure", ["macro_f1", "brier", "auroc_even", "log_loss", "mae", "r2"])
def test_with_two_seeds_no_interval_passes_what_its_measure_can_be(wine: Dataset, measure: str) -> None:
    high = measure in {"macro_f1", "auroc_even", "r2"}
    near = {"cross_entropy": 0.98, "focal": 0.97} if high else {"cross_entropy": 0.02, "focal": 0.03}
    came = found(wine, near, seeds=2, measure=measure, decides="macro_f1")
    for name in near:
        kept = came.interval(name, measure)
        assert kept is not None
        assert kept.low is not None
        assert kept.high is not None
        least, most = {"log_loss": (0, 99), "mae": (0, 99), "r2": (-99, 1)}.get(measure, (0, 1))
        assert least <= kept.low <= kept.mean <= kept.high <= most
        assert kept.high == 1 if high else kept.low == 0


def test_with_two_seeds_no_difference_of_shares_passes_1(wine: Dataset) -> None:
    came = found(wine, {"cross_entropy": 0.99, "focal": 0.01, "hinge": 0.5, "weighted": 0.5}, seeds=2)
    gain = came.better_by("focal", "cross_entropy")
    assert gain is not None
    assert gain.high is not None
    assert gain.low == -1.0
    assert gain.low < gain.mean < gain.high < 0


def test_the_table_of_measures_stays_within_them(wine: Dataset) -> None:
    text = page._measures(found(wine, {"cross_entropy": 0.98, "focal": 0.97}, seeds=2))
    cells = re.findall(r"<td>([^<]+)</td>", text)
    assert len(cells) == 2
    for cell in cells:
        mean, low, high = re.fullmatch(r"(\S+) \((\S+) to (\S+)\)", cell).groups()  # type: ignore[union-attr]
        assert 0 <= float(low) <= float(mean) <= float(high) <= 1


def test_inside_the_noise_the_rules_decide(wine: Dataset) -> None:
    came = found(wine, {"cross_entropy": 0.95, "focal": 0.953, "hinge": 0.949})
    assert came.recommended.name == "cross_entropy"
    assert conclusion.claim(came) == "Use cross-entropy: nothing that was tried is surely better"
    assert "The differences to “focal” and “hinge” lie inside the noise." in conclusion.reading(came)


def test_what_is_surely_better_is_recommended_with_its_gain(wine: Dataset) -> None:
    came = found(wine, {"cross_entropy": 0.85, "focal": 0.95, "hinge": 0.93})
    assert came.recommended.name == "focal"
    assert "surely better than the usual choice" in conclusion.claim(came)
    assert "By the rules the targets ask for cross-entropy; the softmax focal loss" in conclusion.reading(came)
    assert "is better by 0.100 (95 % interval 0.0" in conclusion.reading(came)


def test_for_errors_lower_is_better(wine: Dataset) -> None:
    came = found(wine, {"cross_entropy": 0.85, "focal": 0.45, "hinge": 0.95}, measure="log_loss")
    assert came.recommended.name == "focal"
    gain = came.better_by("hinge", "focal")
    assert gain is not None
    assert gain.mean == pytest.approx(-0.5)


def test_what_is_surely_worse_is_said_to_be(wine: Dataset) -> None:
    came = found(wine, {"cross_entropy": 0.95, "focal": 0.85, "hinge": 0.84})
    assert conclusion.claim(came) == "Use cross-entropy: every other candidate is surely worse"
    assert "“focal” and “hinge” are surely worse." in conclusion.reading(came)


def test_a_wrong_pair_is_never_recommended_and_its_cost_is_told(wine: Dataset) -> None:
    better = found(wine, {"cross_entropy": 0.85, "squares": 0.95})
    assert better.recommended.name == "cross_entropy"
    assert "Here it does no worse (0.100 macro F1 better)" in conclusion.evidence(better)[-1]
    worse = found(wine, {"cross_entropy": 0.95, "squares": 0.75})
    assert "It costs 0.200 macro F1 here." in conclusion.evidence(worse)[-1]
    noise = found(wine, {"cross_entropy": 0.95, "squares": 0.949})
    assert "inside the noise" in conclusion.evidence(noise)[-1]


def test_what_calibration_hides_of_a_wrong_pair_is_told(wine: Dataset) -> None:
    came = found(wine, {"cross_entropy": 0.95, "squares": 0.949})
    assert "Before thresholds" not in conclusion.evidence(came)[-1]
    harmed = [
        o._replace(uncalibrated={"macro_f1": 0.4}) if o.trial.candidate == "squares" else o for o in came.outcomes
    ]
    told = conclusion.evidence(dataclasses.replace(came, outcomes=tuple(harmed)))[-1]
    assert told.endswith("Before thresholds and temperature were tuned it cost 0.550.")


def test_one_repetition_says_that_it_says_nothing(wine: Dataset) -> None:
    came = found(wine, {"cross_entropy": 0.85, "focal": 0.95}, seeds=1)
    assert came.recommended.name == "cross_entropy"
    assert conclusion.claim(came) == "Use cross-entropy, as its targets ask for"
    assert "With one repetition nothing can be said of the others." in conclusion.reading(came)
    assert any("every difference may be luck" in text for text in conclusion.limits(came))


def test_the_limits_name_the_model_the_data_and_the_measure(wine: Dataset) -> None:
    came = found(wine, {"cross_entropy": 0.95, "focal": 0.95})
    text = " ".join(conclusion.limits(came))
    assert "32 hidden units and 400 batches" in text
    assert "5 repetitions of 36 test rows" in text
    assert "Macro F1 decides" in text
    assert "were used" not in text
    sampled = dataclasses.replace(came, data=dataclasses.replace(wine, total=5_000_000))
    assert "178 of 5,000,000 rows were used." in conclusion.limits(sampled)
