from __future__ import annotations

import re
import statistics

import pytest
import torch
from tests.later import Later

from slopes.recipes import Binary, MultiLabel, QuantileRegression

recipes = Later("examples.recipes")


def mean(outcomes: list[recipes.Outcome], name: str, *, after: bool) -> float:
    return statistics.mean((outcome.after if after else outcome.before)[name] for outcome in outcomes)


def test_tumours_are_ranked_well_and_the_recipe_says_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = recipes.main(["--small"])
    printed = capsys.readouterr().out
    first = outcomes[0]
    assert len(outcomes) == recipes.SMALL_SPLITS
    assert isinstance(first.recipe, Binary)
    assert isinstance(first.calibrated, Binary)
    assert first.recipe.pos_weight == pytest.approx(178 / 106)  # 212 of 569 are malignant; half of the rows train
    assert first.after["auroc"] > 0.97
    assert first.after["auroc"] == pytest.approx(first.before["auroc"], abs=1e-12)
    for found in (f"temperature {first.calibrated.temperature:.3g}", f"threshold {first.calibrated.threshold:.3g}"):
        assert found in printed
    assert "of 142 validation rows" in " ".join(printed.split())  # of the validation part: 143 are held out from all
    assert "178 negatives to 106 positives, 1.68 to 1" in printed
    assert f"{mean(outcomes, 'mean_cost', after=True):.4g}" in printed


def test_temperature_repairs_the_log_loss_of_a_network_trained_too_long() -> None:
    outcomes = recipes.main(["--splits", "4"])
    assert mean(outcomes, "log_loss", after=True) < mean(outcomes, "log_loss", after=False)
    assert all(isinstance(outcome.calibrated, Binary) and outcome.calibrated.temperature > 1 for outcome in outcomes)


def test_digits_have_a_weight_and_a_threshold_for_each_label(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = recipes.main(["--small", "--data", "digits"])
    first = outcomes[0]
    assert isinstance(first.recipe, MultiLabel)
    assert isinstance(first.calibrated, MultiLabel)
    assert first.recipe.pos_weight is not None
    assert max(first.recipe.pos_weight) == first.recipe.pos_weight[list(recipes.LABELS).index("eight")]
    assert first.calibrated.thresholds is not None
    assert len(set(first.calibrated.thresholds)) > 1
    assert mean(outcomes, "macro_f1", after=True) > 0.9
    assert "a threshold per label" in capsys.readouterr().out


def test_conformal_correction_brings_coverage_to_what_was_promised(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = recipes.main(["--data", "diabetes"])
    assert isinstance(outcomes[0].recipe, QuantileRegression)
    assert mean(outcomes, "coverage", after=False) < 0.72  # the network has learnt the training rows by heart
    assert mean(outcomes, "coverage", after=True) == pytest.approx(0.8, abs=0.03)
    assert mean(outcomes, "pinball", after=True) == mean(outcomes, "pinball", after=False)
    printed = " ".join(capsys.readouterr().out.split())
    assert "of 110 validation rows where 80.0% were promised" in printed  # of the validation part
    assert "On the 111 rows of one split it is good to about 3.8%" in printed
    assert re.search(r"pinball (\S+) \1 none lower", printed)


def test_coverage_is_that_of_the_held_out_rows() -> None:
    outcome = recipes.run("diabetes", epochs=2, seed=0)
    assert isinstance(outcome.calibrated, QuantileRegression)
    _, lower, upper, _ = outcome.calibrated.predict(outcome.raw.double())
    inside = sum(low <= y <= high for low, y, high in zip(lower, outcome.targets, upper, strict=True))
    assert outcome.after["coverage"] == pytest.approx(float(inside) / 111)


def test_same_seed_same_numbers() -> None:
    def numbers(seed: int) -> dict[str, float]:
        return recipes.run("diabetes", epochs=2, seed=seed).after

    assert numbers(3) == numbers(3)
    assert numbers(3) != numbers(4)


@pytest.mark.parametrize("name", ["breast_cancer", "diabetes", "digits"])
def test_parts_share_no_row_and_lose_none(name: str) -> None:
    assert sorted(recipes.DATA) == ["breast_cancer", "diabetes", "digits"]
    data, _ = recipes.DATA[name](0)
    parts = (data.train, data.validation, data.held_out)
    rows = torch.cat([part.features for part in parts])
    assert len(rows) == {"breast_cancer": 569, "digits": 1797, "diabetes": 442}[name]
    assert rows.unique(dim=0).shape == rows.shape
    assert data.train.features.mean(0).abs().max() < 1e-5  # standardised by the training rows


def test_malignant_is_the_positive_class() -> None:
    data, _ = recipes.breast_cancer(0)
    parts = (data.train, data.validation, data.held_out)
    assert sum(int(part.targets.sum()) for part in parts) == 212  # of 569, as the data's documentation says
    radius = data.train.features[:, 0]
    assert radius[data.train.targets == 1].mean() > radius[data.train.targets == 0].mean()


def test_mean_cost_by_hand() -> None:
    decision, truth = torch.tensor([1, 1, 0, 0, 1]), torch.tensor([1, 0, 1, 0, 0])
    assert recipes.mean_cost(decision, truth) == (1 + 1 + 10) / 5


def test_a_digit_by_its_labels() -> None:
    _, recipe = recipes.digits(0)
    assert recipe.labels == ("loop", "even", "prime", "straight", "eight")
    assert recipes.named(torch.tensor([1, 1, 0, 0, 1])) == "loop, even, eight"
    assert recipes.named(torch.zeros(5)) == "none"


def test_every_printed_metric_has_a_direction() -> None:
    for name in recipes.DATA:
        known = {m for m in recipes.run(name, epochs=1, seed=0).before if not m.startswith("auroc_")}
        assert known - set(recipes.DIRECTIONS) <= {"average_precision", "mape"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--epochs", "0"], "--epochs is 0, expected at least 1"),
        (["--splits", "1"], "--splits is 1, expected at least 2: one does not tell a change from chance"),
        (["--data", "iris"], "invalid choice: 'iris'"),
    ],
)
def test_bad_options_are_answered_with_a_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        recipes.main(arguments)
    assert stop.value.code == 2
    assert sentence in capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        recipes.main(["--help"])
    assert stop.value.code == 0
    assert "--data" in capsys.readouterr().out
