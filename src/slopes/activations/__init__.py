"""Every activation, as a function and as a module."""

from __future__ import annotations

import torch.fx

from slopes.activations.bounded import HardTanh, LeCunTanh, SoftCap, Softsign, hard_tanh, lecun_tanh, soft_cap, softsign
from slopes.activations.clipped import CELU, ReLU6, ReLUSquared, RReLU, celu, relu6, relu_squared, rrelu
from slopes.activations.curved import QuickGELU, Squareplus, TanhShrink, quick_gelu, squareplus, tanh_shrink
from slopes.activations.feed_forward import GatedFFN
from slopes.activations.gated import GLU, Bilinear, GeGLU, ReGLU, SwiGLU, bilinear, geglu, glu, reglu, swiglu
from slopes.activations.normalized import LogSoftmax, Softmax, Softmin, log_softmax, softmax, softmin
from slopes.activations.rectified import ELU, SELU, LeakyReLU, PReLU, ReLU, elu, leaky_relu, prelu, relu, selu
from slopes.activations.sampled import GumbelSoftmax, gumbel_softmax
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
from slopes.activations.shrinking import HardShrink, SoftShrink, Threshold, hard_shrink, soft_shrink, threshold
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
from slopes.activations.sparse import Entmax, Sparsemax, entmax, sparsemax

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "Bilinear",
    "Entmax",
    "GatedFFN",
    "GeGLU",
    "GumbelSoftmax",
    "HardShrink",
    "HardSigmoid",
    "HardSwish",
    "HardTanh",
    "LeCunTanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "QuickGELU",
    "RReLU",
    "ReGLU",
    "ReLU",
    "ReLU6",
    "ReLUSquared",
    "SiLU",
    "Sigmoid",
    "SoftCap",
    "SoftShrink",
    "Softmax",
    "Softmin",
    "Softplus",
    "Softsign",
    "Sparsemax",
    "Squareplus",
    "SwiGLU",
    "Swish",
    "Tanh",
    "TanhShrink",
    "Threshold",
    "bilinear",
    "celu",
    "elu",
    "entmax",
    "geglu",
    "gelu",
    "glu",
    "gumbel_softmax",
    "hard_shrink",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "lecun_tanh",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "prelu",
    "quick_gelu",
    "reglu",
    "relu",
    "relu6",
    "relu_squared",
    "rrelu",
    "selu",
    "sigmoid",
    "silu",
    "soft_cap",
    "soft_shrink",
    "softmax",
    "softmin",
    "softplus",
    "softsign",
    "sparsemax",
    "squareplus",
    "swiglu",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]

for _name in __all__:
    if _name.islower():  # a function, and so a leaf of torch.fx.symbolic_trace
        torch.fx.wrap(_name)
