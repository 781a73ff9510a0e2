"""Losses of a class that may be wrong: cross-entropy that lets go of what it cannot believe.

Dimension names: `...` is any shape; C is the number of classes, the last dimension.
"""

from __future__ import annotations

from typing import Final, Literal

import torch.fx
from torch import Tensor

from slopes._core import check
from slopes._core.linear_logits import Logits
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import (
    NON_NEGATIVE,
    UNIT,
    Domain,
    Equivalent,
    Input,
    Parameter,
    Source,
    Spec,
)
from slopes.kernels.rows import noisy
from slopes.losses.class_targets import IGNORE
from slopes.losses.classes.rows import by_class

_LOG_OF_0: Final = Domain(-(2.0**63), 0.0)
_WEIGHT: Final = Domain(0.0, 2.0**63)  # with room for their product in float32
_FROM_MINUS_1: Final = Domain(low=-1.0, high_open=True)


def generalized_cross_entropy(
    logits: Logits,
    targets: Tensor,
    *,
    q: float = 0.7,
    class_weight: Tensor | None = None,
    ignore_index: int = IGNORE,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return (1 - p^q) / q of the target class of each row, p its softmax probability, reduced.

    Args:
        logits: `[..., C]`, any floating dtype: scores before the softmax. -∞ takes a class out.
        targets: `[...]` int64 class indices.
        q: How far wrong targets are let go of, in [0, 1]: 0 gives cross-entropy, 1 gives 1 - p.
        class_weight: `[C]`, weight of each class, at least 0. The mean divides by the weights of the targets.
        ignore_index: Rows with this target do not count.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; no unit but for q = 0, from 0 to 1/q.

    Raises:
        ShapeError: `targets` does not have the leading shape of `logits`.
        DtypeError: `logits` is not floating, or `targets` is not int64.
        OptionError: An option is outside its domain, or `class_weight` requires a gradient.
        ValuesError: A class index is out of range, or every class of a row that counts is -∞.

    Notes:
        The gradient is p^q times that of cross-entropy: a target that the model finds unlikely, as a wrong one is,
        hardly pulls. Computed as -expm1(q log p) / q, which tends to -log p as q does to 0, and keeps its digits as p
        does to 1; p^q is not made of a p that underflows. Below 1e-30 q is taken for 0. The logits may be
        `LinearLogits`. The paper's truncation is a mask: of rows whose p is above a threshold.

    Examples:
        >>> generalized_cross_entropy(torch.log(torch.tensor([[0.25, 0.75]])), torch.tensor([0]), q=0.5)
        tensor(1.)
    """
    q = check.option("generalized_cross_entropy", "q", q, UNIT)
    rest = class_weight, ignore_index, mask, weight, reduction, denominator
    return by_class("generalized_cross_entropy", noisy.GENERALIZED, logits, targets, *rest, float(q))


def symmetric_cross_entropy(
    logits: Logits,
    targets: Tensor,
    *,
    alpha: float = 0.1,
    beta: float = 1.0,
    log_zero: float = -4.0,
    class_weight: Tensor | None = None,
    ignore_index: int = IGNORE,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return α (-log p) + β |A| (1 - p) of the target class of each row, reduced: cross-entropy both ways.

    Args:
        logits: `[..., C]`, any floating dtype: scores before the softmax. -∞ takes a class out.
        targets: `[...]` int64 class indices.
        alpha: Weight of the cross-entropy, in [0, 2^63].
        beta: Weight of the reverse cross-entropy, in [0, 2^63].
        log_zero: A, what the logarithm of a target's 0 is taken for, in [-2^63, 0].
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
        The reverse cross-entropy is -Σ p_j log y_j; with log 0 = A it is -A (1 - p), whose gradient vanishes for a
        target that the model does not believe. So β and A are one number in two. The defaults are the paper's for
        CIFAR-10 but for A, -6 there; the authors' code clamps y at 1e-4, which makes A -9.21, and p at 1e-7, which
        stops the gradient beyond a surprise of 16. The logits may be `LinearLogits`.

    Examples:
        >>> symmetric_cross_entropy(torch.zeros(1, 2), torch.tensor([0]))  # 0.1 log 2 + 4 / 2
        tensor(2.0693)
    """
    alpha = check.option("symmetric_cross_entropy", "alpha", alpha, _WEIGHT)
    beta = check.option("symmetric_cross_entropy", "beta", beta, _WEIGHT)
    log_zero = check.option("symmetric_cross_entropy", "log_zero", log_zero, _LOG_OF_0)
    rest = class_weight, ignore_index, mask, weight, reduction, denominator
    options = float(alpha), -float(beta) * float(log_zero)
    return by_class("symmetric_cross_entropy", noisy.WEIGHED, logits, targets, *rest, *options)


def bootstrapped_cross_entropy(
    logits: Logits,
    targets: Tensor,
    *,
    beta: float = 0.95,
    kind: Literal["soft", "hard"] = "soft",
    class_weight: Tensor | None = None,
    ignore_index: int = IGNORE,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return the cross-entropy with β of the target and 1 - β of what the model believes itself, of each row, reduced.

    Args:
        logits: `[..., C]`, any floating dtype: scores before the softmax. -∞ takes a class out.
        targets: `[...]` int64 class indices.
        beta: Share of the target, in [0, 1]; the paper has 0.95 for `"soft"` and 0.8 for `"hard"`.
        kind: `"soft"` takes the model's probabilities for the rest: β (-log p_t) + (1 - β) H(p). `"hard"` takes its
            likeliest class: β (-log p_t) + (1 - β) (-log max p).
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
        `"soft"` is differentiated whole: its second term is the entropy of the model, which its gradient lowers, as in
        the paper. `"hard"` stops at the choice: the likeliest class (the first of several) is a constant, and its
        gradient that of cross-entropy with it. The model agrees with itself from the start; give it some epochs of
        cross-entropy, or a β that falls. The logits may be `LinearLogits`.

    Examples:
        >>> bootstrapped_cross_entropy(torch.zeros(1, 2), torch.tensor([0]))  # log 2 both
        tensor(0.6931)
    """
    beta = check.option("bootstrapped_cross_entropy", "beta", beta, UNIT)
    check.choice("bootstrapped_cross_entropy", "kind", kind, ("soft", "hard"))
    rest = class_weight, ignore_index, mask, weight, reduction, denominator
    loss = noisy.BOOTSTRAPPED if kind == "soft" else noisy.BOOTSTRAPPED_HARD
    return by_class("bootstrapped_cross_entropy", loss, logits, targets, *rest, float(beta))


def poly_cross_entropy(
    logits: Logits,
    targets: Tensor,
    *,
    epsilon: float = 1.0,
    class_weight: Tensor | None = None,
    ignore_index: int = IGNORE,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -log p + ε (1 - p) of the target class of each row, p its softmax probability, reduced.

    Args:
        logits: `[..., C]`, any floating dtype: scores before the softmax. -∞ takes a class out.
        targets: `[...]` int64 class indices.
        epsilon: What is added to the first coefficient of -log p = (1 - p) + (1 - p)²/2 + ..., at least -1.
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
        The gradient is 1 + ε p times that of cross-entropy: above 0 it makes sure of what is nearly right already,
        below 0 it leaves that alone, as `softmax_focal` does. At -1 the linear terms cancel, and are never made. The
        paper's Poly-1. The logits may be `LinearLogits`.

    Examples:
        >>> poly_cross_entropy(torch.zeros(1, 2), torch.tensor([0]))  # log 2 + 1/2
        tensor(1.1931)
    """
    epsilon = check.option("poly_cross_entropy", "epsilon", epsilon, _FROM_MINUS_1)
    rest = class_weight, ignore_index, mask, weight, reduction, denominator
    return by_class("poly_cross_entropy", noisy.WEIGHED, logits, targets, *rest, 1.0, float(epsilon))


class GeneralizedCrossEntropy(Module, of=generalized_cross_entropy):
    """Module of `generalized_cross_entropy`."""

    q: float = 0.7
    class_weight: Tensor | None = None
    ignore_index: int = IGNORE
    reduction: Reduction = "mean"


class SymmetricCrossEntropy(Module, of=symmetric_cross_entropy):
    """Module of `symmetric_cross_entropy`."""

    alpha: float = 0.1
    beta: float = 1.0
    log_zero: float = -4.0
    class_weight: Tensor | None = None
    ignore_index: int = IGNORE
    reduction: Reduction = "mean"


class BootstrappedCrossEntropy(Module, of=bootstrapped_cross_entropy):
    """Module of `bootstrapped_cross_entropy`."""

    beta: float = 0.95
    kind: Literal["soft", "hard"] = "soft"
    class_weight: Tensor | None = None
    ignore_index: int = IGNORE
    reduction: Reduction = "mean"


class PolyCrossEntropy(Module, of=poly_cross_entropy):
    """Module of `poly_cross_entropy`."""

    epsilon: float = 1.0
    class_weight: Tensor | None = None
    ignore_index: int = IGNORE
    reduction: Reduction = "mean"


_CLASSES: Final = (Input("logits", ("...", "C")), Input("targets", ("...",), "class_index"))

SPECS: Final = (
    Spec(
        title="Generalised cross-entropy",
        family="classification",
        function=generalized_cross_entropy,
        module=GeneralizedCrossEntropy,
        summary="Labels of which some are wrong: between cross-entropy and the mean absolute error.",
        formula=r"\ell = \frac{1 - p_t^{\,q}}{q}",
        slope=r"\frac{\partial \ell}{\partial x_j} = p_t^{\,q} (p_j - y_j)",
        inputs=_CLASSES,
        output=("...",),
        range=NON_NEGATIVE,
        parameters=(Parameter("q", "how far wrong targets are let go of", UNIT, "q", slider=(0.0, 1.0, 0.05)),),
        aliases=("gce", "generalised cross-entropy", "lq loss", "noisy labels"),
        equivalents=(
            Equivalent(
                "the authors",
                "((1 - softmax(logits, 1).gather(1, targets[:, None]) ** q) / q).mean()",
                "loses its digits near p = 1 and q = 0; truncated by p at k",
            ),
        ),
        sources=(Source("Zhang, Sabuncu 2018, Generalized Cross Entropy Loss with Noisy Labels", "equation 6"),),
    ),
    Spec(
        title="Symmetric cross-entropy",
        family="classification",
        function=symmetric_cross_entropy,
        module=SymmetricCrossEntropy,
        summary="Labels of which some are wrong: cross-entropy, and the reverse one, which lets go of them.",
        formula=r"\ell = -\alpha \log p_t - \beta A (1 - p_t)",
        slope=r"\frac{\partial \ell}{\partial x_j} = (\alpha - \beta A\, p_t)(p_j - y_j)",
        inputs=_CLASSES,
        output=("...",),
        range=NON_NEGATIVE,
        parameters=(
            Parameter("alpha", "weight of cross-entropy", _WEIGHT, r"\alpha", slider=(0.0, 2.0, 0.1)),
            Parameter("beta", "weight of the reverse one", _WEIGHT, r"\beta", slider=(0.0, 2.0, 0.1)),
            Parameter("log_zero", "what log 0 is taken for", _LOG_OF_0, "A", slider=(-10.0, 0.0, 0.5)),
        ),
        aliases=("sce", "sl loss", "reverse cross-entropy"),
        equivalents=(
            Equivalent("the authors", "SCELoss(alpha, beta)(logits, targets)", "clamps p at 1e-7, y at 1e-4: A -9.21"),
        ),
        sources=(Source("Wang et al. 2019, Symmetric Cross Entropy for Robust Learning with Noisy Labels", "eq. 6"),),
    ),
    Spec(
        title="Bootstrapped cross-entropy",
        family="classification",
        function=bootstrapped_cross_entropy,
        module=BootstrappedCrossEntropy,
        summary="Labels of which some are wrong: a part of each target is what the model believes.",
        formula=r"\ell = -\sum_j \left(\beta y_j + (1 - \beta) p_j\right) \log p_j",
        slope=r"\frac{\partial \ell}{\partial x_j} = \beta (p_j - y_j) - (1 - \beta)\, p_j (\log p_j + H)",
        inputs=_CLASSES,
        output=("...",),
        range=NON_NEGATIVE,
        parameters=(
            Parameter("beta", "share of the target", UNIT, r"\beta", slider=(0.0, 1.0, 0.05)),
            Parameter("kind", "beliefs as they are, or the likeliest class", choices=("soft", "hard")),
        ),
        aliases=("bootstrapping", "bootstrap loss", "self-training loss"),
        equivalents=(
            Equivalent(
                "torch",
                "torch.nn.functional.cross_entropy(logits, (1 - beta) * logits.softmax(-1) + "
                "beta * torch.nn.functional.one_hot(targets, logits.shape[-1]).to(logits))",
                "the soft form, differentiated through the targets too",
            ),
        ),
        convention="The soft form is differentiated through the beliefs, as in the paper; the hard choice is constant.",
        sources=(
            Source("Reed et al. 2014, Training Deep Neural Networks on Noisy Labels with Bootstrapping", "section 3.2"),
        ),
    ),
    Spec(
        title="Poly cross-entropy",
        family="classification",
        function=poly_cross_entropy,
        module=PolyCrossEntropy,
        summary="Cross-entropy whose pull on what is nearly right is turned up, or down.",
        formula=r"\ell = -\log p_t + \varepsilon (1 - p_t)",
        slope=r"\frac{\partial \ell}{\partial x_j} = (1 + \varepsilon p_t)(p_j - y_j)",
        inputs=_CLASSES,
        output=("...",),
        range=NON_NEGATIVE,
        parameters=(
            Parameter("epsilon", "added to the linear term", _FROM_MINUS_1, r"\varepsilon", slider=(-1.0, 5.0, 0.1)),
        ),
        aliases=("polyloss", "poly-1", "poly1 cross-entropy"),
        equivalents=(
            Equivalent("optax", "optax.losses.poly_loss_cross_entropy(logits, one_hot, epsilon)", "default 2; one-hot"),
        ),
        sources=(Source("Leng et al. 2022, PolyLoss: A Polynomial Expansion Perspective", "equation 6"),),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
