from __future__ import annotations

import pytest
import torch
from tests.later import Later

digits = Later("examples.digits")


def test_default_run_is_accurate_and_scaling_helps_on_validation(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = digits.main(["--small"])
    assert isinstance(outcome, digits.Outcome)
    assert outcome.held_out.accuracy > 0.85
    assert outcome.validation_scaled.cross_entropy <= outcome.validation.cross_entropy + 1e-6
    assert outcome.held_out_scaled.accuracy == outcome.held_out.accuracy
    printed = capsys.readouterr().out
    assert "1797 digits: 1078 to train, 359 to validate, 360 held out" in printed
    assert f"{outcome.held_out.accuracy:.1%}" in printed
    assert f"at temperature {outcome.temperature:.2f}" in printed


def test_temperature_repairs_the_calibration_that_label_smoothing_takes() -> None:
    outcome = digits.main(["--small", "--label-smoothing", "0.1"])
    assert isinstance(outcome, digits.Outcome)
    assert outcome.temperature < 1
    assert outcome.validation_scaled.calibration_error < outcome.validation.calibration_error / 2
    assert outcome.held_out_scaled.calibration_error < outcome.held_out.calibration_error / 2


def test_same_seed_same_numbers() -> None:
    assert digits.main(["--small", "--seed", "3"]) == digits.main(["--small", "--seed", "3"])
    assert digits.main(["--small", "--seed", "3"]) != digits.main(["--small", "--seed", "4"])


@pytest.mark.parametrize("activation", ["relu", "swish", "mish", "tanh"])
def test_other_activations_train(activation: str) -> None:
    outcome = digits.main(["--small", "--activation", activation])
    assert isinstance(outcome, digits.Outcome)
    assert outcome.held_out.accuracy > 0.85


@pytest.mark.parametrize("loss", ["softmax_focal", "multiclass_hinge"])
def test_other_losses_train(loss: str) -> None:
    outcome = digits.main(["--small", "--loss", loss])
    assert isinstance(outcome, digits.Outcome)
    assert outcome.held_out.accuracy > 0.85


def test_comparison_shows_that_the_mse_is_slow_to_unlearn(capsys: pytest.CaptureFixture[str]) -> None:
    rows = digits.main(["--small", "--compare"])
    assert isinstance(rows, list)
    accuracies = [row.fresh.held_out.accuracy for row in rows]
    assert accuracies == sorted(accuracies, reverse=True)
    by_name = {row.name: row for row in rows}
    assert set(by_name) == {*digits.LOSSES, "cross_entropy, smoothing 0.1"}
    assert by_name["mse_on_probabilities"].relearned < by_name["cross_entropy"].relearned - 0.1
    assert "One held-out digit is 0.28%" in capsys.readouterr().out


def test_split_keeps_the_share_of_every_digit_and_shares_no_row() -> None:
    data = digits.load_data(0)
    parts = (data.train, data.validation, data.held_out)
    shares = torch.stack([torch.bincount(part.digits, minlength=10) / len(part.digits) for part in parts])
    assert (shares - shares.mean(0)).abs().max() < 0.005
    assert torch.cat([part.images for part in parts]).unique(dim=0).shape[0] == 1797


def test_calibration_error_by_hand() -> None:
    logits = torch.tensor([[0.8, 0.2], [0.8, 0.2], [0.6, 0.4], [0.6, 0.4]]).log()
    one_bin_right_half = digits.expected_calibration_error(logits[:2], torch.tensor([0, 1]))
    assert one_bin_right_half == pytest.approx(0.3)  # confidence 0.8, accuracy 0.5
    two_bins = digits.expected_calibration_error(logits, torch.tensor([0, 0, 1, 1]))
    assert two_bins == pytest.approx((0.2 + 0.6) / 2)  # gaps of opposite sign in two bins do not cancel


def test_temperature_undoes_a_known_sharpening() -> None:
    honest = torch.randn(20_000, 10)
    targets = torch.distributions.Categorical(logits=honest).sample()
    assert digits.fit_temperature(3 * honest, targets) == pytest.approx(3, rel=0.05)


def test_mse_on_probabilities_is_the_brier_score_by_hand() -> None:
    sure = torch.full((1, 10), -100.0)
    sure[0, 3] = 100.0
    assert digits.mse_on_probabilities(sure, torch.tensor([3])).item() == 0
    assert digits.mse_on_probabilities(sure, torch.tensor([4])).item() == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--epochs", "0"], "--epochs is 0, expected at least 1"),
        (["--label-smoothing", "1.5"], "--label-smoothing is 1.5, expected a share in [0, 1]"),
        (["--label-smoothing", "0.1", "--loss", "softmax_focal"], "belongs to --loss cross_entropy"),
        (["--label-smoothing", "0.1", "--compare"], "--compare has a row for it already"),
        (["--activation", "step"], "invalid choice: 'step'"),
    ],
)
def test_bad_options_are_answered_with_a_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        digits.main(arguments)
    assert stop.value.code == 2
    assert sentence in capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        digits.main(["--help"])
    assert stop.value.code == 0
    assert "--compare" in capsys.readouterr().out
