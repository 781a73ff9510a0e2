"""Values and slopes that can be checked by hand, and what every activation does at the edges."""

from __future__ import annotations

import math
import re
from typing import Any, Final

import pytest
import torch
from tests.each import each
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses

both_precisions = each("exact", [False, True], ids=["default", "exact"])
LOG_3: Final = math.log(3)

# (name, options, x, value, slope): where σ(log 3) = 3/4, tanh(log 3) = 4/5, softplus(log 3) = log 4.
BY_HAND: Final[list[tuple[str, dict[str, Any], float, float, float]]] = [
    ("sigmoid", {}, 0.0, 0.5, 0.25),
    ("sigmoid", {}, LOG_3, 0.75, 0.1875),
    ("sigmoid", {}, -LOG_3, 0.25, 0.1875),
    ("tanh", {}, 0.0, 0.0, 1.0),
    ("tanh", {}, LOG_3, 0.8, 0.36),
    ("log_sigmoid", {}, 0.0, -math.log(2), 0.5),
    ("log_sigmoid", {}, LOG_3, math.log(0.75), 0.25),
    ("hard_sigmoid", {}, 1.5, 0.75, 1 / 6),
    ("hard_sigmoid", {}, 3.0, 1.0, 0.0),
    ("hard_sigmoid", {}, -3.0, 0.0, 0.0),
    ("relu", {}, 2.5, 2.5, 1.0),
    ("relu", {}, -2.5, 0.0, 0.0),
    ("relu", {}, 0.0, 0.0, 0.0),
    ("leaky_relu", {}, -2.0, -0.02, 0.01),
    ("leaky_relu", {"slope": 0.2}, -2.0, -0.4, 0.2),
    ("leaky_relu", {"slope": 0.2}, 0.0, 0.0, 0.2),
    ("elu", {}, -LOG_3, -2 / 3, 1 / 3),
    ("elu", {"alpha": 3.0}, -LOG_3, -2.0, 1.0),
    ("elu", {}, 0.0, 0.0, 1.0),
    ("selu", {}, 1.0, 1.0507009873554805, 1.0507009873554805),
    ("selu", {}, -LOG_3, -1.7580993408473766 * 2 / 3, 1.7580993408473766 / 3),
    ("softplus", {}, 0.0, math.log(2), 0.5),
    ("softplus", {}, LOG_3, math.log(4), 0.75),
    ("softplus", {"beta": 2.0}, LOG_3 / 2, math.log(4) / 2, 0.75),
    ("gelu", {}, 0.0, 0.0, 0.5),
    ("gelu", {}, 1.0, 0.8413447460685429, 1.0833154705876864),
    ("gelu", {"approximate": "tanh"}, 1.0, 0.8411919906082768, 1.0829640838457826),
    ("swish", {}, LOG_3, 0.75 * LOG_3, 0.75 + LOG_3 * 0.1875),
    ("swish", {"beta": 2.0}, LOG_3 / 2, 0.375 * LOG_3, 0.75 + LOG_3 * 0.1875),
    ("swish", {"beta": 0.0}, 3.0, 1.5, 0.5),
    ("mish", {}, 0.0, 0.0, 0.6),
    ("mish", {}, LOG_3, LOG_3 * 15 / 17, 15 / 17 + LOG_3 * 0.75 * (1 - (15 / 17) ** 2)),
    ("hard_swish", {}, -1.5, -0.375, 0.0),
    ("hard_swish", {}, 1.0, 2 / 3, 5 / 6),
    ("hard_swish", {}, 3.0, 3.0, 1.0),
    ("hard_swish", {}, -3.0, 0.0, 0.0),
    ("relu6", {}, 5.0, 5.0, 1.0),
    ("relu6", {}, 6.0, 6.0, 0.0),
    ("relu6", {}, 0.0, 0.0, 0.0),
    ("hard_tanh", {}, 0.25, 0.25, 1.0),
    ("hard_tanh", {}, 1.0, 1.0, 0.0),
    ("hard_tanh", {"low": -3.0, "high": 2.0}, -2.5, -2.5, 1.0),
    ("threshold", {}, 1.0, 0.0, 0.0),
    ("threshold", {"threshold": -1.0, "value": 5.0}, -0.5, -0.5, 1.0),
    ("threshold", {"threshold": -1.0, "value": 5.0}, -1.5, 5.0, 0.0),
    ("rrelu", {"lower": 0.25, "upper": 0.75}, -2.0, -1.0, 0.5),
    ("rrelu", {"lower": -0.25, "upper": 0.25}, -2.0, 0.0, 0.0),
    ("relu_squared", {}, 3.0, 9.0, 6.0),
    ("relu_squared", {}, -3.0, 0.0, 0.0),
    ("celu", {"alpha": 2.0}, -2 * LOG_3, -4 / 3, 1 / 3),
    ("celu", {}, 0.0, 0.0, 1.0),
    ("hard_shrink", {}, 0.5, 0.0, 0.0),
    ("hard_shrink", {}, -0.75, -0.75, 1.0),
    ("soft_shrink", {}, -0.75, -0.25, 1.0),
    ("soft_shrink", {"threshold": 2.0}, 1.5, 0.0, 0.0),
    ("softsign", {}, -3.0, -0.75, 0.0625),
    ("soft_cap", {"cap": 2.0}, 2 * LOG_3, 1.6, 0.36),
    ("lecun_tanh", {}, 1.5 * LOG_3, 1.37272, 1.7159 * 2 / 3 * 0.36),
    ("quick_gelu", {}, LOG_3 / 1.702, 0.75 * LOG_3 / 1.702, 0.75 + LOG_3 * 0.1875),
    ("squareplus", {}, -1.5, 0.5, 0.2),
    ("squareplus", {"b": 9.0}, 4.0, 4.5, 0.9),
    ("tanh_shrink", {}, LOG_3, LOG_3 - 0.8, 0.64),
]


