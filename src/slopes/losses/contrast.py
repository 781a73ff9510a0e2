"""Losses that pick the right one out of a line-up: InfoNCE, CLIP and NT-Xent.

Dimension names: N queries (or pairs), M keys, D the length of an embedding. The N×M similarities are never made.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, reduce
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import NON_NEGATIVE, TEMPERATURE, Equivalent, Input, Parameter, Source, Spec
from slopes._core.tensors import wide
from slopes.kernels.pairs.lineups import LINE_UP, TWO_WAY
from slopes.kernels.pointwise import defined
from slopes.losses.line_ups import check_sides, positives_of, scale_of


def info_nce(
    query: Tensor,
    keys: Tensor,
    positives: Tensor | None = None,
    *,
    temperature: float = 0.07,
    normalize: bool = True,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -log softmax(similarities / temperature) at the positive key of each query, reduced.

    Args:
        query: `[N, D]`, any floating dtype.
        keys: `[M, D]`; all of them stand in every query's line-up.
        positives: `[N]` int64, which key belongs to each query; the key in the same row where None (N <= M).
        temperature: Divides the similarities; at least 2^-63.
        normalize: Compare by cosine; False for the bare product.
        mask: `[N]` boolean, True where a query counts. Its key stays in the line-up of the others.
        weight: `[N]`, weight of each query, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[N]` for `"none"`; float32 for 16-bit input; nats, at least 0; log M at chance level.

    Raises:
        ShapeError: Not two dimensions each, lengths D differ, or more queries than keys without `positives`.
        DtypeError: `positives` is not int64, an embedding is not floating, or float64 meets another dtype.
        OptionError: `temperature`, `normalize`, `reduction` or `denominator` is outside its domain.
        ValuesError: `positives` is out of range, `weight` is negative or not finite, or an embedding is infinite.

    Notes:
        Peak memory grows with N + M: similarities live a block of rows at a time, and a reduced loss makes its
        gradients there and then. A second derivative and torch.func make the N×M matrix. With
        `normalize=True` the gradient runs through the norm; a zero vector has cosine 0 and zero gradient. Where the
        positive leads by far the loss is log(1 + rest), and its gradient the sum of the other probabilities.

    Examples:
        >>> query, keys = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
        >>> loss = info_nce(query, keys, temperature=1.0)  # log(e + 1 + 1/e) - 1
        >>> f"{loss.item():.6f}"
        '0.407606'
    """
    check_sides("info_nce", query=query, keys=keys)
    temperature = check.option("info_nce", "temperature", temperature, TEMPERATURE)
    check.flag("info_nce", "normalize", normalize)
    plan = reduce.plan(
        "info_nce", query.shape[:1], query, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    positives = positives_of(query, keys, positives, plan.keep)
    check.moderate("info_nce", plan.keep, query=query)
    check.moderate("info_nce", keys=keys)
    extras = 1 / temperature, normalize, positives, None
    loss = LINE_UP.reduced((plan.neutral(query), keys, None), extras, plan)
    return defined.told(loss, plan, query=plan.neutral(query), keys=keys)


def clip(
    images: Tensor,
    texts: Tensor,
    logit_scale: Tensor | float,
    *,
    normalize: bool = True,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return the mean of both directions' cross-entropy of logit_scale · cos(image, text) for each pair, reduced.

    Args:
        images: `[N, D]`, any floating dtype.
        texts: `[N, D]`, the text of row i belongs to the image of row i.
        logit_scale: Multiplies the cosines; a number above 0, or a 0-d tensor that may learn.
        normalize: Compare by cosine; False for the bare product.
        mask: `[N]` boolean, True where a pair counts; the others leave the line-ups too.
        weight: `[N]`, weight of each pair, at least 0; pairs of weight 0 leave the line-ups too.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[N]` for `"none"`; float32 for 16-bit input; nats, at least 0; log N at chance level.

    Raises:
        ShapeError: Shapes differ, are not `[N, D]`, or `logit_scale` is not one number.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `logit_scale`, `normalize`, `reduction` or `denominator` is outside its domain.
        ValuesError: `logit_scale` as a tensor is not above 0, `weight` is negative or not finite, or an embedding is
            infinite.

    Notes:
        `logit_scale` is the multiplier itself, 1 / temperature. open_clip learns its logarithm and hands over
        `logit_scale.exp()`; it starts at log(1 / 0.07) and is clamped at log(100). One product of images and texts
        serves both directions, a block of rows at a time, and once more for the gradients: peak memory grows with N.

    Examples:
        >>> same = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> f"{clip(same, same, 2.0).item():.6f}"  # log(1 + e^-2)
        '0.126928'
    """
    check.alike("clip", images=images, texts=texts)
    check_sides("clip", images=images, texts=texts)
    scale = scale_of(logit_scale, images)
    check.flag("clip", "normalize", normalize)
    plan = reduce.plan(
        "clip", images.shape[:1], images, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    check.moderate("clip", plan.keep, images=images, texts=texts)
    images, texts = plan.neutral(images), plan.neutral(texts)
    loss = TWO_WAY.reduced((images, texts, scale), (normalize, plan.keep), plan)
    return defined.told(loss, plan, images=images, texts=texts)


def nt_xent(
    first: Tensor,
    second: Tensor,
    *,
    temperature: float = 0.1,
    normalize: bool = True,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return the cross-entropy of each view's partner among the 2N - 1 other views, reduced.

    Args:
        first: `[N, D]`, one view of each item; any floating dtype.
        second: `[N, D]`, another view of the same items.
        temperature: Divides the similarities; at least 2^-63.
        normalize: Compare by cosine; False for the bare product.
        mask: `[2N]` boolean, True where a view counts, those of `first` before those of `second`. A view that does
            not leaves the line-ups too, and its partner with it.
        weight: `[2N]`, weight of each view, at least 0; 0 is the same as masked.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[2N]` for `"none"`; float32 for 16-bit input; nats, at least 0; log(2N - 1) at chance level.

    Raises:
        ShapeError: Shapes differ or are not `[N, D]`.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `temperature`, `normalize`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or an embedding is infinite.

    Notes:
        The mean is over all 2N views, as in SimCLR. A view is never compared with itself. Peak memory grows with N,
        as in `info_nce`.

    Examples:
        >>> views = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> f"{nt_xent(views, views, temperature=1.0).item():.6f}"  # log(1 + 2/e)
        '0.551445'
    """
    check.alike("nt_xent", first=first, second=second)
    check_sides("nt_xent", first=first, second=second)
    temperature = check.option("nt_xent", "temperature", temperature, TEMPERATURE)
    check.flag("nt_xent", "normalize", normalize)
    count = first.shape[0]

    def planned(keep: Tensor | None) -> reduce.Plan:
        return reduce.plan(
            "nt_xent",
            (2 * count,),
            first,
            mask=mask,
            weight=weight,
            reduction=reduction,
            denominator=denominator,
            keep=keep,
        )

    plan = planned(None)
    if plan.keep is not None:
        plan = planned(plan.keep & plan.keep.roll(count))
    for name, side, keep in zip(("first", "second"), (first, second), _halves(plan.keep), strict=True):
        check.moderate("nt_xent", keep, **{name: side})
    both = torch.cat([t.to(wide(t.dtype)) for t in (first, second)])  # autocast cannot join float16
    partners = (torch.arange(2 * count, device=first.device) + count) % max(2 * count, 1)
    extras = 1 / temperature, normalize, partners, plan.keep
    both = plan.neutral(both)
    return defined.told(
        LINE_UP.reduced((both, None, None), extras, plan), plan, first=both[:count], second=both[count:]
    )


class InfoNCE(Module, of=info_nce):
    """Module of `info_nce`."""

    temperature: float = 0.07
    normalize: bool = True
    reduction: Reduction = "mean"


class CLIP(Module, of=clip):
    """Module of `clip`."""

    normalize: bool = True
    reduction: Reduction = "mean"


class NTXent(Module, of=nt_xent):
    """Module of `nt_xent`."""

    temperature: float = 0.1
    normalize: bool = True
    reduction: Reduction = "mean"


def _halves(keep: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    """Return which views count, of the first half and of the second."""
    if keep is None:
        return None, None
    first, second = keep.chunk(2) if len(keep) else (keep, keep)
    return first, second


_TEMPERATURE: Final = "divides the similarities"

SPECS: Final = (
    Spec(
        title="InfoNCE",
        family="embedding",
        function=info_nce,
        module=InfoNCE,
        summary="Pick the right key out of a line-up: retrieval, self-supervision, two-tower models.",
        formula=r"\ell_i = -\log \frac{e^{q_i \cdot k_{p(i)} / T}}{\sum_j e^{q_i \cdot k_j / T}}",
        slope=r"\frac{\partial \ell_i}{\partial (q_i \cdot k_j)} = \frac{p_{ij} - [j = p(i)]}{T}",
        inputs=(
            Input("query", ("N", "D")),
            Input("keys", ("M", "D")),
            Input("positives", ("N",), "class_index", optional=True),
        ),
        output=("N",),
        range=NON_NEGATIVE,
        parameters=(
            Parameter("temperature", _TEMPERATURE, TEMPERATURE, "T", slider=(0.01, 1.0, 0.01)),
            Parameter("normalize", "compare by cosine", choices=("True", "False")),
        ),
        aliases=("infonce", "contrastive predictive coding", "cpc", "in-batch negatives", "moco", "n-pair"),
        equivalents=(
            Equivalent(
                "torch",
                "F.cross_entropy(F.normalize(query) @ F.normalize(keys).T / temperature, positives)",
                "makes the N×M matrix",
            ),
            Equivalent(
                "pytorch-metric-learning",
                "SelfSupervisedLoss(NTXentLoss(temperature=temperature), symmetric=False)(query, keys)",
            ),
        ),
        convention="By cosine unless normalize=False; the temperature of MoCo, 0.07.",
        sources=(
            Source(
                "van den Oord et al. 2018, Representation Learning with Contrastive Predictive Coding", "equation 4"
            ),
            Source("He et al. 2020, Momentum Contrast", "equation 1"),
        ),
    ),
    Spec(
        title="CLIP",
        family="embedding",
        function=clip,
        module=CLIP,
        summary="Images and their texts find each other, in both directions at once.",
        formula=r"\ell_i = -\tfrac12 \log \frac{e^{s u_i \cdot v_i}}{\sum_j e^{s u_i \cdot v_j}}"
        r" - \tfrac12 \log \frac{e^{s u_i \cdot v_i}}{\sum_j e^{s u_j \cdot v_i}}",
        slope=r"\frac{\partial}{\partial (u_i \cdot v_j)} \sum_i \ell_i"
        r" = s\left(\tfrac12 (p_{ij} + p'_{ij}) - [i = j]\right)",
        inputs=(Input("images", ("N", "D")), Input("texts", ("N", "D")), Input("logit_scale", (), "positive")),
        output=("N",),
        range=NON_NEGATIVE,
        parameters=(Parameter("normalize", "compare by cosine", choices=("True", "False")),),
        aliases=("clip loss", "symmetric info nce", "image text contrastive"),
        equivalents=(
            Equivalent(
                "open_clip",
                "ClipLoss()(F.normalize(images), F.normalize(texts), logit_scale)",
                "takes normalised features; the model keeps the logarithm of the scale",
            ),
            Equivalent(
                "pytorch-metric-learning",
                "SelfSupervisedLoss(NTXentLoss(temperature=1 / logit_scale), symmetric=False), both directions",
            ),
        ),
        convention="`logit_scale` is the multiplier, not its logarithm; features are normalised here.",
        sources=(Source("Radford et al. 2021, Learning Transferable Visual Models", "figure 3"),),
    ),
    Spec(
        title="NT-Xent",
        family="embedding",
        function=nt_xent,
        module=NTXent,
        summary="Two views of one item find each other among all views of a batch: SimCLR.",
        formula=r"\ell_i = -\log \frac{e^{z_i \cdot z_{i'} / T}}{\sum_{j \ne i} e^{z_i \cdot z_j / T}}",
        slope=r"\frac{\partial \ell_i}{\partial (z_i \cdot z_j)} = \frac{p_{ij} - [j = i']}{T}",
        inputs=(Input("first", ("N", "D")), Input("second", ("N", "D"))),
        output=("2N",),
        range=NON_NEGATIVE,
        parameters=(
            Parameter("temperature", _TEMPERATURE, TEMPERATURE, "T", slider=(0.01, 1.0, 0.01)),
            Parameter("normalize", "compare by cosine", choices=("True", "False")),
        ),
        aliases=("simclr", "normalized temperature-scaled cross entropy", "ntxent"),
        equivalents=(
            Equivalent(
                "pytorch-metric-learning", "SelfSupervisedLoss(NTXentLoss(temperature=temperature))(first, second)"
            ),
            Equivalent("lightly", "lightly.loss.NTXentLoss(temperature=temperature)(first, second)", "0.5 by default"),
            Equivalent(
                "optax",
                "optax.losses.ntxent(embeddings, labels, temperature=temperature)",
                "one tensor and labels; 0.07 by default",
            ),
        ),
        convention="Two tensors of views; the mean is over all 2N of them.",
        sources=(Source("Chen et al. 2020, A Simple Framework for Contrastive Learning", "equation 1"),),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
