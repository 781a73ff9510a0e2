"""Losses of sequences: by hand, at their edges, at thousands of frames, and what is refused."""

from __future__ import annotations

import math
from typing import Final

import pytest
import torch
from tests.each import each
from tests.peak import peak
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.kernels.lattices import alignments

CLASSES: Final = 5


def batch(rows: int, frames: int, labels: int, seed: int = 3) -> tuple[Tensor, Tensor]:
    dice = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(rows, frames, CLASSES, generator=dice, dtype=torch.float64)
    return logits.requires_grad_(), torch.randint(1, CLASSES, (rows, labels), generator=dice)


def test_by_hand() -> None:
    for frames, targets, paths in ((2, [1], 3), (3, [1, 1], 1), (3, [1, 2], 5), (3, [], 1), (1, [2], 1)):
        loss = L.ctc(torch.zeros(1, frames, 3), torch.tensor([targets], dtype=torch.int64))
        assert loss.item() == pytest.approx(-math.log(paths / 3**frames), rel=1e-6)


def test_no_label_is_blanks_alone_and_one_frame_is_a_cross_entropy() -> None:
    logits, targets = batch(3, 6, 2)
    silence = L.ctc(logits, targets, target_lengths=torch.zeros(3, dtype=torch.int64), reduction="none")
    assert torch.allclose(silence, -logits.log_softmax(-1)[..., 0].sum(-1), rtol=1e-12)
    alone = L.ctc(logits[:, :1], targets[:, :1])
    assert torch.allclose(alone, L.cross_entropy(logits[:, 0], targets[:, 0]), rtol=1e-12)


def test_padding_leaves_no_trace_whatever_stands_in_it() -> None:
    logits, targets = batch(2, 7, 3)
    one, other = (L.ctc(logits[i : i + 1, : 7 - 2 * i], targets[i : i + 1, : 3 - i]) for i in (0, 1))
    wanted = torch.autograd.grad(one + other, logits)[0]
    for strange, label in ((math.nan, -100), (math.inf, 0), (-math.inf, 10**9)):
        spoilt, labels = logits.detach().clone(), targets.clone()
        spoilt[1, 5:], labels[1, 2:] = strange, label
        spoilt.requires_grad_()
        loss = L.ctc(spoilt, labels, torch.tensor([7, 5]), torch.tensor([3, 2]), reduction="sum")
        assert torch.allclose(loss, one + other, rtol=1e-12)
        assert torch.allclose(torch.autograd.grad(loss, spoilt)[0], wanted, rtol=1e-9, atol=1e-14)


def test_a_row_without_an_alignment_is_told_or_left_out() -> None:
    logits, targets = batch(3, 3, 3)
    targets[1] = torch.tensor([1, 1, 2])
    targets[[0, 2]] = torch.tensor([1, 2, 1])
    with pytest.raises(slopes.ValuesError, match=r"row 1 of `targets` has 3 labels, 1 of them .* at least 4"):
        L.ctc(logits, targets)
    loss = L.ctc(logits, targets, infeasible="leave_out")
    others = L.ctc(logits[[0, 2]], targets[[0, 2]])
    assert torch.allclose(loss, others, rtol=1e-14)
    assert not torch.autograd.grad(loss, logits)[0][1].any()
    assert L.ctc(logits, targets, infeasible="leave_out", reduction="none")[1] == 0
    with slopes.checks(values=False):
        assert L.ctc(logits, targets, reduction="none")[1] == math.inf


def test_impossible_logits_are_told_and_nan_stays() -> None:
    logits, targets = batch(2, 4, 2)
    impossible = logits.detach().clone()
    impossible[1, :, 1:] = -math.inf
    for reduction in ("mean", "none"):
        with pytest.raises(slopes.ValuesError, match="ctc: `logits` holds -inf in row 1, where the loss is inf"):
            L.ctc(impossible, targets, reduction=reduction)
    impossible[1, 0, 0] = math.nan
    assert L.ctc(impossible, targets, reduction="none").isnan().tolist() == [False, True]


@each("segment", [0, 1 << 30], ids=["segments", "whole"])
def test_two_thousand_frames_in_float32_are_right(segment: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignments, "_SEGMENT", segment)
    logits, targets = batch(2, 2000, 300)
    narrow = logits.detach().float().requires_grad_()
    log_probs = narrow.detach().double().requires_grad_()
    lengths = torch.full((2,), 2000), torch.full((2,), 300)
    right = torch.nn.functional.ctc_loss(log_probs.log_softmax(-1).transpose(0, 1), targets, *lengths, reduction="none")
    loss = L.ctc(narrow, targets, reduction="none")
    assert torch.allclose(loss.double(), right, rtol=1e-7)
    slope, wanted = torch.autograd.grad(loss.sum(), narrow)[0], torch.autograd.grad(right.sum(), log_probs)[0]
    assert float((slope - wanted).abs().max()) < 1e-7


def test_torchs_mean_is_a_weight_and_a_denominator() -> None:
    logits, targets = batch(3, 8, 3)
    frames, labels = torch.tensor([8, 7, 6]), torch.tensor([3, 2, 1])
    theirs = torch.nn.functional.ctc_loss(logits.log_softmax(-1).transpose(0, 1), targets, frames, labels)
    ours = L.ctc(logits, targets, frames, labels, weight=1 / labels.double(), denominator=3)
    assert torch.allclose(ours, theirs, rtol=1e-12)


@each("size", [(4, 400, 40), (1, 64, 3), (2, 1200, 200)], ids=str)
def test_memory_beside_the_gradient_is_less_than_a_lattice_in_float32(size: tuple[int, int, int]) -> None:
    rows, frames, labels = size
    logits, targets = batch(*size)
    narrow = logits.detach().float().requires_grad_()
    taken = peak(lambda given: L.ctc(given, targets), narrow)
    gradient = narrow.numel() * 4
    assert taken.bytes - gradient < 2**21 + 4 * rows * frames * (2 * labels + 1)
