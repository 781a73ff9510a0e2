"""The row step of linear logits as one Triton kernel: two reads of a row, and its gradient in their place.

One program takes one row. Each lane of a block keeps its largest logit and, apart from it, the sum of the other
exponentials relative to it, so that log(1 + rest) keeps its digits where the leader leads by far, and the gradient of
the target is minus the sum of the other probabilities, never p - 1. A lane rescales by the one exponential that it
needs anyway: e^-|y - top| is the new term or the factor of the old ones. The second reading makes the probabilities,
the gradient and its chain factors in float32 and rounds once, to the storage's dtype.

`y` is a logit before the temperature, which scales differences of logits and never a logit. Triton is imported here
and nowhere else; `triton_step` imports this module when it launches.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"
from __future__ import annotations

from typing import Final, NamedTuple

import triton
import triton.language as tl

from slopes.kernels.unmade.triton_arguments import Factors, Given, Goal, Results, Rows, Scaling

LOG2_E: Final = tl.constexpr(1.4426950408889634)
# ln 2 in two parts: 16 bits, whose product with a whole number of up to 8 bits is exact, and the rest.
LN_2_HIGH: Final = tl.constexpr(0.69314575195312500)
LN_2_LOW: Final = tl.constexpr(1.42860682030941723e-06)
TO_WHOLE: Final = tl.constexpr(12582912.0)  # 1.5 · 2^23: what is added and taken away again rounds to whole numbers
LOWEST: Final = tl.constexpr(-126.0)  # 2 to this power is float32's smallest normal number
NONE: Final = tl.constexpr(2147483647)
INFINITY: Final = tl.constexpr(float("inf"))
NEAR: Final = tl.constexpr(0.55)  # below, 1 - e^-2a would lose digits


class Lanes(NamedTuple):
    """What each lane knows of the columns that it has seen, and then the row of all.

    top, at: the largest y and its column. rest: Σ e^(y - top) of the others, -1 while there is nothing.
    spread: Σ e^(y - top) (top - y). mass, behind, left: of the smoothed classes Σ weight, Σ weight (top - y), how many.
    """

    top: tl.tensor
    at: tl.tensor
    rest: tl.tensor
    spread: tl.tensor
    mass: tl.tensor
    behind: tl.tensor
    left: tl.tensor


class Slope(NamedTuple):
    """What a row's gradient is made of.

    top, at: its largest y and the column. first, rest: the leader's probability, and that of all others. others: of
    all but the target. hit, share: the target's own weight, and what each class gets of the smoothing. shared: Σ of
    the shares. pull: the slope of the z-loss by the log-sum-exp. scale: the factor of all that. log_sum: of the
    exponentials relative to the top. entropy, entropy_scale: the row's, and the factor of its gradient.
    """

    top: tl.tensor
    at: tl.tensor
    first: tl.tensor
    rest: tl.tensor
    others: tl.tensor
    hit: tl.tensor
    share: tl.tensor
    shared: tl.tensor
    pull: tl.tensor
    scale: tl.tensor
    log_sum: tl.tensor
    entropy: tl.tensor
    entropy_scale: tl.tensor


@triton.jit
def _power(d: tl.tensor, low: tl.tensor, scaling: Scaling) -> tl.tensor:
    """Return e^((d + low) / T) for d <= 0, within 4 ULP.

    The hardware's 2^x alone is off by x ULP, since x itself is rounded.
    """
    shifted = tl.maximum(d * scaling.rate, LOWEST) + TO_WHOLE
    whole = shifted - TO_WHOLE
    left = ((d - whole * scaling.step) - whole * scaling.step_low) + low
    bits = (shifted.to(tl.int32, bitcast=True) << 23) + (127 << 23)
    return tl.exp2(left * scaling.rate) * bits.to(tl.float32, bitcast=True)


@triton.jit
def _log1p(x: tl.tensor) -> tl.tensor:
    """Return log(1 + x) for x >= 0: what rounding does to 1 + x is divided out again."""
    u = 1.0 + x
    return tl.where(u == 1.0, x, tl.log(u) * (x / tl.where(u == 1.0, 1.0, u - 1.0)))


@triton.jit
def _apart(a: tl.tensor, b: tl.tensor, exact: tl.constexpr) -> tuple[tl.tensor, tl.tensor]:
    """Return (high, low) with a - b = high + low (Knuth); equal infinities are 0 apart."""
    raw = a - b
    low = tl.zeros_like(raw)
    if exact:
        part = raw - a
        low = tl.where(tl.abs(raw) < INFINITY, (a - (raw - part)) - (b + part), 0.0)
    return tl.where(a == b, 0.0, raw), low


@triton.jit
def _capped(z: tl.tensor, cap: tl.tensor) -> tuple[tl.tensor, tl.tensor]:
    """Return cap · tanh(z / cap) and its slope 1 - tanh², from e^-2a so that nothing cancels in either."""
    u = z / cap
    a = tl.abs(u)
    t = _power(-2.0 * a, tl.zeros_like(a), Scaling(1.0, LOG2_E, LN_2_HIGH, LN_2_LOW))
    s = u * u
    # Lambert's continued fraction of tanh, cut off: within 1e-9 of its size below 0.55.
    near = u * ((945.0 + s * (105.0 + s)) / (945.0 + s * (420.0 + 15.0 * s)))
    far = (1.0 - t) / (1.0 + t)
    bent = tl.where(a < NEAR, near, tl.where(u < 0, -far, far))
    return cap * bent, 4.0 * t / ((1.0 + t) * (1.0 + t))


@triton.jit
def _at(start: tl.tensor, columns: tl.tensor, inside: tl.tensor, tail: tl.constexpr) -> tl.tensor:
    """Return what is stored for some columns, 0 outside of the row; whole blocks are read unmasked, in wide loads."""
    found = tl.load(start + columns, mask=inside, other=0.0) if tail else tl.load(start + columns)
    return found.to(tl.float32)


@triton.jit
def _logits(
    row: tl.tensor, columns: tl.tensor, inside: tl.tensor, given: Given, tail: tl.constexpr
) -> tuple[tl.tensor, tl.tensor]:
    """Return y at some columns, -inf outside of the row, and the slope of y by the raw product."""
    y = _at(row, columns, inside, tail)
    if given.bias is not None:
        y += _at(given.bias, columns, inside, tail)
    slope = tl.zeros_like(y) + 1.0
    if given.cap is not None:
        y, slope = _capped(y, given.cap)
    if tail:
        y = tl.where(inside, y, -INFINITY)
    return y, slope


@triton.jit
def _shares(
    y: tl.tensor,
    columns: tl.tensor,
    inside: tl.tensor,
    target: tl.tensor,
    given: Given,
    tail: tl.constexpr,
    others: tl.constexpr,
) -> tuple[tl.tensor, tl.tensor]:
    """Return the weight with which each class takes part in the smoothing, and which classes are left."""
    left = y > -INFINITY
    weight = left.to(tl.float32)
    if given.class_weight is not None:
        weight *= _at(given.class_weight, columns, inside, tail)
    if others:
        weight = tl.where(columns == target, 0.0, weight)
    return weight, left.to(tl.float32)


@triton.jit
def _finite_product(weight: tl.tensor, gap: tl.tensor) -> tl.tensor:
    """Return weight · gap, 0 where nothing meets an infinite gap."""
    return tl.where(weight == 0.0, 0.0, weight * gap)


@triton.jit
def _gathered(
    known: Lanes,
    row: tl.tensor,
    start: tl.tensor,
    target: tl.tensor,
    classes: tl.tensor,
    given: Given,
    scaling: Scaling,
    block: tl.constexpr,
    tail: tl.constexpr,
    exact: tl.constexpr,
    smooth: tl.constexpr,
    others: tl.constexpr,
    entropy: tl.constexpr,
) -> Lanes:
    """Return what the lanes know after one more block of columns."""
    columns = start + tl.arange(0, block)
    inside = columns < classes
    y, _ = _logits(row, columns, inside, given, tail)
    rises = y > known.top
    high, low = _apart(y, known.top, exact)
    high, low = tl.where(rises, -high, high), tl.where(rises, -low, low)
    e = _power(high, low, scaling)
    if tail:
        e = tl.where(inside, e, 0.0)
    spread, mass, behind, left = known.spread, known.mass, known.behind, known.left
    if entropy:
        term = _finite_product(e, -high)
        spread = tl.where(rises, spread * e + (known.rest + 1.0) * term, spread + term)
    if smooth:
        weight, present = _shares(y, columns, inside, target, given, tail, others)
        behind += _finite_product(tl.where(rises, mass, weight), -high)
        mass += weight
        left += present
    rest = tl.where(rises, known.rest * e + e, known.rest + e)
    return Lanes(tl.where(rises, y, known.top), tl.where(rises, columns, known.at), rest, spread, mass, behind, left)


@triton.jit
def _merged(lanes: Lanes, scaling: Scaling, exact: tl.constexpr) -> Lanes:
    """Return what the lanes know together; the row's leader, the first of several, is not in its `rest`."""
    top = tl.max(lanes.top, 0)
    at = tl.min(tl.where(lanes.top == top, lanes.at, NONE), 0)
    high, low = _apart(lanes.top, top, exact)
    e = _power(high, low, scaling)
    rest = tl.sum(tl.where(lanes.at == at, lanes.rest, lanes.rest + 1.0) * e, 0)
    spread = tl.sum(lanes.spread * e + (lanes.rest + 1.0) * _finite_product(e, -high), 0)
    behind = tl.sum(lanes.behind + _finite_product(lanes.mass, -high), 0)
    return Lanes(top, at, rest, spread, tl.sum(lanes.mass, 0), behind, tl.sum(lanes.left, 0))


