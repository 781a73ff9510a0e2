"""InfoNCE against a queue of earlier keys: the memory of Momentum Contrast.

Dimension names: N queries, D the length of an embedding.
"""

from __future__ import annotations

import torch
from torch import Tensor

from slopes._core import check, reduce
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import TEMPERATURE
from slopes._core.tensors import wide
from slopes.kernels.pairs import distance as distances
from slopes.kernels.pairs.lineups import LINE_UP
from slopes.kernels.pointwise import defined


class MomentumQueue(Module):
    """InfoNCE of each query between its own key and the keys of earlier batches (MoCo).

    The queue's keys, where the next one goes and how many are valid are buffers: they are saved, loaded and moved
    with the module. An empty place is never a negative, so that the first batches are right too.

    Args:
        size: How many keys the queue holds.
        dimension: D, the length of an embedding.
        temperature: Divides the similarities; at least 2^-63.
        normalize: Compare by cosine; False for the bare product.
        reduction: `"mean"`, `"sum"` or `"none"`.

    Attributes:
        keys: `[size, D]`, the keys; zeros where none came yet.
        pointer: Where the next key goes, a 0-d int64 tensor.
        count: How many places hold a key, a 0-d int64 tensor.

    Raises:
        OptionError: `size` or `dimension` is no whole number above 0, or another option is outside its domain.

    Notes:
        Call `enqueue` after the loss, with the keys of the same batch. No gradient reaches the keys, neither the
        queue's nor the batch's: their encoder follows by momentum (He et al. 2020, Momentum Contrast, algorithm 1).

    Examples:
        >>> queue = MomentumQueue(4, 2, temperature=1.0)
        >>> query = torch.tensor([[1.0, 0.0]])
        >>> queue(query, query).item()  # nothing to confuse it with
        0.0
        >>> queue.enqueue(torch.tensor([[0.0, 1.0]]))
        >>> f"{queue(query, query).item():.6f}"  # log(1 + 1/e)
        '0.313262'
    """

    keys: Tensor
    pointer: Tensor
    count: Tensor

    def __init__(
        self,
        size: int,
        dimension: int,
        *,
        temperature: float = 0.07,
        normalize: bool = True,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__()
        self.size = check.count("MomentumQueue", "size", size)
        self.dimension = check.count("MomentumQueue", "dimension", dimension)
        temperature = check.option("MomentumQueue", "temperature", temperature, TEMPERATURE)
        check.flag("MomentumQueue", "normalize", normalize)
        check.choice("MomentumQueue", "reduction", reduction, reduce.REDUCTIONS)
        self.temperature = temperature
        self.normalize = normalize
        self.reduction: Reduction = reduction
        self.register_buffer("keys", torch.zeros(self.size, self.dimension))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.int64))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def forward(
        self,
        query: Tensor,
        keys: Tensor,
        *,
        mask: Tensor | None = None,
        weight: Tensor | None = None,
        denominator: Tensor | float | None = None,
    ) -> Tensor:
        """Return -log softmax at each query's own key, among it and the valid keys of the queue, reduced.

        Args:
            query: `[N, D]`, any floating dtype.
            keys: `[N, D]`, the key of each query; no gradient reaches them.
            mask: `[N]` boolean, True where a query counts.
            weight: `[N]`, weight of each query, at least 0.
            denominator: Replaces the divisor of the mean.

        Returns:
            A number, or `[N]` for `"none"`; float32 for 16-bit input; nats, at least 0.
        """
        check.alike("MomentumQueue", query=query, keys=keys)
        self._check_rows("query", query)
        check.same_device("MomentumQueue", query=query, queue=self.keys)
        plan = reduce.plan(
            "MomentumQueue",
            query.shape[:1],
            query,
            mask=mask,
            weight=weight,
            reduction=self.reduction,
            denominator=denominator,
        )
        check.moderate("MomentumQueue", plan.keep, query=query, keys=keys)
        q, own = (self._prepared(plan.neutral(t)) for t in (query, keys.detach()))
        # A copy: the next batch may be enqueued before this one's backward pass.
        queue = self.keys.detach().to(q.dtype, copy=True)
        valid = torch.arange(queue.shape[0], device=queue.device) < self.count
        loss = LINE_UP.reduced((q, queue, own), (1 / self.temperature, False, None, valid), plan)
        return defined.told(loss, plan, query=q, keys=own, queue=queue)

    @torch.no_grad()
    def enqueue(self, keys: Tensor) -> None:
        """Put these keys into the queue, over the oldest ones.

        Args:
            keys: `[N, D]`; the last `size` of them where there are more.
        """
        check.floating("MomentumQueue.enqueue", keys=keys)
        self._check_rows("keys", keys)
        check.same_device("MomentumQueue.enqueue", keys=keys, queue=self.keys)
        check.moderate("MomentumQueue.enqueue", keys=keys)
        size = self.keys.shape[0]
        ready = self._prepared(keys.detach())
        places = (self.pointer + torch.arange(ready.shape[0], device=ready.device)) % size
        self.keys.index_copy_(0, places[-size:], ready[-size:].to(self.keys.dtype))
        self.pointer.copy_((self.pointer + ready.shape[0]) % size)
        self.count.copy_((self.count + ready.shape[0]).clamp(max=size))

    def _prepared(self, embeddings: Tensor) -> Tensor:
        embeddings = embeddings.to(wide(embeddings.dtype))
        return distances.normalize(embeddings)[0] if self.normalize else embeddings

    def _check_rows(self, name: str, rows: Tensor) -> None:
        shape = (rows.shape[0] if rows.dim() else 0, self.keys.shape[1])
        check.has_shape("MomentumQueue", name, rows, shape, "one embedding a row, of the queue's dimension")
