"""Losses for `Trainer(compute_loss_func=...)` of Hugging Face's transformers.

Dimension names: B is the batch, T the number of tokens, V the vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from torch import Tensor, nn

from slopes import losses
from slopes._core import check
from slopes._core.errors import DtypeError, ShapeError
from slopes._core.linear_logits import LinearLogits, Logits
from slopes._core.spec import FINITE_NON_NEGATIVE, UNIT
from slopes.integrations.model_kinds import ask_for_decoder_inputs, tell_the_kind
from slopes.integrations.model_terms import own_terms
from slopes.losses.class_targets import IGNORE
from slopes.losses.predictions import shifted

_TOKENS: Final = 2  # dimensions of labels: batch and tokens


@dataclass(frozen=True)
class TrainerLoss:
    """A loss for `Trainer(compute_loss_func=...)`, made by `next_token_loss` or `masked_lm_loss`.

    Attributes:
        model: The model, which has the coefficients of what its own loss adds to the cross-entropy; or None.
        label_smoothing: Share of the target that is spread over the vocabulary, in [0, 1].
        z_loss: Weight of (log Σ exp(logits))² of each prediction, at least 0.
        shift: Whether position i predicts label i + 1.
    """

    model: nn.Module | None = field(repr=False)
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
            OptionError: `outputs` has a term of the model's own loss that cannot be counted.

        Warns:
            SuspiciousInputWarning: `outputs` is of a class whose models learn by the other of the two losses.
        """
        name = "next_token_loss" if self.shift else "masked_lm_loss"
        logits = _logits_of(name, outputs)
        tell_the_kind(name, self.model, outputs, shift=self.shift)
        if labels is None:
            message = f"{name}: `labels` is None, expected token ids [B, T]; let the data collator add labels."
            raise DtypeError(message)
        check.integers(name, "labels", labels, logits.shape[:-1], "[B, T], one for each position of the logits")
        if labels.dim() != _TOKENS:
            fix = "labels.unsqueeze(0) beside logits.unsqueeze(0)"
            if labels.dim() != 1:
                fix = "labels.reshape(1, -1) beside logits.reshape(1, -1, logits.shape[-1])"
            message = f"{name}: `labels` has shape {check.shape_of(labels)}, expected [B, T]; pass {fix}."
            raise ShapeError(message)
        targets = shifted(labels, IGNORE) if self.shift else labels
        loss = losses.cross_entropy(
            logits,
            targets,
            label_smoothing=self.label_smoothing,
            z_loss=self.z_loss,
            denominator=num_items_in_batch,
        )
        return loss + own_terms(name, self.model, outputs, logits)


def next_token_loss(model: nn.Module | None, *, label_smoothing: float = 0.0, z_loss: float = 0.0) -> TrainerLoss:
    """Return the loss of a causal language model for `Trainer(compute_loss_func=...)`.

    Args:
        model: The model that is trained, wrapped or not: its own loss may add terms of routers and a z-loss to the
            cross-entropy, whose coefficients it has. None for outputs of no model of transformers.
        label_smoothing: Share ε of the target that is spread over the vocabulary, in [0, 1].
        z_loss: Weight of (log Σ exp(logits))² of each prediction, at least 0; see `slopes.losses.cross_entropy`.

    Returns:
        `loss(outputs, labels, num_items_in_batch=None)`: `slopes.losses.next_token` of the labels that are not -100.

    Raises:
        DtypeError: `model` is no module.
        OptionError: An option is outside its domain. At a call: the outputs have a term of the model's own loss that
            cannot be counted.

    Notes:
        What the model's own loss adds to the cross-entropy is added here: the balancing loss of the routers, where the
        model returns it (output_router_logits=True), and Bamba's z-loss; once for each micro-batch and undivided, as
        the model does. Decoders that were taken out of an encoder-decoder (`BartForCausalLM`) do not shift in their own
        loss; that one is `masked_lm_loss`, and the labels shifted beforehand.

        Of a causal model the Trainer counts the labels of all micro-batches and processes that are not -100, without
        the first of each row, and the sum is divided by that count: accumulated gradients are those of the whole
        batch. It multiplies by the number of processes itself. Where it counts the first label too, as for classes
        whose name does not end in `ForCausalLM` (`GPT2LMHeadModel`), the loss is smaller by that share, as the model's
        own is. `label_smoothing_factor` of the TrainingArguments has no effect beside a `compute_loss_func`.

    Examples:
        >>> from types import SimpleNamespace
        >>> outputs = SimpleNamespace(logits=torch.tensor([[[0.0, 2.0], [1.0, 0.0], [0.0, 0.0]]]))
        >>> next_token_loss(None)(outputs, torch.tensor([[0, 1, 0]]), num_items_in_batch=2)
        tensor(0.2201)
    """
    return _trainer_loss("next_token_loss", model, label_smoothing, z_loss, shift=True)


