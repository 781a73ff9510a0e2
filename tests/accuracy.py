"""How far a returned number is from the exact one, in units of its last place; and how far it may be.

The unit is the spacing of the dtype's numbers at the correctly rounded value, and the spacing of the smallest
subnormal below the normal range. A correctly rounded result is therefore at most 0.5 away.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from mpmath import mp, mpf
from torch import Tensor

PRECISION: Final = {torch.float16: 11, torch.bfloat16: 8, torch.float32: 24, torch.float64: 53}
SMALLEST_NORMAL_EXPONENT: Final = {
    torch.float16: -14,
    torch.bfloat16: -126,
    torch.float32: -126,
    torch.float64: -1022,
}

LOSS_ULPS: Final = 16.0  # value and gradient of every loss, over the hazards
CORRECTLY_ROUNDED: Final = 0.5
FARTHEST_EXPONENT: Final = 4096


def tolerance(dtype: torch.dtype, size: int = 1) -> float:
    """Return the units in the last place to allow a result of `dtype` that `size` terms go into.

    The 16 of a loss, growing with the root of the number of terms, as independent rounding errors do.
    """
    if dtype not in PRECISION:
        message = f"no tolerance for {dtype}"
        raise ValueError(message)
    return LOSS_ULPS * math.sqrt(max(size, 1))


def unit(dtype: torch.dtype) -> float:
    """Return the spacing of `dtype`'s numbers at 1."""
    return 2.0 ** (1 - PRECISION[dtype])


def ulps(actual: Tensor, expected: object) -> Tensor:
    """Return the error of every number of `actual`, in units of the last place of its dtype, as float64.

    Args:
        actual: What was returned: float16, bfloat16, float32 or float64.
        expected: The exact numbers, of the same shape: mpmath numbers in nested lists, exact for every dtype,
            or a float64 tensor or array, exact enough for the narrower ones.

    Infinities of one sign agree, and so do two NaN; any other meeting of them, or a finite number where the
    exact one rounds to infinity, is an infinite error.
    """
    given = actual.detach().cpu()
    if isinstance(expected, Tensor | np.ndarray):
        wanted = _array(expected)
        _assert_shape(given, wanted.shape)
        return torch.from_numpy(_ulps_float64(given.double().numpy(), wanted, given.dtype))
    entries = list(_flatten(expected))
    shape = _shape(expected)
    _assert_shape(given, shape)
    errors = [
        _ulps_exact(number, _within_reach(entry if isinstance(entry, mpf) else mpf(entry)), given.dtype)
        for number, entry in zip(given.double().flatten().tolist(), entries, strict=True)
    ]
    return torch.tensor(errors, dtype=torch.float64).reshape(shape)


def assert_within_ulps(actual: Tensor, expected: object, at_most: float, what: str = "") -> None:
    """Assert that every number is at most so many units in the last place from the exact one."""
    errors = ulps(actual, expected)
    if bool((errors <= at_most).all()):
        return
    worst = int(errors.argmax())
    came = actual.detach().flatten()[worst].item()
    wanted = mp.nstr(mp.mpmathify(list(_flatten(_plain(expected)))[worst]), 20)
    error = errors.flatten()[worst].item()
    message = (
        f"{what or 'entry'} {worst} is {came!r}, exactly {wanted}: {error:.4g} units in the last place "
        f"of {actual.dtype}, allowed {at_most:.4g}"
    )
    raise AssertionError(message)


def assert_exact(actual: Tensor, expected: object, what: str = "") -> None:
    """Assert that every number is the exact one, correctly rounded."""
    assert_within_ulps(actual, expected, CORRECTLY_ROUNDED, what)


def assert_close(actual: Tensor, expected: object, *, size: int = 1, what: str = "") -> None:
    """Assert that every number is as close to the exact one as `tolerance` of its dtype and `size` asks."""
    assert_within_ulps(actual, expected, tolerance(actual.dtype, size), what)


def assert_close_to_scale(
    actual: Tensor, expected: object, scale: float | Tensor, *, size: int = 1, what: str = ""
) -> None:
    """Assert closeness in units of the last place of `scale`, the size of the terms that cancelled, of all or each."""
    given = actual.detach().cpu()
    entries = np.array([float(entry) for entry in _flatten(_plain(expected))]).reshape(given.shape)
    scales = np.broadcast_to(_array(scale) if isinstance(scale, Tensor) else scale, given.shape)
    away = np.abs(given.double().numpy() - entries)
    with np.errstate(divide="ignore", invalid="ignore"):  # where nothing cancelled nothing may be away
        errors = np.where(away == 0, 0.0, away / (unit(given.dtype) * scales))
    allowed = tolerance(given.dtype, size)
    if (errors <= allowed).all():
        return
    worst = int(errors.argmax())  # NaN, if there is one
    message = (
        f"{what or 'result'} is {errors.flat[worst]:.4g} units of {scales.flat[worst]:.4g} away, allowed {allowed:.4g}"
    )
    raise AssertionError(message)