@triton.jit
def _written(
    slope: Slope,
    row: tl.tensor,
    start: tl.tensor,
    target: tl.tensor,
    classes: tl.tensor,
    given: Given,
    scaling: Scaling,
    block: tl.constexpr,
    tail: tl.constexpr,
    exact: tl.constexpr,
    smooth: tl.constexpr,
    others: tl.constexpr,
) -> None:
    """Write the gradient of one block of columns over its logits: p (Σ y' - y') - y' (1 - p), y' the smoothed target.

    Of the entropy it is -p (log p + entropy).
    """
    columns = start + tl.arange(0, block)
    inside = columns < classes
    y, bent = _logits(row, columns, inside, given, tail)
    high, low = _apart(y, slope.top, exact)
    p = _power(high, low, scaling) * slope.first
    own = columns == target
    gain = tl.where(own, 0.0, slope.hit) + slope.pull
    loss = tl.where(own, slope.hit * slope.others, 0.0)
    if smooth:
        weight, _ = _shares(y, columns, inside, target, given, tail, others)
        q = tl.where(columns == slope.at, slope.rest, 1.0 - p)
        gain += slope.shared - weight * slope.share
        loss += weight * slope.share * q
    g = (_finite_product(p, gain) - loss) * slope.scale
    if slope.entropy_scale is not None:
        surprise = slope.log_sum - (high + low) * scaling.inverse
        g += slope.entropy_scale * _finite_product(p, surprise - slope.entropy)
    g = (g * bent).to(row.dtype.element_ty)
    if tail:
        tl.store(row + columns, g, mask=inside)
    else:
        tl.store(row + columns, g)


