"""Every elementwise activation under `slopes.exact()` against its definition: value and slope, in every dtype.

16-bit: all 65,536 inputs. float32: a grid over all magnitudes and both sides of every kink, with random points.
float64: points over all magnitudes, in mpmath.
"""

from __future__ import annotations

import math
from typing import Any, Final

import torch
from tests.accuracy import assert_within_ulps, ulps
from tests.each import each
from tests.oracles import activations as oracles
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses

FORMS: Final = [
    *((name, {}) for name in oracles.ACTIVATIONS if name != "prelu"),
    ("prelu", {"slope": 0.25}),
    ("prelu", {"slope": -0.375}),
    ("softplus", {"beta": 1.75}),
    ("leaky_relu", {"slope": 0.3}),
    ("elu", {"alpha": 1.5}),
    ("gelu", {"approximate": "tanh"}),
    ("swish", {"beta": 1.75}),
    ("swish", {"beta": -0.5}),
    ("hard_tanh", {"low": -0.3, "high": 4.0}),
    ("threshold", {"threshold": -0.3, "value": 0.7}),
    ("rrelu", {"lower": -0.25, "upper": 0.5}),
    ("celu", {"alpha": 0.3}),
    ("hard_shrink", {"threshold": 0.3}),
    ("soft_shrink", {"threshold": 0.3}),
    ("soft_cap", {"cap": 0.7}),
    ("squareplus", {"b": 0.3}),
]
SIXTEEN_BIT_ULPS: Final = 0.501
BESIDE_A_ZERO_ULPS: Final = 0.55  # of the slope, in float16
VALUE_ULPS: Final = {torch.float32: 4.0, torch.float64: 8.0}
SLOPE_ULPS: Final = {torch.float32: 8.0, torch.float64: 8.0}


def every(dtype: torch.dtype) -> Tensor:
    return torch.arange(-32768, 32768, dtype=torch.int32).to(torch.int16).view(dtype)


def answer(name: str, inputs: Tensor, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Return value and slope, as the audited formulas have them."""
    x = inputs.clone().requires_grad_()
    with slopes.exact():
        if name == "prelu":
            y = A.prelu(x, torch.tensor(options["slope"], dtype=x.dtype))
        else:
            y = getattr(A, name)(x, **options)
        return y.detach(), torch.autograd.grad(y, x, torch.ones_like(y))[0]


def points(dtype: torch.dtype, count: int) -> Tensor:
    """Return both signs of magnitudes from subnormal to overflow, dense where functions bend, and the kinks."""
    generator = torch.Generator().manual_seed(37)
    info = torch.finfo(dtype)
    exponents = torch.linspace(math.log2(info.tiny) - 4, math.log2(info.max), count, dtype=torch.float64)
    magnitudes = torch.exp2(exponents)
    middle = torch.rand(count, generator=generator, dtype=torch.float64) * 24
    bends = torch.tensor([0.0, 0.3, 0.5, 1.0, 2.0, 3.0, 6.0, math.inf, math.nan], dtype=torch.float64)
    kinks = torch.tensor([0.3, 0.5, 1.0, 3.0, 6.0], dtype=dtype)
    sides = torch.cat([torch.nextafter(kinks, kinks * k) for k in (0, 2)]).double()
    half = torch.cat([magnitudes, middle, bends, sides])
    return torch.cat([half, -half]).to(dtype)


@each(("name", "options"), FORMS, ids=str)
@each("dtype", [torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])
def test_every_16_bit_input(name: str, options: dict[str, Any], dtype: torch.dtype) -> None:
    inputs = every(dtype)
    value, slope = answer(name, inputs, options)
    wide = inputs.double().numpy()
    assert_within_ulps(value, oracles.fast_value(name, wide, **options), SIXTEEN_BIT_ULPS, "value")
    wanted = torch.from_numpy(oracles.fast_slope(name, wide, **options))
    errors = ulps(slope, wanted)
    crosses = (dtype == torch.float16) & (wanted.abs() < 2.0**-5) & (inputs.double().abs() < 4)
    allowed = torch.where(crosses, BESIDE_A_ZERO_ULPS, SIXTEEN_BIT_ULPS)
    worst = int((errors - allowed).argmax())
    assert bool((errors <= allowed).all()), f"slope at {wide[worst]} is {slope[worst]}, exactly {wanted[worst]}"


@each(("name", "options"), FORMS, ids=str)
def test_float32_over_all_magnitudes(name: str, options: dict[str, Any]) -> None:
    inputs = points(torch.float32, 20_000)
    value, slope = answer(name, inputs, options)
    wide = inputs.double().numpy()
    assert_within_ulps(value, oracles.fast_value(name, wide, **options), VALUE_ULPS[torch.float32], "value")
    assert_within_ulps(slope, oracles.fast_slope(name, wide, **options), SLOPE_ULPS[torch.float32], "slope")


@each(("name", "options"), FORMS, ids=str)
def test_float64_over_all_magnitudes(name: str, options: dict[str, Any]) -> None:
    inputs = points(torch.float64, 8)
    value, slope = answer(name, inputs, options)
    at = inputs.tolist()
    wanted = [oracles.value(name, x, **options) for x in at]
    assert_within_ulps(value, wanted, VALUE_ULPS[torch.float64], "value")
    wanted = [oracles.slope(name, x, **options) for x in at]
    assert_within_ulps(slope, wanted, SLOPE_ULPS[torch.float64], "slope")
