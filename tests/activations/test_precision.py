"""Where the audited formulas switch and where slopes vanish; and by default, torch's own bits.

`tests/oracles/test_activations.py` asks every 16-bit input and all magnitudes. Here are the places where an
approximation would show: both sides of every switch in the code, the roots of the slopes, the tails, other
parameters, the slope by a learned parameter, and both halves of the gated units.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import torch
import torch.nn.functional as F  # noqa: N812  the field's own abbreviation
from mpmath import mp, mpf
from tests.accuracy import assert_within_ulps
from tests.each import each
from tests.oracles import activations as oracles
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses

FORMS: Final[list[tuple[str, dict[str, Any]]]] = [
    *((name, {}) for name in oracles.ACTIVATIONS if name != "prelu"),
    ("gelu", {"approximate": "tanh"}),
    ("softplus", {"beta": 0.1}),
    ("softplus", {"beta": 10.0}),
    ("leaky_relu", {"slope": -0.7}),
    ("elu", {"alpha": 0.3}),
    ("swish", {"beta": 0.1}),
    ("swish", {"beta": 10.0}),
    ("swish", {"beta": -1.0}),
    ("celu", {"alpha": 0.3}),
    ("celu", {"alpha": 7.0}),
    ("soft_cap", {"cap": 0.7}),
    ("soft_shrink", {"threshold": 0.3}),
    ("squareplus", {"b": 0.01}),
]
VALUE_ULPS: Final = {torch.float32: 4.0, torch.float64: 8.0}
SLOPE_ULPS: Final = 8.0
MANY: Final = ((180_000, 2.0), (80_000, 10.0), (40_000, 104.0))  # so many numbers, between minus this and this
SIXTEEN_BIT_ULPS: Final = 0.501
# Switches in the code, roots of the slopes (GELU, its tanh form, SiLU, Mish), kinks, and where exponentials end.
PLACES: Final = (
    *(0.0, 0.25, 0.3, 0.5, 0.6931471805599453, 1.0, 1.25, 2.0, 3.0, 6.0, 10.0, 20.0),
    *(88.0, 103.0, 104.0, 708.0, 745.0),
)
ROOTS: Final = {
    "gelu": (0.7517915246935645, 0.7524614220710163),
    "swish": (1.2784645427610738,),
    "mish": (1.1924312145154952,),
    "quick_gelu": (1.2784645427610738 / 1.702,),
}
every_form = each(("name", "options"), FORMS, ids=str)


def neighbours(at: float, dtype: torch.dtype, count: int) -> Tensor:
    """Return the number, and so many on either side of it."""
    middle = torch.tensor([at], dtype=dtype)
    found = [middle]
    for way in (-math.inf, math.inf):
        x = middle
        for _ in range(count):
            x = torch.nextafter(x, torch.tensor(way, dtype=dtype))
            found.append(x)
    return torch.cat(found)


def hard_places(name: str, dtype: torch.dtype, beta: float, *, dense: int, near: int) -> Tensor:
    """Return both signs of what lies about the switches and the roots, nearer and nearer, and of random points."""
    generator = torch.Generator().manual_seed(7)
    roots = ROOTS.get(name, ())
    parts = [neighbours(place, dtype, near) for place in (*PLACES, *(root / abs(beta) for root in roots))]
    for root in roots:
        away = torch.logspace(-7, math.log10(0.3), dense, dtype=torch.float64)
        parts += [((root + side * away) / abs(beta)).to(dtype) for side in (-1, 1)]
        parts += [neighbours((root + side * 0.25) / abs(beta), dtype, near) for side in (-1, 1)]
    parts.append((torch.rand(dense, generator=generator, dtype=torch.float64) * 104).to(dtype))
    parts.append(torch.randn(dense, generator=generator, dtype=torch.float64).abs().to(dtype))
    x = torch.cat(parts)
    return torch.cat([x, -x])


def answer(name: str, x: Tensor, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Return value and slope, as the audited formulas have them."""
    x = x.clone().requires_grad_()
    with slopes.exact():
        y = getattr(A, name)(x, **options)
    return y.detach(), torch.autograd.grad(y, x, torch.ones_like(y))[0]