@triton.jit
def _blank(row: tl.tensor, classes: tl.tensor, block: tl.constexpr) -> None:
    """Write zeros over a row that does not count, whatever is in it."""
    for start in range(0, classes, block):
        columns = start + tl.arange(0, block)
        tl.store(row + columns, tl.zeros([block], row.dtype.element_ty), mask=columns < classes)


@triton.jit
def _read(
    row: tl.tensor,
    target: tl.tensor,
    classes: tl.tensor,
    given: Given,
    scaling: Scaling,
    block: tl.constexpr,
    exact: tl.constexpr,
    smooth: tl.constexpr,
    others: tl.constexpr,
    entropy: tl.constexpr,
) -> Lanes:
    """Return what there is to know of a row, from one reading of it."""
    zeros = tl.zeros([block], tl.float32)
    known = Lanes(zeros - INFINITY, tl.arange(0, block), zeros - 1.0, zeros, zeros, zeros, zeros)
    full = classes // block * block
    for start in range(0, full, block):
        known = _gathered(
            known, row, start, target, classes, given, scaling, block, False, exact, smooth, others, entropy
        )
    if full < classes:
        known = _gathered(
            known, row, full, target, classes, given, scaling, block, True, exact, smooth, others, entropy
        )
    return _merged(known, scaling, exact)


