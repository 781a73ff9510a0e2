"""Which loss a model has of its own: whether it shifts, and what its decoder reads where there is one."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from torch import Tensor, nn

from slopes._core.errors import OptionError, SuspiciousInputWarning
from slopes.integrations.model_terms import unwrapped
from slopes.losses.class_targets import IGNORE

_DECODER_INPUTS: Final = ("decoder_input_ids", "decoder_inputs_embeds")
_CAUSAL: Final = ("CausalLMOutput", "DecoderLMOutput", "LMHeadOutput")
_UNSHIFTED: Final = ("MaskedLMOutput", "Seq2SeqLMOutput", "Seq2SeqMoEOutput")

# It caches where it has no labels, and where it caches its decoder sees the tokens that it is to predict.
_CACHING: Final = frozenset({"FSMTForConditionalGeneration"})

# Decoders, most of them taken out of an encoder-decoder, whose own loss does not shift, whatever their outputs' class.
UNSHIFTED_DECODERS: Final = frozenset(
    {
        "BartForCausalLM",
        "BigBirdPegasusForCausalLM",
        "BlenderbotForCausalLM",
        "BlenderbotSmallForCausalLM",
        "CpmAntForCausalLM",
        "MBartForCausalLM",
        "MarianForCausalLM",
        "MvpForCausalLM",
        "PLBartForCausalLM",
        "PegasusForCausalLM",
        "ProphetNetForCausalLM",
        "TrOCRForCausalLM",
        "WhisperForCausalLM",
    }
)


def tell_the_kind(function: str, model: nn.Module | None, outputs: object, *, shift: bool) -> None:
    """Warn where the outputs are of a class whose models learn the other way: shifted, or not."""
    names = [base.__name__ for base in type(outputs).__mro__]
    found = next((name for name in names if any(kind in name for kind in (_UNSHIFTED if shift else _CAUSAL))), None)
    if found is None or (model is not None and type(unwrapped(model)).__name__ in UNSHIFTED_DECODERS):
        return
    predict, other = (
        ("the label of their own position", "masked_lm_loss") if shift else ("the next label", "next_token_loss")
    )
    message = (
        f"{function}: `outputs` is {type(outputs).__name__}, of a model whose logits predict {predict}, expected one "
        f"whose logits predict {'the next' if shift else 'that of their own position'}; "
        f"make the loss with {other}(model)."
    )
    warnings.warn(message, SuspiciousInputWarning, stacklevel=3)


def ask_for_decoder_inputs(function: str, model: nn.Module) -> None:
    """Have an encoder-decoder refuse a call from which its decoder would learn nothing."""
    inner = unwrapped(model)
    if not getattr(getattr(inner, "config", None), "is_encoder_decoder", False):
        return
    names = tuple(inspect.signature(inner.forward).parameters)
    if _DECODER_INPUTS[0] not in names:
        return
    hooks = model._forward_pre_hooks  # noqa: SLF001  a copy of the model has no handle of its hooks
    if not any(isinstance(hook, DecoderInputs) for hook in hooks.values()):
        model.register_forward_pre_hook(DecoderInputs(function, type(inner).__name__, names), with_kwargs=True)


def with_decoder_inputs(model: nn.Module, collator: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a data collator that adds the decoder's inputs of an encoder-decoder, made of the labels.

    Args:
        model: The encoder-decoder that is trained, wrapped or not.
        collator: Makes a batch of examples, with `labels` `[B, T]`; `transformers.default_data_collator`, for example.

    Returns:
        `collate(examples)`: the batch of `collator`, with `decoder_input_ids` `[B, T]` where it has none: the labels
        one place further on, after the token that the model starts with, and pads where labels are -100.

    Raises:
        OptionError: `model` is no encoder-decoder of transformers. At a call: its configuration has no
            `decoder_start_token_id` or no `pad_token_id`.

    Notes:
        The Trainer keeps the labels from the model where a `compute_loss_func` takes them. The model's own way is
        followed where it has one (mBART starts with the language), and BART's elsewhere.

    Examples:
        >>> import transformers
        >>> config = transformers.T5Config(vocab_size=9, d_model=4, d_kv=2, d_ff=4, num_layers=1, num_heads=2,
        ...     decoder_start_token_id=0)
        >>> model = transformers.T5ForConditionalGeneration(config)
        >>> collate = with_decoder_inputs(model, transformers.default_data_collator)
        >>> collate([{"input_ids": [5, 6], "labels": [7, 8, 1]}])["decoder_input_ids"]
        tensor([[0, 7, 8]])
    """
    inner = unwrapped(model)
    if not getattr(getattr(inner, "config", None), "is_encoder_decoder", False):
        message = (
            f"with_decoder_inputs: `model` is {type(inner).__name__}, expected an encoder-decoder of transformers; "
            f"pass its collator as it is, no other model needs decoder inputs."
        )
        raise OptionError(message)

    def collate(examples: Any) -> Any:  # noqa: ANN401  whatever the collator takes and makes
        batch = collator(examples)
        if batch.get("labels") is not None and batch.get("decoder_input_ids") is None:
            batch["decoder_input_ids"] = _moved_on(inner, batch["labels"].clone())  # FSMT's own way writes to them
        return batch

    return collate


def _moved_on(model: Any, labels: Tensor) -> Tensor:  # noqa: ANN401  a model of transformers, which may not be there
    """Return labels one place further on."""
    if hasattr(model, "prepare_decoder_input_ids_from_labels"):
        made: Tensor = model.prepare_decoder_input_ids_from_labels(labels=labels)
        return made
    start, pad = model.config.decoder_start_token_id, model.config.pad_token_id
    if start is None or pad is None:
        message = (
            f"with_decoder_inputs: the configuration of {type(model).__name__} has decoder_start_token_id {start} and "
            f"pad_token_id {pad}, expected two token ids; set them to those of the tokenizer."
        )
        raise OptionError(message)
    moved = nn.functional.pad(labels, (1, 0), value=start)[:, :-1]
    return moved.masked_fill(moved == IGNORE, pad)


@dataclass(frozen=True)
class DecoderInputs:
    """A hook before each call of an encoder-decoder: its decoder has inputs, or the labels to make them of.

    The Trainer keeps the labels from the model. Left to themselves BART and mBART then read their own source.
    """

    function: str
    model: str
    names: tuple[str, ...]

    def __call__(
        self, module: nn.Module, given: tuple[Any, ...], options: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Raise `OptionError` where the call has neither decoder inputs nor labels."""
        del module
        passed = {
            name for name, value in [*zip(self.names, given, strict=False), *options.items()] if value is not None
        }
        if passed.isdisjoint((*_DECODER_INPUTS, "labels")):
            message = (
                f"{self.function}: {self.model} is called without `decoder_input_ids`, and the Trainer keeps from it "
                f"the labels that they would be made of, expected decoder inputs; pass "
                f"data_collator=with_decoder_inputs(model, collator) to the Trainer, with the collator that it had."
            )
            raise OptionError(message)
        if self.model in _CACHING and "use_cache" not in passed:
            return given, options | {"use_cache": False}
        return None
