"""Guards: what each lets through, and the whole text of what it says otherwise."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

import pytest
import torch
from tests.each import each

import slopes
from slopes._core import check, errors
from slopes._core.spec import NON_NEGATIVE, POSITIVE, UNIT, Domain

ONES: Final = torch.ones(2, 3)

TEXTS: Final[list[tuple[Callable[[], Any], type[Exception], str]]] = [
    (
        lambda: check.tensor("f", a=ONES, b=[1.0]),
        errors.DtypeError,
        "f: `b` is list, expected a torch.Tensor; wrap it with torch.tensor(...).",
    ),
    (
        lambda: check.tensor("f", a=None),
        errors.DtypeError,
        "f: `a` is None, expected a torch.Tensor; this argument has to be there, as numbers.",
    ),
    (
        lambda: check.tensor("f", a=ONES.to_sparse()),
        errors.DtypeError,
        "f: `a` has layout torch.sparse_coo, expected a dense tensor (torch.strided); pass a.to_dense().",
    ),
    (
        lambda: check.tensor("f", a=torch.nested.nested_tensor([ONES, ONES[:1]], layout=torch.jagged)),
        errors.DtypeError,
        (
            "f: `a` is nested, expected a dense tensor (torch.strided); pass a.to_padded_tensor(0.0) and, where the "
            "function takes one, a mask."
        ),
    ),
    (
        lambda: check.floating("f", a=ONES.to(torch.float8_e4m3fn)),
        errors.DtypeError,
        (
            "f: `a` has dtype torch.float8_e4m3fn, expected float16, bfloat16, float32 or float64; convert it "
            "yourself, for example a.float(), if that is what you mean."
        ),
    ),
    (
        lambda: check.option("f", "n", 10**400, POSITIVE),
        errors.OptionError,
        "f: `n` is an integer of 1329 bits, expected a number in (0, ∞); pass one that is a float.",
    ),
    (
        lambda: check.option("f", "n", 1e39, POSITIVE),
        errors.OptionError,
        (
            "f: `n` is 1e+39, expected a number in (0, ∞) that float32 holds; choose 0 where that is allowed, or a "
            "size from 1.18e-38 to 3.4e+38."
        ),
    ),
    (
        lambda: check.option("f", "n", -1e-46, Domain()),
        errors.OptionError,
        "f: `n` is -1e-46, expected a number in (-∞, ∞) that float32 holds;",
    ),
    (
        lambda: check.count("f", "n", 2**63),
        errors.OptionError,
        "f: `n` is 9223372036854775808, expected one that int64 holds; pass a smaller number.",
    ),
    (
        lambda: check.index("f", "n", -(2**63) - 1),
        errors.OptionError,
        "f: `n` is -9223372036854775809, expected one that int64 holds; pass a smaller number.",
    ),
    (
        lambda: check.floating("f", a=ONES, b=ONES.int()),
        errors.DtypeError,
        (
            "f: `b` has dtype torch.int32, expected float16, bfloat16, float32 or float64; convert it yourself, "
            "for example b.float(), if that is what you mean."
        ),
    ),
    (
        lambda: check.same_device("f", a=ONES, b=ONES.to("meta"), c=None),
        errors.DeviceError,
        "f: `a` on cpu, `b` on meta, expected one device; move them together with .to(device).",
    ),
    (
        lambda: check.same_precision("f", a=ONES, b=ONES.double()),
        errors.DtypeError,
        (
            "f: `a` is torch.float32, `b` is torch.float64, expected one precision; convert one of them, nothing is cast "  # noqa: E501
            "silently."
        ),
    ),
    (
        lambda: check.same_dtype("f", a=ONES, b=ONES.half()),
        errors.DtypeError,
        (
            "f: `a` is torch.float32, `b` is torch.float16, expected one dtype; convert one of them, nothing is cast "
            "silently."
        ),
    ),
    (
        lambda: check.same_shape("f", a=ONES, b=ONES[:, 0]),
        errors.ShapeError,
        (
            "f: `a` [2, 3] and `b` [2] have different shapes, expected equal ones; nothing broadcasts silently, so reshape "  # noqa: E501
            "or .expand_as(...) one of them yourself (often a stray .squeeze(-1) or .unsqueeze(-1))."
        ),
    ),
    (
        lambda: check.has_shape("f", "a", ONES, [6], "one each"),
        errors.ShapeError,
        "f: `a` has shape [2, 3], expected [6] (one each); reshape or expand it yourself, nothing broadcasts silently.",
    ),
    (
        lambda: check.dimensions("f", "a", ONES[0, 0], "[..., C]", 1),
        errors.ShapeError,
        "f: `a` has shape [], expected [..., C] with at least 1 dimension; add the missing one with .unsqueeze(...).",
    ),
    (
        lambda: check.dimensions("f", "a", ONES[0], "[B, T]", 2),
        errors.ShapeError,
        "f: `a` has shape [3], expected [B, T] with at least 2 dimensions; add the missing one with .unsqueeze(...).",
    ),
    (
        lambda: check.option("f", "n", -1.0, POSITIVE),
        errors.OptionError,
        "f: `n` is -1.0, expected a number in (0, ∞); choose one from there.",
    ),
    (
        lambda: check.option("f", "n", math.nan, UNIT),
        errors.OptionError,
        "f: `n` is nan, expected a number in [0, 1]; choose one from there.",
    ),
    (
        lambda: check.option("f", "n", True, UNIT),
        errors.OptionError,
        "f: `n` is True of type bool, expected a Python number in [0, 1]; pass a float.",
    ),
    (
        lambda: check.choice("f", "n", "c", ("a", "b")),
        errors.OptionError,
        "f: `n` is 'c', expected one of 'a', 'b'; choose one of these.",
    ),
    (
        lambda: check.flag("f", "n", 1),
        errors.OptionError,
        "f: `n` is 1, expected True or False; choose one of them.",
    ),
    (
        lambda: check.count("f", "n", 0),
        errors.OptionError,
        "f: `n` is 0, expected an integer of at least 1; pass a whole number.",
    ),
    (
        lambda: check.index("f", "n", 1.0),
        errors.OptionError,
        "f: `n` is 1.0 of type float, expected an integer; the usual one is -100.",
    ),
    (
        lambda: check.boolean("f", "m", ONES, [2, 3], "True where it counts"),
        errors.DtypeError,
        (
            "f: `m` has dtype torch.float32, expected torch.bool (True where it counts); write the condition out, for "
            "example m == 1."
        ),
    ),
    (
        lambda: check.integers("f", "t", ONES.int(), [2, 3], "class indices"),
        errors.DtypeError,
        "f: `t` has dtype torch.int32, expected torch.int64 (class indices); use t.long().",
    ),
    (
        lambda: check.in_range("f", "t", torch.tensor([0, 7]), 5),
        errors.ValuesError,
        "f: `t` holds 7, expected class indices in [0, 5); check the label encoding and the size of the head.",
    ),
    (
        lambda: check.in_range("f", "t", torch.tensor([-100, -1]), 5, ignore_index=-100),
        errors.ValuesError,
        (
            "f: `t` holds -1, expected class indices in [0, 5), or -100 to ignore a row; check the label encoding and the "  # noqa: E501
            "size of the head."
        ),
    ),
    (
        lambda: check.constant("f", a=None, b=ONES.clone().requires_grad_()),
        errors.OptionError,
        "f: `b` requires a gradient, expected a constant, since the loss has no gradient by it; pass b.detach().",
    ),
    (
        lambda: check.within("f", "a", torch.tensor([0.5, 1.5]), UNIT, "divide by two"),
        errors.ValuesError,
        "f: `a` holds 1.5, expected values in [0, 1]; divide by two.",
    ),
    (
        lambda: check.within("f", "a", torch.tensor([0.5, math.nan]), UNIT, "divide by two"),
        errors.ValuesError,
        "f: `a` holds nan, expected values in [0, 1]; find the step that made it: a.isnan() says which it is.",
    ),
    (
        lambda: check.hard_labels("f", "t", torch.tensor([0.0, 0.3])),
        errors.ValuesError,
        (
            "f: `t` holds 0.3, expected 0 or 1; for soft targets use binary_cross_entropy, from labels -1 and +1 make "
            "(labels + 1) / 2."
        ),
    ),
    (
        lambda: check.signs("f", "t", torch.tensor([1.0, 0.0])),
        errors.ValuesError,
        "f: `t` holds 0, expected -1 or +1; from labels 0 and 1 make 2 * labels - 1.",
    ),
    (
        lambda: check.distribution("f", "t", torch.tensor([[0.5, 0.25]])),
        errors.ValuesError,
        (
            "f: a row of `t` sums to 0.75, expected 1; divide it by its sum, or pass class indices (int64) if each row has "  # noqa: E501
            "one class."
        ),
    ),
    (
        lambda: check.log_distribution("f", "t", torch.tensor([[0.0, 0.0]])),
        errors.ValuesError,
        "f: a row of exp(`t`) sums to 2, expected 1; pass log-probabilities, for example torch.log_softmax(",
    ),
]


@each(("call", "kind", "text"), TEXTS, ids=[text[:28] for *_, text in TEXTS])
def test_what_it_says(call: Callable[[], Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match="^" + re.escape(text)):
        call()


def test_what_it_lets_through() -> None:
    check.tensor("f", a=ONES)
    check.floating("f", a=ONES.half(), b=ONES.bfloat16(), c=ONES.double())
    check.same_device("f", a=None, b=ONES)
    check.same_precision("f", a=ONES.half(), b=ONES)
    check.alike("f", a=ONES, b=ONES.bfloat16())
    check.option("f", "n", 0, NON_NEGATIVE)
    check.option("f", "n", math.inf, NON_NEGATIVE)
    check.index("f", "n", -100)
    check.in_range("f", "t", torch.tensor([-100, 4]), 5, ignore_index=-100)
    check.in_range("f", "t", torch.empty(0, dtype=torch.int64), 0)
    check.within("f", "a", torch.tensor([math.nan, 0.5]), UNIT, "-", keep=torch.tensor([False, True]))
    check.within("f", "a", torch.tensor([0.0, 1.0]), UNIT, "-")
    check.hard_labels("f", "t", torch.tensor([1.0, 0.0, 9.0]), keep=torch.tensor([True, True, False]))
    check.signs("f", "t", torch.tensor([1.0, -1.0, 9.0]), keep=torch.tensor([True, True, False]))
    check.distribution("f", "t", torch.tensor([[0.25, 0.75], [9.0, 9.0]]), keep=torch.tensor([True, False]))
    check.constant("f", a=ONES, b=None)
    assert check.shape_of(ONES[0, 0]) == "[]"


@each("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
@each("classes", [2, 10, 1000, 50_000])
def test_rounded_distributions_are_distributions(dtype: torch.dtype, classes: int) -> None:
    rows = torch.randn(3, classes).softmax(-1).to(dtype)
    check.distribution("f", "t", rows)
    check.log_distribution("f", "t", torch.log_softmax(torch.randn(3, classes), -1).to(dtype))


@each(
    ("call", "text"),
    [
        (lambda t: check.within("f", "t", t, UNIT, "-"), "holds -3"),
        (lambda t: check.hard_labels("f", "t", t), "holds -3"),
        (lambda t: check.signs("f", "t", t), "holds -3"),
        (lambda t: check.distribution("f", "t", t.expand(2)), "holds -3"),
        (lambda t: check.distribution("f", "t", (t * 0).expand(2)), "sums to 0"),
        (lambda t: check.log_distribution("f", "t", t.expand(2)), "sums to"),
    ],
    ids=["within", "hard_labels", "signs", "distribution", "sum", "log_distribution"],
)
def test_an_error_about_a_leaf_is_the_same(call: Callable[..., None], text: str) -> None:
    """Assert the library's own error, not torch's warning about reading a tensor that requires a gradient."""
    with pytest.raises(slopes.ValuesError, match=text):
        call(torch.tensor([-3.0], requires_grad=True))


def test_errors_are_those_of_python_too() -> None:
    for kind, builtin in (
        (errors.ShapeError, ValueError),
        (errors.DtypeError, TypeError),
        (errors.DeviceError, ValueError),
        (errors.OptionError, ValueError),
        (errors.ValuesError, ValueError),
        (errors.UnknownFunctionError, LookupError),
        (errors.UserFunctionError, ValueError),
        (errors.MissingDependencyError, ImportError),
    ):
        assert issubclass(kind, builtin)
        assert issubclass(kind, errors.SlopesError)
        assert getattr(slopes, kind.__name__) is kind
    assert issubclass(errors.SuspiciousInputWarning, UserWarning)


def test_the_tree_of_errors_draws_every_one() -> None:
    kinds = {n for n, v in vars(errors).items() if isinstance(v, type) and issubclass(v, Exception)}
    assert all(name in (errors.__doc__ or "") for name in kinds)


@each(
    ("domain", "text", "inside", "outside"),
    [
        (UNIT, "[0, 1]", [0.0, 0.5, 1.0], [-0.1, 1.1, math.nan]),
        (POSITIVE, "(0, ∞)", [1e-300, math.inf], [0.0, -1.0]),
        (NON_NEGATIVE, "[0, ∞)", [0.0], [-1e-300]),
        (Domain(), "(-∞, ∞)", [-math.inf, 0.0], [math.nan]),
        (Domain(-1.0, 0.5, high_open=True), "[-1, 0.5)", [-1.0], [0.5]),
    ],
    ids=str,
)
def test_domains(domain: Domain, text: str, inside: list[float], outside: list[float]) -> None:
    assert str(domain) == text
    assert all(value in domain for value in inside)
    assert not any(value in domain for value in outside)
