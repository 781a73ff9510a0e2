"""Language models: next token and masked token, scored by a perplexity that no split of the text changes.

Dimension names: B is the batch, T the number of tokens, V the vocabulary, D the width of a hidden state. Wherever raw
outputs are asked for, `slopes.LinearLogits(hidden, head.weight, head.bias)` is taken too, so that `[B, T, V]` is never
made:

    recipe = NextToken.from_targets(token_ids, vocabulary=50_257)
    head = recipe.head(768)
    loss = recipe.loss(LinearLogits(hidden, head.weight, head.bias), token_ids)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import torch
from torch import Tensor, nn

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes._core import check
from slopes._core.errors import ShapeError
from slopes._core.linear_logits import LinearLogits, Logits
from slopes._core.reduce import Reduction
from slopes._core.tensors import wide
from slopes.kernels.rows.shifted import log_softmax
from slopes.losses.class_targets import IGNORE
from slopes.losses.predictions import check_tokens, counting
from slopes.recipes.frequencies import check_counts, counted, log_frequencies
from slopes.recipes.recipe import Reason, needs

if TYPE_CHECKING:
    from torchmetrics import MetricCollection

CHUNK_BYTES: Final = 64 << 20  # of logits that are alive at once where a prediction or a metric makes them
INITIAL_STD: Final = 0.02  # Radford et al. 2018, GPT, section 4.1: raw outputs start near the bias


class TokenPrediction(NamedTuple):
    """What a language model says at each position; `[...]` each, without the vocabulary's dimension.

    Attributes:
        token: The most probable token, int64.
        probability: Of that token, in (0, 1].
        entropy: Of the whole distribution, in nats, in [0, log V].
    """

    token: Tensor
    probability: Tensor
    entropy: Tensor


@dataclass(frozen=True, eq=False)
class NextToken:
    """Next-token prediction: a linear head, cross-entropy of each token given those before it, perplexity.

    Args:
        vocabulary: V, the number of tokens that the head knows, padding of the matrix included.
        counts: `[V]` int64, how often each token is in the training text; the head's bias starts at its logarithm.
        token_bytes: `[V]` int64, the bytes of text that each token stands for; adds `bits_per_byte` to the metrics,
            the one number that two tokenizers can be compared by.

    Raises:
        OptionError: `vocabulary` is not an integer of at least 1.
        ShapeError: `counts` or `token_bytes` is not `[V]`.
        DtypeError: One of them is not int64.
        ValuesError: One of them holds a negative number.

    Notes:
        Logits and token ids are passed unshifted, of the same T: the loss and the metrics shift, once. There is
        nothing to find on validation data, so that `calibrated` returns the recipe itself.

    Examples:
        >>> text = torch.tensor([[0, 1, 0, 2, 0, 1]])
        >>> recipe = NextToken.from_targets(text, vocabulary=3)
        >>> round(recipe.score(torch.zeros(1, 6, 3), text)["perplexity"], 4)  # three equally likely tokens
        3.0
    """

    vocabulary: int
    counts: Tensor | None = field(default=None, repr=False)
    token_bytes: Tensor | None = field(default=None, repr=False)

    name: str = field(default="next token", init=False)

    def __post_init__(self) -> None:
        check.count("NextToken", "vocabulary", self.vocabulary)
        for name in ("counts", "token_bytes"):
            _check_table("NextToken", name, getattr(self, name), self.vocabulary)

    @classmethod
    def from_targets(
        cls, token_ids: Tensor, *, vocabulary: int, mask: Tensor | None = None, token_bytes: Tensor | None = None
    ) -> Self:
        """Return the recipe for a text: how often each token occurs in it gives the head's initial bias.

        Args:
            token_ids: `[...]` int64, a text or a sample of it.
            vocabulary: V; tokens that the sample lacks are known too.
            mask: `[...]` boolean, True where a token counts (no padding).
            token_bytes: `[V]` int64, as the class takes it.

        Raises:
            DtypeError: `token_ids` is not int64, or `mask` not boolean.
            ShapeError: `mask` has another shape than `token_ids`.
            ValuesError: A token that counts is outside [0, V), or none counts.
        """
        check.count("NextToken.from_targets", "vocabulary", vocabulary)
        counts = counted("NextToken.from_targets", "token_ids", token_ids, vocabulary, mask=mask)
        return cls(vocabulary, counts, token_bytes)

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why it is as it is."""
        return (
            Reason(
                "cross-entropy of every next token",
                "softmax and cross-entropy are a matched pair: the gradient at the logits is p - y, which fades only "
                "where the prediction is right, and every position of the text gives one.",
            ),
            *_reasons_of_head(self.vocabulary, self.counts),
            Reason(
                "perplexity from one mean",
                "exp of the mean over all tokens of all batches; the mean of the batches' perplexities is a larger "
                "number that depends on how the text was split.",
            ),
            *_reasons_of_bytes(self.token_bytes),
        )

    def head(self, features: int) -> nn.Linear:
        """Return the last layer, `[..., features]` to `[..., V]`; its weight may be tied to the embedding's."""
        return _head("NextToken.head", features, self.vocabulary, self.counts)

    def loss(
        self,
        raw: Logits,
        targets: Tensor,
        *,
        mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        weight: Tensor | None = None,
        reduction: Reduction = "mean",
        denominator: Tensor | float | None = None,
    ) -> Tensor:
        """Return `slopes.losses.next_token` of logits `[B, T, V]` and the token ids `[B, T]` that went in."""
        _check_width("NextToken.loss", raw, self.vocabulary)
        return L.next_token(
            raw,
            targets,
            mask=mask,
            attention_mask=attention_mask,
            weight=weight,
            reduction=reduction,
            denominator=denominator,
        )

    def predict(self, raw: Logits) -> TokenPrediction:
        """Return the most probable token of each position, its probability, and the entropy of all; no gradient."""
        _check_width("NextToken.predict", raw, self.vocabulary)
        return _predicted(raw)

    def metrics(self) -> MetricCollection:
        """Return perplexity, cross-entropy (nats a token), accuracy and, with `token_bytes`, bits per byte."""
        return _metrics("NextToken.metrics", with_bytes=self.token_bytes is not None)

    def observe(
        self,
        metrics: MetricCollection,
        raw: Logits,
        targets: Tensor,
        *,
        mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
    ) -> None:
        """Update the metrics with a batch.

        Args:
            metrics: What `metrics` returned.
            raw: Logits `[B, T, V]`.
            targets: `[B, T]` int64, the tokens that went in.
            mask: `[B, T]` boolean, True where a token is to be predicted.
            attention_mask: `[B, T]` boolean, True where a token is real and False where it is padding.
        """
        _check_width("NextToken.observe", raw, self.vocabulary)
        check_tokens("NextToken.observe", raw, targets)
        with torch.no_grad():
            nats = L.next_token(raw, targets, mask=mask, attention_mask=attention_mask, reduction="none")
            counts = counting(targets, mask, attention_mask)[:, :-1]
            said = _most_probable(raw)[:, :-1]
            _update(metrics, nats, said, targets[:, 1:], counts, self.token_bytes)

    def score(
        self, raw: Logits, targets: Tensor, *, mask: Tensor | None = None, attention_mask: Tensor | None = None
    ) -> dict[str, float]:
        """Return the metrics of all the data at once; masks as in `observe`."""
        metrics = self.metrics()
        self.observe(metrics, raw, targets, mask=mask, attention_mask=attention_mask)
        return {name: float(value) for name, value in metrics.compute().items()}

    def calibrated(self, raw: Logits, targets: Tensor) -> Self:
        """Return this recipe: cross-entropy over all tokens trains the probabilities themselves."""
        check_tokens("NextToken.calibrated", raw, targets)
        return self


