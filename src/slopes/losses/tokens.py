"""Tools around language models: log-probabilities of what was said, perplexity.

Dimension names: B is the batch, T the number of tokens, V the vocabulary. Logits at position i predict token i + 1;
every function here shifts by itself, once.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import torch
import torch.fx
from torch import Tensor, nn

from slopes._core import check
from slopes._core.linear_logits import Logits
from slopes._core.reduce import Plan
from slopes._core.spec import Domain, Equivalent, Source, Spec
from slopes.kernels.pointwise import defined
from slopes.kernels.rows import categorical
from slopes.losses.language import FIRST
from slopes.losses.predictions import REAL, TOKENS, each_token, predicted, predictions


class TokenScores(NamedTuple):
    """What `token_scores` returns, each `[B, T - 1]`; entry i belongs to token i + 1."""

    log_probs: Tensor
    entropy: Tensor
    likeliest: Tensor


def token_log_probs(
    logits: Logits, token_ids: Tensor, *, mask: Tensor | None = None, attention_mask: Tensor | None = None
) -> Tensor:
    """Return log p of each token but the first, given those before it.

    Args:
        logits: `[B, T, V]`, any floating dtype, as the model returns them.
        token_ids: `[B, T]` int64, the tokens that went into the model.
        mask: `[B, T]` boolean over the tokens, True where one counts (the response).
        attention_mask: `[B, T]` boolean over the tokens, True where one is real and False where it is padding: what the
            model got. A prediction counts between two real tokens.

    Returns:
        `[B, T - 1]`; float32 for 16-bit input; nats, at most 0. Entry i belongs to token i + 1; where that does not
        count it is 0, and so is its gradient.

    Raises:
        ShapeError: `logits` is not `[B, T, V]`, or another argument does not match it.
        DtypeError: `logits` is not floating, `token_ids` not int64, or a mask not boolean.
        ValuesError: A token that counts is out of range, or every logit that predicts it is -∞.

    Notes:
        Only the logits are kept for the backward pass, in which the probabilities are made again block by block. A 0
        where nothing counts is no probability of 1: give the losses that take these numbers the same tokens to leave
        out, as `mask[:, 1:]`.

    Examples:
        >>> logits = torch.tensor([[[0.0, 2.0], [1.0, 0.0], [0.0, 0.0]]])
        >>> token_log_probs(logits, torch.tensor([[0, 1, 0]]))
        tensor([[-0.1269, -0.3133]])
    """
    counts = predictions("token_log_probs", logits, token_ids, mask, attention_mask)
    tokens = predicted("token_log_probs", token_ids, counts, logits.shape[-1])
    plan = Plan(counts, None, None, "none", "token_log_probs")
    nats = defined.reduced(categorical.BY_INDEX, plan, 0.0, logits=logits, targets=tokens)
    return 0.0 - nats[:, :-1]  # and not -0, where nothing counts


def token_scores(
    logits: Logits, token_ids: Tensor, *, mask: Tensor | None = None, attention_mask: Tensor | None = None
) -> TokenScores:
    """Return log p of each token but the first, the entropy of its prediction, and the likeliest token in its place.

    Args:
        logits: `[B, T, V]`, any floating dtype, as the model returns them.
        token_ids: `[B, T]` int64, the tokens that went into the model.
        mask: `[B, T]` boolean over the tokens, True where one counts (the response).
        attention_mask: `[B, T]` boolean over the tokens, True where one is real and False where it is padding: what the
            model got. A prediction counts between two real tokens.

    Returns:
        `log_probs` and `entropy`, `[B, T - 1]`, float32 for 16-bit input, in nats, at most 0 and at least 0; both have
        gradients. `likeliest`, `[B, T - 1]` int64, the argmax. Where nothing counts all are 0.

    Raises:
        ShapeError: `logits` is not `[B, T, V]`, or another argument does not match it.
        DtypeError: `logits` is not floating, `token_ids` not int64, or a mask not boolean.
        ValuesError: A token that counts is out of range, or every logit that predicts it is -∞.

    Notes:
        One pass over the logits gives all three, what a policy's update with an entropy bonus asks for. Logits that
        are not made (`LinearLogits`) are made chunk by chunk, and again in the backward pass. A vocabulary has to be
        smaller than 2²⁴.

    Examples:
        >>> logits = torch.tensor([[[0.0, 2.0], [1.0, 0.0], [0.0, 0.0]]])
        >>> scores = token_scores(logits, torch.tensor([[0, 1, 0]]))
        >>> scores.entropy, scores.likeliest
        (tensor([[0.3653, 0.5822]]), tensor([[1, 0]]))
    """
    counts = predictions("token_scores", logits, token_ids, mask, attention_mask)
    tokens = predicted("token_scores", token_ids, counts, logits.shape[-1])
    scores = categorical.SCORES.rows((logits, tokens), (), counts)
    scores = defined.scored("token_scores", scores, logits, counts)
    scores = torch.where(counts.unsqueeze(-1), scores, 0.0)[:, :-1]
    log_probs, entropy, likeliest = scores.unbind(-1)
    return TokenScores(log_probs, entropy, likeliest.detach().long())


def sequence_log_prob(
    logits: Logits,
    token_ids: Tensor,
    *,
    mask: Tensor | None = None,
    attention_mask: Tensor | None = None,
    average: bool = False,
) -> Tensor:
    """Return the log-probability of each sequence: the sum of `token_log_probs`, or their mean.

    Args:
        logits: `[B, T, V]`, any floating dtype, as the model returns them.
        token_ids: `[B, T]` int64, the tokens that went into the model.
        mask: `[B, T]` boolean over the tokens, True where one counts (the response).
        attention_mask: `[B, T]` boolean over the tokens, True where one is real and False where it is padding: what the
            model got. A prediction counts between two real tokens.
        average: Divide by the number of tokens that count, as `orpo` and length-normalised losses want it.

    Returns:
        `[B]`; float32 for 16-bit input; nats, at most 0. Where nothing of a sequence counts the sum is 0; a mean there
        is none: it is NaN, with a gradient of 0.

    Raises:
        ShapeError: `logits` is not `[B, T, V]`, or another argument does not match it.
        DtypeError: `logits` is not floating, `token_ids` not int64, or a mask not boolean.
        OptionError: `average` is not a bool.
        ValuesError: A token that counts is out of range, or every logit that predicts it is -∞.

    Notes:
        What a token outside the mask predicts leaves no trace, not even if its logits are infinite. A mean of 0 would
        be that of an answer that is certain; the NaN of an empty one is refused by `orpo`, or left out by its `mask`.

    Examples:
        >>> logits = torch.tensor([[[0.0, 2.0], [1.0, 0.0], [0.0, 0.0]]])
        >>> sequence_log_prob(logits, torch.tensor([[0, 1, 0]]))
        tensor([-0.4402])
    """
    check.flag("sequence_log_prob", "average", average)
    counts = predictions("sequence_log_prob", logits, token_ids, mask, attention_mask)
    total = -each_token("sequence_log_prob", logits, token_ids, counts, None, "none", None).sum(-1)
    if not average:
        return total
    length = counts.sum(-1)
    return torch.where(length == 0, math.nan, total / length.clamp(min=1).to(total.dtype))


def perplexity(
    logits: Logits, token_ids: Tensor, *, mask: Tensor | None = None, attention_mask: Tensor | None = None
) -> Tensor:
    """Return the exponential of the mean of -log p over all tokens that count.

    Args:
        logits: `[B, T, V]`, any floating dtype, as the model returns them.
        token_ids: `[B, T]` int64, the tokens that went into the model.
        mask: `[B, T]` boolean over the tokens, True where one is to be predicted.
        attention_mask: `[B, T]` boolean over the tokens, True where one is real and False where it is padding: what the
            model got. A prediction counts between two real tokens.

    Returns:
        A number of at least 1: how many equally likely tokens the model hesitates between. NaN where
        nothing counts, since 1 would be certainty.

    Raises:
        ShapeError: `logits` is not `[B, T, V]`, or another argument does not match it.
        DtypeError: `logits` is not floating, `token_ids` not int64, or a mask not boolean.
        ValuesError: A token that counts is out of range, or every logit that predicts it is -∞.

    Notes:
        The mean of the perplexities of batches is another number: use `Perplexity` over several batches.

    Examples:
        >>> perplexity(torch.zeros(1, 3, 50_000), torch.tensor([[1, 2, 3]])).round()
        tensor(50000.)
    """
    counts = predictions("perplexity", logits, token_ids, mask, attention_mask)
    mean = each_token("perplexity", logits, token_ids, counts, None, "mean", None)
    return torch.where(counts.any(), torch.exp(mean), math.nan)


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
    def update(
        self,
        logits: Logits,
        token_ids: Tensor,
        *,
        mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
    ) -> None:
        """Count a batch: logits `[B, T, V]`, token ids `[B, T]` and masks over the tokens, as `perplexity` takes."""
        counts = predictions("Perplexity.update", logits, token_ids, mask, attention_mask)
        terms = each_token("Perplexity.update", logits, token_ids, counts, None, "none", None)
        self.total += terms.double().sum().to(self.total.device)
        self.count += counts.sum().to(self.count.device)

    def compute(self) -> Tensor:
        """Return the perplexity of all batches so far, a float64 number; NaN before the first token that counts."""
        return torch.exp(self.total / self.count)

    def reset(self) -> None:
        """Forget all batches."""
        self.total.zero_()
        self.count.zero_()

    def forward(
        self,
        logits: Logits,
        token_ids: Tensor,
        *,
        mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
    ) -> Tensor:
        """Count a batch and return the perplexity of all so far."""
        self.update(logits, token_ids, mask=mask, attention_mask=attention_mask)
        return self.compute()


SPECS: Final = (
    Spec(
        title="Perplexity",
        tool=True,
        family="language",
        function=perplexity,
        summary="How many equally likely tokens the model hesitates between.",
        formula=r"\mathrm{PPL} = \exp\left(-\frac{1}{T} \sum_t \log p(x_t \mid x_{<t})\right)",
        inputs=(*TOKENS, REAL),
        output=(),
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
        title="Token scores",
        tool=True,
        family="language",
        function=token_scores,
        summary="Log-probability, entropy and likeliest token at every place, from one pass.",
        formula=r"\log p(x_t \mid x_{<t}),\quad H_t = -\sum_v p_v \log p_v",
        inputs=(*TOKENS, REAL),
        output=("B", "T - 1"),
        aliases=("token entropy", "logprobs and entropy"),
        equivalents=(Equivalent("TRL", "trl.trainer.utils.entropy_from_logits(logits[:, :-1])", "the entropy alone"),),
        sources=(Source("Williams, Peng 1991, Function optimization using connectionist reinforcement learning"),),
    ),
    Spec(
        title="Token log-probabilities",
        tool=True,
        family="language",
        function=token_log_probs,
        summary="What a model thought of each token: the raw material of preference and policy losses.",
        formula=r"\log p(x_t \mid x_{<t})",
        inputs=(*TOKENS, REAL),
        output=("B", "T - 1"),
        range=Domain(high=0.0),
        aliases=("logps", "selective log softmax", "per token logps"),
        equivalents=(
            Equivalent("TRL", "selective_log_softmax(logits[:, :-1], token_ids[:, 1:])", "the caller shifts"),
        ),
        convention="It shifts, once.",
        sources=(FIRST,),
    ),
    Spec(
        title="Sequence log-probability",
        tool=True,
        family="language",
        function=sequence_log_prob,
        summary="What a model thought of a whole answer: the input of DPO, IPO and KTO.",
        formula=r"\log p(x) = \sum_t \log p(x_t \mid x_{<t})",
        inputs=(*TOKENS, REAL),
        output=("B",),
        range=Domain(high=0.0),
        aliases=("batch logps", "sequence log likelihood"),
        equivalents=(Equivalent("TRL", "(per_token_logps * mask).sum(-1)", "the caller shifts"),),
        convention="The sum by default, which DPO, IPO and KTO want; `average=True` for ORPO.",
        sources=(FIRST,),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
