"""Losses of forecasts beside scikit-learn, torchmetrics, and what properscoring and scoringrules answered."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from tests.each import each
from tests.later import Later
from tests.oracles.peers import Answer, Case, answer, assert_agrees, assert_same, by_position, normal, of
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that users give it

metrics = Later("sklearn.metrics")
torchmetrics = Later("torchmetrics.functional")
quad = Later("scipy.integrate")
special = Later("scipy.special")


def bell(case: Case) -> tuple[Tensor, Tensor, Tensor]:
    return case.inputs["mean"], 2 * case.inputs["sigma"].log(), case.inputs["target"]


class TestScores:
    @each("case", [*of("scores", "crps_gaussian"), *of("scores", "crps_normal")])
    def test_a_bell(self, case: Case) -> None:
        ours = L.crps_gaussian(*bell(case), reduction="none")
        # Theirs sums terms of the size of σ and of the residual.
        scale = case.inputs["sigma"] + (case.inputs["mean"] - case.inputs["target"]).abs()
        assert_agrees(case, Answer(ours), scale=scale, size=4)

    @each("case", of("scores", "crps_ensemble"))
    def test_an_ensemble(self, case: Case) -> None:
        members, targets = case.inputs["members"], case.inputs["targets"]
        ours = L.crps_ensemble(members, targets, fair="fair" in case.name, reduction="none")
        scale = (members - targets.unsqueeze(-1)).abs().amax(-1)
        assert_agrees(case, Answer(ours), scale=scale, size=8)

    def test_a_bell_is_the_integral(self) -> None:
        """Integrate (F - step)² by quadrature, which knows no closed form."""
        for mean, sigma, target in ((0.0, 1.0, 0.0), (0.5, 0.25, 1.75), (-3.0, 4.0, 2.0), (2.0, 0.5, -3.0)):

            def low(x: float, m: float = mean, s: float = sigma) -> float:
                return float(special.ndtr((x - m) / s)) ** 2

            def high(x: float, m: float = mean, s: float = sigma) -> float:
                return float(special.ndtr((m - x) / s)) ** 2

            reach = abs(mean - target) + 40 * sigma
            below = quad.quad(low, target - reach, target, epsabs=1e-12, limit=400)[0]
            area = below + quad.quad(high, target, target + reach, epsabs=1e-12, limit=400)[0]
            given = torch.tensor([mean, 2 * np.log(sigma), target], dtype=torch.float64)
            assert L.crps_gaussian(*given).item() == pytest.approx(area, rel=1e-9)

    def test_many_members_of_a_bell_score_as_it_does(self) -> None:
        shares = (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000
        members = torch.special.ndtri(shares).unsqueeze(0)
        target = torch.tensor([0.7], dtype=torch.float64)
        wanted = L.crps_gaussian(torch.zeros_like(target), torch.zeros_like(target), target)
        assert L.crps_ensemble(members, target, fair=False).item() == pytest.approx(wanted.item(), rel=1e-3)


class TestErrors:
    def test_scikit_learn(self) -> None:
        targets, predictions = normal(50, seed=1).abs(), normal(50, seed=2).abs()
        for ours, theirs in (
            (L.msle, metrics.mean_squared_log_error),
            (L.mape, metrics.mean_absolute_percentage_error),
        ):
            assert ours(predictions, targets).item() == pytest.approx(theirs(targets.numpy(), predictions.numpy()))

    @each(
        ("ours", "named"),
        [
            (L.msle, "mean_squared_log_error"),
            (L.mape, "mean_absolute_percentage_error"),
            (L.smape, "symmetric_mean_absolute_percentage_error"),
        ],
    )
    def test_torchmetrics(self, ours: Callable[..., Tensor], named: str) -> None:
        inputs = {"predictions": 0.5 + normal(50, seed=3).abs(), "targets": 0.5 + normal(50, seed=4).abs()}
        found = answer(ours, inputs, ["predictions"])
        theirs = answer(by_position(getattr(torchmetrics, named)), inputs, [])
        assert found.value.item() == pytest.approx(theirs.value.item())

    def test_a_target_of_0_is_an_error_here_and_a_huge_number_there(self) -> None:
        predictions, targets = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.0])
        with pytest.raises(slopes.ValuesError, match=r"mape: `targets` is 0 at entry \[1\]"):
            L.mape(predictions, targets)
        assert torchmetrics.mean_absolute_percentage_error(predictions, targets) > 1e5
        assert metrics.mean_absolute_percentage_error(targets.numpy(), predictions.numpy()) > 1e14

    def test_msle_keeps_the_digits_that_the_difference_of_logarithms_loses(self) -> None:
        predictions, targets = torch.tensor([10001.0]), torch.tensor([10000.0])
        exact = float((np.log1p(10001.0) - np.log1p(10000.0)) ** 2)
        typed = (predictions.log1p() - targets.log1p()).square()
        assert L.msle(predictions, targets).item() == pytest.approx(exact, rel=1e-6)
        assert abs(typed.item() / exact - 1) > 1e-3


class TestLevels:
    def test_expectile_is_implicit_q_learnings(self) -> None:
        """Kostrikov's `torch.abs(tau - (u < 0).float()) * u**2`, u the target minus the value."""
        inputs = {"predictions": normal(40, seed=5), "targets": normal(40, seed=6)}
        assert_same(
            lambda predictions, targets: L.expectile(predictions.unsqueeze(-1), targets, [0.7], reduction="none"),
            lambda predictions, targets: (
                (0.7 - (targets - predictions < 0).double()).abs() * (targets - predictions) ** 2
            ).unsqueeze(-1),
            inputs,
            ["predictions", "targets"],
        )

    @each("kappa", [0.3, 1.0])
    def test_quantile_huber_is_torch_huber_tilted(self, kappa: float) -> None:
        inputs = {"predictions": normal(40, seed=7), "targets": normal(40, seed=8)}

        def theirs(predictions: Tensor, targets: Tensor) -> Tensor:
            huber = torch.nn.functional.huber_loss(predictions, targets, delta=kappa, reduction="none")
            return (0.9 - (targets < predictions).double()).abs() * huber / kappa

        assert_same(
            lambda predictions, targets: L.quantile_huber(
                predictions.unsqueeze(-1), targets, [0.9], kappa=kappa, reduction="none"
            ).squeeze(-1),
            theirs,
            inputs,
            ["predictions", "targets"],
        )
