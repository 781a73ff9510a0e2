"""How well embeddings find each other: recall@k, MRR and mAP, alignment and uniformity, over all batches at once.

Dimension names: N queries, M keys, D the length of an embedding. A gallery cannot be searched batch by batch, so that
the embeddings are kept until `compute`; the N×M similarities live a block of rows at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.retrieval import (
    retrieval_average_precision,
    retrieval_hit_rate,
    retrieval_recall,
    retrieval_reciprocal_rank,
)
from torchmetrics.utilities.data import dim_zero_cat

from slopes._core.errors import ValuesError
from slopes.kernels.pairs.distance import normalize, squared

BLOCK_BYTES: Final = 32 << 20
UNIFORMITY_SHARPNESS: Final = 2.0  # Wang & Isola 2020, section 4.2: t = 2


class Retrieval(Metric):
    """Retrieval by cosine: of each query's partner among all keys, or of the other embeddings of its label.

    Args:
        neighbors: The k of recall@k.
        paired: Whether row i of the keys belongs to row i of the queries; otherwise there are labels, and every
            embedding looks for its likes among all others.

    Notes:
        The ranks are torchmetrics' input, not the cosines: torchmetrics counts nothing of a score of 0 or below as
        found. Of equal cosines what is not wanted comes first, so that embeddings that have all collapsed into one
        point are last and not first.
    """

    is_differentiable = False
    full_state_update = False

    queries: list[Tensor]
    targets: list[Tensor]

    def __init__(self, neighbors: Sequence[int], *, paired: bool) -> None:
        super().__init__()
        self.neighbors, self.paired = tuple(neighbors), paired
        for state in ("queries", "targets"):
            self.add_state(state, [], dist_reduce_fx="cat")

    def update(self, embeddings: Tensor, targets: Tensor) -> None:
        """Keep a batch: embeddings `[N, D]` and their partners `[N, D]`, or their labels `[N]`."""
        self.queries.append(embeddings.detach())
        self.targets.append(targets.detach())

    def compute(self) -> dict[str, Tensor]:
        """Return each metric of all batches so far, a number."""
        if not self.queries or sum(len(batch) for batch in self.queries) < 2:  # noqa: PLR2004  a neighbour
            message = (
                "metrics: fewer than two embeddings were observed, expected at least two, since one has nothing to be "
                "told apart from; observe more of them before compute()."
            )
            raise ValuesError(message)
        queries, targets = dim_zero_cat(self.queries), dim_zero_cat(self.targets)
        units = normalize(queries.double())[0]
        return self._of_pairs(units, normalize(targets.double())[0]) if self.paired else self._of_labels(units, targets)

    def _of_pairs(self, queries: Tensor, keys: Tensor) -> dict[str, Tensor]:
        own = torch.arange(len(queries), device=queries.device)
        found = self._found(queries, keys, own, own, itself=False)
        found["alignment"] = squared(queries, keys).mean()
        found["uniformity"] = (uniformity(queries) + uniformity(keys)) / 2
        return found

    def _of_labels(self, units: Tensor, labels: Tensor) -> dict[str, Tensor]:
        found = self._found(units, units, labels, labels, itself=True)
        found["alignment"] = _alignment(units, labels)
        found["uniformity"] = uniformity(units)
        return found

    def _found(
        self, queries: Tensor, keys: Tensor, wanted: Tensor, names: Tensor, *, itself: bool
    ) -> dict[str, Tensor]:
        """Return recall, MRR and mAP, each the mean over the queries that have something to find."""
        values: dict[str, list[Tensor]] = defaultdict(list)
        ranks = torch.arange(len(keys) - itself, 0, -1.0, device=keys.device)
        for hits in _ranked(queries, keys, wanted, names, itself=itself):
            for k in self.neighbors:
                values[f"recall@{k}"].append(retrieval_recall(ranks, hits, k))
                if itself:
                    values[f"hit_rate@{k}"].append(retrieval_hit_rate(ranks, hits, k))
            values["mrr"].append(retrieval_reciprocal_rank(ranks, hits))
            values["map"].append(retrieval_average_precision(ranks, hits))
        if not values:
            message = (
                "metrics: no label was observed twice, expected one that was, since an embedding alone with its label "
                "has nothing to find; observe several of a label."
            )
            raise ValuesError(message)
        return {name: torch.stack(each).double().mean() for name, each in values.items()}


def uniformity(units: Tensor) -> Tensor:
    """Return log mean exp(-2|u - v|²) over all pairs of unit vectors `[N, D]`, N at least 2: at most 0, lower is more.

    Source: Wang & Isola 2020, Understanding Contrastive Representation Learning through Alignment and Uniformity on
    the Hypersphere, section 4.2.
    """
    total = units.new_zeros(())
    for rows in _blocks(units, units):
        near = torch.exp(-UNIFORMITY_SHARPNESS * (2 - 2 * units[rows] @ units.T))
        total += _without_itself(near, rows).sum()
    return (total / (len(units) * (len(units) - 1))).log()


def _alignment(units: Tensor, labels: Tensor) -> Tensor:
    """Return the mean of |u - v|² over all pairs of one label."""
    total, count = units.new_zeros(()), units.new_zeros(())
    for rows in _blocks(units, units):
        alike = _without_itself(labels[rows, None] == labels, rows)
        total += torch.where(alike, 2 - 2 * units[rows] @ units.T, 0.0).sum()
        count += alike.sum()
    return total / count


def _ranked(queries: Tensor, keys: Tensor, wanted: Tensor, names: Tensor, *, itself: bool) -> Iterator[Tensor]:
    """Yield, for each query with something to find, whether the keys are what it wants, the nearest first."""
    for rows in _blocks(queries, keys):
        cosines, relevant = queries[rows] @ keys.T, wanted[rows, None] == names
        if itself:
            relevant = _without_itself(relevant, rows)
            cosines = _without_itself(cosines, rows, -torch.inf)
        unwanted_first = relevant.to(torch.uint8).argsort(dim=-1, stable=True)
        order = cosines.gather(1, unwanted_first).argsort(dim=-1, descending=True, stable=True)
        hits = relevant.gather(1, unwanted_first.gather(1, order))
        if itself:
            hits = hits[:, :-1]  # the query itself is last
        yield from hits[hits.any(-1)]


def _blocks(queries: Tensor, keys: Tensor) -> Iterator[Tensor]:
    rows = max(BLOCK_BYTES // (max(len(keys), 1) * queries.element_size()), 1)
    yield from torch.split(torch.arange(len(queries), device=queries.device), rows)


def _without_itself(block: Tensor, rows: Tensor, fill: float = 0.0) -> Tensor:
    """Return a block of a square matrix with its share of the diagonal replaced."""
    return block.scatter(1, rows[:, None], fill if block.is_floating_point() else 0)
