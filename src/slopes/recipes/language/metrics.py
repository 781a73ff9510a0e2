"""Metrics of language models that no split of the text changes: totals in float64, divided once at the end."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection

from slopes._core.errors import ValuesError
from slopes.recipes.recipe import refuse_nan


class Totals(NamedTuple):
    """Totals of a batch, each a number; their sums over batches are all that the metrics need.

    Attributes:
        nats: Of -log p over the tokens that count.
        hits: How many of them were the most probable ones.
        tokens: How many count.
        bytes: How many bytes of text they stand for; 0 where that is not known.
    """

    nats: Tensor
    hits: Tensor
    tokens: Tensor
    bytes: Tensor


class Ratio(Metric):
    """A function of one total over another, both summed over all batches and processes."""

    is_differentiable = False
    full_state_update = False

    total: Tensor
    count: Tensor

    def __init__(self, numerator: str, denominator: str, finish: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.numerator, self.denominator, self.finish = numerator, denominator, finish
        for state in ("total", "count"):
            self.add_state(state, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, totals: Totals) -> None:
        """Add the totals of a batch."""
        self.total += getattr(totals, self.numerator).to(self.total.device)
        self.count += getattr(totals, self.denominator).to(self.count.device)

    def compute(self) -> Tensor:
        """Return the metric of all batches so far, a float64 number."""
        if self.count == 0:
            message = (
                f"metrics: no {self.denominator} were counted, expected at least one; check the mask, and that a "
                f"sequence has more than the first token, which nothing predicts."
            )
            raise ValuesError(message)
        return self.finish(self.total / self.count)


def token_metrics(*, with_bytes: bool) -> MetricCollection:
    """Return perplexity, cross-entropy, accuracy and, where bytes are counted, bits per byte."""
    metrics: dict[str, Metric | MetricCollection] = {
        "perplexity": Ratio("nats", "tokens", torch.exp),
        "cross_entropy": Ratio("nats", "tokens", _itself),
        "accuracy": Ratio("hits", "tokens", _itself),
    }
    if with_bytes:
        metrics["bits_per_byte"] = Ratio("nats", "bytes", _bits)
    # Groups would join metrics whose totals happen to be equal after the first batch.
    return MetricCollection(metrics, compute_groups=False)


def totals(nats: Tensor, said: Tensor, wanted: Tensor, counts: Tensor, token_bytes: Tensor | None) -> Totals:
    """Return the totals of a batch: -log p, the most probable tokens, the true ones, and which of them count.

    Raises:
        ValuesError: A prediction that counts is NaN.
    """
    refuse_nan("metrics", nats.isnan() & counts, int(counts.sum()))
    hits = ((said == wanted) & counts).sum()
    length = torch.zeros_like(hits) if token_bytes is None else token_bytes.to(wanted.device)[wanted[counts]].sum()
    return Totals(nats.double().sum(), hits, counts.sum(), length)


def _itself(mean: Tensor) -> Tensor:
    return mean


def _bits(nats: Tensor) -> Tensor:
    return nats / math.log(2)
