"""Next-token prediction, scored by a perplexity that no split of the text changes.

Dimension names: B is the batch, T the number of tokens, V the vocabulary, D the width of a hidden state. Wherever raw
outputs are asked for, `slopes.LinearLogits(hidden, head.weight, head.bias)` is taken too, so that `[B, T, V]` is never
made:

    recipe = NextToken.from_targets(token_ids, vocabulary=50_257)
    head = recipe.head(768)
    loss = recipe.loss(LinearLogits(hidden, head.weight, head.bias), token_ids)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor, nn

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes._core import check
from slopes._core.linear_logits import Logits
from slopes._core.reduce import Reduction
from slopes.losses.predictions import check_tokens, counting
from slopes.recipes.frequencies import counted
from slopes.recipes.language.predicting import TokenPrediction, most_probable, predicted
from slopes.recipes.language.scoring import metrics_of, update
from slopes.recipes.language.token_head import check_table, check_width, reasons_of_head, token_head
from slopes.recipes.recipe import Reason

if TYPE_CHECKING:
    from torchmetrics import MetricCollection


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
            check_table("NextToken", name, getattr(self, name), self.vocabulary)

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
            *reasons_of_head(self.vocabulary, self.counts),
            Reason(
                "perplexity from one mean",
                "exp of the mean over all tokens of all batches; the mean of the batches' perplexities is a larger "
                "number that depends on how the text was split.",
            ),
            *_reasons_of_bytes(self.token_bytes),
        )

    def head(self, features: int) -> nn.Linear:
        """Return the last layer, `[..., features]` to `[..., V]`; its weight may be tied to the embedding's."""
        return token_head("NextToken.head", features, self.vocabulary, self.counts)

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
        check_width("NextToken.loss", raw, self.vocabulary)
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
        check_width("NextToken.predict", raw, self.vocabulary)
        return predicted(raw)

    def metrics(self) -> MetricCollection:
        """Return perplexity, cross-entropy (nats a token), accuracy and, with `token_bytes`, bits per byte."""
        return metrics_of("NextToken.metrics", with_bytes=self.token_bytes is not None)

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
        check_width("NextToken.observe", raw, self.vocabulary)
        check_tokens("NextToken.observe", raw, targets)
        with torch.no_grad():
            nats = L.next_token(raw, targets, mask=mask, attention_mask=attention_mask, reduction="none")
            counts = counting(targets, mask, attention_mask)[:, :-1]
            said = most_probable(raw)[:, :-1]
            update(metrics, nats, said, targets[:, 1:], counts, self.token_bytes)

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


def _reasons_of_bytes(token_bytes: Tensor | None) -> tuple[Reason, ...]:
    if token_bytes is None:
        return ()
    because = "perplexity counts in tokens, which every tokenizer cuts differently; bytes are the same for all."
    return (Reason("bits per byte beside perplexity", because),)