@every_form
def test_float32_where_it_is_hard(name: str, options: dict[str, Any]) -> None:
    """Assert the goals at places that mpmath can afford."""
    x = hard_places(name, torch.float32, options.get("beta", 1.0), dense=20, near=2)
    value, slope = answer(name, x, options)
    wanted = [oracles.value(name, at, **options) for at in x.tolist()]
    assert_within_ulps(value, wanted, VALUE_ULPS[torch.float32], "value")
    wanted = [oracles.slope(name, at, **options) for at in x.tolist()]
    assert_within_ulps(slope, wanted, SLOPE_ULPS, "slope")


@every_form
def test_float64_where_it_is_hard(name: str, options: dict[str, Any]) -> None:
    x = hard_places(name, torch.float64, options.get("beta", 1.0), dense=12, near=1)
    value, slope = answer(name, x, options)
    wanted = [oracles.value(name, at, **options) for at in x.tolist()]
    assert_within_ulps(value, wanted, VALUE_ULPS[torch.float64], "value")
    wanted = [oracles.slope(name, at, **options) for at in x.tolist()]
    assert_within_ulps(slope, wanted, SLOPE_ULPS, "slope")


@every_form
def test_float32_over_many_numbers(name: str, options: dict[str, Any]) -> None:
    """Assert value and slope over so many numbers that they fill blocks, against float64."""
    generator = torch.Generator().manual_seed(11)
    x = torch.cat([torch.rand(count, generator=generator) * 2 * end - end for count, end in MANY])
    value, slope = answer(name, x, options)
    wide = x.double().numpy()
    assert_within_ulps(value, oracles.fast_value(name, wide, **options), VALUE_ULPS[torch.float32], "value")
    # Beside its root a slope in float64 has no digits left; `test_float32_where_it_is_hard` goes there.
    wanted = torch.from_numpy(oracles.fast_slope(name, wide, **options))
    safe = (wanted.abs() > 1e-4) | (x.abs() > 2)
    assert_within_ulps(slope[safe], wanted[safe], SLOPE_ULPS, "slope")


# What the definition of torch's own kernel is, for bits that must agree.
BY_TORCH: Final[dict[str, tuple[Callable[..., Tensor], Callable[..., Tensor]]]] = {
    "sigmoid": (A.sigmoid, torch.sigmoid),
    "tanh": (A.tanh, torch.tanh),
    "log_sigmoid": (A.log_sigmoid, F.logsigmoid),
    "hard_sigmoid": (A.hard_sigmoid, F.hardsigmoid),
    "relu": (A.relu, torch.relu),
    "leaky_relu": (lambda x: A.leaky_relu(x, slope=0.2), lambda x: F.leaky_relu(x, 0.2)),
    "prelu": (lambda x: A.prelu(x, x.new_tensor(0.3)), lambda x: F.prelu(x, x.new_tensor([0.3]))),
    "elu": (lambda x: A.elu(x, alpha=1.5), lambda x: F.elu(x, 1.5)),
    "selu": (A.selu, F.selu),
    "softplus": (lambda x: A.softplus(x, beta=2.0), lambda x: F.softplus(x, 2.0)),
    "gelu": (A.gelu, F.gelu),
    "gelu-tanh": (lambda x: A.gelu(x, approximate="tanh"), lambda x: F.gelu(x, approximate="tanh")),
    "swish": (A.swish, F.silu),
    "mish": (A.mish, F.mish),
    "hard_swish": (A.hard_swish, F.hardswish),
    "relu6": (A.relu6, F.relu6),
    "hard_tanh": (lambda x: A.hard_tanh(x, low=-0.5, high=2.0), lambda x: F.hardtanh(x, -0.5, 2.0)),
    "threshold": (lambda x: A.threshold(x, threshold=0.5, value=2.0), lambda x: F.threshold(x, 0.5, 2.0)),
    "rrelu": (lambda x: A.rrelu(x, lower=0.25, upper=0.5), lambda x: F.rrelu(x, 0.25, 0.5)),
    "celu": (lambda x: A.celu(x, alpha=1.5), lambda x: F.celu(x, 1.5)),
    "hard_shrink": (lambda x: A.hard_shrink(x, threshold=0.3), lambda x: F.hardshrink(x, 0.3)),
    "soft_shrink": (lambda x: A.soft_shrink(x, threshold=0.3), lambda x: F.softshrink(x, 0.3)),
    "softmax": (lambda x: A.softmax(x, dim=0), lambda x: torch.softmax(x, 0)),
    "log_softmax": (lambda x: A.log_softmax(x, dim=0), lambda x: torch.log_softmax(x, 0)),
}