@dataclass(frozen=True, eq=False)
class MaskedToken:
    """Masked-token prediction: a linear head, cross-entropy of the tokens that were taken out, perplexity over them.

    Args:
        vocabulary: V, the number of tokens that the head knows.
        counts: `[V]` int64, how often each token is in the training text; the head's bias starts at its logarithm.
        ignore_index: Label of the positions where nothing was taken out.

    Raises:
        OptionError: `vocabulary` is not an integer of at least 1, or `ignore_index` no integer.
        ShapeError: `counts` is not `[V]`.
        DtypeError: `counts` is not int64.
        ValuesError: `counts` holds a negative number.

    Notes:
        `slopes.losses.mask_tokens` makes inputs and labels. The perplexity is that of the masked tokens, each seen
        from both sides: it is lower than a next-token model's by its task, and cannot be compared with one.

    Examples:
        >>> recipe = MaskedToken(vocabulary=4)
        >>> round(recipe.score(torch.zeros(1, 3, 4), torch.tensor([[-100, 2, -100]]))["perplexity"], 4)
        4.0
    """

    vocabulary: int
    counts: Tensor | None = field(default=None, repr=False)
    ignore_index: int = IGNORE

    name: str = field(default="masked token", init=False)

    def __post_init__(self) -> None:
        check.count("MaskedToken", "vocabulary", self.vocabulary)
        check.index("MaskedToken", "ignore_index", self.ignore_index)
        _check_table("MaskedToken", "counts", self.counts, self.vocabulary)

    @classmethod
    def from_targets(
        cls, labels: Tensor, *, vocabulary: int, mask: Tensor | None = None, ignore_index: int = IGNORE
    ) -> Self:
        """Return the recipe for labels `[...]` (int64, `ignore_index` where nothing was taken out), or for a text.

        Raises:
            DtypeError: `labels` is not int64, or `mask` not boolean.
            ShapeError: `mask` has another shape than `labels`.
            ValuesError: A label that counts is outside [0, V), or none counts.
        """
        function = "MaskedToken.from_targets"
        check.count(function, "vocabulary", vocabulary)
        check.index(function, "ignore_index", ignore_index)
        counts = counted(function, "labels", labels, vocabulary, mask=mask, ignore_index=ignore_index)
        return cls(vocabulary, counts, ignore_index)

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why it is as it is."""
        return (
            Reason(
                "cross-entropy of the masked tokens alone",
                "a token that the model can see is copied, not predicted; labels are "
                f"{self.ignore_index} there and leave no trace, and softmax with cross-entropy gives p - y elsewhere.",
            ),
            *_reasons_of_head(self.vocabulary, self.counts),
            Reason(
                "perplexity from one mean",
                "exp of the mean over all masked tokens of all batches, which hold unequal numbers of them.",
            ),
        )

    def head(self, features: int) -> nn.Linear:
        """Return the last layer, `[..., features]` to `[..., V]`; its weight may be tied to the embedding's."""
        return _head("MaskedToken.head", features, self.vocabulary, self.counts)

    def loss(
        self,
        raw: Logits,
        targets: Tensor,
        *,
        mask: Tensor | None = None,
        weight: Tensor | None = None,
        reduction: Reduction = "mean",
        denominator: Tensor | float | None = None,
    ) -> Tensor:
        """Return `slopes.losses.masked_lm` of logits `[..., V]` and labels `[...]`."""
        _check_width("MaskedToken.loss", raw, self.vocabulary)
        return L.masked_lm(
            raw,
            targets,
            ignore_index=self.ignore_index,
            mask=mask,
            weight=weight,
            reduction=reduction,
            denominator=denominator,
        )

    def predict(self, raw: Logits) -> TokenPrediction:
        """Return the most probable token of each position, its probability, and the entropy of all; no gradient."""
        _check_width("MaskedToken.predict", raw, self.vocabulary)
        return _predicted(raw)

    def metrics(self) -> MetricCollection:
        """Return perplexity, cross-entropy (nats a token) and accuracy, all over the masked tokens."""
        return _metrics("MaskedToken.metrics", with_bytes=False)

    def observe(self, metrics: MetricCollection, raw: Logits, targets: Tensor, *, mask: Tensor | None = None) -> None:
        """Update the metrics with a batch."""
        _check_width("MaskedToken.observe", raw, self.vocabulary)
        with torch.no_grad():
            nats = self.loss(raw, targets, mask=mask, reduction="none")
            counts = targets != self.ignore_index
            if mask is not None:
                counts &= mask
            _update(metrics, nats, _most_probable(raw), targets, counts, None)

    def score(self, raw: Logits, targets: Tensor, *, mask: Tensor | None = None) -> dict[str, float]:
        """Return the metrics of all the data at once."""
        metrics = self.metrics()
        self.observe(metrics, raw, targets, mask=mask)
        return {name: float(value) for name, value in metrics.compute().items()}

    def calibrated(self, raw: Logits, targets: Tensor) -> Self:
        """Return this recipe: cross-entropy over all masked tokens trains the probabilities themselves."""
        check.logits("MaskedToken.calibrated", raw=raw)
        check.integers("MaskedToken.calibrated", "targets", targets, raw.shape[:-1], "a label for each row of `raw`")
        return self


