"""What a `Spec` says is so: range, monotony, kinks, equivalents; and nothing in it is left out."""

from __future__ import annotations

import inspect
import math
import re
from typing import Any, Final

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  the field's own abbreviation
from latex2mathml.converter import convert
from tests import families
from tests.each import each
from tests.laws.samples import ARGUMENTS, CASES, LOSSES, ONE_EACH, Case, assert_near

import slopes
from slopes._core.spec import Equivalent, Spec
from slopes.catalog import CATALOG, find

ELEMENTWISE: Final = [c for c in ONE_EACH if c.spec.kind == "activation" and c.spec.elementwise]
LONG: Final = 1e-2  # a jump of the slope, against its change over a step of 2^-16
# Names that no paper stands for: the logarithm of a function that has its own sources.
WITHOUT_SOURCE: Final = {"log_sigmoid": "sigmoid", "log_softmax": "softmax"}
NAMELESS_MINIMUM: Final = {"gelu", "swish", "mish", "quick_gelu"}
# Equivalents that give other numbers for the same inputs, as their `differs` says.
OTHER_NUMBERS: Final = {
    ("cosine_embedding", "torch"): "1e-12 is added to the squared norms",
    ("multiclass_hinge", "torch"): "over all classes, divided by C",
    ("triplet", "torch"): "1e-6 is added to every difference",
    **families.mapping("OTHER_NUMBERS"),
}

every_spec = each("spec", CATALOG, ids=lambda spec: spec.name)
both_precisions = each("exact", [False, True], ids=["default", "exact"])


