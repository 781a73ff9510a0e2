"""Every activation as its definition reads, value and slope, in mpmath; and vectorised for 16-bit inputs.

`value(name, x, **options)` and `slope(name, x, **options)` are slow and exact. `fast_value` and `fast_slope`
answer whole arrays in float64 with a relative error below 1e-9, which is a thousandth of the last place of a
16-bit number and less, except beside a zero of the slope, where the error is 1e-15 of the terms that cancel.

At a kink the slope is the one from the left, which is 0 for ReLU; at 3, where the hard forms end, it is the
one from the right: the flat piece, or the line, owns its end.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from mpmath import mp, mpf
from tests.later import Later
from tests.oracles.precision import careful

special = Later("scipy.special")

Array = npt.NDArray[np.float64]

# What is left of a number of any size where its square stands beside a small one.
SQUARED_DIGITS: Final = 720
# The fixed point of mean 0 and variance 1 (Klambauer et al. 2017, equation 14), from its closed form.
SELU_ALPHA: Final = -mp.sqrt(2 / mp.pi) / (mp.erfc(1 / mp.sqrt(2)) * mp.exp(mp.mpf(1) / 2) - 1)
SELU_SCALE: Final = (
    (1 - mp.erfc(1 / mp.sqrt(2)) * mp.sqrt(mp.e))
    * mp.sqrt(2 * mp.pi)
    / mp.sqrt(
        2 * mp.erfc(mp.sqrt(2)) * mp.e**2
        + mp.pi * mp.erfc(1 / mp.sqrt(2)) ** 2 * mp.e
        - 2 * (2 + mp.pi) * mp.erfc(1 / mp.sqrt(2)) * mp.sqrt(mp.e)
        + mp.pi
        + 2
    )
)


@dataclass(frozen=True)
class Activation:
    """One activation: the definition and its derivative in mpmath, both again in float64, and the limits.

    `ends` gives (value, slope) at -inf and at +inf.
    """

    value: Callable[..., mpf]
    slope: Callable[..., mpf]
    fast_value: Callable[..., Array]
    fast_slope: Callable[..., Array]
    ends: Callable[..., tuple[tuple[Any, Any], tuple[Any, Any]]]
    kinks: tuple[float, ...] = ()


@careful
def value(name: str, x: mpf, **options: Any) -> mpf:  # noqa: ANN401  numbers, or the name of a form
    """Return the activation at x; at ±inf its limit, at NaN NaN."""
    if mp.isnan(x):
        return mp.nan
    activation = ACTIVATIONS[name]
    return activation.value(x, **options) if mp.isfinite(x) else mpf(activation.ends(**options)[x > 0][0])


@careful
def slope(name: str, x: mpf, **options: Any) -> mpf:  # noqa: ANN401
    """Return the derivative at x; at ±inf its limit, at NaN NaN."""
    if mp.isnan(x):
        return mp.nan
    activation = ACTIVATIONS[name]
    return activation.slope(x, **options) if mp.isfinite(x) else mpf(activation.ends(**options)[x > 0][1])


def fast_value(name: str, x: Array, **options: Any) -> Array:  # noqa: ANN401
    """Return the activation of every entry of a float64 array."""
    return _with_ends(ACTIVATIONS[name].fast_value, x, 0, ACTIVATIONS[name].ends(**options), options)


def fast_slope(name: str, x: Array, **options: Any) -> Array:  # noqa: ANN401
    """Return the derivative at every entry of a float64 array."""
    return _with_ends(ACTIVATIONS[name].fast_slope, x, 1, ACTIVATIONS[name].ends(**options), options)


def _with_ends(
    function: Callable[..., Array],
    x: Array,
    which: int,
    ends: tuple[tuple[Any, Any], tuple[Any, Any]],
    options: dict[str, Any],
) -> Array:
    finite = np.isfinite(x)
    # Underflow to 0 and overflow to inf are the right answers here.
    with np.errstate(all="ignore"):
        inside = function(np.where(finite, x, 0.0), **options)
    result = np.where(finite, inside, np.nan)
    result = np.where(np.isneginf(x), float(ends[0][which]), result)
    return np.where(np.isposinf(x), float(ends[1][which]), result)


def _sigmoid(x: mpf) -> mpf:
    return 1 / (1 + mp.exp(-x))


def _sigmoid_slope(x: mpf) -> mpf:
    return mp.exp(-x) / (1 + mp.exp(-x)) ** 2


def _fast_sigmoid(x: Array) -> Array:
    value: Array = special.expit(x)
    return value


def _fast_sigmoid_slope(x: Array) -> Array:
    return _fast_sigmoid(x) * _fast_sigmoid(-x)


def _tanh(x: mpf) -> mpf:
    return (mp.exp(x) - mp.exp(-x)) / (mp.exp(x) + mp.exp(-x))


def _tanh_slope(x: mpf) -> mpf:
    return 4 / (mp.exp(x) + mp.exp(-x)) ** 2


def _fast_tanh_slope(x: Array) -> Array:
    return 4.0 * _fast_sigmoid_slope(2.0 * x)


def _softplus(x: mpf, beta: float = 1.0) -> mpf:
    return mp.log(1 + mp.exp(beta * x)) / beta


def _softplus_slope(x: mpf, beta: float = 1.0) -> mpf:
    return 1 / (1 + mp.exp(-beta * x))


def _fast_softplus(x: Array, beta: float = 1.0) -> Array:
    return np.logaddexp(0.0, beta * x) / beta


def _softplus_ends(beta: float = 1.0) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    del beta
    return (0, 0), (mp.inf, 1)


def _log_sigmoid(x: mpf) -> mpf:
    return mp.log(1 / (1 + mp.exp(-x)))


def _log_sigmoid_slope(x: mpf) -> mpf:
    return 1 - 1 / (1 + mp.exp(-x))


def _hard_sigmoid(x: mpf) -> mpf:
    return min(max(x + 3, mpf(0)), mpf(6)) / 6


def _hard_sigmoid_slope(x: mpf) -> mpf:
    return mpf(1) / 6 if -3 < x < 3 else mpf(0)


def _relu(x: mpf) -> mpf:
    return max(x, mpf(0))


def _relu_slope(x: mpf) -> mpf:
    return mpf(1) if x > 0 else mpf(0)


def _leaky(x: mpf, slope: float = 0.01) -> mpf:
    return x if x > 0 else slope * x


def _leaky_slope(x: mpf, slope: float = 0.01) -> mpf:
    return mpf(1) if x > 0 else mpf(slope)


def _fast_leaky(x: Array, slope: float = 0.01) -> Array:
    return np.where(x > 0, x, slope * x)


def _fast_leaky_slope(x: Array, slope: float = 0.01) -> Array:
    return np.where(x > 0, 1.0, slope)


def _leaky_ends(slope: float = 0.01) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    return (-mp.inf * mp.sign(slope), slope), (mp.inf, 1)


def _elu(x: mpf, alpha: float = 1.0) -> mpf:
    return x if x > 0 else alpha * (mp.exp(x) - 1)


def _elu_slope(x: mpf, alpha: float = 1.0) -> mpf:
    return mpf(1) if x > 0 else alpha * mp.exp(x)


def _fast_elu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(x))


def _fast_elu_slope(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, 1.0, alpha * np.exp(x))


def _elu_ends(alpha: float = 1.0) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    return (-alpha, 0), (mp.inf, 1)


def _selu(x: mpf) -> mpf:
    return SELU_SCALE * _elu(x, SELU_ALPHA)


def _selu_slope(x: mpf) -> mpf:
    return SELU_SCALE * _elu_slope(x, SELU_ALPHA)


def _fast_selu(x: Array) -> Array:
    return float(SELU_SCALE) * _fast_elu(x, float(SELU_ALPHA))


def _fast_selu_slope(x: Array) -> Array:
    return float(SELU_SCALE) * _fast_elu_slope(x, float(SELU_ALPHA))


def _gelu(x: mpf, approximate: str = "none") -> mpf:
    if approximate == "tanh":
        return x / 2 * (1 + _tanh(mp.sqrt(2 / mp.pi) * (x + mpf("0.044715") * x**3)))
    return x / 2 * (1 + mp.erf(x / mp.sqrt(2)))


def _gelu_slope(x: mpf, approximate: str = "none") -> mpf:
    if approximate == "tanh":
        inner = mp.sqrt(2 / mp.pi) * (x + mpf("0.044715") * x**3)
        inner_slope = mp.sqrt(2 / mp.pi) * (1 + 3 * mpf("0.044715") * x**2)
        return (1 + _tanh(inner)) / 2 + x / 2 * _tanh_slope(inner) * inner_slope
    density = mp.exp(-(x**2) / 2) / mp.sqrt(2 * mp.pi)
    return (1 + mp.erf(x / mp.sqrt(2))) / 2 + x * density


def _fast_gelu(x: Array, approximate: str = "none") -> Array:
    if approximate == "tanh":
        return x * special.expit(2.0 * _fast_inner(x))
    return x * (0.5 * special.erfc(x * -np.sqrt(0.5)))


def _fast_gelu_slope(x: Array, approximate: str = "none") -> Array:
    if approximate == "tanh":
        inner_slope = np.sqrt(2.0 / np.pi) * (1.0 + 3.0 * 0.044715 * x * x)
        # The logistic slope first: it underflows to 0 long before x · inner_slope overflows.
        return special.expit(2.0 * _fast_inner(x)) + _fast_sigmoid_slope(2.0 * _fast_inner(x)) * x * 2.0 * inner_slope
    return 0.5 * special.erfc(x * -np.sqrt(0.5)) + x * np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi)


def _fast_inner(x: Array) -> Array:
    return np.sqrt(2.0 / np.pi) * x * (1.0 + 0.044715 * x * x)


def _gelu_ends(approximate: str = "none") -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    del approximate
    return (0, 0), (mp.inf, 1)


def _swish(x: mpf, beta: float = 1.0) -> mpf:
    return x / (1 + mp.exp(-beta * x))


def _swish_slope(x: mpf, beta: float = 1.0) -> mpf:
    return 1 / (1 + mp.exp(-beta * x)) + beta * x * mp.exp(-beta * x) / (1 + mp.exp(-beta * x)) ** 2


def _fast_swish(x: Array, beta: float = 1.0) -> Array:
    return x * special.expit(beta * x)


def _fast_swish_slope(x: Array, beta: float = 1.0) -> Array:
    return special.expit(beta * x) * (1.0 + beta * x * special.expit(-beta * x))


def _swish_ends(beta: float = 1.0) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    if beta == 0:
        return (-mp.inf, 0.5), (mp.inf, 0.5)
    return ((0, 0), (mp.inf, 1)) if beta > 0 else ((-mp.inf, 1), (0, 0))


def _mish(x: mpf) -> mpf:
    return x * _tanh(_softplus(x))


def _mish_slope(x: mpf) -> mpf:
    return _tanh(_softplus(x)) + x * _tanh_slope(_softplus(x)) * _sigmoid(x)


def _fast_mish(x: Array) -> Array:
    return x * np.tanh(_fast_softplus(x))


def _fast_mish_slope(x: Array) -> Array:
    return np.tanh(_fast_softplus(x)) + _fast_tanh_slope(_fast_softplus(x)) * x * special.expit(x)


def _hard_swish(x: mpf) -> mpf:
    return x * _hard_sigmoid(x)


def _hard_swish_slope(x: mpf) -> mpf:
    if x <= -3:
        return mpf(0)
    return (2 * x + 3) / 6 if x < 3 else mpf(1)


def _clip(x: mpf, low: float = -1.0, high: float = 1.0) -> mpf:
    return min(max(x, mpf(low)), mpf(high))


def _clip_slope(x: mpf, low: float = -1.0, high: float = 1.0) -> mpf:
    return mpf(1) if low < x < high else mpf(0)


def _clip_ends(low: float = -1.0, high: float = 1.0) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    return (low, 0), (high, 0)


def _fast_clip_slope(x: Array, low: float = -1.0, high: float = 1.0) -> Array:
    return np.where((x > low) & (x < high), 1.0, 0.0)


def _threshold(x: mpf, threshold: float = 1.0, value: float = 0.0) -> mpf:
    return x if x > threshold else mpf(value)


def _threshold_slope(x: mpf, threshold: float = 1.0, value: float = 0.0) -> mpf:
    del value
    return mpf(1) if x > threshold else mpf(0)


def _fast_threshold_slope(x: Array, threshold: float = 1.0, value: float = 0.0) -> Array:
    del value
    return np.where(x > threshold, 1.0, 0.0)


def _rrelu_slope(x: mpf, lower: float = 0.125, upper: float = 1 / 3) -> mpf:
    return mpf(1) if x > 0 else (mpf(lower) + mpf(upper)) / 2


def _celu(x: mpf, alpha: float = 1.0) -> mpf:
    return x if x > 0 else alpha * (mp.exp(x / alpha) - 1)


def _celu_slope(x: mpf, alpha: float = 1.0) -> mpf:
    return mpf(1) if x > 0 else mp.exp(x / alpha)


def _fast_celu(x: Array, alpha: float = 1.0) -> Array:
    tiny = np.abs(x / alpha) < 1e-12
    return np.where((x > 0) | tiny, x, alpha * np.expm1(x / alpha))


def _hard_shrink(x: mpf, threshold: float = 0.5) -> mpf:
    return x if abs(x) > threshold else mpf(0)


def _shrink_slope(x: mpf, threshold: float = 0.5) -> mpf:
    return mpf(1) if abs(x) > threshold else mpf(0)


def _soft_shrink(x: mpf, threshold: float = 0.5) -> mpf:
    return mp.sign(x) * max(abs(x) - mpf(threshold), mpf(0))


def _fast_shrink_slope(x: Array, threshold: float = 0.5) -> Array:
    return np.where(np.abs(x) > threshold, 1.0, 0.0)


def _to_infinity(**_: float) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    return (-mp.inf, 1), (mp.inf, 1)


def _soft_cap(x: mpf, cap: float = 30.0) -> mpf:
    return cap * _tanh(x / cap)


def _lecun_tanh(x: mpf) -> mpf:
    return mpf(1.7159) * _tanh(2 * x / 3)


def _lecun_tanh_slope(x: mpf) -> mpf:
    return mpf(1.7159) * 2 / 3 * _tanh_slope(2 * x / 3)


def _squareplus(x: mpf, b: float = 4.0) -> mpf:
    with mp.workdps(SQUARED_DIGITS):
        return (x + mp.sqrt(x * x + b)) / 2


def _squareplus_slope(x: mpf, b: float = 4.0) -> mpf:
    with mp.workdps(SQUARED_DIGITS):
        return (1 + x / mp.sqrt(x * x + b)) / 2


def _tanh_shrink(x: mpf) -> mpf:
    with mp.workdps(SQUARED_DIGITS):
        return x - _tanh(x)


def _fast_squareplus(x: Array, b: float = 4.0) -> Array:
    root = np.hypot(x, np.sqrt(b))
    return np.where(x < 0, b / 2 / (root - x), (x + root) / 2)


def _fast_squareplus_slope(x: Array, b: float = 4.0) -> Array:
    root = np.hypot(x, np.sqrt(b))
    return np.where(x < 0, b / 2 / root / (root - x), (1 + x / root) / 2)


def _fast_tanh_shrink(x: Array) -> Array:
    """Return x - tanh(x): below 0.5 by the Taylor series of tanh, whose terms of order 3 and more are left."""
    near = np.where(np.abs(x) < 0.5, x, 0.0)
    series = sum(-float(c) * near ** (2 * k + 1) for k, c in enumerate(_tanh_series()) if k)
    return np.where(np.abs(x) < 0.5, series, x - np.tanh(x))


@functools.cache
def _tanh_series() -> list[mpf]:
    """Return the coefficients of x, x³, x⁵, ... in tanh(x), from the Bernoulli numbers."""
    return [mpf(4) ** k * (mpf(4) ** k - 1) * mp.bernoulli(2 * k) / mp.factorial(2 * k) for k in range(1, 31)]


ACTIVATIONS: Final = {
    "sigmoid": Activation(_sigmoid, _sigmoid_slope, _fast_sigmoid, _fast_sigmoid_slope, lambda: ((0, 0), (1, 0))),
    "tanh": Activation(_tanh, _tanh_slope, np.tanh, _fast_tanh_slope, lambda: ((-1, 0), (1, 0))),
    "softplus": Activation(
        _softplus,
        _softplus_slope,
        _fast_softplus,
        lambda x, beta=1.0: special.expit(beta * x),
        _softplus_ends,
    ),
    "log_sigmoid": Activation(
        _log_sigmoid,
        _log_sigmoid_slope,
        lambda x: -_fast_softplus(-x),
        lambda x: special.expit(-x),
        lambda: ((-mp.inf, 1), (0, 0)),
    ),
    "relu": Activation(
        _relu,
        _relu_slope,
        lambda x: np.maximum(x, 0.0),
        lambda x: np.where(x > 0, 1.0, 0.0),
        lambda: ((0, 0), (mp.inf, 1)),
        kinks=(0.0,),
    ),
    "leaky_relu": Activation(_leaky, _leaky_slope, _fast_leaky, _fast_leaky_slope, _leaky_ends, kinks=(0.0,)),
    "prelu": Activation(_leaky, _leaky_slope, _fast_leaky, _fast_leaky_slope, _leaky_ends, kinks=(0.0,)),
    "elu": Activation(_elu, _elu_slope, _fast_elu, _fast_elu_slope, _elu_ends, kinks=(0.0,)),
    "selu": Activation(
        _selu,
        _selu_slope,
        _fast_selu,
        _fast_selu_slope,
        lambda: ((-SELU_SCALE * SELU_ALPHA, 0), (mp.inf, SELU_SCALE)),
        kinks=(0.0,),
    ),
    "gelu": Activation(_gelu, _gelu_slope, _fast_gelu, _fast_gelu_slope, _gelu_ends),
    "swish": Activation(_swish, _swish_slope, _fast_swish, _fast_swish_slope, _swish_ends),
    "mish": Activation(_mish, _mish_slope, _fast_mish, _fast_mish_slope, lambda: ((0, 0), (mp.inf, 1))),
    "hard_swish": Activation(
        _hard_swish,
        _hard_swish_slope,
        lambda x: x * np.clip(x + 3.0, 0.0, 6.0) / 6.0,
        lambda x: np.where(x <= -3.0, 0.0, np.where(x < 3.0, (2.0 * x + 3.0) / 6.0, 1.0)),
        lambda: ((0, 0), (mp.inf, 1)),
        kinks=(-3.0, 3.0),
    ),
    "hard_sigmoid": Activation(
        _hard_sigmoid,
        _hard_sigmoid_slope,
        lambda x: np.clip(x + 3.0, 0.0, 6.0) / 6.0,
        lambda x: np.where((x > -3.0) & (x < 3.0), 1.0 / 6.0, 0.0),
        lambda: ((0, 0), (1, 0)),
        kinks=(-3.0, 3.0),
    ),
    "relu6": Activation(
        lambda x: _clip(x, 0, 6),
        lambda x: _clip_slope(x, 0, 6),
        lambda x: np.clip(x, 0.0, 6.0),
        lambda x: _fast_clip_slope(x, 0.0, 6.0),
        lambda: ((0, 0), (6, 0)),
        kinks=(0.0, 6.0),
    ),
    "hard_tanh": Activation(
        _clip,
        _clip_slope,
        lambda x, low=-1.0, high=1.0: np.clip(x, low, high),
        _fast_clip_slope,
        _clip_ends,
        kinks=(-1.0, 1.0),
    ),
    "threshold": Activation(
        _threshold,
        _threshold_slope,
        lambda x, threshold=1.0, value=0.0: np.where(x > threshold, x, value),
        _fast_threshold_slope,
        lambda threshold=1.0, value=0.0: ((value, 0), (mp.inf, 1)),  # noqa: ARG005
        kinks=(1.0,),
    ),
    "rrelu": Activation(
        lambda x, **o: x * _rrelu_slope(x, **o),
        _rrelu_slope,
        lambda x, lower=0.125, upper=1 / 3: np.where(x > 0, x, (lower + upper) / 2 * x),
        lambda x, lower=0.125, upper=1 / 3: np.where(x > 0, 1.0, (lower + upper) / 2),
        lambda lower=0.125, upper=1 / 3: ((-mp.inf, (mpf(lower) + mpf(upper)) / 2), (mp.inf, 1)),
        kinks=(0.0,),
    ),
    "relu_squared": Activation(
        lambda x: max(x, mpf(0)) ** 2,
        lambda x: 2 * max(x, mpf(0)),
        lambda x: np.maximum(x, 0.0) ** 2,
        lambda x: 2.0 * np.maximum(x, 0.0),
        lambda: ((0, 0), (mp.inf, mp.inf)),
    ),
    "celu": Activation(
        _celu,
        _celu_slope,
        _fast_celu,
        lambda x, alpha=1.0: np.where(x > 0, 1.0, np.exp(x / alpha)),
        _elu_ends,
    ),
    "hard_shrink": Activation(
        _hard_shrink,
        _shrink_slope,
        lambda x, threshold=0.5: np.where(np.abs(x) > threshold, x, 0.0),
        _fast_shrink_slope,
        _to_infinity,
        kinks=(-0.5, 0.5),
    ),
    "soft_shrink": Activation(
        _soft_shrink,
        _shrink_slope,
        lambda x, threshold=0.5: np.sign(x) * np.maximum(np.abs(x) - threshold, 0.0),
        _fast_shrink_slope,
        _to_infinity,
        kinks=(-0.5, 0.5),
    ),
    "softsign": Activation(
        lambda x: x / (1 + abs(x)),
        lambda x: 1 / (1 + abs(x)) ** 2,
        lambda x: x / (1.0 + np.abs(x)),
        lambda x: (1.0 / (1.0 + np.abs(x))) ** 2,
        lambda: ((-1, 0), (1, 0)),
    ),
    "soft_cap": Activation(
        _soft_cap,
        lambda x, cap=30.0: _tanh_slope(x / cap),
        lambda x, cap=30.0: cap * np.tanh(x / cap),
        lambda x, cap=30.0: _fast_tanh_slope(x / cap),
        lambda cap=30.0: ((-cap, 0), (cap, 0)),
    ),
    "lecun_tanh": Activation(
        _lecun_tanh,
        _lecun_tanh_slope,
        lambda x: 1.7159 * np.tanh(2.0 * x / 3.0),
        lambda x: 1.7159 * 2.0 / 3.0 * _fast_tanh_slope(2.0 * x / 3.0),
        lambda: ((-1.7159, 0), (1.7159, 0)),
    ),
    "quick_gelu": Activation(
        lambda x: _swish(x, 1.702),
        lambda x: _swish_slope(x, 1.702),
        lambda x: _fast_swish(x, 1.702),
        lambda x: _fast_swish_slope(x, 1.702),
        lambda: ((0, 0), (mp.inf, 1)),
    ),
    "squareplus": Activation(
        _squareplus, _squareplus_slope, _fast_squareplus, _fast_squareplus_slope, lambda **_: ((0, 0), (mp.inf, 1))
    ),
    "tanh_shrink": Activation(
        _tanh_shrink,
        lambda x: _tanh(x) ** 2,
        _fast_tanh_shrink,
        lambda x: np.tanh(x) ** 2,
        lambda: ((-mp.inf, 1), (mp.inf, 1)),
    ),
}


@careful
def softmax(logits: Sequence[mpf], temperature: float = 1.0) -> list[mpf]:
    """Return exp(x_k / T) / sum of exp(x_j / T); one +inf takes everything."""
    if mp.inf in logits:
        winners = [mpf(logit == mp.inf) for logit in logits]
        return [winner / sum(winners) for winner in winners]
    powers = [mp.exp(logit / temperature) for logit in logits]
    total = mp.fsum(powers)
    return [power / total if total else mpf(0) for power in powers]


@careful
def log_softmax(logits: Sequence[mpf], temperature: float = 1.0) -> list[mpf]:
    """Return the logarithm of the softmax."""
    return [mp.log(probability) if probability else -mp.inf for probability in softmax(logits, temperature)]


@careful
def softmax_jacobian(logits: Sequence[mpf], temperature: float = 1.0) -> list[list[mpf]]:
    """Return d softmax_i / d logit_j = p_i ([i = j] - p_j) / T."""
    p = softmax(logits, temperature)
    return [[pi * ((i == j) - pj) / temperature for j, pj in enumerate(p)] for i, pi in enumerate(p)]


@careful
def log_softmax_jacobian(logits: Sequence[mpf], temperature: float = 1.0) -> list[list[mpf]]:
    """Return d log softmax_i / d logit_j = ([i = j] - p_j) / T."""
    p = softmax(logits, temperature)
    return [[((i == j) - pj) / temperature for j, pj in enumerate(p)] for i, _ in enumerate(p)]


@careful
def gated(gate_name: str, up: mpf, gate: mpf, **options: Any) -> tuple[mpf, mpf, mpf]:  # noqa: ANN401
    """Return up · act(gate) and its derivatives by up and by gate."""
    activated = value(gate_name, gate, **options)
    return up * activated, activated, up * slope(gate_name, gate, **options)


def glu(up: mpf, gate: mpf) -> tuple[mpf, mpf, mpf]:
    """Return up · sigmoid(gate) and both derivatives."""
    return gated("sigmoid", up, gate)


def swiglu(up: mpf, gate: mpf, beta: float = 1.0) -> tuple[mpf, mpf, mpf]:
    """Return up · swish(gate) and both derivatives."""
    return gated("swish", up, gate, beta=beta)


def geglu(up: mpf, gate: mpf, approximate: str = "none") -> tuple[mpf, mpf, mpf]:
    """Return up · gelu(gate) and both derivatives."""
    return gated("gelu", up, gate, approximate=approximate)
