"""The engine with the Triton kernel as its row step gives what it gives with torch's operators."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest
import torch
from tests.accuracy import assert_close_to_scale
from tests.each import each
from torch import Tensor

import slopes
from slopes import LinearLogits
from slopes import losses as L  # noqa: N812  the name that the documentation uses

B, T, D, V = 2, 4, 8, 37
IDS = torch.randint(V, (B, T), generator=torch.Generator().manual_seed(1))
SOME_IGNORED = IDS.masked_fill(torch.rand(B, T, generator=torch.Generator().manual_seed(2)) < 0.4, -100)
CLASSES = torch.rand(V, generator=torch.Generator().manual_seed(4)) + 0.1

LOSSES: dict[str, Callable[[LinearLogits], Tensor]] = {
    "some ignored": lambda x: L.cross_entropy(x, SOME_IGNORED),
    "z-loss": lambda x: L.cross_entropy(x, SOME_IGNORED, z_loss=0.1, class_weight=CLASSES),
    "smoothed": lambda x: L.cross_entropy(x, SOME_IGNORED, label_smoothing=0.1, class_weight=CLASSES),
    "smoothed, z-loss and class weights": lambda x: L.cross_entropy(
        x, IDS, label_smoothing=0.1, class_weight=CLASSES, z_loss=0.1
    ),
    "smoothed over others": lambda x: L.next_token(x, IDS, label_smoothing=0.1, z_loss=0.1),
    "each row": lambda x: L.token_log_probs(x, IDS),
    "entropy": lambda x: torch.stack(L.token_scores(x, IDS)[:2]),
    "likeliest": lambda x: L.token_scores(x, IDS).likeliest + 0 * L.token_scores(x, IDS).entropy,
}
BENDS = ({}, {"temperature": 0.7, "soft_cap": 4.0})


def _interpret() -> None:
    os.environ["TRITON_INTERPRET"] = "1"  # triton reads it when it is imported


def computed(name: str, bends: dict[str, float]) -> tuple[list[Tensor], str]:
    """Return a loss and its gradients, and what the engine says of the row step."""
    generator = torch.Generator().manual_seed(7)
    shapes = ((B, T, D), (V, D), (V,))
    tensors = [torch.randn(*shape, generator=generator).requires_grad_() for shape in shapes]
    with slopes.chunks(rows=3):
        value = LOSSES[name](LinearLogits(*tensors, **bends))
    upstream = torch.linspace(0.5, 1.5, value.numel()).view(value.shape)
    gradients = torch.autograd.grad(value, tensors, upstream, allow_unused=True)
    kept = [t.detach() for t in (value, *gradients) if t is not None]
    return [torch.tensor(t.tolist()) for t in kept], slopes.explain().runs[-1].why


@pytest.fixture(scope="module")
def child() -> Iterator[ProcessPoolExecutor]:
    """Return a process in which Triton interprets its kernels."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=_interpret) as pool:
        yield pool


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed")
@each("bends", BENDS, ids=str)
@each("name", LOSSES)
def test_both_forms_give_the_same(name: str, bends: dict[str, float], child: ProcessPoolExecutor) -> None:
    by_triton, why = child.submit(computed, name, bends).result(timeout=120)
    by_torch, other = computed(name, bends)
    assert "one Triton kernel makes the row step" in why
    assert "torch's operators make the row step: hidden states are on a CPU" in other
    for mine, theirs in zip(by_triton, by_torch, strict=True):
        assert_close_to_scale(mine, theirs, 16.0)
