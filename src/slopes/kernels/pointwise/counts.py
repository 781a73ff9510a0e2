"""Likelihoods of counts over the logarithm of their rate: Poisson, negative binomial, Tweedie, and with more zeros.

Each is a difference of large numbers where the rate is near the count, which is where a good model is. Written by
t = (rate - count) / count, and not by two logarithms, it keeps what is left.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor

from slopes._core.numerics import logistic, product_of_any, softplus
from slopes.kernels.pointwise.executor import Pointwise
from slopes.kernels.pointwise.gamma import FEW, FROM, factorial, lag, rest_between, risen, risen_bend, rising

_NEAR: Final = 0.5


class Off(NamedTuple):
    """How far a rate is from a count.

    Attributes:
        near: Where the count is above 0 and the rate within half of it.
        excess: Rate - count there, elsewhere 0.
        ratio: The excess over the count.
        log: log(rate / count), of a count of 0 log rate.
    """

    near: Tensor
    excess: Tensor
    ratio: Tensor
    log: Tensor


def off(s: Tensor, rate: Tensor, y: Tensor, log_y: Tensor) -> Off:
    """Return how far e^s is from y."""
    some = torch.where(y > 0, y, 1.0)
    near = (y > 0) & ((rate - y).abs() < _NEAR * y)
    excess = torch.where(near, rate - y, 0.0)
    ratio = excess / some
    return Off(near, excess, ratio, torch.where(near, torch.log1p(ratio), s - log_y))


def times(count: Tensor, of: Tensor) -> Tensor:
    """Return count · of, and 0 for a count of 0, whatever the other: it may be infinite."""
    none = count == 0
    return torch.where(none, 0.0, count * torch.where(none, 0.0, of))


def _poisson(s: Tensor, y: Tensor, full: bool) -> tuple[Tensor, tuple[Tensor, None]]:  # noqa: FBT001
    rate = torch.exp(s)
    if not full:
        return rate - times(y, s), (rate - y, None)
    rest, log_y = factorial(y)
    away = off(s, rate, y, log_y)
    value = torch.where(away.near, away.excess * lag(away.ratio), (rate - y) - times(y, away.log))
    return value + rest, (rate - y, None)


class Spread(NamedTuple):
    """What the negative binomial is made of, for w = log(dispersion · rate).

    Attributes:
        none: -log of the probability of 0, r · log(1 + e^w).
        by_log_rate: Its slope by the logarithm of the rate.
        by_dispersion: Its slope by that of the dispersion.
        more: log(1 + e^w).
        less: log(1 + e^-w).
        p: e^w / (1 + e^w).
        q: 1 / (1 + e^w).
    """

    none: Tensor
    by_log_rate: Tensor
    by_dispersion: Tensor
    more: Tensor
    less: Tensor
    p: Tensor
    q: Tensor


def spread(s: Tensor, a: Tensor) -> Spread:
    """Return them for a log-rate and a log-dispersion; in the limit of no dispersion the first is the rate."""
    # w is s + a to twice the digits: a small dispersion is a large number here, and e^w has its rounding error.
    w = s + a
    back = w - s
    low = (s - (w - back)) + (a - back)
    low = torch.where(torch.isfinite(low), low, 0.0)
    p, q, e = logistic(w, low)
    log = torch.log1p(e)
    # Where w is large so is its part that was rounded off, beside it.
    more, less = w.clamp(min=0) + log, (-w).clamp(min=0) + log
    few = w <= 0
    x = torch.where(few, e, 0.0)
    late = lag(x)
    rate, r = torch.exp(torch.where(few, s, 0.0)), torch.exp(-torch.where(few, 0.0, a))
    none = torch.where(few, rate * (1 - late), r * more)
    by_log_rate = torch.where(few, rate * q, r * p)
    by_dispersion = -torch.where(few, rate * (x / (1 + x) - late), r * (more - p))
    return Spread(none, by_log_rate, by_dispersion, more, less, p, q)


def _negative_binomial(
    s: Tensor,
    a: Tensor,
    y: Tensor,
    full: bool,  # noqa: FBT001
) -> tuple[Tensor, tuple[Tensor, Tensor, None]]:
    of, up = spread(s, a), rising(y, a)
    each = torch.where(up.few, of.less, of.more - s)
    value = of.none + times(y, each) - up.value
    if full:
        value = torch.where(y == 0, of.none, _whole(s, a, y, of, value))
    # Where the rate is a number: its excess over the count, without a difference of what each of them gives.
    tame = s < _largest(s)
    excess = torch.exp(torch.where(tame, s, 0.0)) - y
    by_rate = torch.where(tame, excess * of.q, of.by_log_rate - times(y, of.q))
    inverse = torch.exp(torch.where(up.few, FEW, a))
    over = excess / (1 + y * inverse)
    e = over * inverse
    close = risen_bend(y, inverse) - over * (e / (1 + e) - lag(e))
    apart = of.by_dispersion + torch.where(up.few, -times(y, of.q), y * of.p) - up.slope
    by_dispersion = torch.where(tame & ~up.few, close, apart)
    return value, (by_rate, by_dispersion, None)


def _whole(s: Tensor, a: Tensor, y: Tensor, of: Spread, value: Tensor) -> Tensor:
    """Return the value with the logarithm of y! in it, which is nearly all of what the count itself gives."""
    few = a > FEW
    rest, log_y = factorial(y)
    # Little dispersion: the deviance, as for Poisson, with what the dispersion takes from it.
    small = torch.where(few, -3.0, a)
    inverse = torch.exp(small)
    u = y * inverse
    away = off(s, torch.exp(s.clamp(max=_largest(s))), y, log_y)
    close = away.excess * (lag(away.ratio) - lag(away.excess * inverse / (1 + u)))
    log_u = torch.log1p(u)
    far = (of.none - y * (1 - lag(u))) + y * ((of.more - log_u) - away.log)
    many = torch.where(away.near, close, far) + 0.5 * log_u - rest_between(y, inverse) + rest
    # Much dispersion: y! by the gamma function of y + r, from y + 1 on.
    wide = torch.where(few, a, 0.0)
    r = torch.exp(-wide)
    large = y >= FROM
    one = torch.where(large, y, FROM) + 1
    beside = torch.lgamma(r + 1) + wide - risen(r - 1, 1 / one) - (r - 1) * torch.log(one)
    small_y = torch.where(large, 0.0, y)
    direct = value + torch.lgamma(small_y + 1)
    return torch.where(few, torch.where(large, of.none + y * of.less + beside, direct), many)


def _largest(of: Tensor) -> float:
    return 88.0 if of.dtype == torch.float32 else 709.0


def growth(s: Tensor, q: float) -> tuple[Tensor, Tensor]:
    """Return (e^(qs) - 1) / q, s in the limit of q = 0, and e^(qs)."""
    if q == 0:
        return s, torch.ones_like(s)
    high, low = product_of_any(s if q > 0 else -s, abs(q))
    grown = torch.exp(high)
    more = torch.where(torch.isfinite(grown), grown, 0.0) * low
    return (torch.expm1(high) + more) / q, grown + more


def _tweedie(s: Tensor, y: Tensor, power: float, full: bool) -> tuple[Tensor, tuple[Tensor, None]]:  # noqa: FBT001
    first, rate = growth(s, 2 - power)
    second, back = growth(s, 1 - power)
    slope = rate - times(y, back)
    if not full:
        return first - times(y, second), (slope, None)
    none = y == 0
    some = torch.where(none, 1.0, y)
    away = off(s, torch.exp(s), some, torch.log(some))
    one, two = growth(away.log, 2 - power)[0], growth(away.log, 1 - power)[0]
    alone = rate / (2 - power) if power < 2 else first  # noqa: PLR2004
    return torch.where(none, alone, some ** (2 - power) * (one - two)), (slope, None)


def _zero_inflated(z: Tensor, none: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return -log of the probability of 0 and its slopes, from the logit of a zero and -log of it without that."""
    _, q, e = logistic(z)
    gone = -torch.expm1(-none)
    left = q * gone  # the probability of no zero
    seen = torch.where(left < _NEAR, left, 0.0)
    high = torch.where(left < _NEAR, 0.0, none)
    value = torch.where(left < _NEAR, -torch.log1p(-seen), softplus(z, e) - torch.logaddexp(z, -high))
    back = torch.sigmoid(z + none)
    return value, -back * left, torch.sigmoid(-(z + none))


