"""Ratios of gamma functions, where their logarithms are large and their difference is not.

log Γ of a million has the digits of 1e7, and the likelihood of a count is a difference of such numbers. What cancels is
taken out by hand: x - log(1 + x) by its series, and of Stirling's formula the rest that it leaves.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor

from slopes._core.numerics import horner

HALF_LOG_2PI: Final = 0.9189385332046727
# Stirling's series is right to the last place from here on, with so many terms.
FROM: Final = 8.0
FEW: Final = -2.0794415416798357  # the logarithm of its inverse
_TERMS: Final = {torch.float32: 4, torch.float64: 10}
# B_2k / (2k (2k - 1)) of log Γ, and (2k - 1) times that of its slope.
_REST: Final = tuple(
    a / b
    for a, b in (
        (1, 12),
        (-1, 360),
        (1, 1260),
        (-1, 1680),
        (1, 1188),
        (-691, 360360),
        (1, 156),
        (-3617, 122400),
        (43867, 244188),
        (-174611, 125400),
    )
)
_REST_SLOPE: Final = tuple((2 * k + 1) * c for k, c in enumerate(_REST))
# atanh z = z + z³/3 + z⁵/5 + ..., of which the first term is taken out.
_ODD: Final = tuple(1 / (2 * k + 3) for k in range(13))
_ODD_TERMS: Final = {torch.float32: 6, torch.float64: 13}
_LOW, _HIGH = -0.3, 0.5


def lag(x: Tensor) -> Tensor:
    """Return 1 - log(1 + x) / x for x > -1: half of x where that is small, within some 4 ULP everywhere."""
    near = (x > _LOW) & (x < _HIGH)
    small = torch.where(near, x, 0.0)
    z = small / (2 + small)
    close = z - (2 * z * z / (2 + small)) * horner(z * z, _ODD[: _ODD_TERMS[x.dtype]])
    large = torch.where(near, 1.0, x.clamp(max=torch.finfo(x.dtype).max))
    return torch.where(near, close, 1 - torch.log1p(large) / large)


def stirling_rest(inverse: Tensor) -> Tensor:
    """Return log Γ(x) - (x - ½) log x + x - ½ log 2π of 1 / x, for x from `FROM` on."""
    return inverse * horner(inverse * inverse, _REST[: _TERMS[inverse.dtype]])


def _rest_slope(inverse: Tensor) -> Tensor:
    """Return -x times the slope of `stirling_rest` by x, of 1 / x."""
    return inverse * horner(inverse * inverse, _REST_SLOPE[: _TERMS[inverse.dtype]])


def rest_between(y: Tensor, inverse: Tensor) -> Tensor:
    """Return `stirling_rest` at x + y less that at x, of 1 / x."""
    return stirling_rest(inverse / (1 + y * inverse)) - stirling_rest(inverse)


def risen(y: Tensor, inverse: Tensor) -> Tensor:
    """Return log Γ(y + x) - log Γ(x) - y log x of 1 / x, 0 in its limit of 0, for x and y + x from `FROM` on."""
    u = y * inverse
    return (y - 0.5) * torch.log1p(u) - y * lag(u) + rest_between(y, inverse)


def risen_bend(y: Tensor, inverse: Tensor) -> Tensor:
    """Return the slope by log x of ½ log(1 + y/x) - `rest_between`, negated."""
    u = y * inverse
    return 0.5 * (u / (1 + u)) + _rest_slope(inverse) - _rest_slope(inverse / (1 + u)) / (1 + u)


class Rising(NamedTuple):
    """The logarithm of the rising factorial of r = e^-a, and what it is counted from.

    Attributes:
        few: Where r is below `FROM`: there it is log Γ(y + r) - log Γ(r), elsewhere that less y log r.
        value: It.
        slope: Its derivative by a.
    """

    few: Tensor
    value: Tensor
    slope: Tensor


def rising(y: Tensor, a: Tensor) -> Rising:
    """Return log Γ(y + r) - log Γ(r) for r = e^-a and y >= 0, with its slope by a: no digit is lost for any r.

    Below `FROM` both arguments are raised by it first: what that adds to the slope has one sign.
    """
    few = a > FEW
    many_a, few_a = torch.where(few, -3.0, a), torch.where(few, a, 0.0)
    r = torch.exp(-few_a)
    inverse = torch.where(few, 1 / (r + FROM), torch.exp(many_a))
    u = y * inverse
    bend = risen_bend(y, inverse)
    many_slope = y * lag(u) - bend
    share = r / (r + FROM)
    positive = y > 0
    some = torch.where(positive, y, 1.0)
    value = torch.log(some + r) + few_a
    slope = some / (some + r)
    for j in range(1, int(FROM)):
        value = value + torch.log1p(some / (r + j))
        slope = slope + (some / (r + some + j)) * (r / (r + j))
    few_value = risen(y, inverse) + y * torch.log(r + FROM) - torch.where(positive, value, 0.0)
    few_slope = -r * torch.log1p(u) - share * bend - torch.where(positive, slope, 0.0)
    return Rising(few, torch.where(few, few_value, risen(y, inverse)), torch.where(few, few_slope, many_slope))


def factorial(y: Tensor) -> tuple[Tensor, Tensor]:
    """Return log y! - y log y + y, at 0 too, and log y (0 at 0): what is left where a count is about its rate."""
    none = y == 0
    some = torch.where(none, 1.0, y)
    log = torch.log(some)
    large = y >= FROM
    big, small = torch.where(large, y, FROM), torch.where(large, 1.0, some)
    far = HALF_LOG_2PI + 0.5 * torch.where(large, log, 0.0) + stirling_rest(1 / big)
    close = torch.lgamma(small + 1) - small * torch.where(large, 0.0, log) + small
    return torch.where(none, 0.0, torch.where(large, far, close)), log


def bent(log_x: Tensor) -> tuple[Tensor, Tensor]:
    """Return log Γ(x) - x log x + x - ½ log 2π, and its slope by log x, for any log x."""
    few = log_x < -FEW
    small, large = torch.where(few, log_x, 0.0), torch.where(few, -FEW, log_x)
    x, inverse = torch.exp(small), torch.exp(-large)
    close = torch.lgamma(x + 1) - small - x * small + x - HALF_LOG_2PI
    close_slope = x * (torch.digamma(x + 1) - small) - 1
    value = torch.where(few, close, stirling_rest(inverse) - 0.5 * large)
    return value, torch.where(few, close_slope, -0.5 - _rest_slope(inverse))
