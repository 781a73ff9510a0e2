"""Losses of language models: next token, masked token, response only, and the log-probabilities of what was said.

Dimension names: B is the batch, T the number of tokens, V the vocabulary. Logits at position i predict token i + 1;
every function here shifts by itself, once, so that logits and token ids have the same T.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from slopes._core import check, reduce
from slopes._core.errors import ShapeError
from slopes._core.reduce import Plan, Reduction
from slopes._core.spec import NON_NEGATIVE, UNIT, Domain, Equivalent, Input, Source, Spec
from slopes.kernels import categorical
from slopes.losses.categorical import IGNORE, cross_entropy_plan


def next_token(
    logits: Tensor,
    token_ids: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -log p of each token given those before it, reduced.

    Args:
        logits: `[B, T, V]`, any floating dtype, as the model returns them.
        token_ids: `[B, T]` int64, the tokens that went into the model.
        mask: `[B, T]` boolean over the tokens, True where a token is to be predicted; the first never is.
        weight: `[B, T]`, weight of each token as something to predict, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[B, T - 1]` for `"none"`; float32 for 16-bit input; nats, at least 0.

    Raises:
        ShapeError: `logits` is not `[B, T, V]`, or another argument does not match it.
        DtypeError: `logits` is not floating, `token_ids` not int64, or a mask not boolean.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: A token that counts is out of range, or `weight` is negative or not finite.

    Notes:
        Nothing is shifted by the caller: shifting twice is the field's favourite bug. The default is the mean over
        all tokens that count in the batch, not the mean of the rows' means; `denominator=` takes the number of tokens
        of a larger batch.

    Examples:
        >>> logits = torch.tensor([[[0.0, 2.0], [1.0, 0.0], [0.0, 0.0]]])
        >>> next_token(logits, torch.tensor([[0, 1, 0]]), reduction="none")
        tensor([[0.1269, 0.3133]])
    """
    return _tokens("next_token", logits, token_ids, mask, weight, reduction, denominator)