@triton.jit
def _one_row(
    row: tl.tensor,
    place: tl.tensor,
    target: tl.tensor,
    classes: tl.tensor,
    given: Given,
    scaling: Scaling,
    goal: Goal,
    factors: Factors,
    results: Results,
    block: tl.constexpr,
    exact: tl.constexpr,
    smooth: tl.constexpr,
    others: tl.constexpr,
) -> None:
    """Compute a row that counts."""
    mine, _ = _logits(row, target, target < classes, given, False)
    found = _read(row, target, classes, given, scaling, block, exact, smooth, others, results.entropies is not None)
    first, total = 1.0 / (1.0 + found.rest), _log1p(found.rest)
    high, low = _apart(mine, found.top, exact)
    surprise = (total - high * scaling.inverse) - low * scaling.inverse
    log_sum = found.top * scaling.inverse + total
    uncertainty = total + found.spread * first * scaling.inverse
    hit = 1.0 - goal.smoothing
    if given.class_weight is not None:
        hit *= tl.load(given.class_weight + target)
    share = goal.smoothing / tl.maximum(found.left - 1.0 if others else found.left, 1.0)
    shared = share * found.mass
    z_loss = goal.z_loss * (hit + shared)
    loss = _finite_product(hit, surprise) + _finite_product(z_loss, log_sum * log_sum)
    if smooth:
        loss += share * (total * found.mass + found.behind * scaling.inverse)
    tl.store(results.losses + place, loss)
    tl.store(results.sums + place, log_sum)
    tl.store(results.leaders + place, found.at.to(tl.int64))
    if results.entropies is not None:
        tl.store(results.entropies + place, uncertainty)
    if factors.losses is not None:
        others_p = tl.where(target == found.at, found.rest * first, 1.0 - _power(high, low, scaling) * first)
        pull = 2.0 * _finite_product(z_loss, log_sum)
        scale = tl.load(factors.losses + place) * scaling.inverse
        entropy_scale = None
        if factors.entropies is not None:
            entropy_scale = tl.load(factors.entropies + place) * scaling.inverse
        slope = Slope(
            found.top, found.at, first, found.rest * first, others_p, hit, share, shared, pull, scale,
            total, uncertainty, entropy_scale,
        )  # fmt: skip
        full = classes // block * block
        for start in range(0, full, block):
            _written(slope, row, start, target, classes, given, scaling, block, False, exact, smooth, others)
        if full < classes:
            _written(slope, row, full, target, classes, given, scaling, block, True, exact, smooth, others)


@triton.jit
def row_kernel(
    rows: Rows,
    given: Given,
    scaling: Scaling,
    goal: Goal,
    factors: Factors,
    results: Results,
    block: tl.constexpr,
    exact: tl.constexpr,
    smooth: tl.constexpr,
    others: tl.constexpr,
) -> None:
    """Compute the row of this program; one whose target is no class is 0 everywhere, and its leader -1."""
    place = tl.program_id(0)
    row = rows.logits + place.to(tl.int64) * rows.stride  # rows times classes may be beyond 2^31
    target = tl.load(rows.targets + place)
    if (target >= 0) & (target < rows.classes):
        _one_row(
            row, place, target.to(tl.int32), rows.classes, given, scaling, goal, factors, results, block, exact,
            smooth, others,
        )  # fmt: skip
    else:
        tl.store(results.losses + place, 0.0)
        tl.store(results.sums + place, 0.0)
        tl.store(results.leaders + place, -1)
        if results.entropies is not None:
            tl.store(results.entropies + place, 0.0)
        if factors.losses is not None:
            _blank(row, rows.classes, block)
