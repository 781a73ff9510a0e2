"""Losses of language models: next token, masked token, and response only.

Dimension names: B is the batch, T the number of tokens, V the vocabulary. Logits at position i predict token i + 1;
every function here shifts by itself, once, so that logits and token ids have the same T.
"""

from __future__ import annotations

from typing import Final

import torch.fx
from torch import Tensor

from slopes._core import check
from slopes._core.linear_logits import Logits
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_NON_NEGATIVE, NON_NEGATIVE, UNIT, Equivalent, Input, Source, Spec
from slopes.losses.categorical import SMOOTHING, Z_LOSS
from slopes.losses.class_targets import IGNORE, cross_entropy_plan, reduced_by_index
from slopes.losses.predictions import REAL, TOKENS, check_token_mask, check_tokens, each_token, predictions


def next_token(
    logits: Logits,
    token_ids: Tensor,
    *,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    mask: Tensor | None = None,
    attention_mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -log p of each token given those before it, reduced.

    Args:
        logits: `[B, T, V]`, any floating dtype, as the model returns them.
        token_ids: `[B, T]` int64, the tokens that went into the model.
        label_smoothing: Share of the target that is spread over the vocabulary, in [0, 1]; see `cross_entropy`.
        z_loss: Weight of (log Σ exp(logits))² of each token, at least 0; see `cross_entropy`.
        mask: `[B, T]` boolean over the tokens, True where a token is to be predicted; the first never is.
        attention_mask: `[B, T]` boolean over the tokens, True where one is real and False where it is padding: what the
            model got. A prediction counts between two real tokens.
        weight: `[B, T]`, weight of each token as something to predict, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[B, T - 1]` for `"none"`; float32 for 16-bit input; nats, at least 0.

    Raises:
        ShapeError: `logits` is not `[B, T, V]`, or another argument does not match it.
        DtypeError: `logits` is not floating, `token_ids` not int64, or a mask not boolean.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: A token that counts is out of range, every logit that predicts it is -∞, or `weight` is negative or
            not finite.

    Notes:
        Nothing is shifted by the caller: shifting twice is the field's favourite bug. The default is the mean over
        all tokens that count in the batch, not the mean of the rows' means; `denominator=` takes the number of tokens
        of a larger batch.

    Examples:
        >>> logits = torch.tensor([[[0.0, 2.0], [1.0, 0.0], [0.0, 0.0]]])
        >>> next_token(logits, torch.tensor([[0, 1, 0]]), reduction="none")
        tensor([[0.1269, 0.3133]])
    """
    options = _checked("next_token", label_smoothing, z_loss)
    counts = predictions("next_token", logits, token_ids, mask, attention_mask)
    return each_token("next_token", logits, token_ids, counts, weight, reduction, denominator, *options)


def masked_lm(
    logits: Logits,
    labels: Tensor,
    *,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    ignore_index: int = IGNORE,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -log p of the tokens that were masked out, reduced.

    Args:
        logits: `[..., V]`, any floating dtype.
        labels: `[...]` int64: the original token where it was masked, `ignore_index` elsewhere.
        label_smoothing: Share of the target that is spread over the vocabulary, in [0, 1]; see `cross_entropy`.
        z_loss: Weight of (log Σ exp(logits))² of each token, at least 0; see `cross_entropy`.
        ignore_index: Label of the positions that do not count.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0.

    Raises:
        ShapeError: `labels` does not have the leading shape of `logits`.
        DtypeError: `logits` is not floating, or `labels` not int64.
        OptionError: An option is outside its domain.
        ValuesError: A label is out of range, every logit of a row that counts is -∞, or `weight` is negative or not
            finite.

    Notes:
        Nothing is shifted: position i predicts token i. `mask_tokens` makes the labels.

    Examples:
        >>> masked_lm(torch.tensor([[0.0, 2.0], [1.0, 0.0]]), torch.tensor([1, -100]))
        tensor(0.1269)
    """
    check.logits("masked_lm", logits=logits)
    check.dimensions("masked_lm", "logits", logits, "[..., V]", 1)
    check.filled("masked_lm", "logits", logits, "[..., V]")
    label_smoothing, z_loss = _checked("masked_lm", label_smoothing, z_loss)
    plan, classes = cross_entropy_plan(
        "masked_lm",
        logits,
        labels,
        mask,
        weight,
        reduction,
        denominator,
        ignore_index,
        None,
        smoothed=label_smoothing > 0,
        target_name="labels",
    )
    return reduced_by_index(logits, classes, plan, None, label_smoothing, z_loss)


def sft(
    logits: Logits,
    token_ids: Tensor,
    response_mask: Tensor,
    *,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    mask: Tensor | None = None,
    attention_mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -log p of each token of the response given those before it, reduced.

    Args:
        logits: `[B, T, V]`, any floating dtype, as the model returns them.
        token_ids: `[B, T]` int64, the tokens that went into the model.
        response_mask: `[B, T]` boolean over the tokens, True where one belongs to the response.
        label_smoothing: Share of the target that is spread over the vocabulary, in [0, 1]; see `cross_entropy`.
        z_loss: Weight of (log Σ exp(logits))² of each token, at least 0; see `cross_entropy`.
        mask: `[B, T]` boolean over the tokens, True where a token is to be predicted; the first never is.
        attention_mask: `[B, T]` boolean over the tokens, True where one is real and False where it is padding: what the
            model got. A prediction counts between two real tokens.
        weight: `[B, T]`, weight of each token as something to predict, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[B, T - 1]` for `"none"`; float32 for 16-bit input; nats, at least 0.

    Raises:
        ShapeError: `logits` is not `[B, T, V]`, or another argument does not match it.
        DtypeError: `logits` is not floating, `token_ids` not int64, or a mask not boolean.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: A token that counts is out of range, every logit that predicts it is -∞, or `weight` is negative or
            not finite.

    Notes:
        `next_token` on the response alone: the prompt conditions and does not count. The default is the mean over all
        response tokens of the batch, so that long responses count for more.

    Examples:
        >>> logits = torch.tensor([[[0.0, 2.0], [1.0, 0.0], [0.0, 0.0]]])
        >>> sft(logits, torch.tensor([[0, 1, 0]]), torch.tensor([[False, False, True]]))
        tensor(0.3133)
    """
    options = _checked("sft", label_smoothing, z_loss)
    check_tokens("sft", logits, token_ids)
    check_token_mask("sft", "response_mask", response_mask, token_ids, "True in the response")
    if mask is not None:
        check_token_mask("sft", "mask", mask, token_ids, "True where one counts")
        response_mask = response_mask & mask
    counts = predictions("sft", logits, token_ids, response_mask, attention_mask, mask_name="response_mask")
    return each_token("sft", logits, token_ids, counts, weight, reduction, denominator, *options)


class NextToken(Module, of=next_token):
    """Module of `next_token`."""

    label_smoothing: float = 0.0
    z_loss: float = 0.0
    reduction: Reduction = "mean"


class MaskedLM(Module, of=masked_lm):
    """Module of `masked_lm`."""

    label_smoothing: float = 0.0
    z_loss: float = 0.0
    ignore_index: int = IGNORE
    reduction: Reduction = "mean"


class SFT(Module, of=sft):
    """Module of `sft`."""

    label_smoothing: float = 0.0
    z_loss: float = 0.0
    reduction: Reduction = "mean"


def _checked(function: str, label_smoothing: float, z_loss: float) -> tuple[float, float]:
    smoothing = check.option(function, "label_smoothing", label_smoothing, UNIT)
    return smoothing, check.option(function, "z_loss", z_loss, FINITE_NON_NEGATIVE)


FIRST: Final = Source("Bengio, Ducharme, Vincent, Jauvin 2003, A Neural Probabilistic Language Model")

SPECS: Final = (
    Spec(
        title="Next-token cross-entropy",
        family="language",
        function=next_token,
        module=NextToken,
        summary="Pretraining of a language model: every token from those before it.",
        formula=r"\ell = -\frac{1}{T} \sum_{t} \log p(x_t \mid x_{<t})",
        slope=r"\frac{\partial \ell_t}{\partial z_j} = p_j - y_j",
        inputs=(*TOKENS, REAL),
        output=("B", "T - 1"),
        range=NON_NEGATIVE,
        parameters=(SMOOTHING, Z_LOSS),
        aliases=("causal lm", "language modeling", "autoregressive", "lm loss", "pretraining loss"),
        equivalents=(
            Equivalent(
                "transformers", "ForCausalLMLoss(logits, labels, vocab_size)", "labels of -100 where a mask is here"
            ),
            Equivalent(
                "torch", "torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), token_ids[:, 1:].flatten())"
            ),
        ),
        convention="It shifts, once: logits and token ids are passed as they are.",
        sources=(FIRST,),
    ),
    Spec(
        title="Masked language modelling",
        family="language",
        function=masked_lm,
        module=MaskedLM,
        summary="Tokens that were taken out, from both sides.",
        formula=r"\ell = -\frac{1}{|M|} \sum_{i \in M} \log p(x_i \mid x_{\setminus M})",
        slope=r"\frac{\partial \ell_i}{\partial z_j} = p_j - y_j",
        inputs=(Input("logits", ("...", "V")), Input("labels", ("...",), "class_index")),
        output=("...",),
        range=NON_NEGATIVE,
        parameters=(SMOOTHING, Z_LOSS),
        aliases=("mlm", "bert loss", "cloze"),
        equivalents=(Equivalent("transformers", "ForMaskedLMLoss(logits, labels, vocab_size)"),),
        convention="Nothing is shifted; labels are -100 where nothing was masked.",
        sources=(Source("Devlin, Chang, Lee, Toutanova 2018, BERT", "section 3.1"),),
    ),
    Spec(
        title="Supervised fine-tuning",
        family="language",
        function=sft,
        module=SFT,
        summary="Answers, given their prompts: the first step of alignment.",
        formula=r"\ell = -\frac{1}{|R|} \sum_{t \in R} \log p(x_t \mid x_{<t})",
        slope=r"\frac{\partial \ell_t}{\partial z_j} = p_j - y_j",
        inputs=(*TOKENS, Input("response_mask", ("B", "T"), "boolean"), REAL),
        output=("B", "T - 1"),
        range=NON_NEGATIVE,
        parameters=(SMOOTHING, Z_LOSS),
        aliases=("instruction tuning", "completion only", "response loss"),
        equivalents=(Equivalent("TRL", "SFTTrainer with completion_only_loss=True", "labels of -100 on the prompt"),),
        convention="The mean over all response tokens of the batch, not of each answer's mean.",
        sources=(Source("Ouyang et al. 2022, Training Language Models to Follow Instructions", "section 3.5"),),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
