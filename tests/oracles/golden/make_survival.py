"""Write survival.json: what torchsurv, pycox and lifelines answer for times to an event.

torchsurv answers in float32, to which it casts what it is given, the others in float64.

Install, in an environment of its own, `torch==2.13.0 torchsurv==0.2.0 pycox==0.3.0 lifelines==0.30.3 requests`, then
run

    python tests/oracles/golden/make_survival.py
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import lifelines
import pandas as pd
import torch
from lifelines.fitters.coxph_fitter import SemiParametricPHFitter
from pycox.models.loss import cox_ph_loss, nll_logistic_hazard
from record import torch_case, write
from torch import Tensor
from torchsurv.loss.cox import neg_partial_log_likelihood
from torchsurv.loss.weibull import neg_log_likelihood_weibull

RANDOM = torch.Generator().manual_seed(20250303)
CASES: list[dict[str, Any]] = []


def subjects(count: int, times: int | None) -> dict[str, Tensor]:
    """Return subjects, of whom many have the same time where the times are few."""
    drawn = torch.rand(count, generator=RANDOM, dtype=torch.float64)
    time = 0.5 + 4 * drawn if times is None else (times * drawn).floor() + 1
    return {
        "log_hazard": torch.randn(count, generator=RANDOM, dtype=torch.float64),
        "time": time,
        "event": torch.rand(count, generator=RANDOM) < 0.7,
    }


def narrow(given: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.float() if value.is_floating_point() else value for name, value in given.items()}


APART, TIED = subjects(20, None), subjects(24, 5)


def of_torchsurv(name: str, given: dict[str, Tensor], ties: str) -> dict[str, Any]:
    """Return what torchsurv answers with its way of ties."""
    return torch_case(
        "torchsurv cox",
        f"{name} {ties}",
        "torchsurv.loss.cox.neg_partial_log_likelihood(log_hazard, event, time, ties_method=ties, reduction='sum')",
        lambda log_hazard, time, event: neg_partial_log_likelihood(
            log_hazard, event, time, ties_method=ties, reduction="sum"
        ),
        narrow(given),
        by=["log_hazard"],
        options={"ties": ties},
        precision="float32",
    )


WAYS = ("efron", "breslow")
CASES += [of_torchsurv(name, given, way) for name, given in (("no ties", APART), ("ties", TIED)) for way in WAYS]
CASES.append(
    torch_case(
        "pycox cox",
        "no ties",
        "pycox.models.loss.cox_ph_loss(log_hazard, time, event)",
        lambda log_hazard, time, event: cox_ph_loss(log_hazard, time, event, eps=0.0),
        APART,
        by=["log_hazard"],
    )
)
frame = pd.DataFrame({"x": TIED["log_hazard"], "time": TIED["time"], "event": TIED["event"]})
fitted = lifelines.CoxPHFitter().fit(frame, "time", "event")
assert isinstance(fitted._model, SemiParametricPHFitter)
CASES.append(
    {
        "function": "lifelines cox",
        "name": "ties at its own coefficient",
        "call": "-lifelines.CoxPHFitter().fit(frame, 'time', 'event').log_likelihood_",
        "precision": "float64",
        "options": {"coefficient": float(fitted.params_["x"])},
        "inputs": TIED,
        "value": -fitted.log_likelihood_,
        "gradients": {},
    }
)
weibull = {
    "log_scale": torch.randn(20, generator=RANDOM, dtype=torch.float64),
    "log_shape": 0.5 * torch.randn(20, generator=RANDOM, dtype=torch.float64),
    "time": APART["time"],
    "event": APART["event"],
}
CASES.append(
    torch_case(
        "torchsurv weibull",
        "both parameters",
        "torchsurv.loss.weibull.neg_log_likelihood_weibull(torch.stack([log_scale, log_shape], -1), event, time)",
        lambda log_scale, log_shape, time, event: neg_log_likelihood_weibull(
            torch.stack([log_scale, log_shape], -1), event, time
        ),
        narrow(weibull),
        by=["log_scale", "log_shape"],
        precision="float32",
    )
)
single = lifelines.WeibullFitter().fit(weibull["time"].numpy(), weibull["event"].numpy())
CASES.append(
    {
        "function": "lifelines weibull",
        "name": "at its own parameters",
        "call": "-lifelines.WeibullFitter().fit(time, event).log_likelihood_",
        "precision": "float64",
        "options": {"scale": float(single.lambda_), "shape": float(single.rho_)},
        "inputs": {"time": weibull["time"], "event": weibull["event"]},
        "value": -single.log_likelihood_,
        "gradients": {},
    }
)
CASES.append(
    torch_case(
        "pycox logistic hazard",
        "some censored",
        "pycox.models.loss.nll_logistic_hazard(logits, index, event, reduction='none')",
        lambda logits, index, event: nll_logistic_hazard(logits, index, event.double(), reduction="none"),
        {
            "logits": 3 * torch.randn(12, 5, generator=RANDOM, dtype=torch.float64),
            "index": torch.randint(5, (12,), generator=RANDOM),
            "event": torch.rand(12, generator=RANDOM) < 0.5,
        },
        by=["logits"],
    )
)
write("survival", {name: version(name) for name in ("torchsurv", "pycox", "lifelines", "torch")}, CASES)