@each(("name", "options", "x", "value", "slope"), BY_HAND)
@both_precisions
def test_by_hand(
    name: str,
    options: dict[str, Any],
    x: float,
    value: float,
    slope: float,
    exact: bool,  # noqa: FBT001
) -> None:
    at = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    with slopes.exact(exact):
        y = getattr(A, name)(at, **options)
        came = torch.autograd.grad(y, at)[0]
    # torch's kernels have some constants in float32 only: the slope of its hard sigmoid is 0.16666667.
    to = 1e-14 if exact else 1e-7
    assert y.item() == pytest.approx(value, rel=to, abs=1e-15)
    assert came.item() == pytest.approx(slope, rel=to, abs=1e-15)


# (name, value at -inf, value at +inf, slope at -inf, slope at +inf)
LIMITS: Final = [
    ("sigmoid", 0.0, 1.0, 0.0, 0.0),
    ("tanh", -1.0, 1.0, 0.0, 0.0),
    ("log_sigmoid", -math.inf, 0.0, 1.0, 0.0),
    ("hard_sigmoid", 0.0, 1.0, 0.0, 0.0),
    ("relu", 0.0, math.inf, 0.0, 1.0),
    ("leaky_relu", -math.inf, math.inf, 0.01, 1.0),
    ("elu", -1.0, math.inf, 0.0, 1.0),
    ("selu", -1.7580993408473766, math.inf, 0.0, 1.0507009873554805),
    ("softplus", 0.0, math.inf, 0.0, 1.0),
    ("gelu", 0.0, math.inf, 0.0, 1.0),
    ("swish", 0.0, math.inf, 0.0, 1.0),
    ("mish", 0.0, math.inf, 0.0, 1.0),
    ("hard_swish", 0.0, math.inf, 0.0, 1.0),
    ("relu6", 0.0, 6.0, 0.0, 0.0),
    ("hard_tanh", -1.0, 1.0, 0.0, 0.0),
    ("threshold", 0.0, math.inf, 0.0, 1.0),
    ("rrelu", -math.inf, math.inf, 0.22916666666666666, 1.0),
    ("relu_squared", 0.0, math.inf, 0.0, math.inf),
    ("celu", -1.0, math.inf, 0.0, 1.0),
    ("hard_shrink", -math.inf, math.inf, 1.0, 1.0),
    ("soft_shrink", -math.inf, math.inf, 1.0, 1.0),
    ("softsign", -1.0, 1.0, 0.0, 0.0),
    ("soft_cap", -30.0, 30.0, 0.0, 0.0),
    ("lecun_tanh", -1.7159, 1.7159, 0.0, 0.0),
    ("quick_gelu", 0.0, math.inf, 0.0, 1.0),
    ("squareplus", 0.0, math.inf, 0.0, 1.0),
    ("tanh_shrink", -math.inf, math.inf, 1.0, 1.0),
]


