"""Embeddings: a head of unit length, a contrastive or triplet loss, nearest neighbours, and how well they are found.

Dimension names: N items, D the length of an embedding. What the targets are follows from the objective:

- `"info_nce"`, `"clip"`, `"nt_xent"`: the embeddings `[N, D]` of the partners (the text of each image, the other view
  of each item), row by row;
- `"triplet"`: labels `[N]`, equal where two items belong together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Self

import torch
from torch import Tensor, nn

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes._core import check, reduce
from slopes._core.errors import DtypeError, OptionError, ShapeError, ValuesError
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_NON_NEGATIVE, FINITE_POSITIVE
from slopes._core.tensors import wide
from slopes.kernels.pairs.distance import normalize
from slopes.losses.mining import Mining
from slopes.recipes.recipe import Reason, needs, refuse_nan

if TYPE_CHECKING:
    from torchmetrics import MetricCollection

Objective = Literal["info_nce", "clip", "nt_xent", "triplet"]

OBJECTIVES: Final = ("info_nce", "clip", "nt_xent", "triplet")
LARGEST_SCALE: Final = 100.0  # Radford et al. 2021, CLIP, section 2.5
BLOCK_BYTES: Final = 32 << 20

_WHY: Final = {
    "info_nce": "every other item of the batch is a negative, and the gradient goes to those that are confused most; "
    "one direction, from queries to keys, as retrieval is used.",
    "clip": "both directions of the line-up share one product; the scale may learn (`scale()`).",
    "nt_xent": "two views of one kind: all 2N - 1 other views stand in the line-up.",
    "triplet": "labels say what belongs together; triplets are mined inside the batch, since almost all random ones "
    "are met already and teach nothing.",
}


class EmbeddingPrediction(NamedTuple):
    """What people want of raw embeddings: `embedding` `[..., D]` of unit length, in float32 at least."""

    embedding: Tensor


class Neighbors(NamedTuple):
    """The nearest keys of each query, nearest first: their rows `[N, k]` int64, and their cosines `[N, k]`."""

    row: Tensor
    cosine: Tensor


class EmbeddingHead(nn.Module):
    """A linear layer and division by the length: `[..., features]` to `[..., D]`, of unit length.

    A zero vector stays zero, with zero gradient.
    """

    def __init__(self, features: int, size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, size)

    def forward(self, features: Tensor) -> Tensor:
        """Return the embeddings of features."""
        made = self.linear(features)
        return normalize(made.to(wide(made.dtype)))[0]


class LogitScale(nn.Module):
    """CLIP's learned multiplier of cosines: kept as its logarithm, at most 100."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))

    def forward(self) -> Tensor:
        """Return the multiplier, a number."""
        return self.log_scale.clamp(max=math.log(LARGEST_SCALE)).exp()


