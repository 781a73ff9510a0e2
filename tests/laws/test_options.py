"""Options: modules show them and check them where they are set, and numbers are right at the ends of their domains."""

from __future__ import annotations

import inspect
import math
from typing import Any, Final

import pytest
import torch
from tests.each import each

from slopes import DtypeError, OptionError, activations, losses
from slopes import exact as exact_activations
from slopes._core.module import Module
from slopes._core.spec import Domain, Parameter, Spec
from slopes.catalog import CATALOG

LARGEST, LEAST = torch.finfo(torch.float32).max, torch.finfo(torch.float32).tiny
MODULES: Final = [*(spec for spec in CATALOG if spec.module is not None)]
# Arguments of constructors that are no options, or have no default.
NEEDED: Final[dict[str, dict[str, Any]]] = {
    "quantile": {"quantiles": (0.1, 0.9)},
    "expectile": {"levels": (0.1, 0.9)},
    "quantile_huber": {"levels": (0.1, 0.9)},
}
OTHERS: Final = {
    **dict.fromkeys(("quantiles", "levels"), (0.5,)),
    "beta": 2.5,
    "channels": 3,
    "dim": 0,
    "ignore_index": -1,
    "blank": 2,
}


def inside(domain: Domain) -> list[float]:
    """Return the ends of a domain that belong to it, numbers that are as near as float32 holds, and a middle."""
    low, high = max(domain.low, -LARGEST), min(domain.high, LARGEST)
    near = [math.nextafter(low, math.inf) if low else LEAST, math.nextafter(high, -math.inf) if high else -LEAST]
    if math.isinf(domain.low) or math.isinf(domain.high):
        near += [LEAST, 1e20]
    if math.isinf(domain.low):
        near += [0.0, -LEAST, -1e20]
    ends = [end for end in (low, high) if end in domain and end not in near]
    return [*ends, *(value for value in near if value in domain)]


def outside(domain: Domain) -> list[float]:
    """Return the ends that do not belong to a domain, numbers just beyond it, and NaN."""
    ends = [end for end in (domain.low, domain.high) if end not in domain]
    beyond = [math.nextafter(domain.low, -math.inf), math.nextafter(domain.high, math.inf)]
    return [*ends, *(value for value in beyond if value not in domain), math.nan]


def options_of(spec: Spec) -> dict[str, inspect.Parameter]:
    """Return the arguments of a module's constructor."""
    if "__init__" not in vars(spec.module):
        return {}
    given = inspect.signature(spec.module.__init__).parameters
    return {name: argument for name, argument in given.items() if name != "self"}


def other_than(spec: Spec, argument: inspect.Parameter) -> Any:  # noqa: ANN401
    """Return another value of an option than its default."""
    default, of = argument.default, {p.name: p for p in spec.parameters}.get(argument.name)
    if isinstance(default, bool):
        return not default
    if "Literal" in str(argument.annotation) or argument.name in ("reduction", "gate_half", "smooth_over"):
        choices = {"reduction": ("sum",), "gate_half": ("first",), "smooth_over": ("others",)}
        return choices.get(argument.name, of.choices if of else ())[-1]
    if of is not None and of.choices:
        return next(choice for choice in of.choices if choice != default)
    if argument.name in OTHERS and not (argument.name == "beta" and of is not None and 2.5 not in of.domain):
        return OTHERS[argument.name]
    assert of is not None, f"no value for {argument.name} of {spec.name}"
    return next(value for value in inside(of.domain)[::-1] if value != default)