def curve(case: Case, x: torch.Tensor, *, exact: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    """Return value and slope along a line."""
    x = x.clone().requires_grad_()
    rest = {"slope": torch.tensor([0.25], dtype=x.dtype)} if case.spec.name == "prelu" else {}
    with slopes.exact(exact):
        y = case({"x": x, **rest})
        return y.detach(), torch.autograd.grad(y.sum(), x)[0]


@each("case", ELEMENTWISE, ids=str)
@both_precisions
@each("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_values_lie_in_the_range(case: Case, exact: bool, dtype: torch.dtype) -> None:  # noqa: FBT001
    wide = torch.cat([torch.linspace(-12, 12, 4001), torch.logspace(-6, 4, 500), -torch.logspace(-6, 4, 500)])
    y, _ = curve(case, wide.to(dtype), exact=exact)
    low, high = (torch.tensor(end, dtype=dtype) for end in (case.spec.range.low, case.spec.range.high))
    assert bool((y >= torch.nextafter(low, -high.abs())).all()), f"{y.min()} is below {low}"
    assert bool((y <= torch.nextafter(high, high.abs() * 2)).all()), f"{y.max()} is above {high}"


@each("case", ELEMENTWISE, ids=str)
def test_the_range_is_no_larger_than_it_must_be(case: Case) -> None:
    ends = torch.tensor([-1e12, 1e12], dtype=torch.float64)  # some tails end as slowly as 1/x
    y, _ = curve(case, torch.cat([torch.linspace(-12, 12, 240_001, dtype=torch.float64), ends]))
    low, high = case.spec.range.low, case.spec.range.high
    assert y.min() < -100 if math.isinf(low) else float(y.min()) == pytest.approx(low, abs=1e-8)
    assert y.max() > 100 if math.isinf(high) else float(y.max()) == pytest.approx(high, abs=1e-8)


@each("case", ELEMENTWISE, ids=str)
def test_open_ends_are_not_reached(case: Case) -> None:
    """Assert that an end is open where, and only where, no point reaches it; 12 is as far as float64 tells."""
    y, _ = curve(case, torch.linspace(-12, 12, 4001, dtype=torch.float64))
    domain = case.spec.range
    if math.isfinite(domain.low) and case.spec.name not in {
        "gelu",
        "swish",
        "mish",
        "quick_gelu",
    }:  # their minimum has no name
        assert domain.low_open == (not bool((y == domain.low).any()))
    if math.isfinite(domain.high):
        assert domain.high_open == (not bool((y == domain.high).any()))


@each("case", ELEMENTWISE, ids=str)
@both_precisions
def test_monotone_or_not(case: Case, exact: bool) -> None:  # noqa: FBT001
    y, _ = curve(case, torch.linspace(-30, 30, 6001, dtype=torch.float64), exact=exact)
    falls = bool((y.diff() < 0).any())
    assert falls == (not case.spec.monotone)


@each("case", ELEMENTWISE, ids=str)
def test_the_slope_jumps_at_the_kinks_and_nowhere_else(case: Case) -> None:
    step = 2.0**-16
    x = torch.arange(-4, 8, step, dtype=torch.float64) + step / 2
    _, slope = curve(case, x)
    jumps = x[:-1][slope.diff().abs() > LONG] + step / 2
    assert jumps.tolist() == pytest.approx(list(case.spec.kinks), abs=step)


@each("case", ELEMENTWISE, ids=str)
def test_twice_where_the_second_derivative_does_not_jump_and_once_where_the_slope_does_not(case: Case) -> None:
    step = 2.0**-12
    x = torch.arange(-4, 4, step, dtype=torch.float64) + step / 2
    _, slope = curve(case, x)
    bends = slope.diff() / step
    twice = bool((bends.diff().abs() < LONG).all())
    assert case.spec.smooth == ("twice" if twice else "no" if case.spec.kinks else "once")


@each("case", LOSSES, ids=str)
@each("spread", [1.0, 30.0])
def test_losses_lie_in_their_range(case: Case, spread: float) -> None:
    if case.label == "bare" and spread > 1:
        pytest.skip("products of long vectors")
    for dtype in (torch.float32, torch.float64):
        inputs = case.inputs(dtype, rows=64, spread=spread)
        with slopes.checks(values=False):
            entries = case.unreduced(inputs)
        assert bool((entries >= case.spec.range.low).all()), f"{entries.min()} in {case.spec.range}"
        high = case.spec.range.high * (1 + 4 * torch.finfo(dtype).eps)
        assert bool((entries <= high).all()), f"{entries.max()} in {case.spec.range}"


@each("case", [c for c in LOSSES if c.spec.elementwise and not c.label], ids=str)
def test_losses_are_smooth_or_say_so(case: Case) -> None:
    """Assert that the gradient of a loss has no jump along its first argument, if it says that it has none."""
    step = 2.0**-10
    line = torch.arange(-4, 4, step, dtype=torch.float64) + step / 3
    inputs = case.inputs(rows=len(line), seed=3)
    inputs = {n: v[:1].expand(len(line)).contiguous() if n in case.by_row(inputs) else v for n, v in inputs.items()}
    first = case.spec.inputs[0]
    at = (line + {"log_probability": -4.1, "above_minus_one": 3.1}.get(first.holds, 0.0)).requires_grad_()
    wide = families.mapping("WIDE_ENOUGH").get(case.spec.name, {})
    slope = torch.autograd.grad(case(inputs | {first.name: at}, reduction="sum", **wide), at)[0]
    jumps = bool((slope.diff().abs() > 0.05 * (slope.max() - slope.min())).any())
    assert (case.spec.smooth == "no") == jumps


def options_in(spec: Spec, equivalent: Equivalent) -> dict[str, float]:
    """Return another value than its default for each number that a call names."""
    named = set(re.findall(r"[a-z_]\w*", re.sub(r"\b\w+=", "", equivalent.call)))
    return {
        parameter.name: 0.7 * parameter.default
        for parameter in spec.parameters
        if parameter.name in named - {of.name for of in spec.inputs} and isinstance(parameter.default, float)
    }


def names_for(spec: Spec, equivalent: Equivalent) -> dict[str, Any]:
    """Return what the names in a call stand for."""
    case = next(c for c in CASES if c.spec is spec)
    names: dict[str, Any] = {"torch": torch, "F": F, "slopes": slopes, "Normal": torch.distributions.Normal}
    names |= {parameter.name: parameter.default for parameter in spec.parameters}
    names |= ARGUMENTS.get(spec.name, {}) | options_in(spec, equivalent) | case.inputs() | {"dim": -1}
    if "value" in names and "packed" in equivalent.call:
        names["packed"] = torch.cat([names["value"], names["gate"]], -1)
    if "similar" in names:
        names["y"] = 2 * names["similar"].double() - 1
    return names


OWN: Final = [
    pytest.param(spec, equivalent, id=f"{spec.name}-{equivalent.library}")
    for spec in CATALOG
    for equivalent in spec.equivalents
    if equivalent.library in ("torch", "slopes")
]


@each(("spec", "equivalent"), OWN)
def test_equivalents_are_equal(spec: Spec, equivalent: Equivalent) -> None:
    """Assert that the call, as it is printed, gives the same numbers, or that `differs` says why not."""
    case = next(c for c in CASES if c.spec is spec)
    names = names_for(spec, equivalent)
    came = eval(equivalent.call, {}, names)  # noqa: S307  the catalogue's own text
    inputs, options = case.inputs(), options_in(spec, equivalent)
    wanted = case(inputs, **options) if came.shape == () else case.unreduced(inputs, **options)
    if (spec.name, equivalent.library) in OTHER_NUMBERS:
        assert equivalent.differs
        assert not torch.equal(came, wanted)
    else:
        assert_near(came, wanted, size=8)


@every_spec
def test_nothing_is_left_out(spec: Spec) -> None:
    assert spec.title[0].isupper() or spec.title[0].isdigit()
    assert spec.summary.endswith(".")
    assert "\n" not in spec.summary
    assert len(spec.summary) <= 100
    assert spec.equivalents
    assert spec.sources or spec.name in WITHOUT_SOURCE
    assert spec.slope or spec.kind == "tool"
    assert spec.inputs
    assert all(source.citation for source in spec.sources)
    assert not any(equivalent.call.endswith(".") for equivalent in spec.equivalents)


@every_spec
def test_formulas_are_latex(spec: Spec) -> None:
    for text in (spec.formula, spec.slope, *(p.latex for p in spec.parameters)):
        if text:
            assert "\\\\" not in text
            assert text.count("{") == text.count("}")
            assert "<math" in convert(text)


@every_spec
def test_inputs_and_parameters_are_those_of_the_function(spec: Spec) -> None:
    signature = inspect.signature(spec.function).parameters
    for of in spec.inputs:
        assert of.name in signature
        assert of.optional == (signature[of.name].default is None) or spec.family == "gated"
    for parameter in spec.parameters:
        if parameter.name in signature and signature[parameter.name].default is not inspect.Parameter.empty:
            default = signature[parameter.name].default
            assert parameter.default == (str(default) if isinstance(default, bool) else default)
        assert parameter.meaning
        if isinstance(parameter.default, float):
            assert parameter.default in parameter.domain
        if parameter.choices:
            assert parameter.default in parameter.choices
        if parameter.slider:
            low, high, step = parameter.slider
            assert low < high
            assert 0 < step <= high - low
            assert parameter.default is None or low <= parameter.default <= high


@every_spec
def test_the_family_is_one_that_people_look_for(spec: Spec) -> None:
    families = {
        "activation": {"saturating", "rectified", "smooth", "normalized", "gated"},
        "loss": {
            "regression",
            "robust",
            "forecasts",
            "distributions",
            "counts",
            "survival",
            "classification",
            "ordinal",
            "ranking",
            "segmentation",
            "boxes",
            "sequence",
            "language",
            "distillation",
            "embedding",
            "divergence",
            "generation",
            "preference",
            "policy",
        },
    }
    assert spec.family in families["activation" if spec.kind == "activation" else "loss"]
    assert spec.function.__name__ == spec.name


def test_families_stand_together() -> None:
    families = [spec.family for spec in CATALOG]
    starts = [f for f, before in zip(families, [None, *families], strict=False) if f != before]
    assert len(starts) == len(set(starts))


def test_names_and_aliases_are_unique() -> None:
    owner: dict[str, str] = {}
    for spec in CATALOG:
        for name in dict.fromkeys(re.sub(r"[\W_]", "", n.lower()) for n in (spec.name, spec.title, *spec.aliases)):
            assert owner.setdefault(name, spec.name) == spec.name, f"{name} is {owner[name]} and {spec.name}"


@every_spec
def test_every_name_finds_it(spec: Spec) -> None:
    for name in (spec.name, spec.title, *spec.aliases):
        assert find(name) is spec
    assert find(spec.name.upper().replace("_", " ")) is spec


def test_an_unknown_name_says_what_is_near() -> None:
    with pytest.raises(slopes.UnknownFunctionError, match=re.escape("did you mean cross_entropy")):
        find("crosentropy")
    with pytest.raises(slopes.UnknownFunctionError, match=re.escape("`slopes list` shows all names")):
        find("zzzzzzzz")
