"""Agreement with torchsurv, pycox and lifelines, whose answers stand in `golden/survival.json`.

torchsurv casts what it is given to float32; the others answer in float64.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from tests.each import each
from tests.oracles.peers import Case, answer, assert_agrees, of, one
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that users give it

SIZE = 24  # subjects


@each("case", of("survival", "torchsurv cox"))
def test_cox_is_torchsurvs_sum(case: Case) -> None:
    ours = answer(
        lambda **given: L.cox(**given, ties=case.options["ties"], reduction="sum"), case.inputs, ["log_hazard"]
    )
    assert_agrees(case, ours, size=SIZE, slope_scale=4.0)


def test_cox_without_ties_is_pycox_mean() -> None:
    case = one("survival", "pycox cox", "no ties")
    assert_agrees(case, answer(L.cox, case.inputs, ["log_hazard"]), size=SIZE, slope_scale=1.0)


def test_cox_is_lifelines_likelihood_at_its_fit() -> None:
    case = one("survival", "lifelines cox", "ties")
    given = case.inputs
    coefficient = torch.tensor(case.options["coefficient"], dtype=torch.float64, requires_grad=True)
    loss = L.cox(coefficient * given["log_hazard"], given["time"], given["event"], reduction="sum")
    assert loss.item() == pytest.approx(case.value.item(), rel=1e-12)
    assert abs(torch.autograd.grad(loss, coefficient)[0].item()) < 1e-4  # as near as it goes to the minimum


def test_discrete_hazard_is_pycox_logistic_hazard() -> None:
    case = one("survival", "pycox logistic hazard", "censored")
    ours = answer(
        lambda logits, index, event: L.discrete_hazard(logits, index, event, reduction="none"), case.inputs, ["logits"]
    )
    assert_agrees(case, ours, size=5, scale=16.0, slope_scale=1.0)


@each("ties", ["efron", "breslow"])
def test_torchsurv_overflows_where_cox_does_not(ties: Any) -> None:  # noqa: ANN401
    """Its sums are of exponentials: written out here, a log-hazard of 90 is infinite in float32."""
    x = torch.tensor([90.0, 0.0])
    loss = L.cox(x, torch.tensor([1.0, 2.0]), torch.tensor([True, False]), ties=ties)
    assert bool(x.exp().sum().log().isinf())
    assert loss.item() == pytest.approx(math.exp(-90), abs=1e-30)


def test_weibull_is_torchsurvs() -> None:
    case = one("survival", "torchsurv weibull", "both")
    ours = answer(L.weibull_nll, case.inputs, ["log_scale", "log_shape"])
    assert_agrees(case, ours, size=SIZE, scale=16.0, slope_scale=16.0)


def test_weibull_is_lifelines_likelihood_at_its_fit() -> None:
    case = one("survival", "lifelines weibull", "at its own")

    def total(log_scale: Tensor, log_shape: Tensor) -> Tensor:
        given = [x.expand_as(case.inputs["time"]) for x in (log_scale, log_shape)]
        return L.weibull_nll(*given, case.inputs["time"], case.inputs["event"], reduction="sum")

    numbers = [
        torch.tensor(math.log(case.options[k]), dtype=torch.float64, requires_grad=True) for k in ("scale", "shape")
    ]
    assert total(*numbers).item() == pytest.approx(case.value.item(), rel=1e-9)
    for slope in torch.autograd.grad(total(*numbers), numbers):
        assert abs(slope.item()) < 1e-3 * SIZE
