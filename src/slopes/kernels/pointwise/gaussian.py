"""The lower half of the Gaussian error linear units, where the textbook formulas lose every digit.

Both forms satisfy f(x) - f(-x) = x, hence f'(x) + f'(-x) = 1, so that the value and the slope at -a, a >= 0,
give those at +a without cancellation. The polynomials were fitted to minimise the relative error over
0 <= a <= 14.8; `tests/oracles` measures them against 50 digits.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from slopes._core.numerics import (
    Constant,
    exp_minus,
    half_square,
    horner,
    magnitude,
    reflect,
    two_product,
)

DENSITY: Final = 0.3989422804014327  # 1/√(2π)
HALF_ROOT: Final = Constant(0.7071067811865476, -4.833646656726457e-17)  # 1/√2

# Where the slope of GELU vanishes: R(a) = a/√(2π), with R(a) = Q(a) e^(a²/2) and Q the Gaussian tail.
ROOT: Final = Constant(0.7517915246935645, -1.4956759177009883e-17)
# R(a) = P(a - middle) for a < 1.6: relative error 8.6e-9. About the middle no terms cancel.
CLOSE: Final = 1.6
MIDDLE: Final = 0.75
CENTRE: Final = (
    0.3002324639812475,
    -0.17376790969617512,
    0.08495311181690085,
    -0.03668489149505039,
    0.014362021569008884,
    -0.005179481189722664,
    0.0017355989981498073,
    -0.0005601901885024206,
    0.00018587881188465022,
    -4.531346135112739e-05,
)
# a R(a) = P(t), t = 1/(1 + a/2), for a >= 1.6: relative error 4.0e-9.
TAIL: Final = (
    0.3989507773120384,
    -0.0003045806576486565,
    -0.09506961143578034,
    -0.23947619536317524,
    -0.013954345375031384,
    -0.7946281018932467,
    1.5413415375576307,
    -1.0638472594031767,
    0.26612770875105607,
)
# (R(a) - a/√(2π)) / (root - a) = P(t), t = 1/(1 + a/4): relative error 5.8e-10.
SLOPE: Final = (
    0.39894166333374564,
    0.07500139452327849,
    0.06385547117968333,
    0.05332877216578439,
    0.028280649008883555,
    0.05087991319127182,
    -0.036804545672273314,
    0.06377729381692154,
    -0.040422843227531494,
    0.008240227195191234,
)
# Taylor coefficients of R(a) - a/√(2π) about its root, from the first power on; float64, for a < 1.25.
NEAR: Final = 1.25
NEAR_ROOT: Final = (
    -0.5724061752276146,
    0.0847563696385306,
    -0.03658159148937988,
    0.014313659799253144,
    -0.005164140672990876,
    0.0017385504348288805,
    -0.0005510161701191732,
    0.00016553764352052235,
    -4.739626363363333e-05,
    1.29905534218615e-05,
    -3.4209159699998974e-06,
    8.682281490772262e-07,
    -2.129376466171737e-07,
    5.0581673647302976e-08,
    -1.1660718204287701e-08,
    2.61345278309247e-09,
    -5.703497971630573e-10,
    1.2137047997081056e-10,
    -2.5216026261737467e-11,
    5.1206642570392995e-12,
    -1.017445441547336e-12,
    1.9798897260208685e-13,
    -3.7765174346186986e-14,
    7.066559775002027e-15,
    -1.298103783944e-15,
    2.3425601354078005e-16,
    -4.155526290205706e-17,
    7.250539967307167e-18,
    -1.2449782208683994e-18,
)

# The tanh form: x σ(v(x)), v(x) = 2√(2/π) (x + 0.044715 x³), as a (K + C a²).
K: Final = Constant(1.5957691216057308, -9.96930880911092e-17)
C: Final = Constant(0.07135481627260025, -6.175149918155315e-19)
TANH_ROOT: Final = Constant(0.7524614220710163, -3.635560509207687e-17)
# Taylor coefficients of 1 + e^-v(a) - a v'(a) about its root, from the first power on.
TANH_NEAR_ROOT: Final = (
    -2.4606567646302393,
    -0.09991152322555423,
    -0.4004476935340449,
    0.07595899090766353,
    -0.030485990572147365,
    0.011295232368809536,
    -0.003690377292774523,
    0.0011529346029779267,
    -0.0003565119265194881,
    0.00010306811509036009,
    -2.8083353880442184e-05,
    7.6109516149650955e-06,
    -2.006457257597586e-06,
    5.003433529564576e-07,
    -1.2279523571044797e-07,
)


def gelu(x: Tensor) -> Tensor:
    """Return x Φ(x) for float32 or float64."""
    a = magnitude(x).clamp(max=40.0)
    v, low = half_square(a)
    if a.dtype == torch.float64:
        return x.clamp(min=0) - _density(a * _ratio(a), v, low)
    close = a * _corrected(a - MIDDLE, CENTRE, low)
    factor = torch.where(a < CLOSE, close, _corrected(1 / (1 + 0.5 * a), TAIL, low))
    return x.clamp(min=0) - factor * torch.exp(-v)


def gelu_slope(x: Tensor) -> Tensor:
    """Return Φ(x) + x φ(x) for float32 or float64."""
    a = magnitude(x).clamp(max=40.0)
    v, low = half_square(a)
    high, rest = ROOT.pair(a.dtype)
    to_root = (high - a) + rest
    if a.dtype == torch.float64:
        near = -to_root * horner(-to_root, NEAR_ROOT)
        lower = _density(torch.where(a < NEAR, near, _ratio(a) - DENSITY * a), v, low)
    else:
        lower = to_root * _corrected(1 / (1 + 0.25 * a), SLOPE, low) * torch.exp(-v)
    return reflect(x, lower)


def _corrected(t: Tensor, coefficients: tuple[float, ...], low: Tensor) -> Tensor:
    """Return P(t) · e^-low for a tiny `low`, rounded once at the end."""
    first, *others = coefficients
    rest = t * horner(t, others)
    return first + (rest - (first + rest) * low)


def _density(factor: Tensor, v: Tensor, low: Tensor) -> Tensor:
    """Return factor · e^-(v + low) without a subnormal number before the end."""
    e, f = exp_minus(v, low)
    return (factor * f) * e


def _ratio(a: Tensor) -> Tensor:
    """Return R(a) = Q(a) e^(a²/2), Q = 1 - Φ, for 0 <= a in float64."""
    argument, rest = two_product(a, HALF_ROOT.pair(a.dtype))
    ratio: Tensor = 0.5 * torch.special.erfcx(argument)
    return ratio + rest * (1.4142135623730951 * (a * ratio - DENSITY))


def gelu_tanh(x: Tensor) -> Tensor:
    """Return x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2 for float32 or float64."""
    a = magnitude(x).clamp(max=40.0)
    _, v, v_low = _cubic(a)
    e, f = exp_minus(v, v_low)
    return x.clamp(min=0) - (a * f) * (e / (1 + e * f))


def gelu_tanh_slope(x: Tensor) -> Tensor:
    """Return the derivative of `gelu_tanh` for float32 or float64."""
    a = magnitude(x).clamp(max=40.0)
    along, v, v_low = _cubic(a)
    part, f = exp_minus(v)
    e = part * f
    e = e - e * v_low
    high, low = TANH_ROOT.pair(a.dtype)
    d = (a - high) - low
    reach, terms = (0.25, 15) if a.dtype == torch.float64 else (0.5, 12)
    near = d * horner(d, TANH_NEAR_ROOT[:terms])
    middle = torch.where(d.abs() < reach, near, (1 + e) - along)
    middle = middle - middle * v_low  # the rest of e^-v, where it is rounded once instead of twice
    return reflect(x, (middle * f) * (part / ((1 + e) * (1 + e))))


def _cubic(a: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return a v'(a), and v(a) = v + v_low in twice the working precision, since e^-v magnifies its error."""
    k, c = K.pair(a.dtype), C.pair(a.dtype)
    square, square_low = two_product(a, a)
    term, term_low = two_product(square, c)
    total = term + k[0]
    total_low = _two_sum_low(term, k[0], total) + (term_low + c[0] * square_low + k[1])
    v, v_low = two_product(a, total)
    return v + 2 * (a * term), v, v_low + a * total_low


def _two_sum_low(a: Tensor, b: float, total: Tensor) -> Tensor:
    """Return what was lost in total = a + b (Knuth)."""
    part = total - a
    return (a - (total - part)) + (b - part)