@each("name", BY_TORCH)
@each("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_the_default_is_torch_bit_for_bit(name: str, dtype: torch.dtype) -> None:
    ours, theirs = BY_TORCH[name]
    x = torch.cat([torch.linspace(-110, 110, 9001), torch.randn(1000)]).to(dtype)
    results = []
    for function in (ours, theirs):
        at = x.clone().requires_grad_()
        y = function(at)
        results.append((y.detach(), torch.autograd.grad(y, at, torch.ones_like(y))[0]))
    for came, wanted in zip(*results, strict=True):
        assert torch.equal(came, wanted)


def pairs(dtype: torch.dtype, count: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    value, gate = (torch.randn(count, generator=generator, dtype=torch.float64).to(dtype) for _ in range(2))
    return value, 6 * gate


@each("unit", ["glu", "swiglu", "geglu"])
@each("dtype", [torch.float32, torch.float64], ids=str)
def test_gated_units_where_exact(unit: str, dtype: torch.dtype) -> None:
    value, gate = (t.requires_grad_() for t in pairs(dtype, 150))
    with slopes.exact():
        y = getattr(A, unit)(value, gate)
    by_value, by_gate = torch.autograd.grad(y, [value, gate], torch.ones_like(y))
    wanted = [getattr(oracles, unit)(*both) for both in zip(value.tolist(), gate.tolist(), strict=True)]
    assert_within_ulps(y, [w[0] for w in wanted], 8.0, "value")
    assert_within_ulps(by_value, [w[1] for w in wanted], 8.0, "slope by the value")
    assert_within_ulps(by_gate, [w[2] for w in wanted], 10.0, "slope by the gate")


@each("unit", ["glu", "swiglu", "geglu"])
@each("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_gated_units_round_once(unit: str, dtype: torch.dtype) -> None:
    value, gate = (t.requires_grad_() for t in pairs(dtype, 300))
    with slopes.exact():
        y = getattr(A, unit)(value, gate)
    by_value, by_gate = torch.autograd.grad(y, [value, gate], torch.ones_like(y))
    wanted = [getattr(oracles, unit)(*both) for both in zip(value.tolist(), gate.tolist(), strict=True)]
    for came, index in ((y, 0), (by_value, 1), (by_gate, 2)):
        assert_within_ulps(came, [w[index] for w in wanted], SIXTEEN_BIT_ULPS)


@each("dtype", [torch.float32, torch.float64], ids=str)
@each("beta", [1.0, 0.3, -2.5, 50.0])
def test_swish_with_a_learned_beta(dtype: torch.dtype, beta: float) -> None:
    x = torch.cat([torch.linspace(-40, 40, 121, dtype=dtype), torch.logspace(-3, 2, 40, dtype=dtype)])
    at, learned = x.requires_grad_(), torch.full_like(x, beta).requires_grad_()
    y = A.swish(at, beta=learned)
    by_x, by_beta = torch.autograd.grad(y, [at, learned], torch.ones_like(y))
    exact_beta = learned[0].item()
    assert_within_ulps(y, [oracles.value("swish", v, beta=exact_beta) for v in x.tolist()], VALUE_ULPS[dtype], "value")
    assert_within_ulps(by_x, [oracles.slope("swish", v, beta=exact_beta) for v in x.tolist()], SLOPE_ULPS, "by x")
    with mp.workdps(400):
        wanted = [
            mpf(v) ** 2 * mp.exp(-exact_beta * mpf(v)) / (1 + mp.exp(-exact_beta * mpf(v))) ** 2 for v in x.tolist()
        ]
    # The exponential of a product carries half of its magnitude in units of the last place; two of them multiply.
    assert_within_ulps(by_beta, wanted, 16.0, "by beta")


@each("exact", [False, True], ids=["default", "exact"])
def test_the_slope_of_prelu_by_its_slope(exact: bool) -> None:  # noqa: FBT001
    x = torch.tensor([-2.5, -1e-40, 0.0, 3.0], dtype=torch.float64)
    learned = torch.tensor(0.25, dtype=torch.float64, requires_grad=True)
    with slopes.exact(exact):
        y = A.prelu(x, learned)
        assert torch.autograd.grad(y.sum(), learned)[0].item() == -2.5
