"""Building blocks of the audited formulas: each with its error bound.

All of them are plain torch operations on float32 or float64, differentiable as often as wanted, and avoid
`torch.where` in the eager forward pass, which costs ten times an arithmetic operation on a CPU.
Error bounds are in units of the last place (ULP), for torch's own exp, expm1 and log1p within 1 ULP.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

_SPLITTER: Final = {torch.float32: 4097.0, torch.float64: 134217729.0}  # 2^12 + 1 and 2^27 + 1
# What is added and taken away again rounds to multiples of 2^-7 and 2^-20: up to 64, half the bits.
_TO_GRID: Final = {torch.float32: 1.5 * 2.0**16, torch.float64: 1.5 * 2.0**32}
# Splitting overflows beyond the one; factors beyond the other, or below its inverse, are moved towards 1 first.
_TAME: Final = {torch.float32: 2.0**113, torch.float64: 2.0**995}
_SPAN: Final = {torch.float32: 2.0**64, torch.float64: 2.0**512}
_SHIFT: Final = {torch.float32: 64.0, torch.float64: 512.0}  # a - shift is exact where it is used
LOG_2: Final = 0.6931471805599453
Pair = tuple[float, float]


class Constant:
    """A real number as a pair (high, low) of each dtype: `high` is the nearest one, `low` the rest."""

    def __init__(self, high: float, low: float = 0.0) -> None:
        nearest: float = struct.unpack("f", struct.pack("f", high))[0]
        self._pairs: dict[torch.dtype, Pair] = {
            torch.float32: (nearest, (high - nearest) + low),
            torch.float64: (high, low),
        }

    def pair(self, dtype: torch.dtype) -> Pair:
        """Return (high, low) for this dtype."""
        return self._pairs[dtype]


def horner(x: Tensor, coefficients: Sequence[float]) -> Tensor:
    """Return the polynomial with these coefficients, lowest power first; 1 to 2 ULP where no terms cancel."""
    result = coefficients[-1] * x + coefficients[-2]
    for coefficient in reversed(coefficients[:-2]):
        result = result * x + coefficient
    return result


def _wants_graph() -> bool:
    return torch.is_grad_enabled() and not torch.compiler.is_compiling()


def magnitude(x: Tensor) -> Tensor:
    """Return |x|, with slope +1 at 0, so that even functions of it keep their second derivative there."""
    return torch.where(x < 0, -x, x) if _wants_graph() else x.abs()


def step(x: Tensor) -> Tensor:
    """Return 1 where x >= 0 and 0 elsewhere, in the dtype of x."""
    if _wants_graph() or torch.compiler.is_compiling():
        return (x >= 0).to(x.dtype)
    return (x.sign() + 1).clamp(max=1)


def reflect(x: Tensor, lower: Tensor) -> Tensor:
    """Return `lower` where x < 0 and 1 - lower elsewhere, for f(x) + f(-x) = 1."""
    if _wants_graph() or torch.compiler.is_compiling():
        return torch.where(x < 0, lower, 1 - lower)
    up = step(x)
    return up + (1 - 2 * up) * lower


def split(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return (high, low) with x = high + low exactly, each of half the bits (Veltkamp); |x| below 1e34."""
    c = x * _SPLITTER[x.dtype]
    high = c - (c - x)
    return high, x - high


def two_product(a: Tensor, b: Tensor | Pair) -> tuple[Tensor, Tensor]:
    """Return (p, e) with a · b = p + e to twice the working precision (Dekker)."""
    low: Tensor | float
    if isinstance(b, tuple):
        high, low = torch.full_like(a, b[0]), b[1]
    else:
        high, low = b, 0.0
    product = a * high
    (ah, al), (bh, bl) = split(a), split(high)
    return product, ((ah * bh - product) + ah * bl + al * bh) + al * bl + a * low


def product_of_any(a: Tensor, b: Tensor | float) -> tuple[Tensor, Tensor]:
    """Return `two_product` for factors of every size, b >= 0; the second part is 0 where the first one is huge.

    A power of two goes from one factor to the other first, which rounds nothing that counts: where a factor overflows
    by it, so does the product, and where one underflows, the product is far below 1.
    """
    span, tame = _SPAN[a.dtype], _TAME[a.dtype]
    if isinstance(b, Tensor):
        move = torch.where(b > span, 1 / span, torch.where(b < 1 / span, span, torch.ones_like(b)))
        a, factor = a / move, b * move
        product, low = two_product(a.clamp(-tame, tame), factor)
        product = torch.where(a.abs() > tame, a * factor, product)
    else:
        shift = 1 / span if b > span else span if b < 1 / span else 1.0
        a = a if shift == 1 else a / shift
        product, low = two_product(a.clamp(-tame, tame), Constant(b * shift).pair(a.dtype))
        product = torch.where(a.abs() > tame, a * (b * shift), product)
    return product, torch.where(product.abs() < tame, low, 0.0)


def multiplied(base: Tensor, exponent: float) -> Tensor | None:
    """Return base^exponent by multiplication, for 1 the base itself; None where the exponent is not 1, 2, 3 or 4."""
    if exponent not in (1, 2, 3, 4):
        return None
    if exponent == 1:
        return base
    square = base * base
    return square if exponent == 2 else square * (base if exponent == 3 else square)  # noqa: PLR2004