def test_modules_show_the_options_that_were_chosen() -> None:
    """Assert that `repr` is the call that made the module: defaults are left out, everything else is there."""
    assert repr(losses.Huber(delta=2.5)) == "Huber(delta=2.5)"
    for spec in MODULES:
        needed = NEEDED.get(spec.name, {})
        assert issubclass(spec.module, Module), spec.name
        plain = spec.module(**needed)
        shown = ", ".join(f"{name}={value!r}" for name, value in needed.items())
        assert repr(plain) == f"{spec.module.__name__}({shown})"
        for name, argument in options_of(spec).items():
            if name == "class_weight":
                made = spec.module(class_weight=torch.ones(3))
                assert repr(made) == f"{spec.module.__name__}(class_weight=tensor of [3])"
                continue
            value = other_than(spec, argument)
            made = spec.module(**needed | {name: value})
            assert f"{name}={value!r}" in repr(made), repr(made)
            again = eval(repr(made), vars(losses) | vars(activations))  # noqa: S307  our own text
            assert repr(again) == repr(made)
            assert getattr(again, name) == value or isinstance(getattr(again, name), torch.Tensor)


def wrong_for(spec: Spec, argument: inspect.Parameter) -> list[Any]:
    """Return values that an option must not have."""
    parameter = {p.name: p for p in spec.parameters}.get(argument.name)
    if isinstance(argument.default, bool):
        return [1, "yes", None]
    if argument.name == "class_weight":
        return []
    if argument.name in ("quantiles", "levels"):
        return [(), (0.0,), (0.5, 1.0), "ab"]
    if argument.name in ("channels", "dim", "ignore_index", "blank"):
        return [1.5, True, "1", None]
    if isinstance(argument.default, str):
        return ["avg", "", 1, None]
    assert isinstance(parameter, Parameter), f"{argument.name} of {spec.name} is in no Spec"
    return [*outside(parameter.domain), "1", True]


def test_options_are_checked_at_construction() -> None:
    """Assert that a wrong option is refused before a tensor comes, also where it is set later."""
    for spec in MODULES:
        needed = NEEDED.get(spec.name, {})
        for name, argument in options_of(spec).items():
            for wrong in wrong_for(spec, argument):
                with pytest.raises(OptionError, match=f"`{name}`"):
                    spec.module(**needed | {name: wrong})
    module = losses.Huber()
    with pytest.raises(OptionError, match=r"Huber: `delta` is 0, expected a number in \(0, ∞\)"):
        module.delta = 0
    assert module.delta == 1.0


@each("exact", [False, True], ids=["default", "exact"])
def test_learned_options_work_under_autocast(exact: bool) -> None:  # noqa: FBT001
    """Assert that what follows a Linear in 16 bits is computed wide, returned narrow, and learns in float32."""
    made = [activations.PReLU(), activations.PReLU(channels=4), activations.Swish(learnable=True)]
    x = torch.randn(6, 4)
    for module in (*made, activations.GatedFFN(4, 8)):
        linear = torch.nn.Linear(4, 4)
        with torch.autocast("cpu", dtype=torch.bfloat16), exact_activations(exact):
            narrow = linear(x)
            y = module(narrow)
        assert y.dtype == narrow.dtype == torch.bfloat16
        wide = module(narrow.float().detach())
        assert torch.allclose(y.float(), wide, rtol=2**-7, atol=0.0) or isinstance(module, activations.GatedFFN)
        found = torch.autograd.grad(y.float().sum(), list(module.parameters()))
        wanted = torch.autograd.grad(wide.sum(), list(module.parameters()))
        for slope, other in zip(found, wanted, strict=True):
            assert slope.dtype == torch.float32
            assert float((slope - other).norm()) <= 2**-5 * float(other.norm())
    with pytest.raises(DtypeError, match=r"`slope` is torch\.float64"):
        activations.prelu(x, torch.tensor(0.25, dtype=torch.float64))


def test_checkpoints_of_torch_load() -> None:
    theirs, ours = torch.nn.PReLU(3, init=0.5), activations.PReLU(channels=3)
    model = torch.nn.Sequential(torch.nn.Linear(3, 3), ours)
    model.load_state_dict(torch.nn.Sequential(model[0], theirs).state_dict())
    assert ours.slope.tolist() == [0.5] * 3
    ours.load_state_dict(activations.PReLU(channels=3, slope=0.125).state_dict())
    assert ours.slope.tolist() == [0.125] * 3
    with pytest.raises(RuntimeError, match="Missing key"):
        ours.load_state_dict({})
