"""How much memory a computation takes: every tensor that torch makes, counted while its storage lives."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Peak(TorchDispatchMode):
    """Record, while it is active, the entries of the largest tensor and the most bytes alive at once.

    Storages that were there before are not counted.
    """

    def __init__(self, *before: Tensor) -> None:
        super().__init__()
        self.largest = 0
        self.bytes = 0
        self._alive: dict[int, int] = {tensor.untyped_storage()._cdata: 0 for tensor in before}
        self._now = 0

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def __torch_dispatch__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        arguments: tuple[Any, ...] = (),
        options: Mapping[str, Any] | None = None,
    ) -> object:
        del types
        made = function(*arguments, **(options or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self._count(tensor)
        return made

    def _count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._alive:
            return
        self.largest = max(self.largest, storage.nbytes() // tensor.element_size())
        self._alive[key] = storage.nbytes()
        self._now += storage.nbytes()
        self.bytes = max(self.bytes, self._now)
        weakref.finalize(storage, self._drop, key)

    def _drop(self, key: int) -> None:
        self._now -= self._alive.pop(key, 0)


def peak(compute: Callable[..., Tensor], *inputs: Tensor) -> Peak:
    """Return what a loss and its gradients take beyond the inputs."""
    with Peak(*inputs) as measured:
        torch.autograd.grad(compute(*inputs), [tensor for tensor in inputs if tensor.requires_grad])
    return measured
