"""Which predictions of a language model count, and what each costs.

Dimension names: B is the batch, T the number of tokens, V the vocabulary. Position i predicts token i + 1. That
prediction counts where both tokens are real, by the attention mask, and where the mask asks for token i + 1. The two
masks say different things of a token that is False: padding predicts nothing, a prompt does.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from slopes._core import check, reduce, suspicion
from slopes._core.errors import DtypeError, ShapeError
from slopes._core.linear_logits import Logits
from slopes._core.reduce import Plan, Reduction
from slopes._core.spec import Input
from slopes.losses.class_targets import reduced_by_index

_REAL: Final = "over the tokens; True where one is real and False where it is padding"
_FIX: Final = (
    "check the tokenizer and the head; leave padding out with attention_mask=attention_mask.bool(), and where labels "
    "of -100 leave tokens out, pass mask=labels != -100 and true ids"
)

TOKENS: Final = (Input("logits", ("B", "T", "V")), Input("token_ids", ("B", "T"), "token"))
REAL: Final = Input("attention_mask", ("B", "T"), "boolean", optional=True)


def check_tokens(function: str, logits: Logits, token_ids: Tensor) -> None:
    """Raise an error unless these are logits `[B, T, V]` and the tokens `[B, T]` that they belong to."""
    check.logits(function, logits=logits)
    if logits.dim() != 3:  # noqa: PLR2004  batch, tokens, vocabulary
        fix = "logits.flatten(0, -3) and token_ids.flatten(0, -2)"
        if logits.dim() < 3:  # noqa: PLR2004  likewise
            fix = "logits.unsqueeze(0) and token_ids.unsqueeze(0), a batch of one"
        message = f"{function}: `logits` has shape {check.shape_of(logits)}, expected [B, T, V]; pass {fix}."
        raise ShapeError(message)
    check.filled(function, "logits", logits, "[B, T, V]")
    check.integers(function, "token_ids", token_ids, logits.shape[:2], "[B, T], the tokens that went in, unshifted")
    check.same_device(function, logits=logits, token_ids=token_ids)


def check_token_mask(function: str, name: str, mask: Tensor, token_ids: Tensor, meaning: str) -> None:
    """Raise an error unless this is a mask over these tokens; `meaning` says what True means."""
    check.boolean(function, name, mask, token_ids.shape, f"over the tokens; {meaning}")
    check.same_device(function, token_ids=token_ids, **{name: mask})


def predictions(
    function: str,
    logits: Logits,
    token_ids: Tensor,
    mask: Tensor | None,
    attention_mask: Tensor | None,
    *,
    mask_name: str = "mask",
) -> Tensor:
    """Check logits, tokens and masks; return `[B, T]`, True at each position whose prediction counts."""
    check_tokens(function, logits, token_ids)
    if mask is not None:
        check_token_mask(function, mask_name, mask, token_ids, "True where one is to be predicted")
    if attention_mask is not None:
        _check_attention_mask(function, attention_mask, token_ids)
    elif mask is not None:
        suspicion.not_padding(function, mask_name, mask, token_ids)
    return counting(token_ids, mask, attention_mask)


def counting(token_ids: Tensor, mask: Tensor | None, attention_mask: Tensor | None) -> Tensor:
    """Return `[B, T]`, True at each position whose prediction counts; that of the last one never does."""
    asked = torch.ones_like(token_ids, dtype=torch.bool) if mask is None else mask
    counts = asked[:, 1:]
    if attention_mask is not None:
        counts = counts & attention_mask[:, 1:] & attention_mask[:, :-1]
    return torch.cat([counts, torch.zeros_like(asked[:, :1])], 1)


def predicted(function: str, token_ids: Tensor, counts: Tensor, vocabulary: int) -> Tensor:
    """Return the token that each position predicts, 0 where it does not count; raise where one that does is no id."""
    tokens = torch.where(counts, shifted(token_ids, 0), 0)
    check.in_range(function, "token_ids", tokens, vocabulary, fix=_FIX)
    return tokens


def shifted(token_ids: Tensor, last: int) -> Tensor:
    """Return the token that each position predicts; `last` for the last position, which predicts none."""
    return torch.nn.functional.pad(token_ids[:, 1:], (0, 1), value=last) if token_ids.shape[1] else token_ids


def each_token(
    function: str,
    logits: Logits,
    token_ids: Tensor,
    counts: Tensor,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
) -> Tensor:
    """Return -log p of the tokens that count, reduced (`[B, T - 1]` for "none").

    The logits are not cut: a slice without the last position would be a copy of all of them.
    """
    plan = _plan(function, logits, token_ids, counts, weight, reduction, denominator)
    tokens = predicted(function, token_ids, counts if plan.keep is None else plan.keep, logits.shape[-1])
    suspicion.not_probabilities(function, logits, rows=True, keep=counts)
    terms = reduced_by_index(logits, tokens, plan, None, label_smoothing, z_loss)
    return terms[:, :-1] if reduction == "none" else terms


def _plan(
    function: str,
    logits: Logits,
    token_ids: Tensor,
    counts: Tensor,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
) -> Plan:
    """Return the plan over all T positions, of which each has the weight of the token that it predicts."""
    if weight is not None:
        check.floating(function, weight=weight)
        check.has_shape(function, "weight", weight, token_ids.shape, "over the tokens")
        check.same_device(function, logits=logits, weight=weight)
        weight = torch.cat([weight[:, 1:], torch.zeros_like(weight[:, :1])], 1)
    return reduce.plan(
        function,
        token_ids.shape,
        logits,
        mask=None,
        weight=weight,
        reduction=reduction,
        denominator=denominator,
        keep=counts,
    )


def _check_attention_mask(function: str, attention_mask: Tensor, token_ids: Tensor) -> None:
    """Raise an error unless this says of each token whether it is real; what a tokenizer returns is int64."""
    check.tensor(function, attention_mask=attention_mask)
    if not attention_mask.dtype.is_floating_point and attention_mask.dtype != torch.bool:
        message = (
            f"{function}: `attention_mask` has dtype {attention_mask.dtype}, expected torch.bool ({_REAL}); "
            f"pass attention_mask.bool()."
        )
        raise DtypeError(message)
    check.boolean(function, "attention_mask", attention_mask, token_ids.shape, _REAL)
    check.same_device(function, token_ids=token_ids, attention_mask=attention_mask)
