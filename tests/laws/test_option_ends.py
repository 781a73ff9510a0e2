"""Numbers at the ends of their domains: value and gradient as defined, as a number and as a tensor, and never NaN."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest
import torch
from mpmath import mp, mpf
from tests.accuracy import LOSS_ULPS, ulps, unit
from tests.each import each
from tests.laws.samples import ARGUMENTS, CASES, Case, on_graph
from tests.laws.test_options import LARGEST, LEAST, inside
from tests.oracles import activations as activation_oracles
from tests.oracles import losses as oracles
from tests.oracles.precision import exact, gradient
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes._core.spec import Spec
from slopes.catalog import find

IN_ORDER: Final = (("low", "high"), ("lower", "upper"))
NUMBERS: Final = (0.0, 1.0, -1.0, 0.5, LEAST, -LEAST, 1e-30, 3e19, -3e19, LARGEST, -LARGEST)
RESIDUALS: Final = [(a, 0.0) for a in (1.0, -3.0, LEAST, 1e-30, 3e10, -1e30)]
JUDGED: Final = [(z, y) for z in (-90.0, -30.0, -1.0, -0.125, 0.0, 0.75, 17.0, 44.0) for y in (0.0, 1.0)]
ROWS: Final = ([0.5, -1.25, 2.0, 0.125], [30.0, 1.0, -4.0, 29.5])
EVEN: Final = ([0.5, -1.25, 2.0], [3.0, 1.0, 2.5])
CLASSED: Final = [(row, target) for row in ROWS for target in (0, 2)]
FOUR: Final = [
    (-5.0, -7.5, -4.0, -6.0),
    (-90.0, -20.0, -30.0, -40.0),
    (-1.0, -300.0, -2.0, -1.5),
    (-1e10, -1.0, -1.0, -1.0),
    (0.0, 0.0, -1e30, 0.0),
    (-1e-30, 0.0, 0.0, 0.0),
]
JUDGED_ANSWERS: Final = [(p, r, d) for p in (0.0, -5.0, -1e10, -1e30) for r in (-6.0, -1e10) for d in (True, False)]
ODDS: Final = [(c, r, 0.5) for c in (-1e-3, -0.7, -90.0) for r in (-1e-3, -5.0, -300.0)]
RATIOS: Final = [(n, o, a) for n in (-1e-3, -5.0, -90.0) for o in (-0.7, -5.5, -1e5) for a in (2.0, -2.0)]
ROUNDED: Final = [(2.0, 1.0, 3.0), (2.0, 1.0, 0.0), (-4.0, 1.0, 0.5), (1e15, 0.0, -1e10), (1e-30, 1.0, 0.0)]
POINTS: Final = ([0.5, -1.0, 2.0], [1.5, 0.25, -0.75], [0.25, 0.0, 0.0])
PAIRS: Final = [(a, b, alike) for a in POINTS for b in POINTS for alike in (True, False) if a is not b]


@dataclass(frozen=True)
class End:
    """A function at hazards: the call on columns, the definition on a row, and the rows.

    `terms` is the size of what cancels or is rounded on the way, for which options and a row; 0 for nothing.
    """

    name: str
    call: Callable[..., Tensor]
    oracle: Callable[..., Any]
    rows: Sequence[tuple[Any, ...]]
    terms: Callable[..., float] = lambda **_: 0.0
    slope: Callable[..., Any] | None = None


def activation(name: str) -> End:
    def call(x: Tensor, **options: Any) -> Tensor:  # noqa: ANN401
        result: Tensor = getattr(A, name)(x, **options)
        return result

    def value(x: mpf, **options: Any) -> mpf:  # noqa: ANN401
        return activation_oracles.value(name, x, **options)

    def slope(x: mpf, **options: Any) -> mpf:  # noqa: ANN401
        return activation_oracles.slope(name, x, **options)

    return End(name, call, value, [(x,) for x in NUMBERS], slope=slope)


def loss(name: str, rows: Sequence[tuple[Any, ...]], terms: Callable[..., float] = lambda **_: 0.0) -> End:
    def call(*inputs: Tensor, **options: Any) -> Tensor:  # noqa: ANN401
        result: Tensor = getattr(L, name)(*inputs, **options, reduction="none")
        return result

    return End(name, call, getattr(oracles, name), rows, terms)


def _power(gamma: float = 0.0, gamma_negative: float = 0.0, gamma_positive: float = 0.0, **_: float) -> float:
    """Return how many places a power costs: the exponent's rounding error, times the logarithm of what is left."""
    steep = max(gamma, gamma_negative, gamma_positive) > 8
    return 90.0 if steep else 1.0


