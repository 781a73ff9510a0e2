"""What connects slopes with models and the `Trainer` of Hugging Face's transformers.

A head that hands its logits over instead of making them, and losses for `Trainer(compute_loss_func=...)`. In a loop of
one's own it is three lines:

    hand_over_logits(model)
    loss = slopes.losses.next_token(model(input_ids).logits, input_ids, mask=attention_mask.bool())
    loss.backward()

Dimension names: B is the batch, T the number of tokens, V the vocabulary, D the width of the hidden states.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, cast

import torch
from torch import Tensor, nn

from slopes import losses
from slopes._core import check
from slopes._core.errors import DtypeError, OptionError, ShapeError
from slopes._core.linear_logits import LinearLogits, Logits
from slopes._core.spec import FINITE_NON_NEGATIVE, UNIT
from slopes.integrations.head_logits import HeadLogits
from slopes.losses.categorical import IGNORE
from slopes.losses.language import shifted

__all__ = ["HandOver", "HeadLogits", "TrainerLoss", "hand_over_logits", "masked_lm_loss", "next_token_loss"]

_TOKENS: Final = 2  # dimensions of labels: batch and tokens


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


@dataclass(frozen=True)
class TrainerLoss:
    """A loss for `Trainer(compute_loss_func=...)`, made by `next_token_loss` or `masked_lm_loss`.

    Attributes:
        label_smoothing: Share of the target that is spread over the vocabulary, in [0, 1].
        z_loss: Weight of (log Σ exp(logits))² of each prediction, at least 0.
        shift: Whether position i predicts label i + 1.
    """

    label_smoothing: float
    z_loss: float
    shift: bool

    def __call__(self, outputs: Any, labels: Tensor | None, num_items_in_batch: Tensor | float | None = None) -> Tensor:  # noqa: ANN401  every model has a class of its own for its outputs
        """Return the loss of a batch.

        Args:
            outputs: What the model returned, with `logits` `[B, T, V]`, unmade or as a tensor.
            labels: `[B, T]` int64, -100 where nothing is to be predicted; unshifted.
            num_items_in_batch: Number of predictions that the sum is divided by; None for those of this batch.

        Returns:
            A number; float32 for 16-bit input; nats, at least 0.

        Raises:
            DtypeError: There are no labels, or `outputs` has no logits.
            ShapeError: `labels` is not `[B, T]`, or does not match the logits.
            ValuesError: A label is out of range.
        """
        name = "next_token_loss" if self.shift else "masked_lm_loss"
        logits = _logits_of(name, outputs)
        if labels is None:
            message = f"{name}: `labels` is None, expected token ids [B, T]; let the data collator add labels."
            raise DtypeError(message)
        check.integers(name, "labels", labels, logits.shape[:-1], "[B, T], one for each position of the logits")
        if labels.dim() != _TOKENS:
            message = (
                f"{name}: `labels` has shape {check.shape_of(labels)}, expected [B, T]; add the missing dimension."
            )
            raise ShapeError(message)
        targets = shifted(labels, IGNORE) if self.shift else labels
        return losses.cross_entropy(
            logits,
            targets,
            label_smoothing=self.label_smoothing,
            z_loss=self.z_loss,
            denominator=num_items_in_batch,
        )


def next_token_loss(*, label_smoothing: float = 0.0, z_loss: float = 0.0) -> TrainerLoss:
    """Return the loss of a causal language model for `Trainer(compute_loss_func=...)`.

    Args:
        label_smoothing: Share ε of the target that is spread over the vocabulary, in [0, 1].
        z_loss: Weight of (log Σ exp(logits))² of each prediction, at least 0; see `slopes.losses.cross_entropy`.

    Returns:
        `loss(outputs, labels, num_items_in_batch=None)`: `slopes.losses.next_token` of the labels that are not -100.

    Raises:
        OptionError: An option is outside its domain.

    Notes:
        Of a causal model the Trainer counts the labels of all micro-batches and processes that are not -100, without
        the first of each row, and the sum is divided by that count: accumulated gradients are those of the whole
        batch. It multiplies by the number of processes itself. Where it counts the first label too, as for classes
        whose name does not end in `ForCausalLM` (`GPT2LMHeadModel`), the loss is smaller by that share, as the model's
        own is. `label_smoothing_factor` of the TrainingArguments has no effect beside a `compute_loss_func`.

    Examples:
        >>> from types import SimpleNamespace
        >>> outputs = SimpleNamespace(logits=torch.tensor([[[0.0, 2.0], [1.0, 0.0], [0.0, 0.0]]]))
        >>> next_token_loss()(outputs, torch.tensor([[0, 1, 0]]), num_items_in_batch=2)
        tensor(0.2201)
    """
    return _trainer_loss("next_token_loss", label_smoothing, z_loss, shift=True)


def masked_lm_loss(*, label_smoothing: float = 0.0, z_loss: float = 0.0) -> TrainerLoss:
    """Return the loss of a masked, or an encoder-decoder, language model for `Trainer(compute_loss_func=...)`.

    Args:
        label_smoothing: Share ε of the target that is spread over the vocabulary, in [0, 1].
        z_loss: Weight of (log Σ exp(logits))² of each prediction, at least 0; see `slopes.losses.cross_entropy`.

    Returns:
        `loss(outputs, labels, num_items_in_batch=None)`: `slopes.losses.masked_lm`, nothing is shifted.

    Raises:
        OptionError: An option is outside its domain.

    Notes:
        The Trainer counts the labels of all micro-batches and processes that are not -100, and the sum is divided by
        that count. `label_smoothing_factor` of the TrainingArguments has no effect beside a `compute_loss_func`.

    Examples:
        >>> from types import SimpleNamespace
        >>> outputs = SimpleNamespace(logits=torch.tensor([[[0.0, 2.0], [1.0, 0.0]]]))
        >>> masked_lm_loss()(outputs, torch.tensor([[1, -100]]), num_items_in_batch=1)
        tensor(0.1269)
    """
    return _trainer_loss("masked_lm_loss", label_smoothing, z_loss, shift=False)


def _trainer_loss(name: str, label_smoothing: float, z_loss: float, *, shift: bool) -> TrainerLoss:
    check.option(name, "label_smoothing", label_smoothing, UNIT)
    check.option(name, "z_loss", z_loss, FINITE_NON_NEGATIVE)
    return TrainerLoss(float(label_smoothing), float(z_loss), shift)


def _logits_of(name: str, outputs: Any) -> Logits:  # noqa: ANN401  every model has a class of its own for its outputs
    logits = outputs.get("logits") if isinstance(outputs, dict) else getattr(outputs, "logits", None)
    if not isinstance(logits, Tensor | LinearLogits):
        message = (
            f"{name}: `outputs` is {type(outputs).__name__} with logits of type {type(logits).__name__}, expected the "
            f"output of a language model; leave return_dict as it is, and use no other tool that takes the logits out."
        )
        raise DtypeError(message)
    return logits


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