def masked_lm_loss(model: nn.Module | None, *, label_smoothing: float = 0.0, z_loss: float = 0.0) -> TrainerLoss:
    """Return the loss of a masked, or an encoder-decoder, language model for `Trainer(compute_loss_func=...)`.

    Args:
        model: The model that is trained, wrapped or not: its own loss may add terms of routers and a z-loss to the
            cross-entropy, whose coefficients it has. None for outputs of no model of transformers.
        label_smoothing: Share ε of the target that is spread over the vocabulary, in [0, 1].
        z_loss: Weight of (log Σ exp(logits))² of each prediction, at least 0; see `slopes.losses.cross_entropy`.

    Returns:
        `loss(outputs, labels, num_items_in_batch=None)`: `slopes.losses.masked_lm`, nothing is shifted.

    Raises:
        DtypeError: `model` is no module.
        OptionError: An option is outside its domain. At a call: the outputs have a term of the model's own loss that
            cannot be counted (NLLB-MoE's balancing loss, ProphetNet's n-grams).

    Notes:
        What the model's own loss adds to the cross-entropy is added here, as Switch's balancing and z-loss; once for
        each micro-batch and undivided, as the model does. The Trainer keeps the labels from the model, and an
        encoder-decoder cannot make its decoder's inputs of them: from here on it refuses a call that has neither.
        `with_decoder_inputs` makes a data collator that adds them. FSMT, which caches where it has no labels and then
        does not hide the tokens that it is to predict, is called without a cache.

        The Trainer counts the labels of all micro-batches and processes that are not -100, and the sum is divided by
        that count. `label_smoothing_factor` of the TrainingArguments has no effect beside a `compute_loss_func`.

    Examples:
        >>> from types import SimpleNamespace
        >>> outputs = SimpleNamespace(logits=torch.tensor([[[0.0, 2.0], [1.0, 0.0]]]))
        >>> masked_lm_loss(None)(outputs, torch.tensor([[1, -100]]), num_items_in_batch=1)
        tensor(0.1269)
    """
    return _trainer_loss("masked_lm_loss", model, label_smoothing, z_loss, shift=False)


def _trainer_loss(
    name: str, model: nn.Module | None, label_smoothing: float, z_loss: float, *, shift: bool
) -> TrainerLoss:
    if model is not None and not isinstance(model, nn.Module):
        message = (
            f"{name}: `model` is {type(model).__name__}, expected the model that is trained; pass the one that the "
            f"Trainer gets."
        )
        raise DtypeError(message)
    check.option(name, "label_smoothing", label_smoothing, UNIT)
    check.option(name, "z_loss", z_loss, FINITE_NON_NEGATIVE)
    if model is not None:
        ask_for_decoder_inputs(name, model)
    return TrainerLoss(model, float(label_smoothing), float(z_loss), shift)


def _logits_of(name: str, outputs: Any) -> Logits:  # noqa: ANN401  every model has a class of its own for its outputs
    logits = outputs.get("logits") if isinstance(outputs, dict) else getattr(outputs, "logits", None)
    if not isinstance(logits, Tensor | LinearLogits):
        message = (
            f"{name}: `outputs` is {type(outputs).__name__} with logits of type {type(logits).__name__}, expected the "
            f"output of a language model; leave return_dict as it is, and use no other tool that takes the logits out."
        )
        raise DtypeError(message)
    return logits