def _smoothed(row: Sequence[mpf], target: int, label_smoothing: float = 0.0, z_loss: float = 0.0) -> mpf:
    soft = oracles.cross_entropy(row, target, label_smoothing=label_smoothing)
    return soft + exact(float(z_loss)) * mp.log(mp.fsum(mp.exp(x) for x in exact(row))) ** 2


def _kto(*inputs: Any, **options: Any) -> Tensor:  # noqa: ANN401
    kl = torch.tensor(0.5, dtype=inputs[0].dtype)
    return L.kto(*inputs, kl, **options, reduction="none")


ENDS: Final = (
    *(activation(name) for name in ("leaky_relu", "elu", "softplus", "swish")),
    loss("huber", RESIDUALS),
    loss("smooth_l1", RESIDUALS),
    End(
        "quantile",
        lambda p, t, level: L.quantile(p.unsqueeze(-1), t, (level,), reduction="none").squeeze(-1),
        oracles.quantile,
        RESIDUALS,
    ),
    loss("binary_cross_entropy", JUDGED, lambda label_smoothing=0.0, **_: 1.0 if label_smoothing > 1e-6 else 0.0),
    loss("focal", JUDGED, lambda **_: 0.0),
    loss("asymmetric", JUDGED),
    loss("softmax_focal", CLASSED),
    End(
        "cross_entropy",
        lambda x, t, **o: L.cross_entropy(x, t, **o, reduction="none"),
        _smoothed,
        CLASSED,
        lambda z_loss=0.0, **_: 300.0 * max(1.0, 1000.0 * min(z_loss, LARGEST / 1e6)),
    ),
    loss("hinge", [(x, y) for x in NUMBERS[1:] for y in (-1.0, 1.0) if abs(x) not in (LEAST, LARGEST)]),
    loss("multiclass_hinge", CLASSED),
    End("distillation", loss("distillation", ()).call, oracles.distillation, [(*EVEN, 1), (*EVEN[::-1], 0)],
        lambda temperature=2.0, **_: 300.0 * min(temperature, 300.0)),
    loss("contrastive", PAIRS, lambda margin=1.0, **_: 8.0 * max(1.0, min(margin, 1e18)) ** 2),
    loss("cosine_embedding", PAIRS, lambda **_: 4.0),
    loss("triplet", [(a, b, c) for a in POINTS for b in POINTS for c in POINTS if len({*map(str, (a, b, c))}) == 3],
         lambda margin=0.2, **_: 8.0 * max(1.0, margin)),
    loss("bradley_terry", [(a, b) for a in (0.0, -3.0, 1e-30, 1e10, -1e30, 90.0) for b in (2.0, -1e10)]),
    loss("dpo", FOUR),
    loss("ipo", FOUR),
    End("kto", _kto, lambda *row, **o: oracles.kto(*row, kl=0.5, **o), JUDGED_ANSWERS),
    loss("orpo", ODDS, lambda lam=0.1, **_: 4.0 * max(1.0, lam)),
    loss("ppo", RATIOS),
    loss("value_clip", ROUNDED),
)  # fmt: skip


def ends_of(spec: Spec) -> Iterator[dict[str, float]]:
    """Yield the options of a function: each at every end, the others at their defaults; then all low, and all high."""
    numbers = [p for p in spec.parameters if not p.choices]
    defaults = {p.name: float(p.default) for p in numbers if p.default is not None}
    for parameter in numbers:
        for value in inside(parameter.domain):
            yield defaults | {parameter.name: value}
    if len(numbers) > 1:
        yield {p.name: min(inside(p.domain)) for p in numbers}
        yield {p.name: max(inside(p.domain)) for p in numbers}


