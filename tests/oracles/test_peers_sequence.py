"""Agreement with torch's own CTC where that is right, and where it is not."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812  the name that everybody gives it
from tests.each import each
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that users give it


def theirs(logits: Tensor, *rest: Tensor, blank: int = 0) -> Tensor:
    return F.ctc_loss(logits.log_softmax(-1).transpose(0, 1), *rest, blank=blank, reduction="none")


@each("blank", [0, 2, 4])
def test_values_and_gradients_are_torchs(blank: int) -> None:
    dice = torch.Generator().manual_seed(blank)
    logits = 3 * torch.randn(4, 20, 5, generator=dice, dtype=torch.float64)
    targets = torch.randint(4, (4, 6), generator=dice)
    targets = targets + (targets >= blank).long()
    lengths = torch.tensor([20, 17, 12, 1]), torch.tensor([6, 3, 0, 1])
    upstream = torch.tensor([1.0, -0.5, 2.0, 0.25], dtype=torch.float64)
    found = []
    for of in (theirs, lambda *a, **o: L.ctc(*a, reduction="none", **o)):
        leaf = logits.clone().requires_grad_()
        loss = of(leaf, targets, *lengths, blank=blank)
        found.append((loss, torch.autograd.grad(loss, leaf, upstream)[0]))
    (value, slope), (ours, our_slope) = found
    assert torch.allclose(ours, value, rtol=1e-12)
    assert torch.allclose(our_slope, slope, rtol=1e-9, atol=1e-13)


def test_torch_gives_inf_and_nan_for_a_row_without_an_alignment() -> None:
    logits = torch.zeros(1, 2, 3, dtype=torch.float64, requires_grad=True)
    row = torch.tensor([[1, 1]]), torch.tensor([2]), torch.tensor([2])
    loss = theirs(logits, *row)
    assert loss.item() == math.inf
    assert bool(torch.autograd.grad(loss.sum(), logits)[0].isnan().any())
    left_out = L.ctc(logits, *row, infeasible="leave_out")
    assert left_out.item() == 0
    assert not torch.autograd.grad(left_out, logits)[0].any()


def test_torchs_gradient_by_log_probabilities_is_none() -> None:
    """It is that by logits already: where log-probabilities are the leaf, its rows sum to 0 and not to -1."""
    log_probs = torch.zeros(3, 1, 4, dtype=torch.float64).log_softmax(-1).requires_grad_()
    lengths = torch.tensor([3]), torch.tensor([2])
    loss = F.ctc_loss(log_probs, torch.tensor([[1, 2]]), *lengths, reduction="sum")
    slope = torch.autograd.grad(loss, log_probs)[0]
    assert torch.allclose(slope.sum(-1), torch.zeros(3, 1, dtype=torch.float64), atol=1e-12)
    moved = log_probs.detach() + 0.5  # the value of three frames falls by 1.5, where that slope says by nothing
    change = F.ctc_loss(moved, torch.tensor([[1, 2]]), *lengths, reduction="sum") - loss
    assert math.isclose(change.item(), -1.5, rel_tol=1e-12)


def test_torch_loses_digits_over_many_frames_in_float32() -> None:
    dice = torch.Generator().manual_seed(1)
    logits = 2 * torch.randn(1, 2000, 5, generator=dice)
    targets = torch.randint(1, 5, (1, 300), generator=dice)
    lengths = torch.tensor([2000]), torch.tensor([300])
    slopes_of = []
    for of, dtype in ((theirs, torch.float64), (theirs, torch.float32), (L.ctc, torch.float32)):
        leaf = logits.to(dtype).requires_grad_()
        slopes_of.append(torch.autograd.grad(of(leaf, targets, *lengths).sum(), leaf)[0].double())
    right, torchs, ours = slopes_of
    assert float((ours - right).abs().max()) < 1e-7
    assert float((torchs - right).abs().max()) > 1e-4
