"""An output head that hands its logits over instead of making them.

Dimension names: V is the vocabulary, D the width of the hidden states.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self, cast

import torch
from torch import Tensor, nn

from slopes._core.errors import DtypeError, OptionError
from slopes.integrations.head_logits import HeadLogits


class OutputHead(nn.Linear):
    """The last layer of a model, whose logits are not made where a loss will learn from them."""

    def forward(self, hidden: Tensor) -> Tensor:
        """Return `HeadLogits` in training mode where gradients are recorded, and the logits elsewhere."""
        if not (self.training and torch.is_grad_enabled()):
            return super().forward(hidden)
        _check_whole(self)
        bias: Tensor | None = self.bias
        return cast("Tensor", HeadLogits(hidden, _in_graph(self.weight), None if bias is None else _in_graph(bias)))


class HandOver:
    """What `hand_over_logits` returns: it undoes it, by `undo()` or at the end of a `with` block."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model

    def undo(self) -> None:
        """Let the model make its logits again; where it does already, nothing happens."""
        head = _head(self._model)
        if type(head) is OutputHead:
            head.__class__ = nn.Linear  # type: ignore[assignment]
        hooks = self._model._forward_pre_hooks  # noqa: SLF001  a copy of the model has no handle of its hooks
        for key in [key for key, hook in hooks.items() if hook is _follow]:
            del hooks[key]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.undo()


def hand_over_logits(model: nn.Module) -> HandOver:
    """Make a model hand over its logits unmade in training, so that nothing of rows × vocabulary is ever there.

    Args:
        model: A model of transformers with an output head that is an `nn.Linear`: for causal, masked or
            sequence-to-sequence language modelling. Its head is changed in place.

    Returns:
        What undoes it: `hand_over_logits(model).undo()`, also on a copy of the model, or a `with` block.

    Raises:
        DtypeError: `model` has no `get_output_embeddings`, or its output head is no plain `nn.Linear`.
        OptionError: In the forward pass: the head's weight is sharded, or the model runs under `nn.DataParallel`.
        UnmadeLogitsError: In the forward pass: the model does something with its logits that has no closed form.

    Notes:
        In training mode, where gradients are recorded, `model(...).logits` is a `HeadLogits`: a `slopes.LinearLogits`
        for whatever loss takes logits of classes. With `labels` the model's own loss is computed from it, in chunks.
        In evaluation mode and under `torch.no_grad()` (`generate`, `Trainer.evaluate`) the model makes its logits as
        before. Scales and soft caps are followed as the model's code applies them, and not read from a configuration.
        Names in the state, tied weights, copies, checkpointing and DistributedDataParallel stay as they are; a
        resized head hands over again from the next call on. The weight must be whole on its device when the loss is
        computed. A model that uses its head's weight without calling the head (MobileBERT) makes its logits as before.

    Examples:
        >>> import transformers
        >>> from slopes import losses
        >>> config = transformers.GPT2Config(vocab_size=50, n_positions=8, n_embd=8, n_layer=1, n_head=1)
        >>> model = transformers.GPT2LMHeadModel(config).train()
        >>> ids = torch.tensor([[1, 2, 3]])
        >>> with hand_over_logits(model):
        ...     type(model(ids).logits).__name__, losses.next_token(model(ids).logits, ids).shape
        ('HeadLogits', torch.Size([]))
        >>> type(model(ids).logits).__name__
        'Tensor'
    """
    _hand_over(model)
    if _follow not in model._forward_pre_hooks.values():  # noqa: SLF001  as in `undo`
        model.register_forward_pre_hook(_follow)
    return HandOver(model)


def _head(model: nn.Module) -> nn.Module | None:
    """Return the output head of a model."""
    find = getattr(model, "get_output_embeddings", None)
    if find is None:
        message = (
            f"hand_over_logits: `model` is {type(model).__name__}, expected a model of transformers with "
            f"get_output_embeddings(); pass the model itself, before it is wrapped for training."
        )
        raise DtypeError(message)
    return cast("nn.Module | None", find())


def _hand_over(model: nn.Module) -> None:
    """Give the model's head the class that hands over."""
    head = _head(model)
    if type(head) is OutputHead:
        return
    if head is None:
        message = (
            f"hand_over_logits: {type(model).__name__} has no output head over the vocabulary, expected a language "
            f"model with a plain nn.Linear; give its logits to a loss as they are, they are small."
        )
        raise DtypeError(message)
    if type(head) is not nn.Linear or "forward" in vars(head):
        came = "an nn.Linear whose forward another tool replaced" if type(head) is nn.Linear else type(head).__name__
        message = (
            f"hand_over_logits: the output head of {type(model).__name__} is {came}, expected a plain nn.Linear; "
            f"hand over before other tools wrap the head, or train this model on the logits that it makes."
        )
        raise DtypeError(message)
    head.__class__ = OutputHead  # the same object: state, ties, hooks and copies stay as they are


def _follow(model: nn.Module, inputs: object) -> None:
    """Hand over again where the head was replaced, as `resize_token_embeddings` does: a hook before each call."""
    del inputs
    _hand_over(model)


def _check_whole(head: OutputHead) -> None:
    """Raise `OptionError` where the head's weight will not be there as a whole when the loss is computed."""
    sharded = type(head) is not OutputHead or hasattr(head.weight, "device_mesh") or hasattr(head.weight, "ds_id")
    if sharded or getattr(head, "_is_replica", False):
        came = "sharded over processes" if sharded else "a replica of nn.DataParallel"
        message = (
            f"hand_over_logits: the output head's weight is {came}, expected the whole weight on its device until the "
            f"loss is computed; keep the head out of the sharding, or use DistributedDataParallel."
        )
        raise OptionError(message)


def _in_graph(parameter: Tensor) -> Tensor:
    """Return a parameter as a result of the forward pass.

    DistributedDataParallel with find_unused_parameters=True follows the graph back from the outputs, and takes a
    parameter that is itself an output for an unused one.
    """
    return parameter.view_as(parameter)