def _plain(expected: object) -> object:
    return _array(expected).tolist() if isinstance(expected, Tensor | np.ndarray) else expected


def _array(numbers: Tensor | npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return numbers as float64, without the graph that a tensor may have."""
    return np.asarray(numbers.detach().cpu().double() if isinstance(numbers, Tensor) else numbers, dtype=np.float64)


def _assert_shape(actual: Tensor, shape: tuple[int, ...]) -> None:
    assert tuple(actual.shape) == shape, f"shape {tuple(actual.shape)} came where {shape} was expected"


def _shape(nested: object) -> tuple[int, ...]:
    if not isinstance(nested, list | tuple):
        return ()
    return (len(nested), *(_shape(nested[0]) if nested else ()))


def _flatten(nested: object) -> Any:  # noqa: ANN401  an iterator over numbers of several types
    if isinstance(nested, list | tuple):
        for entry in nested:
            yield from _flatten(entry)
    else:
        yield nested


def _ulps_exact(came: float, exact: mpf, dtype: torch.dtype) -> float:
    if not (math.isfinite(came) and mp.isfinite(exact)):
        return _where_not_finite(came, _rounds_to(exact, dtype)[0])
    rounded, spacing = _rounds_to(exact, dtype)
    if math.isinf(rounded):
        return math.inf
    return float(abs(Fraction(came) - _fraction(exact)) / spacing)


def _rounds_to(exact: mpf, dtype: torch.dtype) -> tuple[float, Fraction]:
    """Return the number of `dtype` nearest to `exact`, ties to even, and the spacing there."""
    if not mp.isfinite(exact):
        return float(exact), Fraction(1)
    number = abs(_fraction(exact))
    exponent = SMALLEST_NORMAL_EXPONENT[dtype]
    if number:
        _, _, last_bit, bits = exact._mpf_
        exponent = max(exponent, last_bit + bits - 1)
    spacing = Fraction(2) ** (exponent + 1 - PRECISION[dtype])
    rounded = round(number / spacing) * spacing
    if rounded == Fraction(2) ** (exponent + 1):
        spacing *= 2
    overflowed = rounded > Fraction(torch.finfo(dtype).max)
    nearest = math.inf if overflowed else float(rounded)
    return math.copysign(nearest, -1 if exact < 0 else 1), spacing


def _fraction(exact: mpf) -> Fraction:
    sign, mantissa, exponent, _ = exact._mpf_
    return (-1) ** sign * int(mantissa) * Fraction(2) ** exponent


def _within_reach(exact: mpf) -> mpf:
    """Return the number, or 0 or infinity in its place where its exponent is beyond what any dtype can tell."""
    if not mp.isfinite(exact):
        return exact
    _, _, last_bit, bits = exact._mpf_
    if abs(last_bit + bits) < FARTHEST_EXPONENT:
        return exact
    return mpf(0) if last_bit + bits < 0 else mp.sign(exact) * mp.inf


def _where_not_finite(came: float, expected: float) -> float:
    agree = came == expected or (math.isnan(came) and math.isnan(expected))
    return 0.0 if agree else math.inf


def _ulps_float64(
    came: npt.NDArray[np.float64], exact: npt.NDArray[np.float64], dtype: torch.dtype
) -> npt.NDArray[np.float64]:
    finite = np.isfinite(exact)
    _, above = np.frexp(np.where(finite, exact, 0.0))
    exponent = np.maximum(above.astype(np.int64) - 1, SMALLEST_NORMAL_EXPONENT[dtype])
    exponent = np.where(exact == 0, SMALLEST_NORMAL_EXPONENT[dtype], exponent)
    shift = PRECISION[dtype] - 1 - exponent
    with np.errstate(over="ignore", invalid="ignore"):
        steps = _scaled(np.where(finite, np.abs(exact), 0.0), shift)
        top = np.rint(steps) == 2.0 ** PRECISION[dtype]
        largest = _scaled(np.full_like(steps, torch.finfo(dtype).max), shift)
        overflowed = finite & (np.rint(steps) > largest)
        expected = np.where(overflowed, np.copysign(np.inf, exact), exact)
        distance = np.abs(_scaled(came - np.where(finite, exact, 0.0), shift)) * np.where(top, 0.5, 1.0)
    same = (came == expected) | (np.isnan(came) & np.isnan(expected))
    both = np.isfinite(came) & np.isfinite(expected)
    return np.where(both, distance, np.where(same, 0.0, np.inf))


def _scaled(number: npt.NDArray[np.float64], shift: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    # In two steps: 2 to the power of 1074 is no float64.
    half = shift // 2
    return np.ldexp(np.ldexp(number, half), shift - half)
