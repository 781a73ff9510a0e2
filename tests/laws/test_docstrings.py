"""Docstrings are complete: what comes back, every argument, every error, and an example that is executed."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
from collections.abc import Callable
from typing import Any, Final

import pytest
import torch
from tests.each import each
from tests.laws.samples import CASES, LOSSES, Case

import slopes
from slopes._core.spec import Spec
from slopes.catalog import CATALOG

every_spec = each("spec", CATALOG, ids=lambda spec: spec.name)


def sections(function: Callable[..., Any]) -> dict[str, str]:
    """Return the text under each heading; what comes before the first one is under the empty one."""
    parts = re.split(r"^(Args|Returns|Raises|Notes|Examples):$", inspect.getdoc(function) or "", flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def entries(text: str) -> list[str]:
    return re.findall(r"^    (\w+): ", text, re.MULTILINE)


@every_spec
def test_the_first_line_says_what_comes_back(spec: Spec) -> None:
    first = (inspect.getdoc(spec.function) or "").splitlines()[0]
    assert first.startswith("Return ")
    assert first.endswith((".", ":"))


@every_spec
def test_every_argument_is_described(spec: Spec) -> None:
    assert entries(sections(spec.function)["Args"]) == list(inspect.signature(spec.function).parameters)


# What the arguments of the contract mean is said in the same words everywhere, in what a reader of the source, of
# `help` and of an editor sees: what counts is named (an element, a pair, a token), the rest is the same.
CONTRACT: Final = {
    "mask": r"`\[.*\]` boolean\b.*, True where \w+ .*(counts|is to be predicted).*",
    "weight": r"`\[.*\]`, weight of each .*, at least 0\b.*",
    "reduction": re.escape('`"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.'),
    "denominator": re.escape("Replaces the divisor of the mean."),
}
# The mean over triplets is one of anchors, each of which weighs what its triplets do.
OTHERWISE: Final = {("batch_triplet", "reduction")}


@every_spec
def test_the_contract_is_said_in_the_same_words(spec: Spec) -> None:
    if not spec.reduces:
        pytest.skip("it has no part in the contract")
    for of in (spec.function, spec.module):
        said = dict(re.findall(r"^    (\w+): (.*(?:\n      .*)*)", sections(of)["Args"], re.MULTILINE))
        for name, words in CONTRACT.items():
            if (spec.name, name) not in OTHERWISE and name in inspect.signature(of).parameters:
                assert re.fullmatch(words, " ".join(said[name].split())), (name, said[name])


@every_spec
def test_sections_are_there_and_in_order(spec: Spec) -> None:
    headings = [heading for heading in sections(spec.function) if heading]
    assert [heading for heading in headings if heading != "Notes"] == ["Args", "Returns", "Raises", "Examples"]
    assert "Notes" not in headings or headings[-2:] == ["Notes", "Examples"]
    assert re.search(r"\]`|[Ss]hape|A number", sections(spec.function)["Returns"])


@every_spec
def test_the_errors_are_those_of_the_library(spec: Spec) -> None:
    named = entries(sections(spec.function)["Raises"])
    assert named
    assert all(issubclass(getattr(slopes, name), slopes.SlopesError) for name in named)
    assert len(named) == len(set(named))


@every_spec
def test_the_example_is_executed(spec: Spec) -> None:
    """Assert that doctest finds an example here, and that its numbers hold."""
    room = importlib.import_module(spec.function.__module__)
    found = doctest.DocTestFinder(recurse=False).find(
        spec.function, spec.name, room, globs={**vars(room), "torch": torch}
    )
    assert found
    assert found[0].examples
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert runner.run(found[0]).failed == 0


@each("case", CASES, ids=str)
def test_options_outside_their_domain_are_refused(case: Case) -> None:
    if case.label:
        pytest.skip("options are those of the default")
    signature = inspect.signature(case.spec.function).parameters
    inputs = case.inputs()
    for parameter in case.spec.parameters:
        if parameter.name not in signature or parameter.name in inputs:
            continue
        domain = parameter.domain
        wrong: list[Any] = ["nonsense", float("nan"), None if parameter.default is not None else "other"]
        if not parameter.choices:
            wrong += [end for end in (domain.low, domain.high) if end not in domain]
            wrong += [domain.low - max(1, abs(domain.low))] if domain.low > float("-inf") else []
            wrong += [domain.high + max(1, abs(domain.high))] if domain.high < float("inf") else []
            wrong += [True]
        for value in wrong:
            assert_option_is_refused(case, parameter.name, value)


@each("case", CASES, ids=str)
def test_switches_are_true_or_false(case: Case) -> None:
    signature = inspect.signature(case.spec.function).parameters
    for name, parameter in signature.items():
        if isinstance(parameter.default, bool):
            for value in (1, "yes", None):
                assert_option_is_refused(case, name, value)


@each("case", [c for c in LOSSES if not c.label], ids=str)
def test_reductions_and_denominators_are_checked(case: Case) -> None:
    inputs = case.inputs()
    for value in ("average", "batchmean", None, True):
        assert_option_is_refused(case, "reduction", value)
    for value in (-1.0, float("nan"), float("inf"), True, torch.tensor(-1.0)):
        assert_option_is_refused(case, "denominator", value)
    with pytest.raises(slopes.OptionError, match=f"{case.spec.name}: `denominator` is 2.0 beside reduction='sum'"):
        case(inputs, reduction="sum", denominator=2.0)
    with pytest.raises(slopes.ShapeError, match=f"{case.spec.name}: `denominator` has shape"):
        case(inputs, denominator=torch.ones(2))


@each("case", [c for c in LOSSES if not c.label], ids=str)
def test_weights_are_finite_and_at_least_0(case: Case) -> None:
    inputs = case.inputs()
    for wrong in (-1.0, float("nan"), float("inf")):
        weight = torch.ones(case.weights_shape(inputs), dtype=torch.float64)
        weight[1] = wrong
        with pytest.raises(slopes.ValuesError, match=f"{case.spec.name}: `weight` holds {wrong:.6g}") as caught:
            case(inputs, weight=weight)
        assert "ValuesError" in entries(sections(case.spec.function)["Raises"])
        assert "to leave those elements out pass" in str(caught.value)
        with slopes.checks(values=False):
            case(inputs, weight=weight)


def assert_option_is_refused(case: Case, name: str, value: object) -> None:
    """Assert an `OptionError` that names function, argument, value and domain, and that the docstring has it."""
    with pytest.raises(slopes.SlopesError) as caught:
        case.spec.function(**(case.inputs() | case.options | {name: value}))
    assert isinstance(caught.value, slopes.OptionError), repr(caught.value)
    text = str(caught.value)
    assert text.startswith(f"{case.spec.name}: `{name}` is "), text
    assert "expected" in text
    assert "OptionError" in entries(sections(case.spec.function)["Raises"])
