"""Losses on logits of C exclusive classes: cross-entropy and its focal form.

Dimension names: `...` is any shape; C is the number of classes, always the last dimension.
"""

from __future__ import annotations

from typing import Final, Literal

import torch
import torch.fx
from torch import Tensor

from slopes._core import check
from slopes._core.errors import OptionError
from slopes._core.linear_logits import Logits
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.settings import constant
from slopes._core.spec import (
    FINITE_NON_NEGATIVE,
    NON_NEGATIVE,
    UNIT,
    Equivalent,
    Input,
    Parameter,
    Source,
    Spec,
)
from slopes._core.tensors import FLOATS
from slopes.kernels.pointwise import defined
from slopes.kernels.rows import categorical
from slopes.losses.class_targets import (
    IGNORE,
    class_weight_of,
    cross_entropy_plan,
    distributions_plan,
    reduced_by_index,
)

SmoothOver = Literal["all", "others"]


def cross_entropy(
    logits: Logits,
    targets: Tensor,
    *,
    class_weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    smooth_over: SmoothOver = "all",
    z_loss: float = 0.0,
    ignore_index: int = IGNORE,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -log softmax(logits) of the target class of each row, reduced.

    Args:
        logits: `[..., C]`, any floating dtype: scores before the softmax. -∞ takes a class out.
        targets: `[...]` int64 class indices, or `[..., C]` floating distributions, each row summing to 1.
        class_weight: `[C]`, weight of each class, at least 0. The mean divides by the weights of the targets.
        label_smoothing: Share ε of the target that is spread over the classes, in [0, 1].
        smooth_over: `"all"` spreads it over all classes, as torch and the paper do: the true class keeps 1 - ε + ε/C.
            `"others"` over the C - 1 other ones: the true class keeps 1 - ε.
        z_loss: Weight of (log Σ exp(logits))², at least 0, added to each row as the row counts: it keeps the
            normaliser near 1 (1e-4 in PaLM).
        ignore_index: Rows with this target do not count.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0.

    Raises:
        ShapeError: `targets` has neither the leading shape of `logits` nor, for distributions, its whole shape.
        DtypeError: `logits` is not floating, or `targets` is neither int64 nor floating.
        OptionError: An option is outside its domain, or `class_weight` requires a gradient.
        ValuesError: A class index is out of range, a distribution does not sum to 1, or every class of a row that
            counts is -∞.

    Notes:
        The gradient is softmax(logits) - target; that of the target's own logit is minus the sum of the other
        probabilities, which keeps its digits where p rounds to 1 (from a lead of 16.7 on in float32). Smoothing
        spreads over the classes that are left where some are masked with -∞; a row of which every class is -∞ has no
        distribution, and where values are not read (on a GPU, compiled) it is NaN. torch wants the classes in
        dimension 1, and with `class_weight` divides distributions by the number of rows where here their weights
        divide, as for indices.

    Examples:
        >>> cross_entropy(torch.tensor([[2.1, 0.8, -0.3]]), torch.tensor([0]))
        tensor(0.3099)
        >>> cross_entropy(torch.tensor([[2.1, 0.8, -0.3]]), torch.tensor([[1.0, 0.0, 0.0]]))
        tensor(0.3099)
    """
    check.logits("cross_entropy", logits=logits)
    check.dimensions("cross_entropy", "logits", logits, "[..., C]", 1)
    check.filled("cross_entropy", "logits", logits, "[..., C]")
    label_smoothing = check.option("cross_entropy", "label_smoothing", label_smoothing, UNIT)
    check.choice("cross_entropy", "smooth_over", smooth_over, ("all", "others"))
    z_loss = check.option("cross_entropy", "z_loss", z_loss, FINITE_NON_NEGATIVE)
    weights = class_weight_of("cross_entropy", class_weight, logits)
    others = smooth_over == "others"
    if isinstance(targets, Tensor) and targets.dtype.is_floating_point:
        soft_plan = distributions_plan(logits, targets, weights, mask, weight, reduction, denominator)
        options = weights, float(label_smoothing), others, float(z_loss)
        return defined.reduced(categorical.SOFT, soft_plan, *options, logits=logits, targets=targets)
    plan, classes = cross_entropy_plan(
        "cross_entropy",
        logits,
        targets,
        mask,
        weight,
        reduction,
        denominator,
        ignore_index,
        weights,
        smoothed=label_smoothing > 0,
    )
    return reduced_by_index(logits, classes, plan, weights, label_smoothing, z_loss, others=others)


def softmax_focal(
    logits: Logits,
    targets: Tensor,
    *,
    gamma: float = 2.0,
    class_weight: Tensor | None = None,
    ignore_index: int = IGNORE,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -(1 - p)^γ log p of the target class of each row, p its softmax probability, reduced.

    Args:
        logits: `[..., C]`, any floating dtype: scores before the softmax. -∞ takes a class out.
        targets: `[...]` int64 class indices.
        gamma: How much easy rows are turned down, at least 0; 0 gives cross-entropy.
        class_weight: `[C]`, weight of each class, at least 0. The mean divides by the weights of the targets.
        ignore_index: Rows with this target do not count.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0.

    Raises:
        ShapeError: `targets` does not have the leading shape of `logits`.
        DtypeError: `logits` is not floating, or `targets` is not int64.
        OptionError: An option is outside its domain, or `class_weight` requires a gradient.
        ValuesError: A class index is out of range, or every class of a row that counts is -∞.

    Notes:
        The focal loss for exclusive classes. `focal` is the form with one sigmoid per label; over two classes the two
        agree.

    Examples:
        >>> softmax_focal(torch.tensor([[2.1, 0.8, -0.3]]), torch.tensor([0]))
        tensor(0.0220)
    """
    check.logits("softmax_focal", logits=logits)
    check.dimensions("softmax_focal", "logits", logits, "[..., C]", 1)
    check.filled("softmax_focal", "logits", logits, "[..., C]")
    gamma = check.option("softmax_focal", "gamma", gamma, FINITE_NON_NEGATIVE)
    weights = class_weight_of("softmax_focal", class_weight, logits)
    plan, classes = cross_entropy_plan(
        "softmax_focal", logits, targets, mask, weight, reduction, denominator, ignore_index, weights
    )
    return defined.reduced(categorical.FOCAL, plan, float(gamma), logits=logits, targets=classes)


def smooth_labels(
    targets: Tensor,
    classes: int,
    *,
    label_smoothing: float = 0.1,
    smooth_over: SmoothOver = "all",
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Return the smoothed distribution over the classes of each class index.

    Args:
        targets: `[...]` int64 class indices.
        classes: C, the number of classes.
        label_smoothing: Share ε that is spread, in [0, 1].
        smooth_over: `"all"` spreads it over all C classes (torch, and the paper's formula), `"others"`
            over the C - 1 others.
        dtype: Of the result.

    Returns:
        `[..., C]`, each row summing to 1.

    Raises:
        DtypeError: `targets` is not int64.
        OptionError: An option is outside its domain.
        ValuesError: A class index is out of range.

    Notes:
        The result is a target for `cross_entropy`, which takes `label_smoothing` itself without making it.

    Examples:
        >>> smooth_labels(torch.tensor([0]), 4, label_smoothing=0.1)
        tensor([[0.9250, 0.0250, 0.0250, 0.0250]])
        >>> smooth_labels(torch.tensor([0]), 3, label_smoothing=0.1, smooth_over="others")
        tensor([[0.9000, 0.0500, 0.0500]])
    """
    check.tensor("smooth_labels", targets=targets)
    check.integers("smooth_labels", "targets", targets, targets.shape, "class indices")
    classes = check.count("smooth_labels", "classes", classes)
    label_smoothing = check.option("smooth_labels", "label_smoothing", label_smoothing, UNIT)
    check.choice("smooth_labels", "smooth_over", smooth_over, ("all", "others"))
    if dtype not in FLOATS:
        message = f"smooth_labels: `dtype` is {dtype!r}, expected a floating dtype; pass for example torch.float32."
        raise OptionError(message)
    check.in_range("smooth_labels", "targets", targets, classes)
    label_smoothing = constant(label_smoothing)
    spread = classes if smooth_over == "all" else max(classes - 1, 1)
    off = label_smoothing / spread
    on = 1 - label_smoothing + (off if smooth_over == "all" or classes == 1 else 0.0)
    rows = torch.full((*targets.shape, classes), off, dtype=dtype, device=targets.device)
    return rows.scatter(-1, targets.unsqueeze(-1), on)


class CrossEntropy(Module, of=cross_entropy):
    """Module of `cross_entropy`."""

    class_weight: Tensor | None = None
    label_smoothing: float = 0.0
    smooth_over: SmoothOver = "all"
    z_loss: float = 0.0
    ignore_index: int = IGNORE
    reduction: Reduction = "mean"


class SoftmaxFocal(Module, of=softmax_focal):
    """Module of `softmax_focal`."""

    gamma: float = 2.0
    class_weight: Tensor | None = None
    ignore_index: int = IGNORE
    reduction: Reduction = "mean"


_CLASSES: Final = (Input("logits", ("...", "C")), Input("targets", ("...",), "class_index"))

Z_LOSS: Final = Parameter("z_loss", "weight of the squared log-normaliser", FINITE_NON_NEGATIVE, r"\zeta")
SMOOTHING: Final = Parameter(
    "label_smoothing", "share spread over the classes", UNIT, r"\varepsilon", slider=(0.0, 0.5, 0.01)
)

SPECS: Final = (
    Spec(
        title="Cross-entropy",
        family="classification",
        function=cross_entropy,
        module=CrossEntropy,
        summary="One class out of many; the loss of classifiers and language models.",
        formula=r"\ell = -\log \frac{e^{x_t}}{\sum_j e^{x_j}}",
        slope=r"\frac{\partial \ell}{\partial x_j} = p_j - y_j",
        inputs=_CLASSES,
        output=("...",),
        range=NON_NEGATIVE,
        parameters=(
            SMOOTHING,
            Z_LOSS,
        ),
        aliases=(
            "ce",
            "nll",
            "softmax loss",
            "categorical cross-entropy",
            "negative log-likelihood",
            "multinomial logistic",
        ),
        equivalents=(
            Equivalent(
                "torch",
                "torch.nn.functional.cross_entropy(logits, targets)",
                "classes in dimension 1; p - 1 for the target's gradient; soft class weights do not divide",
            ),
            Equivalent(
                "Keras",
                "keras.losses.SparseCategoricalCrossentropy(from_logits=True)(targets, logits)",
                "targets first",
            ),
            Equivalent(
                "optax", "optax.softmax_cross_entropy_with_integer_labels(logits, targets).mean()", "no ignore_index"
            ),
        ),
        convention="Classes last; class weights divide for soft targets too; smoothing over all classes or the others.",
        sources=(
            Source("Bridle 1990, Probabilistic Interpretation of Feedforward Classification Network Outputs"),
            Source("Szegedy et al. 2015, Rethinking the Inception Architecture", "section 7, label smoothing"),
        ),
    ),
    Spec(
        title="Softmax focal",
        family="classification",
        function=softmax_focal,
        module=SoftmaxFocal,
        summary="Exclusive classes, most rows easy: cross-entropy that looks at the hard ones.",
        formula=r"\ell = -(1 - p_t)^{\gamma} \log p_t",
        slope=r"\frac{\partial \ell}{\partial x_j} = (p_j - y_j)(1 - p_t)^{\gamma}"
        r"\left(1 - \gamma \frac{p_t \log p_t}{1 - p_t}\right)",
        inputs=_CLASSES,
        output=("...",),
        range=NON_NEGATIVE,
        parameters=(
            Parameter("gamma", "turns easy rows down", FINITE_NON_NEGATIVE, r"\gamma", slider=(0.0, 5.0, 0.1)),
        ),
        aliases=("multi-class focal", "categorical focal"),
        equivalents=(
            Equivalent(
                "Keras",
                "keras.losses.CategoricalFocalCrossentropy(alpha=1, gamma=gamma, from_logits=True)(targets, logits)",
                "targets first, one-hot; alpha defaults to 0.25",
            ),
        ),
        sources=(Source("Lin, Goyal, Girshick, He, Dollár 2017, Focal Loss for Dense Object Detection"),),
    ),
    Spec(
        title="Label smoothing",
        tool=True,
        family="classification",
        function=smooth_labels,
        summary="Targets that leave a little room for doubt.",
        formula=r"y' = (1 - \varepsilon)\,y + \frac{\varepsilon}{C}",
        inputs=(Input("targets", ("...",), "class_index"),),
        output=("...", "C"),
        range=UNIT,
        parameters=(
            Parameter("label_smoothing", "share that is spread", UNIT, r"\varepsilon", slider=(0.0, 0.5, 0.01)),
            Parameter("smooth_over", "over all classes or the others", choices=("all", "others")),
        ),
        aliases=("label smoothing", "soft labels"),
        equivalents=(Equivalent("optax", "optax.smooth_labels(one_hot, alpha)", "takes one-hot rows"),),
        convention="Over all classes by default, as torch, optax and the paper's formula have it.",
        sources=(Source("Szegedy et al. 2015, Rethinking the Inception Architecture", "section 7"),),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