@each(("name", "low", "high", "slope_low", "slope_high"), LIMITS)
@each("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
@each("layout", ["contiguous", "transposed", "strided", "expanded"])
def test_limits_and_nan_in_every_layout(
    name: str, low: float, high: float, slope_low: float, slope_high: float, dtype: torch.dtype, layout: str
) -> None:
    """Assert the limits at both infinities, and NaN for NaN, wherever they stand in a vector register."""
    for size in (*range(1, 20), 31, 33, 63, 64, 65, 70):
        numbers = torch.tensor([-math.inf, math.inf, math.nan, 0.5], dtype=dtype).repeat(size)[: max(size, 3)]
        x = laid_out(numbers, layout).requires_grad_()
        with slopes.exact():
            y = getattr(A, name)(x)
            slope = torch.autograd.grad(y, x, torch.ones_like(y))[0]
        flat, values, slopes_ = x.detach().flatten(), y.detach().flatten(), slope.flatten()
        for at, value_there, slope_there in ((-math.inf, low, slope_low), (math.inf, high, slope_high)):
            where = flat == at
            assert torch.equal(values[where], torch.full_like(values[where], value_there))
            assert torch.equal(slopes_[where], torch.full_like(slopes_[where], slope_there))
        assert bool(values[flat.isnan()].isnan().all())
        assert bool(slopes_[flat.isnan()].isnan().all())
        assert bool(values[flat == 0.5].isfinite().all())


def laid_out(numbers: Tensor, layout: str) -> Tensor:
    """Return the numbers, several times, in that memory layout."""
    if layout == "transposed":
        return torch.stack([numbers, numbers.roll(1)]).T
    if layout == "strided":
        return torch.stack([torch.zeros_like(numbers), numbers], -1)[:, 1]
    return numbers.expand(2, -1) if layout == "expanded" else numbers.clone()


def test_relu_slope_at_0_and_minus_0() -> None:
    for exact in (False, True):
        x = torch.tensor([0.0, -0.0], requires_grad=True)
        with slopes.exact(exact):
            assert torch.autograd.grad(A.relu(x).sum(), x)[0].tolist() == [0.0, 0.0]


@both_precisions
def test_prelu_has_one_slope_or_one_for_each_channel(exact: bool) -> None:  # noqa: FBT001
    x = torch.tensor([[-2.0, -2.0, 4.0], [-1.0, 3.0, -1.0]])
    with slopes.exact(exact):
        assert A.prelu(x, 0.5).tolist() == [[-1.0, -1.0, 4.0], [-0.5, 3.0, -0.5]]
        assert A.prelu(x, torch.tensor(0.5)).tolist() == [[-1.0, -1.0, 4.0], [-0.5, 3.0, -0.5]]
        each = torch.tensor([0.5, 0.25, 2.0], requires_grad=True)
        y = A.prelu(x, each)
        assert y.tolist() == [[-1.0, -0.5, 4.0], [-0.5, 3.0, -2.0]]
        assert torch.autograd.grad(y.sum(), each)[0].tolist() == [-3.0, -2.0, -1.0]
        images = x.reshape(2, 3, 1, 1).expand(2, 3, 2, 2)
        assert torch.equal(A.prelu(images, each.detach())[..., 1, 1], y.detach())


@each("dtype", [torch.float32, torch.float64], ids=str)
def test_swish_learns_beta(dtype: torch.dtype) -> None:
    x = torch.tensor([[LOG_3, -LOG_3], [0.0, 2 * LOG_3]], dtype=dtype)
    beta = torch.tensor([[1.0], [0.5]], dtype=dtype, requires_grad=True)
    y = A.swish(x, beta=beta)
    assert y[0].tolist() == pytest.approx([0.75 * LOG_3, -0.25 * LOG_3], rel=1e-6)
    slope = torch.autograd.grad(y.sum(), beta)[0]  # x² σ(βx) σ(-βx)
    assert slope.flatten().tolist() == pytest.approx([2 * LOG_3**2 * 0.1875, 4 * LOG_3**2 * 0.1875], rel=1e-6)
    module = A.Swish(beta=1.0, learnable=True).to(dtype)
    module(x).sum().backward()
    assert module.beta.grad.shape == ()
    assert torch.equal(A.swish(x, beta=torch.tensor(1.0, dtype=dtype)), module(x).detach())


def test_silu_is_swish() -> None:
    assert A.silu is A.swish
    assert A.SiLU is A.Swish


@each(("unit", "act"), [("glu", "sigmoid"), ("swiglu", "swish"), ("geglu", "gelu")])
@both_precisions
def test_gated_units_activate_the_gate(unit: str, act: str, exact: bool) -> None:  # noqa: FBT001
    value, gate = torch.tensor([2.0, -3.0], dtype=torch.float64), torch.tensor([0.5, -1.0], dtype=torch.float64)
    with slopes.exact(exact):
        gated = getattr(A, unit)
        y = gated(value, gate)
        assert torch.allclose(y, value * getattr(A, act)(gate), rtol=1e-14)
        assert torch.equal(gated(torch.cat([value, gate])), y)
        assert torch.equal(gated(torch.cat([gate, value]), gate_half="first"), y)
        assert not torch.allclose(gated(torch.cat([gate, value])), y)


@both_precisions
def test_gpt_oss_clamps_the_gate_above_and_the_value_on_both_sides(exact: bool) -> None:  # noqa: FBT001
    """Its own code, in float64: openai/gpt-oss, gpt_oss/torch/model.py, swiglu."""
    limit, alpha = 7.0, 1.702
    value, gate = torch.meshgrid(*(torch.tensor([-9.0, -7.0, -1.0, 0.0, 2.0, 7.0, 8.0]).double(),) * 2, indexing="ij")
    theirs, ours = ((value.clone().requires_grad_(), gate.clone().requires_grad_()) for _ in range(2))
    x_glu, x_linear = theirs[1].clamp(min=None, max=limit), theirs[0].clamp(min=-limit, max=limit)
    wanted = x_glu * torch.sigmoid(alpha * x_glu) * (x_linear + 1)
    with slopes.exact(exact):
        y = A.swiglu(*ours, limit=limit, alpha=alpha, shift=1.0)
    assert torch.allclose(y, wanted, rtol=1e-13, atol=1e-300)
    found, other = (torch.autograd.grad(out.sum(), of) for out, of in ((y, ours), (wanted, theirs)))
    for came, slope in zip(found, other, strict=True):
        assert torch.allclose(came, slope, rtol=1e-12, atol=1e-15)
    packed = torch.stack([gate, value], -1).flatten(-2)
    assert torch.equal(A.swiglu(packed[..., 1::2], packed[..., ::2], limit=limit, alpha=alpha, shift=1.0), y)


@both_precisions
def test_limits_of_swiglu_at_infinity_and_nan(exact: bool) -> None:  # noqa: FBT001
    value = torch.tensor([math.inf, -math.inf, 1.0, math.nan])
    gate = torch.tensor([math.inf, 1.0, -math.inf, 1.0])
    with slopes.exact(exact):
        y = A.swiglu(value, gate, limit=2.0)
    assert y[:3].tolist() == pytest.approx([2 * 2 / (1 + math.exp(-2)), -2 / (1 + math.exp(-1)), 0.0], rel=1e-6)
    assert bool(y[3].isnan())
    with pytest.raises(slopes.OptionError, match=r"^swiglu: `limit` is 0, expected a number in \(0, ∞"):
        A.swiglu(value, gate, limit=0)


def test_reglu_and_bilinear_by_hand() -> None:
    value = torch.tensor([2.0, -3.0, 5.0], requires_grad=True)
    gate = torch.tensor([4.0, -1.0, 0.0], requires_grad=True)
    for unit, wanted, by_value, by_gate in (
        (A.reglu, [8.0, 0.0, 0.0], [4.0, 0.0, 0.0], [2.0, 0.0, 0.0]),
        (A.bilinear, [8.0, 3.0, 0.0], [4.0, -1.0, 0.0], [2.0, -3.0, 5.0]),
    ):
        y = unit(value, gate)
        assert y.tolist() == wanted
        found = torch.autograd.grad(y.sum(), [value, gate])
        assert [t.tolist() for t in found] == [by_value, by_gate]


def test_glu_is_that_of_torch() -> None:
    packed = torch.randn(5, 8, dtype=torch.float64)
    assert torch.allclose(A.glu(packed), torch.nn.functional.glu(packed), rtol=1e-14)


ERRORS: Final = [
    (lambda: A.gelu(torch.ones(1), approximate="fast"), slopes.OptionError, "gelu: `approximate` is 'fast', expected one of 'none', 'tanh'; choose one of these."),  # noqa: E501
    (lambda: A.relu(torch.ones(1, dtype=torch.int64)), slopes.DtypeError, "relu: `x` has dtype torch.int64, expected float16, bfloat16, float32 or float64; convert it yourself, for example x.float(), if that is what you mean."),  # noqa: E501
    (lambda: A.tanh([1.0]), slopes.DtypeError, "tanh: `x` is list, expected a torch.Tensor; wrap it with torch.tensor(...)."),  # noqa: E501
    (lambda: A.hard_tanh(torch.ones(1), low=1.0, high=1.0), slopes.OptionError, "hard_tanh: `low` is 1.0 and `high` is 1.0, expected `low` below `high`; exchange them, or move one away from the other."),  # noqa: E501
    (lambda: A.soft_cap(torch.ones(1), cap=0.0), slopes.OptionError, "soft_cap: `cap` is 0.0, expected a number in (0, ∞); choose one from there."),  # noqa: E501
    (lambda: A.squareplus(torch.ones(1), b=-1.0), slopes.OptionError, "squareplus: `b` is -1.0, expected a number in (0, ∞); choose one from there."),  # noqa: E501
    (lambda: A.hard_shrink(torch.ones(1), threshold=-0.5), slopes.OptionError, "hard_shrink: `threshold` is -0.5, expected a number in [0, ∞); choose one from there."),  # noqa: E501
    (lambda: A.elu(torch.ones(1), alpha=-1.0), slopes.OptionError, "elu: `alpha` is -1.0, expected a number in [0, ∞); choose one from there."),  # noqa: E501
    (lambda: A.leaky_relu(torch.ones(1), slope="steep"), slopes.OptionError, "leaky_relu: `slope` is 'steep' of type str, expected a Python number in (-∞, ∞); pass a float."),  # noqa: E501
    (lambda: A.softplus(torch.ones(1), beta=0.0), slopes.OptionError, "softplus: `beta` is 0.0, expected a number in (0, ∞); choose one from there."),  # noqa: E501
    (lambda: A.swish(torch.ones(1), beta=math.nan), slopes.OptionError, "swish: `beta` is nan, expected a number in (-∞, ∞); choose one from there."),  # noqa: E501
    (lambda: A.swish(torch.ones(2), beta=torch.ones(3)), slopes.ShapeError, "swish: `beta` has shape [3], expected one that broadcasts to the shape of `x`, [2]; for one beta per channel in dimension 1 reshape it to [C, 1, ...]."),  # noqa: E501
    (lambda: A.swish(torch.ones(2), beta=torch.ones(2, 2)), slopes.ShapeError, "swish: `beta` has shape [2, 2], expected one that broadcasts to the shape of `x`, [2];"),  # noqa: E501
    (lambda: A.prelu(torch.ones(2, 3), torch.ones(2)), slopes.ShapeError, "prelu: `slope` has shape [2], expected [3] (one element, or one for each channel in dimension 1);"),  # noqa: E501
    (lambda: A.prelu(torch.ones(2), torch.ones(1).double()), slopes.DtypeError, "prelu: `x` is torch.float32, `slope` is torch.float64, expected one dtype; convert one of them, nothing is cast silently."),  # noqa: E501
    (lambda: A.softmax(torch.ones(2), dim=1), slopes.OptionError, "softmax: `dim` is 1, expected a dimension of `x`, which has shape [2]; use -1."),  # noqa: E501
    (lambda: A.softmax(torch.ones(2), temperature=0.0), slopes.OptionError, "softmax: `temperature` is 0.0, expected a number in (0, ∞); choose one from there."),  # noqa: E501
    (lambda: A.log_softmax(torch.ones(2), mask=torch.ones(2)), slopes.DtypeError, "log_softmax: `mask` has dtype torch.float32, expected torch.bool (the shape of `x`; True where an entry takes part); write the condition out, for example mask == 1."),  # noqa: E501
    (lambda: A.softmax(torch.ones(2), mask=torch.ones(1, 2) > 0), slopes.ShapeError, "softmax: `mask` has shape [1, 2], expected [2] (the shape of `x`; True where an entry takes part);"),  # noqa: E501
    (lambda: A.glu(torch.ones(3)), slopes.ShapeError, "glu: packed `value` has shape [3], expected an even last dimension that holds both halves; pass `gate` as a tensor of its own otherwise."),  # noqa: E501
    (lambda: A.swiglu(torch.ones(3), torch.ones(3, 1)), slopes.ShapeError, "swiglu: `value` [3] and `gate` [3, 1] have different shapes, expected equal ones; nothing broadcasts silently,"),  # noqa: E501
    (lambda: A.geglu(torch.ones(3), torch.ones(3).half()), slopes.DtypeError, "geglu: `value` is torch.float32, `gate` is torch.float16, expected one dtype;"),  # noqa: E501
    (lambda: A.geglu(torch.ones(2), gate_half="left"), slopes.OptionError, "geglu: `gate_half` is 'left', expected one of 'first', 'second'; choose one of these."),  # noqa: E501
    (lambda: A.glu(torch.ones(2), 3.0), slopes.DtypeError, "glu: `gate` is float, expected a torch.Tensor; pass the half that is activated, or None if `value` is packed."),  # noqa: E501
    (lambda: A.PReLU(channels=0), slopes.OptionError, "PReLU: `channels` is 0, expected an integer of at least 1; pass a whole number."),  # noqa: E501
    (lambda: A.GatedFFN(0), slopes.OptionError, "GatedFFN: `d_model` is 0, expected an integer of at least 1; pass a whole number."),  # noqa: E501
    (lambda: A.GatedFFN(8, 0), slopes.OptionError, "GatedFFN: `d_hidden` is 0, expected an integer of at least 1; pass a whole number."),  # noqa: E501
    (lambda: A.GatedFFN(8, activation="relu"), slopes.OptionError, "GatedFFN: `activation` is 'relu', expected one of 'swish', 'gelu', 'gelu_tanh', 'sigmoid'; choose one of these."),  # noqa: E501
]  # fmt: skip


@each(("call", "kind", "text"), ERRORS, ids=[text[:30] for *_, text in ERRORS])
def test_error_texts(call: Any, kind: type[Exception], text: str) -> None:  # noqa: ANN401
    with pytest.raises(kind, match="^" + re.escape(text)):
        call()
