"""One plan for every loss: who counts, with which weight, and what the total is divided by."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
import torch
from tests.each import each
from torch import Tensor

import slopes
from slopes._core import reduce
from slopes._core.tensors import wide

LIKE = torch.zeros(3)
LOSS = torch.tensor([1.0, 2.0, 4.0])
BOTH = torch.tensor([True, False, True])
WEIGHT = torch.tensor([0.5, 2.0, 0.0])


def planned(like: Tensor = LIKE, **keywords: Any) -> reduce.Plan:  # noqa: ANN401
    defaults: dict[str, Any] = {"mask": None, "weight": None, "reduction": "mean", "denominator": None}
    return reduce.plan("f", like.shape, like, **(defaults | keywords))


@each(
    ("keywords", "wanted"),
    [
        ({}, 7 / 3),
        ({"reduction": "sum"}, 7.0),
        ({"mask": BOTH}, 2.5),
        ({"mask": BOTH, "reduction": "sum"}, 5.0),
        ({"weight": WEIGHT}, 4.5 / 2.5),
        ({"weight": WEIGHT, "mask": BOTH}, 1.0),
        ({"weight": WEIGHT, "reduction": "sum"}, 4.5),
        ({"denominator": 14}, 0.5),
        ({"denominator": torch.tensor(14.0, dtype=torch.float64)}, 0.5),
        ({"denominator": torch.tensor(14)}, 0.5),
        ({"denominator": 0.0}, 0.0),
        ({"denominator": torch.tensor(0.0)}, 0.0),
        ({"mask": ~BOTH & BOTH}, 0.0),
        ({"weight": torch.zeros(3)}, 0.0),
        ({"keep": BOTH}, 2.5),
        ({"keep": BOTH, "mask": ~BOTH}, 0.0),
        ({"base": WEIGHT}, 4.5 / 2.5),
        ({"base": WEIGHT, "weight": torch.tensor([2.0, 1.0, 9.0])}, 1 + 2 / 3),
        ({"counts": torch.tensor([1.0, 1.0, 5.0])}, 1.0),
        ({"counts": torch.tensor([1.0, 1.0, 5.0]), "mask": BOTH}, 5 / 6),
        ({"counts": torch.tensor([1.0, 1.0, 5.0]), "weight": WEIGHT}, 4.5 / 2.5),
    ],
    ids=str,
)
def test_by_hand(keywords: dict[str, Any], wanted: float) -> None:
    result = planned(**keywords).apply(LOSS)
    assert result.shape == ()
    assert result.dtype == torch.float32
    assert result.item() == pytest.approx(wanted, rel=1e-6)


def test_none_keeps_the_entries() -> None:
    assert planned(reduction="none").apply(LOSS).tolist() == [1.0, 2.0, 4.0]
    assert planned(reduction="none", weight=WEIGHT, mask=BOTH).apply(LOSS).tolist() == [0.5, 0.0, 0.0]


def test_what_does_not_count_is_replaced() -> None:
    strange = torch.tensor([math.nan, math.inf, 4.0])
    plan = planned(mask=torch.tensor([False, False, True]))
    assert plan.neutral(strange).tolist() == [0.0, 0.0, 4.0]
    assert plan.neutral(strange, 1.0).tolist() == [1.0, 1.0, 4.0]
    assert plan.apply(strange).item() == 4.0
    rows = strange.unsqueeze(-1).expand(3, 2)
    assert plan.neutral(rows).tolist() == [[0.0, 0.0], [0.0, 0.0], [4.0, 4.0]]
    assert planned().neutral(strange) is strange


@each("keywords", [{}, {"denominator": 4}, {"mask": BOTH}, {"weight": WEIGHT}, {"reduction": "sum"}])
def test_the_scale_is_what_a_gradient_is_multiplied_by(keywords: dict[str, Any]) -> None:
    plan = planned(**keywords)
    loss = LOSS.clone().requires_grad_()
    slope = torch.autograd.grad(plan.apply(loss), loss)[0]
    weights = torch.ones(3) if plan.weight is None else plan.weight
    kept = torch.ones(3) if plan.keep is None else plan.keep.float()
    assert torch.allclose(slope, weights * kept * plan.scale(torch.float32))


@each("denominator", [0, 0.0, torch.tensor(0.0)])
def test_an_empty_mean_has_a_graph_and_no_gradient(denominator: Tensor | float) -> None:
    loss = LOSS.clone().requires_grad_()
    total = planned(denominator=denominator).apply(loss)
    assert total.item() == 0
    assert torch.autograd.grad(total, loss)[0].tolist() == [0.0, 0.0, 0.0]
    assert float(planned(denominator=denominator).scale(torch.float32)) == 0


def test_nothing_at_all_is_0() -> None:
    assert planned(torch.zeros(0)).apply(torch.zeros(0)).item() == 0
    assert planned(torch.zeros(0, 3)).divisor == 0


def test_weights_are_widened_and_kept_as_they_are() -> None:
    narrow = planned(LIKE.half(), weight=WEIGHT.half())
    assert narrow.weight is not None
    assert narrow.weight.dtype == torch.float32
    given = torch.tensor([0.0, math.pi, 1.0])
    before = given.clone()
    planned(weight=given)
    assert torch.equal(given, before)
    assert wide(torch.float16) == wide(torch.bfloat16) == wide(torch.float32) == torch.float32
    assert wide(torch.float64) == torch.float64


def test_large_weights_do_not_overflow_16_bits() -> None:
    weight = torch.full((3,), 60_000.0, dtype=torch.float16)
    assert planned(LIKE.half(), weight=weight).apply(LOSS).item() == pytest.approx(7 / 3)


@each(
    ("keywords", "kind", "text"),
    [
        ({"reduction": "average"}, slopes.OptionError, "f: `reduction` is 'average', expected one of 'mean', 'sum', 'none'; choose one of these."),  # noqa: E501
        ({"mask": torch.ones(3)}, slopes.DtypeError, "f: `mask` has dtype torch.float32, expected torch.bool (the shape of the unreduced loss; True where it counts);"),  # noqa: E501
        ({"mask": torch.ones(3, 1) > 0}, slopes.ShapeError, "f: `mask` has shape [3, 1], expected [3] (the shape of the unreduced loss; True where it counts);"),  # noqa: E501
        ({"mask": BOTH.to("meta")}, slopes.DeviceError, "f: `mask` on meta, `predictions` on cpu, expected one device;"),  # noqa: E501
        ({"weight": 2.0}, slopes.DtypeError, "f: `weight` is float, expected a torch.Tensor; wrap it with torch.tensor(...)."),  # noqa: E501
        ({"weight": torch.ones(3).long()}, slopes.DtypeError, "f: `weight` has dtype torch.int64, expected float16, bfloat16, float32 or float64;"),  # noqa: E501
        ({"weight": torch.ones(1)}, slopes.ShapeError, "f: `weight` has shape [1], expected [3] (the shape of the unreduced loss);"),  # noqa: E501
        ({"weight": torch.ones(3).double()}, slopes.DtypeError, "f: `weight` is torch.float64, `predictions` is torch.float32, expected one precision;"),  # noqa: E501
        ({"weight": torch.tensor([1.0, -2.0, 1.0])}, slopes.ValuesError, "f: `weight` holds -2, expected finite numbers of at least 0; to leave those elements out pass weight.clamp(min=0)."),  # noqa: E501
        ({"weight": torch.tensor([1.0, math.inf, 1.0])}, slopes.ValuesError, "f: `weight` holds inf, expected finite numbers of at least 0;"),  # noqa: E501
        ({"denominator": -1}, slopes.OptionError, "f: `denominator` is -1, expected a finite number of at least 0; pass the sum of weights."),  # noqa: E501
        ({"denominator": math.nan}, slopes.OptionError, "f: `denominator` is nan, expected a finite number of at least 0;"),  # noqa: E501
        ({"denominator": torch.tensor([3.0])}, slopes.ShapeError, "f: `denominator` has shape [1], expected [] (one number);"),  # noqa: E501
        ({"denominator": 2.0, "reduction": "none"}, slopes.OptionError, "f: `denominator` is 2.0 beside reduction='none', expected reduction='mean'; a denominator replaces the divisor of the mean."),  # noqa: E501
        ({"denominator": 10**400}, slopes.OptionError, "f: `denominator` is an integer of 1329 bits, expected a finite number of at least 0;"),  # noqa: E501
        ({"denominator": torch.tensor(1j)}, slopes.DtypeError, "f: `denominator` has dtype torch.complex64, expected a real number or a count; pass the sum of weights, or a number of elements."),  # noqa: E501
        ({"denominator": torch.tensor(True)}, slopes.DtypeError, "f: `denominator` has dtype torch.bool, expected a real number or a count;"),  # noqa: E501
        ({"denominator": torch.tensor(3.0, device="meta")}, slopes.DeviceError, "f: `denominator` on meta, `predictions` on cpu, expected one device;"),  # noqa: E501
        ({"denominator": torch.ones(2).to_sparse()}, slopes.DtypeError, "f: `denominator` has layout torch.sparse_coo, expected a dense tensor"),  # noqa: E501
        ({"denominator": "all"}, slopes.OptionError, "f: `denominator` is 'all', expected a finite number of at least 0;"),  # noqa: E501
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_error_texts(keywords: dict[str, Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match="^" + re.escape(text)):
        planned(**keywords)


def test_a_denominator_that_learns() -> None:
    """Assert that torch has nothing to say about reading it, and that its gradient is there."""
    denominator = torch.tensor(2.0, requires_grad=True)
    total = planned(denominator=denominator).apply(LOSS)
    assert torch.autograd.grad(total, denominator)[0].item() == -7 / 4


def test_the_text_about_a_weight_that_learns() -> None:
    with pytest.raises(slopes.ValuesError, match="`weight` holds -2"):
        planned(weight=torch.tensor([1.0, -2.0, 1.0], requires_grad=True))