def columns(end: End, dtype: torch.dtype) -> list[Tensor]:
    """Return the rows' arguments as tensors, the first with a graph."""
    stacked = [torch.tensor(entries) for entries in zip(*end.rows, strict=True)]
    stacked = [torch.tensor(t.tolist(), dtype=dtype) if t.is_floating_point() else t for t in stacked]
    return [stacked[0].requires_grad_(), *stacked[1:]]


def assert_near(came: Tensor, wanted: Any, allowed: float, terms: float, what: str) -> None:  # noqa: ANN401
    """Assert closeness in the last places of the number, or of the terms that it was made of."""
    errors = ulps(came, wanted)
    scale = unit(came.dtype) * terms
    flat = wanted if isinstance(wanted, list) else [wanted]
    near = [abs(mpf(c) - w) <= allowed * scale if math.isfinite(c) and mp.isfinite(w) else False
            for c, w in zip(came.reshape(-1).tolist(), flat, strict=True)]  # fmt: skip
    for error, close, value, other in zip(
        errors.reshape(-1).tolist(), near, came.reshape(-1).tolist(), flat, strict=True
    ):
        largest = math.isfinite(value) and abs(value) > LARGEST / 4 and abs(other) > LARGEST / 4
        assert error <= allowed or close or largest, f"{what} is {value}, exactly {mp.nstr(mpf(other), 12)}"


@each("end", ENDS, ids=lambda end: end.name)
def test_options_are_right_at_the_ends_of_their_domains(end: End) -> None:
    dtype = torch.float32
    for options in ends_of(find(end.name)):
        if end.name == "quantile":
            options = {"level": options["q"]}  # noqa: PLW2901
        inputs = columns(end, dtype)
        with slopes.exact():
            result = end.call(*inputs, **options)
            slope = torch.autograd.grad(result.sum(), inputs[0])[0]
        allowed, terms = LOSS_ULPS * _power(**options), end.terms(**options)
        for number, row in enumerate(zip(*(exact(t) for t in inputs), strict=True)):
            what = f"{end.name} of {end.rows[number]} under {options}"
            assert_near(result[number], mpf(end.oracle(*row, **options)), allowed, terms, what)
            if end.slope is not None:
                wanted = end.slope(*row, **options)
            else:
                wanted = gradient(lambda *given, chosen=options: end.oracle(*given, **chosen), *row)
            assert_near(slope[number], wanted, allowed, terms, f"slope of {what}")


@each("dtype", [torch.float32, torch.float64], ids=str)
def test_tensors_at_the_ends_are_the_numbers(dtype: torch.dtype) -> None:
    """Assert that an option that may be a tensor gives what the number gives, and that 0 is a number as others."""
    x = torch.tensor([*NUMBERS, math.inf, -math.inf], dtype=dtype)
    for beta in inside(find("swish").parameters[0].domain):
        by_number, by_tensor = (x.clone().requires_grad_() for _ in range(2))
        wide = torch.tensor(beta, dtype=dtype, requires_grad=True)
        with slopes.exact():  # which a tensor is always computed by
            one, other = A.swish(by_number, beta=beta), A.swish(by_tensor, beta=wide)
        assert bool((ulps(other, one.detach().double()) <= LOSS_ULPS).all()), f"swish under {beta}"
        slopes_of = torch.autograd.grad(one.sum(), by_number)[0], torch.autograd.grad(other.sum(), by_tensor)[0]
        assert bool((ulps(slopes_of[1], slopes_of[0].double()) <= LOSS_ULPS).all()), f"slope of swish under {beta}"
    assert A.swish(torch.tensor(-1.0), beta=torch.tensor(0.0)).item() == -0.5
    beta = torch.zeros(3, dtype=dtype, requires_grad=True)
    at = torch.tensor([-2.0, 0.0, 2.0], dtype=dtype)
    assert torch.autograd.grad(A.swish(at, beta=beta).sum(), beta)[0].tolist() == [1.0, 0.0, 1.0]  # x²/4
    for slope in inside(find("prelu").parameters[0].domain):
        assert torch.equal(A.prelu(x[:-2], torch.tensor(slope, dtype=dtype)), A.prelu(x[:-2], slope))
    logits, labels = (
        torch.tensor([z for z, _ in JUDGED], dtype=dtype),
        torch.tensor([y for _, y in JUDGED], dtype=dtype),
    )
    for weight in inside(find("binary_cross_entropy").parameters[0].domain):
        both = (torch.full_like(logits, weight), weight)
        assert torch.equal(*(L.binary_cross_entropy(logits, labels, pos_weight=w, reduction="none") for w in both))
        margins = (torch.full_like(logits, weight), weight)
        assert torch.equal(*(L.bradley_terry(logits, labels, margin=m, reduction="none") for m in margins))