def masked_lm(
    logits: Tensor,
    labels: Tensor,
    *,
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
        ValuesError: A label is out of range, or `weight` is negative or not finite.

    Notes:
        Nothing is shifted: position i predicts token i. `mask_tokens` makes the labels.

    Examples:
        >>> masked_lm(torch.tensor([[0.0, 2.0], [1.0, 0.0]]), torch.tensor([1, -100]))
        tensor(0.1269)
    """
    check.floating("masked_lm", logits=logits)
    check.dimensions("masked_lm", "logits", logits, "[..., V]", 1)
    plan, classes = cross_entropy_plan(
        "masked_lm", logits, labels, mask, weight, reduction, denominator, ignore_index, None, target_name="labels"
    )
    return categorical.BY_INDEX.reduced(logits, classes, plan=plan)


class MaskedTokens(NamedTuple):
    """What `mask_tokens` returns: the ids that go in, and the labels of `masked_lm`."""

    token_ids: Tensor
    labels: Tensor


def mask_tokens(
    token_ids: Tensor,
    *,
    mask_id: int,
    vocabulary: int,
    special: Tensor | None = None,
    probability: float = 0.15,
    mask_share: float = 0.8,
    random_share: float = 0.1,
    generator: torch.Generator | None = None,
) -> MaskedTokens:
    """Return token ids with some masked out, as BERT does it, and the labels that ask for them back.

    Args:
        token_ids: `[...]` int64.
        mask_id: The id of the mask token.
        vocabulary: V, the number of ids that a random token is drawn from.
        special: `[...]` boolean, True where a token must stay as it is (padding, separators).
        probability: Of a token to be chosen.
        mask_share: Share of the chosen tokens that become `mask_id`.
        random_share: Share of the chosen tokens that become a random one; the rest stay as they are.
        generator: Source of chance.

    Returns:
        `(token_ids, labels)`, both `[...]` int64; labels are -100 where nothing was chosen. The input is not changed.

    Raises:
        ShapeError: `special` has another shape than `token_ids`.
        DtypeError: `token_ids` is not int64, or `special` not boolean.
        OptionError: An option is outside its domain.

    Notes:
        The defaults are BERT's: 15 % chosen, of which 80 % masked, 10 % random, 10 % kept.

    Examples:
        >>> ids = torch.arange(1000)
        >>> masked = mask_tokens(ids, mask_id=1000, vocabulary=1000, generator=torch.Generator().manual_seed(0))
        >>> (masked.labels != -100).sum().item(), (masked.token_ids == 1000).sum().item()
        (152, 123)
    """
    check.tensor("mask_tokens", token_ids=token_ids)
    check.integers("mask_tokens", "token_ids", token_ids, token_ids.shape, "tokens")
    check.count("mask_tokens", "vocabulary", vocabulary)
    check.index("mask_tokens", "mask_id", mask_id)
    for name, share in (("probability", probability), ("mask_share", mask_share), ("random_share", random_share)):
        check.option("mask_tokens", name, share, UNIT)
    check.option("mask_tokens", "mask_share + random_share", mask_share + random_share, UNIT)
    draw = torch.rand(token_ids.shape, generator=generator, device=token_ids.device)
    chosen = draw < probability
    if special is not None:
        check.boolean("mask_tokens", "special", special, token_ids.shape, "the shape of `token_ids`")
        chosen &= ~special
    fate = torch.rand(token_ids.shape, generator=generator, device=token_ids.device)
    noise = torch.randint(vocabulary, token_ids.shape, generator=generator, device=token_ids.device)
    changed = torch.where(chosen & (fate < mask_share), mask_id, token_ids)
    changed = torch.where(chosen & (fate >= mask_share) & (fate < mask_share + random_share), noise, changed)
    return MaskedTokens(changed, torch.where(chosen, token_ids, IGNORE))


def sft(
    logits: Tensor,
    token_ids: Tensor,
    response_mask: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -log p of each token of the response given those before it, reduced.

    Args:
        logits: `[B, T, V]`, any floating dtype, as the model returns them.
        token_ids: `[B, T]` int64, the tokens that went into the model.
        response_mask: `[B, T]` boolean over the tokens, True where one belongs to the response.
        mask: `[B, T]` boolean over the tokens, True where a token is to be predicted; the first never is.
        weight: `[B, T]`, weight of each token as something to predict, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[B, T - 1]` for `"none"`; float32 for 16-bit input; nats, at least 0.

    Raises:
        ShapeError: `logits` is not `[B, T, V]`, or another argument does not match it.
        DtypeError: `logits` is not floating, `token_ids` not int64, or a mask not boolean.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: A token that counts is out of range, or `weight` is negative or not finite.

    Notes:
        `next_token` on the response alone: the prompt conditions and does not count. The default is the mean over all
        response tokens of the batch, so that long responses count for more.

    Examples:
        >>> logits = torch.tensor([[[0.0, 2.0], [1.0, 0.0], [0.0, 0.0]]])
        >>> sft(logits, torch.tensor([[0, 1, 0]]), torch.tensor([[False, False, True]]))
        tensor(0.3133)
    """
    _check_tokens("sft", logits, token_ids)
    check.boolean("sft", "response_mask", response_mask, token_ids.shape, "over the tokens; True in the response")
    if mask is not None:
        check.boolean("sft", "mask", mask, token_ids.shape, "over the tokens; True where one counts")
        response_mask = response_mask & mask
    return _tokens("sft", logits, token_ids, response_mask, weight, reduction, denominator)


def token_log_probs(logits: Tensor, token_ids: Tensor) -> Tensor:
    """Return log p of each token but the first, given those before it.

    Args:
        logits: `[B, T, V]`, any floating dtype, as the model returns them.
        token_ids: `[B, T]` int64, the tokens that went into the model.

    Returns:
        `[B, T - 1]`; float32 for 16-bit input; nats, at most 0. Entry i belongs to token i + 1.

    Raises:
        ShapeError: `logits` is not `[B, T, V]`, or `token_ids` does not match it.
        DtypeError: `logits` is not floating, or `token_ids` not int64.
        ValuesError: A token is out of range.

    Notes:
        Only the logits are kept for the backward pass, in which the probabilities are made again block by block.

    Examples:
        >>> logits = torch.tensor([[[0.0, 2.0], [1.0, 0.0], [0.0, 0.0]]])
        >>> token_log_probs(logits, torch.tensor([[0, 1, 0]]))
        tensor([[-0.1269, -0.3133]])
    """
    _check_tokens("token_log_probs", logits, token_ids)
    check.in_range("token_log_probs", "token_ids", token_ids[:, 1:], logits.shape[-1])
    return -categorical.BY_INDEX(logits, _shifted(token_ids, 0))[:, :-1]


def sequence_log_prob(
    logits: Tensor, token_ids: Tensor, *, mask: Tensor | None = None, average: bool = False
) -> Tensor:
    """Return the log-probability of each sequence: the sum of `token_log_probs`, or their mean.

    Args:
        logits: `[B, T, V]`, any floating dtype, as the model returns them.
        token_ids: `[B, T]` int64, the tokens that went into the model.
        mask: `[B, T]` boolean over the tokens, True where one counts (the response).
        average: Divide by the number of tokens that count, as `orpo` and length-normalised losses want it.

    Returns:
        `[B]`; float32 for 16-bit input; nats, at most 0. A sequence in which nothing counts gives 0.

    Raises:
        ShapeError: `logits` is not `[B, T, V]`, or another argument does not match it.
        DtypeError: `logits` is not floating, `token_ids` not int64, or `mask` not boolean.
        OptionError: `average` is not a bool.
        ValuesError: A token that counts is out of range.

    Notes:
        What a token outside the mask predicts leaves no trace, not even if its logits are infinite.

    Examples:
        >>> logits = torch.tensor([[[0.0, 2.0], [1.0, 0.0], [0.0, 0.0]]])
        >>> sequence_log_prob(logits, torch.tensor([[0, 1, 0]]))
        tensor([-0.4402])
    """
    check.flag("sequence_log_prob", "average", average)
    terms, plan = _each_token("sequence_log_prob", logits, token_ids, mask, None, "none", None)
    total = -terms.sum(-1)
    if not average:
        return total
    counts = torch.full_like(total, terms.shape[-1]) if plan.keep is None else plan.keep[:, :-1].sum(-1).to(total.dtype)
    return total / counts.clamp(min=1)


def perplexity(logits: Tensor, token_ids: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """Return the exponential of the mean of -log p over all tokens that count.

    Args:
        logits: `[B, T, V]`, any floating dtype, as the model returns them.
        token_ids: `[B, T]` int64, the tokens that went into the model.
        mask: `[B, T]` boolean over the tokens, True where one is to be predicted.

    Returns:
        A number of at least 1: how many equally likely tokens the model hesitates between. 1 where nothing counts.

    Raises:
        ShapeError: `logits` is not `[B, T, V]`, or another argument does not match it.
        DtypeError: `logits` is not floating, `token_ids` not int64, or `mask` not boolean.
        ValuesError: A token that counts is out of range.

    Notes:
        The mean of the perplexities of batches is another, larger number: use `Perplexity` over several batches.

    Examples:
        >>> perplexity(torch.zeros(1, 3, 50_000), torch.tensor([[1, 2, 3]])).round()
        tensor(50000.)
    """
    return torch.exp(_tokens("perplexity", logits, token_ids, mask, None, "mean", None))


class NextToken(nn.Module):
    """Module of `next_token`."""

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__()
        self.reduction: Reduction = reduction

    def forward(
        self,
        logits: Tensor,
        token_ids: Tensor,
        *,
        mask: Tensor | None = None,
        weight: Tensor | None = None,
        denominator: Tensor | float | None = None,
    ) -> Tensor:
        """Return `next_token` of these tensors under the module's options."""
        return next_token(
            logits,
            token_ids,
            mask=mask,
            weight=weight,
            reduction=self.reduction,
            denominator=denominator,
        )


class MaskedLM(nn.Module):
    """Module of `masked_lm`."""

    def __init__(self, *, ignore_index: int = IGNORE, reduction: Reduction = "mean") -> None:
        super().__init__()
        self.ignore_index = ignore_index
        self.reduction: Reduction = reduction

    def forward(
        self,
        logits: Tensor,
        labels: Tensor,
        *,
        mask: Tensor | None = None,
        weight: Tensor | None = None,
        denominator: Tensor | float | None = None,
    ) -> Tensor:
        """Return `masked_lm` of these tensors under the module's options."""
        return masked_lm(
            logits,
            labels,
            ignore_index=self.ignore_index,
            mask=mask,
            weight=weight,
            reduction=self.reduction,
            denominator=denominator,
        )


class SFT(nn.Module):
    """Module of `sft`."""

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__()
        self.reduction: Reduction = reduction

    def forward(
        self,
        logits: Tensor,
        token_ids: Tensor,
        response_mask: Tensor,
        *,
        mask: Tensor | None = None,
        weight: Tensor | None = None,
        denominator: Tensor | float | None = None,
    ) -> Tensor:
        """Return `sft` of these tensors under the module's options."""
        return sft(
            logits,
            token_ids,
            response_mask,
            mask=mask,
            weight=weight,
            reduction=self.reduction,
            denominator=denominator,
        )


class Perplexity(nn.Module):
    """Perplexity of a text that comes in batches; exact over any split of it.

    Keeps the sum of -log p in float64 and the number of tokens, as buffers: they move with `.to()` and are saved with
    the state. To join the counts of several processes, add up `total` and `count`.

    Examples:
        >>> metric = Perplexity()
        >>> for text in torch.tensor([[[1, 2, 3]], [[4, 5, 6]]]):
        ...     metric.update(torch.zeros(1, 3, 50_000), text)
        >>> metric.compute().round()
        tensor(50000., dtype=torch.float64)
    """

    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("total", torch.zeros((), dtype=torch.float64))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def update(self, logits: Tensor, token_ids: Tensor, *, mask: Tensor | None = None) -> None:
        """Count a batch: logits `[B, T, V]`, token ids `[B, T]` and a mask over the tokens, as `perplexity` takes."""
        terms, plan = _each_token("Perplexity.update", logits, token_ids, mask, None, "none", None)
        self.total += terms.double().sum().to(self.total.device)
        self.count += terms.numel() if plan.keep is None else plan.keep[:, :-1].sum().to(self.count.device)

    def compute(self) -> Tensor:
        """Return the perplexity of all batches so far, a float64 number; 1 before the first."""
        return torch.exp(self.total / self.count.clamp(min=1))

    def reset(self) -> None:
        """Forget all batches."""
        self.total.zero_()
        self.count.zero_()

    def forward(self, logits: Tensor, token_ids: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """Count a batch and return the perplexity of all so far."""
        self.update(logits, token_ids, mask=mask)
        return self.compute()


def _check_tokens(function: str, logits: Tensor, token_ids: Tensor) -> None:
    check.floating(function, logits=logits)
    if logits.dim() != 3:  # noqa: PLR2004  batch, tokens, vocabulary
        message = (
            f"{function}: `logits` has shape {check.shape_of(logits)}, expected [B, T, V]; "
            f"add the missing batch dimension with .unsqueeze(0)."
        )
        raise ShapeError(message)
    check.integers(function, "token_ids", token_ids, logits.shape[:2], "[B, T], the tokens that went in, unshifted")
    check.same_device(function, logits=logits, token_ids=token_ids)


def _shifted(token_ids: Tensor, last: int) -> Tensor:
    """Return the token that each position predicts; `last` for the last position, which predicts none."""
    return torch.nn.functional.pad(token_ids[:, 1:], (0, 1), value=last) if token_ids.shape[1] else token_ids


def _each_token(
    function: str,
    logits: Tensor,
    token_ids: Tensor,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
) -> tuple[Tensor, Plan]:
    """Return -log p of the tokens, reduced (`[B, T - 1]` for "none"), and the plan over all T positions.

    The logits are not cut: a slice without the last position would be a copy of all of them.
    """
    _check_tokens(function, logits, token_ids)
    if mask is not None:
        check.boolean(function, "mask", mask, token_ids.shape, "over the tokens; True where one is to be predicted")
    if weight is not None:
        check.floating(function, weight=weight)
        check.has_shape(function, "weight", weight, token_ids.shape, "over the tokens")
    keep = torch.ones_like(token_ids, dtype=torch.bool) if mask is None else mask
    predicts = torch.cat([keep[:, 1:], torch.zeros_like(keep[:, :1])], 1)
    check.in_range(function, "token_ids", torch.where(keep, token_ids, 0)[:, 1:], logits.shape[-1])
    classes = torch.where(predicts, _shifted(token_ids, 0), 0)
    plan = reduce.plan(
        function,
        token_ids.shape,
        logits,
        mask=None,
        weight=None if weight is None else _shifted_weight(weight),
        reduction=reduction,
        denominator=denominator,
        keep=predicts,
    )
    check.not_probabilities(function, logits, rows=True, keep=predicts)
    terms = categorical.BY_INDEX.reduced(logits, classes, plan=plan)
    return (terms[:, :-1] if reduction == "none" else terms), plan


def _shifted_weight(weight: Tensor) -> Tensor:
    return torch.cat([weight[:, 1:], torch.zeros_like(weight[:, :1])], 1)


def _tokens(
    function: str,
    logits: Tensor,
    token_ids: Tensor,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
) -> Tensor:
    return _each_token(function, logits, token_ids, mask, weight, reduction, denominator)[0]


_TOKENS: Final = (Input("logits", ("B", "T", "V")), Input("token_ids", ("B", "T"), "token"))
_GPT: Final = Source("Bengio, Ducharme, Vincent, Jauvin 2003, A Neural Probabilistic Language Model")

SPECS: Final = (
    Spec(
        name="next_token",
        title="Next-token cross-entropy",
        kind="loss",
        family="language",
        function=next_token,
        module=NextToken,
        summary="Pretraining of a language model: every token from those before it.",
        formula=r"\ell = -\frac{1}{T} \sum_{t} \log p(x_t \mid x_{<t})",
        slope=r"\frac{\partial \ell_t}{\partial z_j} = p_j - y_j",
        inputs=_TOKENS,
        output=("B", "T - 1"),
        range=NON_NEGATIVE,
        aliases=("causal lm", "language modeling", "autoregressive", "lm loss", "pretraining loss"),
        equivalents=(
            Equivalent(
                "transformers", "ForCausalLMLoss(logits, labels, vocab_size)", "labels of -100 where a mask is here"
            ),
            Equivalent(
                "torch",
                "torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), token_ids[:, 1:].flatten())",
            ),
        ),
        convention="It shifts, once: logits and token ids are passed as they are.",
        sources=(_GPT,),
        reduces=True,
    ),
    Spec(
        name="masked_lm",
        title="Masked language modelling",
        kind="loss",
        family="language",
        function=masked_lm,
        module=MaskedLM,
        summary="Tokens that were taken out, from both sides.",
        formula=r"\ell = -\sum_{i \in M} \log p(x_i \mid x_{\setminus M})",
        slope=r"\frac{\partial \ell_i}{\partial z_j} = p_j - y_j",
        inputs=(Input("logits", ("...", "V")), Input("labels", ("...",), "class_index")),
        output=("...",),
        range=NON_NEGATIVE,
        aliases=("mlm", "bert loss", "cloze"),
        equivalents=(Equivalent("transformers", "ForMaskedLMLoss(logits, labels, vocab_size)"),),
        convention="Nothing is shifted; labels are -100 where nothing was masked.",
        sources=(Source("Devlin, Chang, Lee, Toutanova 2018, BERT", "section 3.1"),),
        reduces=True,
    ),
    Spec(
        name="mask_tokens",
        title="Token masking",
        kind="tool",
        family="language",
        function=mask_tokens,
        summary="15 % of the tokens, of which 80 % masked, 10 % random, 10 % kept.",
        formula=r"x_i \to \text{mask, random or itself, with } 0.8,\ 0.1,\ 0.1",
        inputs=(Input("token_ids", ("...",), "token"),),
        output=("...",),
        aliases=("masking", "mlm collator"),
        equivalents=(Equivalent("transformers", "DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)"),),
        sources=(Source("Devlin, Chang, Lee, Toutanova 2018, BERT", "appendix A.1"),),
    ),
    Spec(
        name="sft",
        title="Supervised fine-tuning",
        kind="loss",
        family="language",
        function=sft,
        module=SFT,
        summary="Answers, given their prompts: the first step of alignment.",
        formula=r"\ell = -\sum_{t \in R} \log p(x_t \mid x_{<t})",
        slope=r"\frac{\partial \ell_t}{\partial z_j} = p_j - y_j",
        inputs=(*_TOKENS, Input("response_mask", ("B", "T"), "boolean")),
        output=("B", "T - 1"),
        range=NON_NEGATIVE,
        aliases=("instruction tuning", "completion only", "response loss"),
        equivalents=(Equivalent("TRL", "SFTTrainer with completion_only_loss=True", "labels of -100 on the prompt"),),
        convention="The mean over all response tokens of the batch, not of each answer's mean.",
        sources=(Source("Ouyang et al. 2022, Training Language Models to Follow Instructions", "section 3.5"),),
        reduces=True,
    ),
    Spec(
        name="perplexity",
        title="Perplexity",
        kind="tool",
        family="language",
        function=perplexity,
        module=None,
        summary="How many equally likely tokens the model hesitates between.",
        formula=r"\mathrm{PPL} = \exp\left(-\frac{1}{T} \sum_t \log p(x_t \mid x_{<t})\right)",
        inputs=_TOKENS,
        range=Domain(low=1.0),
        aliases=("ppl",),
        equivalents=(
            Equivalent("torchmetrics", "torchmetrics.text.Perplexity()(logits[:, :-1], token_ids[:, 1:])", "unshifted"),
        ),
        convention="The exponential of one mean over all tokens, never a mean of perplexities.",
        sources=(
            Source("Jelinek, Mercer, Bahl, Baker 1977, Perplexity: a measure of difficulty of speech recognition"),
        ),
    ),
    Spec(
        name="token_log_probs",
        title="Token log-probabilities",
        kind="tool",
        family="language",
        function=token_log_probs,
        summary="What a model thought of each token: the raw material of preference and policy losses.",
        formula=r"\log p(x_t \mid x_{<t})",
        inputs=_TOKENS,
        output=("B", "T - 1"),
        range=Domain(high=0.0),
        aliases=("logps", "selective log softmax", "per token logps"),
        equivalents=(
            Equivalent("TRL", "selective_log_softmax(logits[:, :-1], token_ids[:, 1:])", "the caller shifts"),
        ),
        convention="It shifts, once.",
        sources=(_GPT,),
    ),
    Spec(
        name="sequence_log_prob",
        title="Sequence log-probability",
        kind="tool",
        family="language",
        function=sequence_log_prob,
        summary="What a model thought of a whole answer: the input of DPO, IPO and KTO.",
        formula=r"\log p(x) = \sum_t \log p(x_t \mid x_{<t})",
        inputs=_TOKENS,
        output=("B",),
        range=Domain(high=0.0),
        aliases=("batch logps", "sequence log likelihood"),
        equivalents=(Equivalent("TRL", "(per_token_logps * mask).sum(-1)", "the caller shifts"),),
        convention="The sum by default, which DPO, IPO and KTO want; `average=True` for ORPO.",
        sources=(_GPT,),
    ),
)