def _zero_inflated_poisson(
    z: Tensor,
    s: Tensor,
    y: Tensor,
    full: bool,  # noqa: FBT001
) -> tuple[Tensor, tuple[Tensor, Tensor, None]]:
    rate = torch.exp(s)
    value, (slope, _) = _poisson(s, y, full)
    zero, by_zero, of_count = _zero_inflated(z, rate)
    p, _, e = logistic(z)
    none = y == 0
    by_rate = torch.where(none, of_count * torch.where(none, rate, 0.0), slope)
    return torch.where(none, zero, softplus(z, e) + value), (torch.where(none, by_zero, p), by_rate, None)


def _zero_inflated_negative_binomial(
    z: Tensor,
    s: Tensor,
    a: Tensor,
    y: Tensor,
    full: bool,  # noqa: FBT001
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor, None]]:
    of = spread(s, a)
    value, (by_rate, by_dispersion, _) = _negative_binomial(s, a, y, full)
    zero, by_zero, of_count = _zero_inflated(z, of.none)
    p, _, e = logistic(z)
    none = y == 0
    return torch.where(none, zero, softplus(z, e) + value), (
        torch.where(none, by_zero, p),
        torch.where(none, of_count * of.by_log_rate, by_rate),
        torch.where(none, of_count * of.by_dispersion, by_dispersion),
        None,
    )


POISSON: Final = Pointwise.sharing("PoissonNLL", _poisson, tensors=2)
NEGATIVE_BINOMIAL: Final = Pointwise.sharing("NegativeBinomialNLL", _negative_binomial, tensors=3)
TWEEDIE: Final = Pointwise.sharing("Tweedie", _tweedie, tensors=2)
ZERO_INFLATED_POISSON: Final = Pointwise.sharing("ZeroInflatedPoissonNLL", _zero_inflated_poisson, tensors=3)
ZERO_INFLATED_NEGATIVE_BINOMIAL: Final = Pointwise.sharing(
    "ZeroInflatedNegativeBinomialNLL", _zero_inflated_negative_binomial, tensors=4
)
