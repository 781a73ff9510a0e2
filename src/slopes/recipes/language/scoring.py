"""The metrics of tokens, where they are asked for: training needs none, and does without their package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from slopes.recipes.recipe import needs

if TYPE_CHECKING:
    from torchmetrics import MetricCollection


def metrics_of(what: str, *, with_bytes: bool) -> MetricCollection:
    """Return empty metrics of tokens; `what` is asked for them."""
    needs(what, "torchmetrics")
    from slopes.recipes.language.metrics import token_metrics  # noqa: PLC0415  training needs no metrics

    return token_metrics(with_bytes=with_bytes)


def update(
    metrics: MetricCollection,
    nats: Tensor,
    said: Tensor,
    wanted: Tensor,
    counts: Tensor,
    token_bytes: Tensor | None,
) -> None:
    """Add the tokens of a batch that count: what each cost, which was said and which wanted."""
    from slopes.recipes.language.metrics import totals  # noqa: PLC0415  as above

    metrics.update(totals(nats, said, wanted, counts, token_bytes))
