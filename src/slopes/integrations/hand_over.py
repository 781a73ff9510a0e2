"""Make a model hand over its logits instead of making them, and take it back.

Dimension names: V is the vocabulary, D the width of the hidden states.
"""

from __future__ import annotations

import inspect
import weakref
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, cast

import torch
from torch import nn

from slopes._core.errors import DtypeError
from slopes.integrations.output_head import OutputHead, gives, heads_in, rebased, take_back

# The layers of each model that hand over, also where the model no longer has them: another head was set in their place.
_GIVEN: Final[weakref.WeakKeyDictionary[nn.Module, weakref.WeakSet[nn.Module]]] = weakref.WeakKeyDictionary()


class HandOver:
    """What `hand_over_logits` returns: it undoes it, by `undo()` or at the end of a `with` block.

    Args:
        model: The model, or a copy of it: `HandOver(model).undo()` needs nothing that was kept.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model

    def undo(self) -> None:
        """Let the model make its logits again, whatever other tools made of its head; twice is once."""
        for module in {*self._model.modules(), *_GIVEN.pop(self._model, ())}:
            take_back(module)
        self._unhook()

    def _unhook(self) -> None:
        kept = vars(self._model)  # a copy of the model has no handle of its hooks
        for name, flags in (
            ("_forward_pre_hooks", "_forward_pre_hooks_with_kwargs"),
            ("_forward_hooks", "_forward_hooks_always_called"),
        ):
            for key in [key for key, hook in kept[name].items() if isinstance(hook, _Before | _After)]:
                del kept[name][key]
                del kept[flags][key]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.undo()


def hand_over_logits(model: nn.Module, *, evaluation: bool = False) -> HandOver:
    """Make a model hand over its logits unmade, so that nothing of rows × vocabulary is ever there.

    Args:
        model: A model of transformers with an output head that is an `nn.Linear`: for causal, masked or
            sequence-to-sequence language modelling; also in PEFT's wrappers. Its head is changed in place.
        evaluation: Whether the logits are left unmade also where no gradients are recorded and the model is given no
            labels: for a reference model's log-probabilities, and for `Trainer.evaluate` with a `compute_loss_func`.

    Returns:
        What undoes it: `HandOver(model).undo()`, also on a copy of the model, or a `with` block.

    Raises:
        DtypeError: `model` has no `get_output_embeddings`, or its output head is no `nn.Linear`.
        OptionError: In the forward pass: the head's weight is partitioned by ZeRO's stage 3 or by tensor parallelism,
            or the model runs under `nn.DataParallel`.
        UnmadeLogitsError: In the forward pass: the model does something with its logits that has no closed form.

    Notes:
        In training mode, where gradients are recorded, `model(...).logits` is a `HeadLogits`: a `slopes.LinearLogits`
        for whatever loss takes logits of classes. With `labels` the model's own loss is computed from it, in chunks.
        Under `torch.no_grad()` with `labels`, and without them under `evaluation=True`, it is a `DeferredLogits`: to a
        loss the same, and to everything else (`generate`, `Trainer.predict`, metrics) a tensor, made where it is first
        asked for, as the model would have made it. Elsewhere, and compiled without gradients, the model makes its
        logits as before.

        Scales and soft caps are followed as the model's code applies them, and not read from a configuration. So are
        PEFT's adapters of the head, whether they come before or after: LoRA's z + s · B A dropout(h) is one product
        with [W, B], exact under dropout too, for a copy of W and a gradient of its size; DoRA is refused. A resized,
        replaced or wrapped head hands over from the next call of the model on. Names in the state, tied weights,
        copies, checkpointing and DistributedDataParallel stay as they are. Under FSDP the forward pass keeps a copy of
        the head's weight until the loss has been learned from. A model that uses its head's weight without calling the
        head (MobileBERT) makes its logits as before, and so does `model.lm_head(...)` of its own where no gradients
        are recorded.

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
        >>> with hand_over_logits(model, evaluation=True), torch.no_grad():
        ...     losses.token_log_probs(model(ids).logits, ids).shape, model(ids).logits.argmax(-1).shape
        (torch.Size([1, 2]), torch.Size([1, 3]))
    """
    _hand_over(model)
    HandOver(model)._unhook()  # noqa: SLF001  the last call says what of evaluation
    model.register_forward_pre_hook(_Before(evaluation), with_kwargs=True)
    model.register_forward_hook(_After(), always_call=True)
    return HandOver(model)


@dataclass(frozen=True)
class _Before:
    """A hook before each call of the model.

    It hands over again where the head was replaced or wrapped, as `resize_token_embeddings` and PEFT do, and says
    whether logits that nobody learns from are left unmade.
    """

    evaluation: bool

    def __call__(self, model: nn.Module, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
        """Look at the head, and at what the model is given."""
        _hand_over(model)
        if torch.is_grad_enabled() or torch.compiler.is_compiling():
            return
        if self.evaluation or _has_labels(model, arguments, options):
            _defer(model, deferring=True)


@dataclass(frozen=True)
class _After:
    """A hook after each call, also where it failed."""

    def __call__(self, model: nn.Module, arguments: object, output: object) -> None:
        """End what the hook before began."""
        del arguments, output
        if not torch.is_grad_enabled() and not torch.compiler.is_compiling():
            _defer(model, deferring=False)


def _has_labels(model: nn.Module, arguments: tuple[Any, ...], options: dict[str, Any]) -> bool:
    """Whether the model is given labels, and computes a loss of its own."""
    if "labels" in options:
        return options["labels"] is not None
    names = list(inspect.signature(model.forward).parameters)[: len(arguments)]
    return "labels" in names and arguments[names.index("labels")] is not None


def _defer(model: nn.Module, *, deferring: bool) -> None:
    for head in heads_in(_head(model)):
        if isinstance(head, OutputHead):
            head.deferring = deferring


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
    """Make the model's head hand over."""
    head = _head(model)
    if type(head) is OutputHead:
        return
    if head is None:
        message = (
            f"hand_over_logits: {type(model).__name__} has no output head over the vocabulary, expected a language "
            f"model with a plain nn.Linear; give its logits to a loss as they are, they are small."
        )
        raise DtypeError(message)
    layers = heads_in(head)
    if not layers:
        came = "an nn.Linear whose forward another tool replaced" if type(head) is nn.Linear else type(head).__name__
        message = (
            f"hand_over_logits: the output head of {type(model).__name__} is {came}, expected a plain nn.Linear, or "
            f"one in wrappers of PEFT or FSDP; train this model on the logits that it makes, after "
            f"HandOver(model).undo()."
        )
        raise DtypeError(message)
    for layer in layers:
        if not gives(layer):
            _give(layer)
            _GIVEN.setdefault(model, weakref.WeakSet()).add(layer)


def _give(head: nn.Module) -> None:
    """Make a layer of an output head hand its logits over: it stays the same object, with its state, ties and hooks."""
    if isinstance(head, nn.Linear):
        head.__class__ = rebased(cast("Any", type(head)), giving=True)
    else:
        from slopes.integrations.peft_heads import OutputTokens  # noqa: PLC0415  where PEFT is, and not before

        head.__class__ = OutputTokens