def power(base: Tensor, rest: Tensor, exponent: float) -> Tensor:
    """Return base^exponent for base in [0, 1], near 1 from rest = 1 - base, which has kept more digits.

    The error is that of `base` or `rest`, times the exponent or the logarithm of the result; small whole exponents
    multiply, which takes a tenth of the time.
    """
    if (product := multiplied(base, exponent)) is not None:
        return product
    near = base > 0.5  # noqa: PLR2004
    from_rest = torch.exp(exponent * torch.log1p(-torch.where(near, rest, 0.0)))
    return torch.where(near, from_rest, torch.where(near, 1.0, base) ** exponent)


def logistic(z: Tensor, low: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Return (σ(z), σ(-z), e^-|z|), each within 3 ULP, tails and subnormals included.

    `low` is the part of the argument that `z` was rounded off by, for an argument that is itself a product.
    """
    up = step(z)
    e = torch.exp(-magnitude(z))
    if low is not None:
        e = e - e * (2 * up - 1) * low
    r = 1 / (1 + e)
    if torch.compiler.is_compiling():  # fused, a selection is cheaper than arithmetic
        return r * torch.where(z >= 0, 1.0, e), r * torch.where(z >= 0, e, 1.0), e
    return r * (up + (1 - up) * e), r * ((1 - up) + up * e), e


def exp_minus(a: Tensor, low: Tensor | float = 0.0) -> tuple[Tensor, Tensor]:
    """Return (e, f) with e^-(a + low) = e · f for a >= 0: within 1 ULP, and e never subnormal where it counts.

    (x · f) · e then rounds once in the tail, where x · e^-a by way of a subnormal e^-a is off by x/2 ULP.
    """
    shift = _SHIFT[a.dtype]
    if torch.compiler.is_compiling():  # fused, a selection is cheaper than arithmetic
        far = a > shift
        e = torch.exp(torch.where(far, shift, torch.zeros_like(a)) - a)
        f = torch.where(far, math.exp(-shift), torch.ones_like(a))
    else:
        beyond = step(a - shift)
        e, f = torch.exp(beyond * shift - a), (1 - beyond) + beyond * math.exp(-shift)
    return e if isinstance(low, float) else e - e * low, f


def root_exp_minus(a: Tensor, low: Tensor | float = 0.0) -> Tensor:
    """Return h = e^-((a + low)/2), so that e^-(a + low) = h · h, for a >= 0.

    h is never subnormal where h · h counts, so that (x · h) · h rounds once in the tail, where x · e^-a by way
    of a subnormal e^-a is off by x/2 ULP. The price is one ULP elsewhere.
    """
    h = torch.exp(-0.5 * a)
    return h if isinstance(low, float) else h - h * (0.5 * low)


def softplus(z: Tensor, e: Tensor) -> Tensor:
    """Return log(1 + e^z) from z and e = e^-|z|: within 2 ULP, since no terms cancel."""
    return z.clamp(min=0) + torch.log1p(e)


def log_loss(x: Tensor, yes: Tensor) -> tuple[Tensor, Tensor]:
    """Return -log σ(x) where `yes` and -log σ(-x) elsewhere, and the slope by x."""
    _, wrong, e = logistic(torch.where(yes, x, -x))
    return softplus(torch.where(yes, -x, x), e), torch.where(yes, -wrong, wrong)


def half_square(a: Tensor) -> tuple[Tensor, Tensor]:
    """Return (v, low) with a²/2 = v + low, off by at most a · 2^-30, in float64 a · 2^-72, for |a| up to 32 (64).

    An error of v is a relative error of e^-v, hence the second part. After fdlibm's erfc.
    """
    to_grid = _TO_GRID[a.dtype]
    high = (a + to_grid) - to_grid
    low = a - high
    first = 0.5 * (high * high)  # exact: half the bits, squared
    second = 0.5 * (low * (a + high))
    total = first + second
    return total, (first - total) + second


def log1mexp(x: Tensor) -> Tensor:
    """Return log(1 - e^x) for x <= 0: within 2 ULP on both sides of the switch at -log 2 (Mächler 2012)."""
    near = x > -LOG_2
    close = torch.log(-torch.expm1(torch.where(near, x, -1.0)))
    far = torch.log1p(-torch.exp(torch.where(near, -1.0, x)))
    return torch.where(near, close, far)


def quotient_of_any(x: Tensor, by: float) -> tuple[Tensor, Tensor]:
    """Return (q, low) with x / by = q + low to twice the working precision, for by > 0 and x of every size.

    An exponential magnifies the rounding of q as many times as q is large; `low` gives it back. q is bounded by 1e4,
    beyond which nothing that is made of an exponential changes any more. Powers of two move both numbers towards 1.
    """
    span = _SPAN[x.dtype]
    shift = 1 / span if by > span else span if by < 1 / span else 1.0
    x, by = (x, by) if shift == 1 else (x * shift, by * shift)
    x = x.clamp(-1e4 * by, 1e4 * by)
    q = x / by
    product, rest = two_product(q, Constant(by).pair(x.dtype))
    return q, ((x - product) - rest) / by


def excess(x: Tensor, bound: float) -> Tensor:
    """Return x - bound, also where float32 does not hold the bound and next to it nothing else would be left."""
    high, low = Constant(bound).pair(x.dtype)
    return (x - high) - low if low else x - high
