"""The small model that every candidate trains: one hidden layer, the same first weights, batches and steps."""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from slopes._core.settings import checks
from slopes.activations import GELU
from slopes.recipes.compare.candidate import Candidate
from slopes.recipes.recipe import Recipe

HIDDEN: Final = 32
BATCH: Final = 64
RATE: Final = 5e-3
STEPS: Final = 400

_TURN: Final = threading.Lock()
_CHECKS: Final = 14  # along a run, evenly spaced in log(step)


class Part(NamedTuple):
    """Features and targets of some rows."""

    features: Tensor
    targets: Tensor


class Fitted(NamedTuple):
    """A trained model.

    Attributes:
        model: From features to outputs, as it was where its own loss on the rows to stop by was least.
        curve: Steps, and what `watch` said there.
    """

    model: nn.Module
    curve: list[tuple[int, float]]


@contextmanager
def one_thread(seed: int) -> Iterator[None]:
    """Seed torch and keep it to one thread; afterwards both are as they were.

    Both belong to the process: where a cluster's workers are threads of one, they take turns.
    """
    with _TURN, torch.random.fork_rng(devices=[]):
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def fit(
    candidate: Candidate,
    recipe: Recipe,
    train: Part,
    stop: Part,
    *,
    steps: int,
    watch: Callable[[Callable[[Tensor], Tensor]], float],
) -> Fitted:
    """Train the small model under a candidate, with AdamW and a rate that falls to 0 along a cosine.

    Args:
        candidate: Whose loss is used.
        recipe: Whose head is used.
        train: Rows to learn from.
        stop: Rows to stop by: the checkpoint with the candidate's own least loss there is kept.
        steps: How many batches.
        watch: From the model so far, features to raw outputs, to the number that the curve holds.
    """
    model = nn.Sequential(nn.Linear(train.features.shape[1], HIDDEN), GELU(), recipe.head(HIDDEN))
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, fused=True)
    falling = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (1 + math.cos(math.pi * step / steps)) / 2)
    stops = {round(steps ** (i / (_CHECKS - 1))) for i in range(_CHECKS)}
    curve, best, kept = [], math.inf, copy.deepcopy(model.state_dict())
    with checks(values=False):  # the same targets again and again
        for step, rows in enumerate(_batches(len(train.targets), steps), start=1):
            optimizer.zero_grad()
            candidate.loss(recipe, model(train.features[rows]), train.targets[rows]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            falling.step()
            if step in stops:
                with torch.no_grad():
                    loss = float(candidate.loss(recipe, model(stop.features), stop.targets))
                    curve.append((step, watch(lambda features: candidate.raw(recipe, model(features)))))
                if loss < best:
                    best, kept = loss, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    return Fitted(model.eval(), curve)


def parameters(features: int, outputs: int) -> int:
    """Return how many numbers the model learns."""
    return (features + 1) * HIDDEN + (HIDDEN + 1) * outputs


def _batches(rows: int, steps: int) -> Iterator[Tensor]:
    """Yield row numbers of each step's batch: all rows in random order, again and again, no batch across two rounds."""
    size = min(BATCH, rows)
    made = 0
    while made < steps:
        for batch in torch.randperm(rows)[: rows - rows % size].view(-1, size):
            yield batch
            made += 1
            if made == steps:
                return
