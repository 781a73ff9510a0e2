"""The elementwise activations that are measured: ours, torch's own operator, and where they need a close look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import torch
import torch.nn.functional as F  # noqa: N812  the field's own abbreviation
from torch import Tensor

from slopes import activations as A  # noqa: N812  the name that the documentation uses

PRELU_SLOPE: Final = 0.25


@dataclass(frozen=True)
class Function:
    """One activation and its peer.

    Attributes:
        name: As the tables call it.
        ours: The library's function.
        peer: What torch's own operator computes.
        called: How a person calls the peer.
        oracle: Its name in `tests.oracles.activations`.
        options: The oracle's options.
        root: Where the slope is 0 and changes its sign, if anywhere.
    """

    name: str
    ours: Callable[[Tensor], Tensor]
    peer: Callable[[Tensor], Tensor]
    called: str
    oracle: str
    options: dict[str, Any] = field(default_factory=dict)
    root: float | None = None


def _prelu(x: Tensor) -> Tensor:
    return torch.prelu(x, torch.full((1,), PRELU_SLOPE, dtype=x.dtype))


FUNCTIONS: Final = (
    Function("sigmoid", A.sigmoid, torch.sigmoid, "torch.sigmoid", "sigmoid"),
    Function("tanh", A.tanh, torch.tanh, "torch.tanh", "tanh"),
    Function("log_sigmoid", A.log_sigmoid, F.logsigmoid, "F.logsigmoid", "log_sigmoid"),
    Function("hard_sigmoid", A.hard_sigmoid, F.hardsigmoid, "F.hardsigmoid", "hard_sigmoid"),
    Function("relu", A.relu, torch.relu, "torch.relu", "relu"),
    Function("leaky_relu", A.leaky_relu, F.leaky_relu, "F.leaky_relu", "leaky_relu"),
    Function(
        "prelu",
        lambda x: A.prelu(x, torch.full((1,), PRELU_SLOPE, dtype=x.dtype)),
        _prelu,
        "torch.prelu",
        "prelu",
        {"slope": PRELU_SLOPE},
    ),
    Function("elu", A.elu, F.elu, "F.elu", "elu"),
    Function("selu", A.selu, torch.selu, "torch.selu", "selu"),
    Function("softplus", A.softplus, F.softplus, "F.softplus", "softplus"),
    Function("gelu", A.gelu, F.gelu, "F.gelu", "gelu", root=-0.7517915246935645),
    Function(
        "gelu_tanh",
        lambda x: A.gelu(x, approximate="tanh"),
        lambda x: F.gelu(x, approximate="tanh"),
        'F.gelu(approximate="tanh")',
        "gelu",
        {"approximate": "tanh"},
        root=-0.7524614220710163,
    ),
    Function("swish", A.swish, F.silu, "F.silu", "swish", root=-1.2784645427610737),
    Function("mish", A.mish, F.mish, "F.mish", "mish", root=-1.1924312145154952),
    Function("hard_swish", A.hard_swish, F.hardswish, "F.hardswish", "hard_swish", root=-1.5),
    Function("hard_tanh", A.hard_tanh, F.hardtanh, "F.hardtanh", "hard_tanh"),
    Function("softsign", A.softsign, F.softsign, "F.softsign", "softsign"),
    Function("soft_cap", A.soft_cap, lambda x: 30 * torch.tanh(x / 30), "30 * torch.tanh(x / 30)", "soft_cap"),
    Function(
        "lecun_tanh",
        A.lecun_tanh,
        lambda x: 1.7159 * torch.tanh(2 * x / 3),
        "1.7159 * torch.tanh(2 * x / 3)",
        "lecun_tanh",
    ),
    Function("relu6", A.relu6, F.relu6, "F.relu6", "relu6"),
    Function("rrelu", A.rrelu, F.rrelu, "F.rrelu", "rrelu"),
    Function(
        "relu_squared", A.relu_squared, lambda x: torch.relu(x).square(), "torch.relu(x).square()", "relu_squared"
    ),
    Function("celu", A.celu, F.celu, "F.celu", "celu"),
    Function("threshold", A.threshold, lambda x: F.threshold(x, 1.0, 0.0), "F.threshold", "threshold"),
    Function("hard_shrink", A.hard_shrink, F.hardshrink, "F.hardshrink", "hard_shrink"),
    Function("soft_shrink", A.soft_shrink, F.softshrink, "F.softshrink", "soft_shrink"),
    Function(
        "quick_gelu",
        A.quick_gelu,
        lambda x: x * torch.sigmoid(1.702 * x),
        "x * torch.sigmoid(1.702 * x)",
        "quick_gelu",
        root=-1.2784645427610737 / 1.702,
    ),
    Function(
        "squareplus",
        A.squareplus,
        lambda x: (x + torch.sqrt(x * x + 4)) / 2,
        "(x + torch.sqrt(x * x + 4)) / 2",
        "squareplus",
    ),
    Function("tanh_shrink", A.tanh_shrink, F.tanhshrink, "F.tanhshrink", "tanh_shrink"),
)
BY_NAME: Final = {function.name: function for function in FUNCTIONS}