@dataclass(frozen=True)
class Embedding:
    """Embeddings compared by cosine: a normalised head, a loss between items, retrieval metrics.

    Args:
        size: D.
        objective: `"info_nce"`, `"clip"`, `"nt_xent"` or `"triplet"`; it decides what the targets are.
        temperature: Divides the cosines, above 0; not used by `"triplet"`.
        margin: How much farther a negative must be, at least 0; used by `"triplet"` alone.
        mining: `"hard"`, `"semihard"` or `"all"`; used by `"triplet"` alone.
        neighbors: The k of the metrics recall@k, each at least 1.
        evidence: What was seen in the targets; `from_targets` fills it in.

    Raises:
        OptionError: An option is outside its domain.

    Notes:
        Metrics: recall@k (the share of what is wanted among the k nearest; with labels also hit_rate@k, whether there
        is any, which metric learning calls recall@k), MRR, mAP, alignment (the mean of |u - v|² of what belongs
        together, lower is better) and uniformity (log mean exp(-2|u - v|²) of all pairs, lower is more spread out).
        They are those of all batches together; memory grows with N · D, time with N² (D + log N).
        There is nothing to find on validation data, so that `calibrated` returns the recipe itself.

    Examples:
        >>> recipe = Embedding(2, objective="clip", neighbors=(1,))
        >>> images = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
        >>> recipe.score(images, images)
        {'recall@1': 1.0, 'mrr': 1.0, 'map': 1.0, 'alignment': 0.0, 'uniformity': -4.0}
    """

    size: int = 128
    objective: Objective = "info_nce"
    temperature: float = 0.07
    margin: float = 0.2
    mining: Mining = "semihard"
    neighbors: tuple[int, ...] = (1, 5, 10)
    evidence: tuple[Reason, ...] = ()

    def __post_init__(self) -> None:
        check.count("Embedding", "size", self.size)
        check.choice("Embedding", "objective", self.objective, OBJECTIVES)
        check.option("Embedding", "temperature", self.temperature, FINITE_POSITIVE)
        check.option("Embedding", "margin", self.margin, FINITE_NON_NEGATIVE)
        check.choice("Embedding", "mining", self.mining, ("hard", "semihard", "all"))
        for k in self.neighbors:
            check.count("Embedding", "neighbors", k)

    @classmethod
    def from_targets(cls, targets: Tensor, *, size: int = 128, objective: Objective | None = None) -> Self:
        """Return the recipe for labels `[N]` (int64), or for partners `[N, D]` (floating).

        Args:
            targets: Labels, of which `"triplet"` is made, or a batch of partners' embeddings or features.
            size: D.
            objective: For partners, which of the three losses; InfoNCE where None, since it assumes least.

        Raises:
            DtypeError: `targets` is neither int64 nor floating.
            OptionError: `objective` does not go with these targets.
            ShapeError: Labels are not `[N]`, or partners not `[N, D]`.
            ValuesError: No label appears twice, or there is only one.
        """
        function = "Embedding.from_targets"
        check.tensor(function, targets=targets)
        if targets.dtype == torch.int64:
            _check_objective(function, objective, ("triplet",), "labels (int64)")
            return cls(size, "triplet", evidence=(_evidence_of_labels(function, targets),))
        check.floating(function, targets=targets)
        _check_objective(function, objective, ("info_nce", "clip", "nt_xent"), "partners (floating)")
        _check_matrix(function, "targets", targets)
        return cls(size, objective or "info_nce", evidence=(_evidence_of_partners(len(targets), objective),))

    @property
    def name(self) -> str:
        """The task."""
        return "embeddings"

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why it is as it is."""
        return (
            *self.evidence,
            Reason(self.objective, _WHY[self.objective]),
            Reason(
                "a head of unit length",
                "lengths cannot buy similarity, cosine is the bare product, and one margin or temperature fits all.",
            ),
            Reason(
                "recall@k, MRR and mAP beside the loss",
                "the loss depends on the batch size (chance is the logarithm of it); whether the right neighbour is "
                "found does not. Alignment and uniformity say which of the two is missing.",
            ),
        )

    def head(self, features: int) -> EmbeddingHead:
        """Return the last layer, `[..., features]` to unit vectors `[..., D]`; two towers take one each."""
        check.count("Embedding.head", "features", features)
        return EmbeddingHead(features, self.size)

    def scale(self) -> LogitScale:
        """Return a scale that learns, for `loss(..., logit_scale=scale())` with `"clip"`; give it to the optimiser."""
        if self.objective != "clip":
            message = (
                f"Embedding.scale: `objective` is {self.objective!r}, expected 'clip', the loss that takes a learned "
                f"scale; set `temperature` for the others."
            )
            raise OptionError(message)
        return LogitScale(self.temperature)

    def loss(
        self,
        raw: Tensor,
        targets: Tensor,
        *,
        logit_scale: Tensor | None = None,
        mask: Tensor | None = None,
        weight: Tensor | None = None,
        reduction: Reduction = "mean",
        denominator: Tensor | float | None = None,
    ) -> Tensor:
        """Return the objective's loss of embeddings `[N, D]` and their partners `[N, D]` or labels `[N]`.

        Args:
            raw: `[N, D]`; the head's output, or that of another model, which is normalised here.
            targets: As the objective asks for them.
            logit_scale: `"clip"` alone: the multiplier, a number that may learn; 1 / temperature where None.
            mask: As the loss takes it: `[N]`, for `"nt_xent"` `[2N]`; True where an item counts.
            weight: Likewise, at least 0.
            reduction: `"mean"`, `"sum"` or `"none"`.
            denominator: Replaces the divisor of the mean.
        """
        self._check("Embedding.loss", raw, targets)
        if logit_scale is not None and self.objective != "clip":
            message = (
                f"Embedding.loss: `logit_scale` came with {self.objective!r}, expected it with 'clip'; leave it out."
            )
            raise OptionError(message)
        if self.objective == "triplet":
            # What does not count leaves before it is normalised: 0 · NaN would come back through the norm.
            kept = reduce.plan(
                "Embedding.loss", raw.shape[:1], raw, mask=mask, weight=weight, reduction="sum", denominator=None
            ).neutral(raw)
            unit = normalize(kept.to(wide(kept.dtype)))[0]
            return L.batch_triplet(
                unit,
                targets,
                margin=self.margin,
                mining=self.mining,
                mask=mask,
                weight=weight,
                reduction=reduction,
                denominator=denominator,
            )
        if self.objective == "clip":
            scale = 1 / self.temperature if logit_scale is None else logit_scale
            return L.clip(raw, targets, scale, mask=mask, weight=weight, reduction=reduction, denominator=denominator)
        pairwise = L.info_nce if self.objective == "info_nce" else L.nt_xent
        return pairwise(
            raw,
            targets,
            temperature=self.temperature,
            mask=mask,
            weight=weight,
            reduction=reduction,
            denominator=denominator,
        )

    def predict(self, raw: Tensor) -> EmbeddingPrediction:
        """Return the embeddings at unit length; what they mean is in their neighbours (`nearest`)."""
        check.floating("Embedding.predict", raw=raw)
        check.dimensions("Embedding.predict", "raw", raw, "[..., D]", 1)
        return EmbeddingPrediction(normalize(raw.to(wide(raw.dtype)))[0])

    @torch.no_grad()
    def nearest(self, queries: Tensor, keys: Tensor, count: int) -> Neighbors:
        """Return the `count` keys `[M, D]` that are nearest to each query `[N, D]` by cosine, a block at a time.

        Raises:
            ShapeError: The two are not matrices of one width.
            OptionError: `count` is not an integer in [1, M].
        """
        function = "Embedding.nearest"
        for name, side in (("queries", queries), ("keys", keys)):
            check.floating(function, **{name: side})
            _check_matrix(function, name, side)
        check.same_device(function, queries=queries, keys=keys)
        check.same_precision(function, queries=queries, keys=keys)
        check.has_shape(function, "keys", keys, (len(keys), queries.shape[1]), "[M, D], as long as the queries")
        check.count(function, "count", count)
        if count > len(keys):
            message = (
                f"{function}: `count` is {count}, expected at most {len(keys)}, the number of keys; ask for fewer."
            )
            raise OptionError(message)
        units, others = self.predict(queries).embedding, self.predict(keys).embedding
        rows = max(BLOCK_BYTES // (len(others) * others.element_size()), 1)
        best = [(block @ others.T).topk(count) for block in torch.split(units, rows)]
        return Neighbors(torch.cat([b.indices for b in best]), torch.cat([b.values for b in best]))

    def metrics(self) -> MetricCollection:
        """Return recall@k (and hit_rate@k with labels), MRR, mAP, alignment and uniformity."""
        needs("Embedding.metrics", "torchmetrics")
        from torchmetrics import MetricCollection  # noqa: PLC0415  training needs no metrics

        from slopes.recipes.retrieval.metrics import Retrieval  # noqa: PLC0415  likewise

        return MetricCollection({"retrieval": Retrieval(self.neighbors, paired=self.objective != "triplet")})

    def observe(self, metrics: MetricCollection, raw: Tensor, targets: Tensor) -> None:
        """Update the metrics with a batch; its items are looked for among those of all batches.

        Raises:
            SlopesError: Shapes or dtypes do not fit.
            ValuesError: An embedding, or a partner's, is NaN, or infinite, which leaves no direction.
        """
        function = "Embedding.observe"
        self._check(function, raw, targets)
        sides = (raw,) if self.objective == "triplet" else (raw, targets)
        refuse_nan(function, torch.cat([self.predict(side.detach()).embedding.isnan().any(-1) for side in sides]))
        metrics.update(raw, targets)

    def score(self, raw: Tensor, targets: Tensor) -> dict[str, float]:
        """Return the metrics of all the data at once."""
        metrics = self.metrics()
        self.observe(metrics, raw, targets)
        return {name: float(value) for name, value in metrics.compute().items()}

    def calibrated(self, raw: Tensor, targets: Tensor) -> Self:
        """Return this recipe: ranks need no calibration."""
        self._check("Embedding.calibrated", raw, targets)
        return self

    def _check(self, function: str, raw: Tensor, targets: Tensor) -> None:
        check.floating(function, raw=raw)
        _check_matrix(function, "raw", raw)
        check.tensor(function, targets=targets)
        if self.objective == "triplet":
            check.integers(function, "targets", targets, raw.shape[:1], "[N], a label for each embedding")
            check.same_device(function, raw=raw, targets=targets)
            return
        if not targets.dtype.is_floating_point:
            message = (
                f"{function}: `targets` has dtype {targets.dtype}, expected the partners' embeddings (floating, [N, D])"
                f" for {self.objective!r}; for labels use Embedding(objective='triplet')."
            )
            raise DtypeError(message)
        check.alike(function, raw=raw, targets=targets)


def _check_matrix(function: str, name: str, value: Tensor) -> None:
    if value.dim() != 2 or value.shape[1] == 0:  # noqa: PLR2004  rows and their length
        fix = f"pass {name}.flatten(0, -2), and the targets flattened likewise"
        if value.dim() < 2:  # noqa: PLR2004  likewise
            fix = f"pass {name}.reshape(1, -1)"
        elif value.dim() == 2:  # noqa: PLR2004  likewise
            fix = "check how the embeddings were made"
        message = (
            f"{function}: `{name}` has shape {check.shape_of(value)}, expected [N, D] with D of at least 1, one "
            f"embedding a row; {fix}."
        )
        raise ShapeError(message)


def _check_objective(function: str, objective: str | None, allowed: tuple[str, ...], came: str) -> None:
    if objective is not None and objective not in allowed:
        message = (
            f"{function}: `objective` is {objective!r} beside targets that are {came}, expected one of "
            f"{', '.join(repr(o) for o in allowed)}; choose one of these, or hand over the other kind of targets."
        )
        raise OptionError(message)


def _evidence_of_labels(function: str, labels: Tensor) -> Reason:
    check.integers(function, "targets", labels, (labels.numel(),), "[N], a label for each item")
    _, counts = torch.unique(labels, return_counts=True)
    most = int(counts.max()) if len(counts) else 0
    if len(counts) < 2 or most < 2:  # noqa: PLR2004  a positive and a negative
        message = (
            f"{function}: `targets` holds different labels: {len(counts)}, the commonest {most} times; expected "
            f"at least two labels, one of them at least twice; a triplet needs a positive and a negative. Without "
            f"repeated labels, train on two views of each item (nt_xent)."
        )
        raise ValuesError(message)
    alone = int((counts == 1).sum())
    because = (
        f"{len(labels):,} items carry {len(counts):,} labels, {alone:,} of which appear once and are nobody's "
        f"positive; put several items of a label into each batch."
    )
    return Reason("triplets from labels", because)


def _evidence_of_partners(count: int, objective: str | None) -> Reason:
    chance = f"a batch of {count:,} starts near chance, log {count:,} = {math.log(max(count, 1)):.2f} nats"
    if objective is not None:
        return Reason(f"{objective}, as asked", f"{chance}; larger batches make it harder and better.")
    return Reason(
        "info_nce, for want of an answer",
        f"partners alone do not say whether both directions are used (clip) or both are views of one kind (nt_xent); "
        f"{chance}.",
    )
