"""Every activation, as a function and as a module."""

from __future__ import annotations

import torch.fx

from slopes.activations.gated import GLU, GatedFFN, GeGLU, SwiGLU, geglu, glu, swiglu
from slopes.activations.normalized import LogSoftmax, Softmax, log_softmax, softmax
from slopes.activations.rectified import ELU, SELU, LeakyReLU, PReLU, ReLU, elu, leaky_relu, prelu, relu, selu
from slopes.activations.saturating import (
    HardSigmoid,
    LogSigmoid,
    Sigmoid,
    Tanh,
    hard_sigmoid,
    log_sigmoid,
    sigmoid,
    tanh,
)
from slopes.activations.smooth import (
    GELU,
    HardSwish,
    Mish,
    SiLU,
    Softplus,
    Swish,
    gelu,
    hard_swish,
    mish,
    silu,
    softplus,
    swish,
)

__all__ = [
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "GatedFFN",
    "GeGLU",
    "HardSigmoid",
    "HardSwish",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "SwiGLU",
    "Swish",
    "Tanh",
    "elu",
    "geglu",
    "gelu",
    "glu",
    "hard_sigmoid",
    "hard_swish",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "prelu",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "swiglu",
    "swish",
    "tanh",
]

for _name in __all__:
    if _name.islower():  # a function, and so a leaf of torch.fx.symbolic_trace
        torch.fx.wrap(_name)
