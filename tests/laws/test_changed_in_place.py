"""What a loss was given may be changed after the forward pass: its gradient is right, or autograd refuses."""

from __future__ import annotations

from typing import Any, Final

import pytest
import torch
from tests.laws.samples import LOSSES, Case, Inputs, some_weight
from torch import Tensor

# One of each, and what takes other tensors.
KINDS: Final = tuple(case for case in LOSSES if not case.label or case.label in ("class-weight", "by-label", "margin"))


def tensors_given(case: Case, reduction: str) -> tuple[Inputs, dict[str, Tensor]]:
    """Return the inputs of a loss and the tensors of the contract beside them."""
    inputs = case.leaves()
    shape = case.weights_shape(inputs)
    beside = {"mask": torch.arange(shape.numel()).reshape(shape) % 3 != 0, "weight": some_weight(shape)}
    if reduction == "mean":
        beside["denominator"] = torch.tensor(3.0, dtype=torch.float64)
    return inputs, beside


def total(case: Case, reduction: str, inputs: Inputs, beside: dict[str, Tensor]) -> Tensor:
    return case(inputs, **beside, reduction=reduction).sum()


def slopes_by(value: Tensor, case: Case, inputs: Inputs, **how: Any) -> tuple[Tensor, ...]:  # noqa: ANN401
    return torch.autograd.grad(value, [inputs[name] for name in case.learned()], retain_graph=True, **how)


@torch.no_grad()
def change(given: Tensor) -> None:
    if given.dtype == torch.bool:
        given.logical_not_()
    elif given.is_floating_point():
        given.mul_(0.5).add_(0.01)
    else:
        given.copy_(given.roll(1, 0) if given.dim() else given + 1)


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_the_gradient_is_right_or_refused(reduction: str) -> None:
    wrong = []
    for case in KINDS:
        inputs, beside = tensors_given(case, reduction)
        wanted = slopes_by(total(case, reduction, inputs, beside), case, inputs)
        for name, given in {**inputs, **beside}.items():
            if not isinstance(given, Tensor):
                continue
            for earlier in (False, True):  # whether a backward pass went before
                inputs, beside = tensors_given(case, reduction)
                value = total(case, reduction, inputs, beside)
                if earlier:
                    slopes_by(value, case, inputs)
                change({**inputs, **beside}[name])
                for how in ({}, {"create_graph": True}):
                    try:
                        found = slopes_by(value, case, inputs, **how)
                    except RuntimeError as error:
                        assert "modified by an inplace operation" in str(error)  # noqa: PT017
                        continue
                    if not all(map(torch.allclose, found, wanted)):
                        wrong.append(f"{case} after a change of {name}, {how or 'plain'}, earlier pass: {earlier}")
    assert not wrong, f"{len(wrong)}: {wrong[:5]}"
