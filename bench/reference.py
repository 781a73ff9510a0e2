"""What is right: inputs that a claim must hold for, and the exact values and slopes there.

For 16-bit and float32 inputs the definitions in float64, by scipy and numpy, which err by less than 1e-9 of a value:
a hundredth of a float32's last place. Beside a zero of the slope, where their terms cancel, and for float64 inputs,
mpmath with 50 digits and more, in processes; its numbers come as pairs of float64, the second being the rest.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from mpmath import mp, mpf
from tests.oracles import activations as oracle
from torch import Tensor

Array = npt.NDArray[np.float64]
Pairs = tuple[Array, Array]

BESIDE: Final = 0.01  # this far around a zero of the slope counts as beside it
_CANCELS: Final = 1e-4  # a slope smaller than this beside its zero loses digits in float64
_DIGITS: Final = 60
_CHUNK: Final = 250


def inputs(dtype: torch.dtype, root: float | None, *, quick: bool = False) -> Tensor:
    """Return the inputs of a dtype: all of them where it has 16 bits."""
    if dtype in {torch.float16, torch.bfloat16}:
        every = torch.arange(1 << 16, dtype=torch.int32).to(torch.int16).view(dtype)
        return every[::16].clone() if quick else every
    return _narrowed(_float32(root, quick=quick)) if dtype == torch.float32 else _float64(root, quick=quick)


def _narrowed(x: npt.NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.unique(x))  # also puts them in order


def _float32(root: float | None, *, quick: bool) -> npt.NDArray[np.float32]:
    """Return every magnitude, tails closely, both sides of every quarter, and whole neighbourhoods of the root."""
    step = 1 << (18 if quick else 12)
    bits = np.arange(0, 0x7F800000, step, dtype=np.int64).astype(np.int32).view(np.float32)  # every exponent
    count = 2_000 if quick else 300_000
    lines = [np.linspace(-reach, reach, count) for reach in (1.0, 8.0, 20.0)]
    tails = [side * np.linspace(8.0, 110.0, count) for side in (-1.0, 1.0)]
    quarters = np.arange(-440, 441) / 4.0  # the switches of torch's kernels and of ours are among them
    centres = [*quarters, *([] if root is None else [root + shift for shift in (-0.5, -0.25, 0.0, 0.25, 0.5)])]
    around = [_neighbours(centre, 20 if quick else 60) for centre in centres]
    if root is not None:
        around.append(_neighbours(root, 50 if quick else 4_000))
    ends = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0], dtype=np.float32)
    return np.concatenate([bits, -bits, *(part.astype(np.float32) for part in (*lines, *tails)), *around, ends])


def _neighbours(centre: float, count: int) -> npt.NDArray[np.float32]:
    middle = np.float32(centre)
    if middle == 0:
        return np.arange(count, dtype=np.int32).view(np.float32)
    return (middle.view(np.int32) + np.arange(-count, count + 1, dtype=np.int32)).view(np.float32)


def _float64(root: float | None, *, quick: bool) -> Tensor:
    random = np.random.default_rng(0)
    count = 20 if quick else 1_500
    parts = [random.uniform(-reach, reach, count) for reach in (1.0, 6.0, 12.0, 45.0)]
    parts += [random.uniform(-750.0, 750.0, count)]
    sizes = np.exp(random.uniform(np.log(1e-300), np.log(1e4), count))
    parts += [sizes * random.choice([-1.0, 1.0], count)]
    if root is None:
        parts += [random.standard_normal(count)]
    else:
        distances = np.exp(random.uniform(np.log(1e-16), np.log(0.6), count))
        parts += [root + distances * random.choice([-1.0, 1.0], count)]
    return torch.from_numpy(np.unique(np.concatenate(parts)))


def exact(name: str, options: dict[str, Any], x: Tensor, root: float | None, *, what: str) -> Pairs:
    """Return the exact values (`what="value"`) or slopes (`what="slope"`), as pairs of float64."""
    points = x.double().numpy()
    if x.dtype == torch.float64:
        return _by_mpmath(name, options, points, what)
    fast = oracle.fast_value if what == "value" else oracle.fast_slope
    high = fast(name, points, **options)
    low = np.zeros_like(high)
    if what == "slope" and root is not None:
        (beside,) = np.nonzero((np.abs(points - root) < 1) & (np.abs(high) < _CANCELS))
        high[beside], low[beside] = _by_mpmath(name, options, points[beside], what)
    return high, low


def _by_mpmath(name: str, options: dict[str, Any], points: Array, what: str) -> Pairs:
    chunks = [points[start : start + _CHUNK].tolist() for start in range(0, len(points), _CHUNK)]
    if len(chunks) <= 1:
        results = [_pairs(name, options, chunk, what) for chunk in chunks]
    else:
        work = pool()
        results = [r.result() for r in [work.submit(_pairs, name, options, chunk, what) for chunk in chunks]]
    flat = np.array([pair for chunk in results for pair in chunk], dtype=np.float64).reshape(-1, 2)
    return flat[:, 0].copy(), flat[:, 1].copy()


_POOLS: list[ProcessPoolExecutor] = []


def pool() -> ProcessPoolExecutor:
    """Return the processes, started once."""
    if not _POOLS:
        # Not forked: torch's threads do not survive that.
        _POOLS.append(ProcessPoolExecutor(max(torch.get_num_threads(), 1), mp_context=get_context("spawn")))
    return _POOLS[0]


def close() -> None:
    """End the processes."""
    while _POOLS:
        _POOLS.pop().shutdown()


def _pairs(name: str, options: dict[str, Any], points: list[float], what: str) -> list[tuple[float, float]]:
    of = _gelu if name == "gelu" and not options else oracle.value if what == "value" else oracle.slope
    given = {"what": what} if of is _gelu else options
    result = []
    for point in points:
        number = of(name, mpf(point), **given)
        high = float(number)
        with mp.workdps(_DIGITS):
            low = float(number - high) if np.isfinite(high) else 0.0
        result.append((high, low))
    return result


def _gelu(_: str, x: mpf, what: str) -> mpf:
    """Return GELU or its slope by erfc, which needs no digits in reserve: a fiftieth of the definition's time."""
    if not mp.isfinite(x):
        return oracle.value("gelu", x) if what == "value" else oracle.slope("gelu", x)
    with mp.workdps(_DIGITS):
        upper = mp.erfc(-x / mp.sqrt(2)) / 2
        return x * upper if what == "value" else upper + x * mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def errors(came: Tensor, right: Pairs) -> Array:
    """Return the error of each number in units of its dtype's last place, where right is a pair."""
    from tests.accuracy import PRECISION, SMALLEST_NORMAL_EXPONENT  # noqa: PLC0415  pulls in torch only here

    high, low = right
    given = came.detach().double().numpy()
    dtype = came.dtype
    with np.errstate(all="ignore"):
        finite = np.isfinite(high)
        magnitude = np.where(finite, np.abs(high), 0.0)
        _, exponent = np.frexp(magnitude)
        exponent = np.maximum(exponent.astype(np.int64) - 1, SMALLEST_NORMAL_EXPONENT[dtype])
        exponent = np.where(magnitude == 0, SMALLEST_NORMAL_EXPONENT[dtype], exponent)
        unit = exponent + 1 - PRECISION[dtype]
        distance = np.abs(_scaled((given - np.where(finite, high, 0.0)) - low, -unit))
        largest = float(torch.finfo(dtype).max)
        half = _scaled(np.full_like(high, 0.5), unit)
        overflows = finite & (magnitude - largest >= half) if dtype != torch.float64 else np.zeros_like(finite)
        expected = np.where(overflows, np.copysign(np.inf, high), high)
        same = (given == expected) | (np.isnan(given) & np.isnan(expected))
    return np.where(np.isfinite(given) & finite & ~overflows, distance, np.where(same, 0.0, np.inf))


def _scaled(number: Array, shift: npt.NDArray[np.int64]) -> Array:
    half = shift // 2  # in two steps: 2 to the power of 1074 is no float64
    return np.ldexp(np.ldexp(number, half), shift - half)
