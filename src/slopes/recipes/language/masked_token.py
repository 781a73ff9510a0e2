"""Masked-token prediction, scored by a perplexity over the tokens that were taken out.

Dimension names are those of `next_token`.
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
from slopes.losses.class_targets import IGNORE
from slopes.recipes.frequencies import counted
from slopes.recipes.language.predicting import TokenPrediction, most_probable, predicted
from slopes.recipes.language.scoring import metrics_of, update
from slopes.recipes.language.token_head import check_table, check_width, reasons_of_head, token_head
from slopes.recipes.recipe import Reason

if TYPE_CHECKING:
    from torchmetrics import MetricCollection


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
        check_table("MaskedToken", "counts", self.counts, self.vocabulary)

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
            *reasons_of_head(self.vocabulary, self.counts),
            Reason(
                "perplexity from one mean",
                "exp of the mean over all masked tokens of all batches, which hold unequal numbers of them.",
            ),
        )

    def head(self, features: int) -> nn.Linear:
        """Return the last layer, `[..., features]` to `[..., V]`; its weight may be tied to the embedding's."""
        return token_head("MaskedToken.head", features, self.vocabulary, self.counts)

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
        check_width("MaskedToken.loss", raw, self.vocabulary)
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
        check_width("MaskedToken.predict", raw, self.vocabulary)
        return predicted(raw)

    def metrics(self) -> MetricCollection:
        """Return perplexity, cross-entropy (nats a token) and accuracy, all over the masked tokens."""
        return metrics_of("MaskedToken.metrics", with_bytes=False)

    def observe(self, metrics: MetricCollection, raw: Logits, targets: Tensor, *, mask: Tensor | None = None) -> None:
        """Update the metrics with a batch."""
        check_width("MaskedToken.observe", raw, self.vocabulary)
        with torch.no_grad():
            nats = self.loss(raw, targets, mask=mask, reduction="none")
            counts = targets != self.ignore_index
            if mask is not None:
                counts &= mask
            update(metrics, nats, most_probable(raw), targets, counts, None)

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
