"""A module is its function with the options kept: same names, same defaults, same result."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import torch
from tests.each import each
from tests.laws.samples import CASES, Case, gradients, some_weight
from torch import Tensor

from slopes import activations, losses
from slopes.catalog import CATALOG

# What a call says about its tensors, and no module keeps.
OF_THE_CALL: Final = ("mask", "attention_mask", "weight", "denominator", "pixel_mask", "sink", "noise", "generator")
# Modules whose constructor says more than the options of their function, and what.
MORE: Final = {
    "prelu": "its slopes are parameters",
    "swish": "its beta may be a parameter",
    "rrelu": "whether it draws is its mode",
    **dict.fromkeys(("quantile", "expectile", "quantile_huber"), "its levels are part of the module"),
}
WITH_MODULE: Final = [case for case in CASES if case.spec.module is not None]
every_module = each("case", [c for c in WITH_MODULE if not c.label], ids=str)


def named(function: Any, kind: inspect._ParameterKind) -> list[inspect.Parameter]:  # noqa: ANN401
    parameters = inspect.signature(function).parameters.values()
    return [p for p in parameters if p.kind == kind and p.name != "self"]


def module_of(case: Case, inputs: dict[str, Any]) -> torch.nn.Module:
    """Return the module with the options of a case; tensors among them are keyword-only options too."""
    options = {p.name for p in named(case.spec.function, inspect.Parameter.KEYWORD_ONLY)} - set(OF_THE_CALL)
    kept = {name: value for name, value in inputs.items() if name in options}
    made: torch.nn.Module = case.spec.module(**case.options, **kept)
    return made


def test_every_loss_and_activation_has_a_module() -> None:
    assert [spec.name for spec in CATALOG if spec.kind != "tool" and spec.module is None] == []


@every_module
def test_the_constructor_takes_the_options_of_the_function(case: Case) -> None:
    if case.spec.name in MORE:
        pytest.skip(MORE[case.spec.name])
    constructor = case.spec.module.__init__
    assert named(constructor, inspect.Parameter.POSITIONAL_OR_KEYWORD) == []
    wanted = [p for p in named(case.spec.function, inspect.Parameter.KEYWORD_ONLY) if p.name not in OF_THE_CALL]
    assert named(constructor, inspect.Parameter.KEYWORD_ONLY) == wanted


@every_module
def test_the_call_takes_the_tensors_of_the_function(case: Case) -> None:
    if case.spec.name in MORE:
        pytest.skip(MORE[case.spec.name])
    positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert named(case.spec.module.forward, positional) == named(case.spec.function, positional)
    wanted = [p for p in named(case.spec.function, inspect.Parameter.KEYWORD_ONLY) if p.name in OF_THE_CALL]
    assert named(case.spec.module.forward, inspect.Parameter.KEYWORD_ONLY) == wanted


@each("case", [c for c in WITH_MODULE if c.spec.name not in MORE], ids=str)
def test_a_module_is_its_function(case: Case) -> None:
    inputs, names = case.leaves(), case.learned()
    module = module_of(case, inputs)
    of_the_function = {p.name for p in named(case.spec.module.forward, inspect.Parameter.POSITIONAL_OR_KEYWORD)}
    given = {n: v for n, v in inputs.items() if n in of_the_function or n in OF_THE_CALL}
    names = [name for name in names if name in given]
    calls: list[dict[str, Any]] = [{}]
    if case.spec.reduces:
        shape = case.weights_shape(inputs)
        mask = torch.arange(shape.numel()).reshape(shape) % 3 != 1
        calls += [{"mask": mask}, {"weight": some_weight(shape)}, {"denominator": 3.0}]
    for keywords in calls:
        result, wanted = module(**given, **keywords), case(inputs, **keywords)
        assert torch.equal(result, wanted)
        found = gradients(result, inputs, names)
        assert all(torch.equal(*pair) for pair in zip(found, gradients(wanted, inputs, names), strict=True))


@each("case", [c for c in WITH_MODULE if c.spec.reduces and not c.label], ids=str)
def test_a_module_keeps_its_reduction(case: Case) -> None:
    inputs = case.inputs()
    options = {name: inputs[name] for name in ("quantiles", "levels") if name in inputs}
    given = {name: value for name, value in inputs.items() if name not in options}
    for reduction in ("none", "sum"):
        module = case.spec.module(**options, reduction=reduction)
        assert torch.equal(module(**given), case(inputs, reduction=reduction))


def test_modules_that_say_more() -> None:
    x = torch.tensor([[-2.0, 1.0], [-4.0, -1.0]])
    assert activations.PReLU(channels=2, slope=0.5)(x).tolist() == [[-1.0, 1.0], [-2.0, -0.5]]
    learned = activations.Swish(beta=2.0, learnable=True)
    assert [name for name, _ in learned.named_parameters()] == ["beta"]
    assert torch.equal(learned(x), activations.swish(x, beta=torch.tensor(2.0)))
    assert list(activations.Swish(beta=2.0).parameters()) == []
    levels = losses.Quantile((0.1, 0.9))
    assert torch.equal(levels(x, x[:, 0]), losses.quantile(x, x[:, 0], (0.1, 0.9)))


@each("case", [c for c in WITH_MODULE if "class_weight" in c.inputs()], ids=str)
def test_class_weights_move_with_the_module(case: Case) -> None:
    module = module_of(case, case.inputs())
    assert [name for name, _ in module.named_buffers()] == ["class_weight"]
    assert isinstance(module.to(torch.float32).class_weight, Tensor)
    assert module.class_weight.dtype == torch.float32


@every_module
def test_names_follow_those_of_the_functions(case: Case) -> None:
    module = case.spec.module
    assert module.__name__.lower() == case.spec.name.replace("_", "")
    room = activations if case.spec.kind == "activation" else losses
    assert getattr(room, module.__name__) is module
    assert getattr(room, case.spec.name) is case.spec.function


# What a user writes, and what a type checker says of it: nothing, or a part of its sentence.
WRITTEN: Final = {
    "L.Huber(delta=2.0, reduction='sum')": "",
    "L.CrossEntropy(class_weight=torch.ones(3), label_smoothing=0.1)": "",
    "A.GELU(approximate='tanh')": "",
    "L.Quantile((0.1, 0.9), reduction='none')": "",
    "delta: float = L.Huber().delta": "",
    "L.Huber(detla=2.0)": 'Unexpected keyword argument "detla" for "Huber"',
    "L.Huber(delta='2')": 'Argument "delta" to "Huber" has incompatible type "str"; expected "float"',
    "L.Huber(2.0)": 'Too many positional arguments for "Huber"',
    "L.Huber(reduction='average')": "expected \"Literal['mean', 'sum', 'none']\"",
    "L.Huber(mask=None)": 'Unexpected keyword argument "mask" for "Huber"',
    "A.GELU(approximate='erf')": "expected \"Literal['none', 'tanh']\"",
    "A.ReLU(inplace=True)": 'Unexpected keyword argument "inplace" for "ReLU"',
    "reveal_type(L.Huber)": "(*, delta: float =, reduction: Literal['mean'] | Literal['sum'] | Literal['none'] =) ->",
}


def test_a_type_checker_knows_the_options(tmp_path: Path) -> None:
    """Assert it of a file of a user, also that every module takes each of its options with its default."""
    lines = ["import torch", "from slopes import activations as A, losses as L", *WRITTEN]
    for case in WITH_MODULE:
        room = "A" if case.spec.kind == "activation" else "L"
        options = inspect.signature(case.spec.module).parameters.values()
        given = ", ".join(f"{p.name}={(0.5,) if p.name in ('quantiles', 'levels') else p.default!r}" for p in options)
        lines.append(f"{room}.{case.spec.module.__name__}({given})")
    path = tmp_path / "of_a_user.py"
    path.write_text("\n".join(lines) + "\n")
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "--hide-error-context", path]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603  our own code
    found: dict[str, str] = {}
    for number, text in re.findall(r"of_a_user\.py:(\d+): (?:error|note): (.*)", said):
        found[lines[int(number) - 1]] = found.get(lines[int(number) - 1], "") + text
    assert set(found) == {line for line, text in WRITTEN.items() if text}
    assert [text for line, text in WRITTEN.items() if text not in found.get(line, "")] == []