def _metrics(what: str, *, with_bytes: bool) -> MetricCollection:
    needs(what, "torchmetrics")
    from slopes.recipes.language.metrics import token_metrics  # noqa: PLC0415  training needs no metrics

    return token_metrics(with_bytes=with_bytes)


def _update(
    metrics: MetricCollection,
    nats: Tensor,
    said: Tensor,
    wanted: Tensor,
    counts: Tensor,
    token_bytes: Tensor | None,
) -> None:
    from slopes.recipes.language.metrics import totals  # noqa: PLC0415  as above

    metrics.update(totals(nats, said, wanted, counts, token_bytes))


def _chunks(raw: Logits) -> Iterator[Tensor]:
    """Make the logits of a few rows at a time, `[rows, V]`."""
    rows = max(CHUNK_BYTES // (raw.shape[-1] * 8), 1)
    whole = raw.hidden if isinstance(raw, LinearLogits) else raw
    for part in torch.split(whole.reshape(-1, whole.shape[-1]), rows):
        yield replace(raw, hidden=part).materialize() if isinstance(raw, LinearLogits) else part.to(wide(raw.dtype))


@torch.no_grad()
def _most_probable(raw: Logits) -> Tensor:
    return torch.cat([logits.argmax(-1) for logits in _chunks(raw)]).reshape(raw.shape[:-1])


@torch.no_grad()
def _predicted(raw: Logits) -> TokenPrediction:
    tokens, probabilities, entropies = [], [], []
    for logits in _chunks(raw):
        log_p = log_softmax(logits)
        top, token = log_p.max(-1)
        tokens.append(token)
        probabilities.append(top.exp())
        entropies.append(L.entropy(log_p, reduction="none"))
    shape = raw.shape[:-1]
    parts = (torch.cat(found).reshape(shape) for found in (tokens, probabilities, entropies))
    return TokenPrediction(*parts)


def _head(function: str, features: int, vocabulary: int, counts: Tensor | None) -> nn.Linear:
    check.count(function, "features", features)
    head = nn.Linear(features, vocabulary, bias=counts is not None)
    nn.init.normal_(head.weight, std=INITIAL_STD)
    if counts is not None:
        with torch.no_grad():
            head.bias.copy_(log_frequencies(counts))
    return head


def _reasons_of_head(vocabulary: int, counts: Tensor | None) -> tuple[Reason, ...]:
    chance = f"a uniform guess costs log {vocabulary:,} = {math.log(vocabulary):.2f} nats a token"
    if counts is None:
        return (Reason("a linear head without bias", f"nothing is known of the tokens' frequencies; {chance}."),)
    share = log_frequencies(counts)
    entropy = float(-(counts.double() / counts.sum().clamp(min=1) * share).sum())
    because = (
        f"{chance}, a guess by frequency {entropy:.2f}: training starts from the second, and its first steps are not "
        f"spent on learning which tokens are common ({int(counts.sum()):,} tokens were counted)."
    )
    return (Reason("a head whose bias starts at the log frequencies", because),)


def _reasons_of_bytes(token_bytes: Tensor | None) -> tuple[Reason, ...]:
    if token_bytes is None:
        return ()
    because = "perplexity counts in tokens, which every tokenizer cuts differently; bytes are the same for all."
    return (Reason("bits per byte beside perplexity", because),)


def _check_width(function: str, raw: Logits, vocabulary: int) -> None:
    check.logits(function, raw=raw)
    if raw.dim() == 0 or raw.shape[-1] != vocabulary:
        message = (
            f"{function}: `raw` has shape {check.shape_of(raw)}, expected [..., {vocabulary}], a logit for each token "
            f"of the vocabulary; pass the head's output, or build the recipe with the head's own width."
        )
        raise ShapeError(message)


def _check_table(function: str, name: str, table: Tensor | None, vocabulary: int) -> None:
    if table is not None:
        check_counts(function, name, table, vocabulary, "[V], a number for each token of the vocabulary")