def options_at_their_ends(case: Case) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield options and inputs, an option that is an input among the latter."""
    for parameter in (p for p in case.spec.parameters if not p.choices):
        for value in inside(parameter.domain):
            for spread in (1.0, 1e6):
                inputs, options = case.inputs(torch.float32, spread=spread), dict(case.options)
                if case.spec.name in ARGUMENTS and parameter.name == "q":  # of levels, one for each prediction
                    inputs[next(iter(ARGUMENTS[case.spec.name]))] = (value, 0.5)
                elif parameter.name in inputs:
                    inputs[parameter.name] = torch.full_like(inputs[parameter.name], value)
                else:
                    options[parameter.name] = value
                yield inputs, options


def test_nothing_is_nan_at_an_end() -> None:
    """Assert that every function has a value and gradients, small and large inputs alike; infinity is one."""
    for case in CASES:
        if case.label not in ("", "bare", "learned", "reverse", "by-label", "class-weight-smoothed", "normalised"):
            continue
        for inputs, options in options_at_their_ends(case):
            given = {of.name: of.default for of in case.spec.parameters} | options
            if any(low in given and given[low] >= given[high] for low, high in IN_ORDER):
                continue  # two ends that have changed places are refused
            names = case.learned()
            leaves = on_graph(inputs, names)
            more = {"reduction": "none"} if case.spec.reduces else {}
            result = case.spec.function(**leaves, **options, **more)
            assert not bool(result.isnan().any()), f"{case} under {options}"
            if result.requires_grad:
                found = torch.autograd.grad(result, [leaves[n] for n in names], torch.ones_like(result))
                for name, slope in zip(names, found, strict=True):
                    assert not bool(slope.isnan().any()), f"gradient by {name} of {case} under {options}"


@each("reverse", [False, True])
def test_a_high_temperature_keeps_what_distillation_measures(reverse: bool) -> None:  # noqa: FBT001
    """Assert that T² KL tends to half the variance of the difference of the logits, and does not drown."""
    student, teacher = torch.tensor([[0.5, -1.25, 2.0, 0.125]]), torch.tensor([[-3.0, 5.0, 2.0, 1.0]])
    limit = 0.5 * (student - teacher).double().var(unbiased=False)
    direction = "reverse" if reverse else "forward"
    for temperature in (1e6, 1e20, LARGEST):
        came = L.distillation(
            student, teacher, torch.tensor([0]), temperature=temperature, alpha=0.0, direction=direction
        )
        assert came.item() == pytest.approx(limit.item(), rel=1e-5)


def test_a_slope_of_0_leaves_nothing_of_infinity() -> None:
    x = torch.tensor([-math.inf, -1.0, 0.0, 2.0, math.inf], requires_grad=True)
    for exact_forms in (False, True):
        with slopes.exact(exact_forms):
            y = A.leaky_relu(x, slope=0.0)
            assert y.tolist() == [0.0, 0.0, 0.0, 2.0, math.inf]
            assert torch.autograd.grad(y, x, torch.ones_like(y))[0].tolist() == [0.0, 0.0, 0.0, 1.0, 1.0]
