"""The audited formulas of the logistic family, value and slope, for float32 and float64.

All of them are made of e^-|z|, so that nothing overflows, nothing cancels, and tails keep their last digit.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from slopes._core import numerics
from slopes._core.numerics import (
    Constant,
    exp_minus,
    horner,
    logistic,
    magnitude,
    product_of_any,
    reflect,
    root_exp_minus,
)
from slopes.kernels.pointwise.executor import Pointwise

# Where the slope of Swish vanishes: 1 + e^-a = a.
SWISH_ROOT: Final = Constant(1.2784645427610737, 1.0946994183093437e-16)
# (1 + e^-a - a) / d about that root, d = root - a: 1 + e0 (e^d - 1)/d, with e0 = root - 1.
SWISH_NEAR_ROOT: Final = (1.2784645427610738, *(0.2784645427610738 / math.factorial(n) for n in range(2, 14)))
# Where the slope of Mish vanishes, and the Taylor coefficients there of
# 4(1 + x) + (6 + 4x) e^x + 4 e^2x + e^3x, from the first power on.
MISH_ROOT: Final = Constant(-1.1924312145154952, -4.8484829848031044e-17)
MISH_NEAR_ROOT: Final = (
    6.407964080090054,
    2.2632074335192134,
    1.286182291977346,
    0.5578184890230967,
    0.2085348386108657,
    0.0716825354043923,
    0.0232452953734544,
    0.00713752469673982,
    0.0020670392756840066,
    0.0005622392837959497,
    0.00014329059386493075,
    3.419272493900515e-05,
    7.643695250594083e-06,
    1.6029594545860359e-06,
    3.15950447542835e-07,
)


def scaled(x: Tensor, beta: float | Tensor) -> tuple[Tensor, Tensor, Tensor | float]:
    """Return (side, a, outward): a tensor with the sign of βx, of x for β = 0, and |βx| = a + outward, finite.

    A product rounds off up to half a ULP, which e^-a magnifies a times; `outward` gives it back.
    """
    if not isinstance(beta, Tensor):
        side = x if beta >= 0 else -x
        if abs(beta) == 1:
            return side, magnitude(x).clamp(max=1e4), 0.0
        factor: Tensor | float = abs(beta)
    else:
        side = torch.where(beta < 0, -x, x)
        factor = magnitude(beta).clamp(max=torch.finfo(beta.dtype).max)
    a, low = product_of_any(magnitude(x).clamp(max=torch.finfo(x.dtype).max), factor)
    far = a > 1e4  # noqa: PLR2004  beyond it every sigmoid is 0 or 1 in float64 too
    return side, torch.where(far, 1e4, a), torch.where(far, 0.0, low)


def sigmoid_slope(x: Tensor) -> tuple[Tensor]:
    """Return σ(x) σ(-x)."""
    e = torch.exp(-magnitude(x))
    r = 1 / (1 + e)
    return ((e * r) * r,)


def tanh_slope(x: Tensor) -> tuple[Tensor]:
    """Return 1 - tanh²(x) as 4e/(1 + e)², e = e^-2|x|."""
    e = torch.exp(-2 * magnitude(x))
    return ((4 * e) / ((1 + e) * (1 + e)),)


def softplus(x: Tensor, beta: float) -> Tensor:
    """Return log(1 + e^(βx)) / β."""
    e = _exp_minus_scaled(x, beta)
    return x.clamp(min=0) + (torch.log1p(e) if beta == 1 else torch.log1p(e) / beta)


def softplus_slope(x: Tensor, beta: float) -> tuple[Tensor]:
    """Return σ(βx)."""
    e = _exp_minus_scaled(x, beta)
    return (reflect(x, e / (1 + e)),)


def _exp_minus_scaled(x: Tensor, beta: float) -> Tensor:
    """Return e^-|βx|."""
    _, a, outward = scaled(x, beta)
    e = torch.exp(-a)
    return e if isinstance(outward, float) else e - e * outward


def log_sigmoid_value(x: Tensor) -> Tensor:
    """Return log σ(x)."""
    return x.clamp(max=0) - torch.log1p(torch.exp(-magnitude(x)))


def swish(x: Tensor, beta: float | Tensor) -> Tensor:
    """Return x σ(βx); 0 where the sigmoid is 0, also at infinity."""
    if not isinstance(beta, Tensor) and beta == 0:
        return 0.5 * x
    side, a, outward = scaled(x, beta)
    e, f = exp_minus(a, outward)
    size = a if isinstance(outward, float) else magnitude(x).clamp(max=torch.finfo(x.dtype).max)
    part = (size * f) * (e / (1 + e * f))
    if isinstance(beta, Tensor):
        value = torch.where(side < 0, 0.0, x) - torch.where(beta < 0, -part, part)
        return torch.where((beta == 0) & x.isinf(), x, value)
    return x.clamp(min=0) - part if beta > 0 else x.clamp(max=0) + part


def swish_slope(x: Tensor, beta: float | Tensor) -> tuple[Tensor, ...]:
    """Return the derivatives by x and, for a tensor β, by β."""
    side, a, outward = scaled(x, beta)
    h = root_exp_minus(a, outward)
    more = 1 + h * h
    high, rest = SWISH_ROOT.pair(x.dtype)
    d = (high - a) + (rest - outward)
    near = d * horner(d, SWISH_NEAR_ROOT if x.dtype == torch.float64 else SWISH_NEAR_ROOT[:7])
    apart = more - a if isinstance(outward, float) else (more - a) - outward
    middle = torch.where(d.abs() < 0.25, near, apart)  # noqa: PLR2004
    by_x = reflect(side, (middle * h) * (h / (more * more)))
    if not isinstance(beta, Tensor):
        return (by_x,)
    largest = torch.finfo(x.dtype).max
    part = (x.clamp(-largest, largest) * h) / more
    return by_x, part * part


def mish(x: Tensor) -> Tensor:
    """Return x tanh(softplus(x)), as a ratio of polynomials in e^-|x|."""
    x = x.clamp(min=-1e3)
    part, f = exp_minus(magnitude(x))
    e = part * f
    lower = (x * f) * (part * ((e + 2) / (e * e + 2 * e + 2)))
    upper = x * ((1 + 2 * e) / (1 + 2 * e * (1 + e)))
    return torch.where(x < 0, lower, upper)


def mish_slope(x: Tensor) -> tuple[Tensor]:
    """Return the derivative of Mish."""
    x = x.clamp(-1e3, 1e3)
    h = root_exp_minus(magnitude(x))
    e = h * h
    high, low = MISH_ROOT.pair(x.dtype)
    d = (x - high) - low
    near = d * horner(d, MISH_NEAR_ROOT if x.dtype == torch.float64 else MISH_NEAR_ROOT[:9])
    far = 4 * (1 + x) + e * ((6 + 4 * x) + e * (4 + e))
    under = e * e + 2 * e + 2
    lower = h * ((h * torch.where(d.abs() < 0.25, near, far)) / (under * under))  # noqa: PLR2004
    over = 1 + 2 * e * (1 + e)
    upper = (1 + e * (4 + e * (6 + 4 * e)) + (4 * x) * (e * e) * (1 + e)) / (over * over)
    return (torch.where(x < 0, lower, upper),)


def log1mexp_slope(x: Tensor) -> tuple[Tensor]:
    """Return -e^x / (1 - e^x); at 0 itself, where it is infinite, a number near the largest one instead."""
    return (torch.exp(x) / torch.expm1(x).clamp(max=-2 / torch.finfo(x.dtype).max),)


sigmoid = Pointwise("Sigmoid", lambda x: logistic(x)[0], sigmoid_slope, narrow=True)
log_sigmoid = Pointwise("LogSigmoid", log_sigmoid_value, lambda x: (logistic(x)[1],), narrow=True)
log1mexp = Pointwise("Log1mExp", numerics.log1mexp, log1mexp_slope, narrow=True)
