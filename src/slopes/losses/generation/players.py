"""Two players: a critic that tells real from fake, a generator that is judged by it, and the penalties on the critic.

Dimension names: `...` is any shape of verdicts, for a critic of patches too; N is the number of samples. Verdicts are
the critic's outputs without a sigmoid.
"""

from __future__ import annotations

from typing import Final, Literal

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, reduce
from slopes._core.module import Module
from slopes._core.numerics import logistic, softplus
from slopes._core.reduce import Plan, Reduction
from slopes._core.spec import FINITE_NON_NEGATIVE, NON_NEGATIVE, Equivalent, Input, Parameter, Source, Spec
from slopes.kernels.pairs.distance import length, normalize
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise

Role = Literal["generator", "discriminator"]
Kind = Literal["non_saturating", "saturating", "hinge", "least_squares", "wasserstein"]
_ROLES: Final = ("discriminator", "generator")
_KINDS: Final = ("non_saturating", "saturating", "hinge", "least_squares", "wasserstein")


def adversarial(
    real: Tensor | None,
    fake: Tensor,
    *,
    role: Role = "discriminator",
    kind: Kind = "non_saturating",
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return what a pair of verdicts costs the discriminator, or a verdict on a fake the generator, reduced.

    The discriminator pays, of (real, fake): softplus(-real) + softplus(fake) for both saturations; max(0, 1 - real) +
    max(0, 1 + fake) for hinge; (real - 1)² + fake² for least_squares; fake - real for wasserstein. The generator:
    softplus(-fake) for non_saturating, -softplus(fake) for saturating, (fake - 1)² for least_squares, else -fake.

    Args:
        real: `[...]`, verdicts on real samples: logits, any floating dtype; None for the generator, whose loss
            likewise sees no tensor here, and gives it no gradient.
        fake: `[...]`, verdicts on generated ones, as many.
        role: Who pays.
        kind: `"non_saturating"`, `"saturating"`, `"hinge"`, `"least_squares"` or `"wasserstein"`.
        mask: `[...]` boolean, True where a pair counts.
        weight: `[...]`, weight of each pair, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats for the saturations. For the discriminator
        the two halves are summed, not averaged.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, the discriminator has no `real`, or float64 meets another dtype.
        OptionError: `role`, `kind`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or infinities meet.

    Notes:
        For the discriminator detach the fakes before the critic sees them; for the generator keep its own graph, and
        let only its parameters step. On a fake that is found out the saturating slope is -σ(fake), nearly 0, and the
        non-saturating one -σ(-fake), nearly -1. No factor ½ in least_squares, which the paper has and most code has
        not. At a kink of hinge the gradient is 0.
        Sources: Goodfellow et al. 2014; Mao et al. 2017; Arjovsky et al. 2017; Lim, Ye 2017 (hinge).

    Examples:
        >>> real, fake = torch.tensor([2.0]), torch.tensor([-0.25])
        >>> adversarial(real, fake, kind="hinge"), adversarial(None, fake, role="generator", kind="hinge")
        (tensor(0.7500), tensor(0.2500))
    """
    check.choice("adversarial", "role", role, _ROLES)
    check.choice("adversarial", "kind", kind, _KINDS)
    if role == "discriminator" or real is not None:
        check.alike("adversarial", real=real, fake=fake)  # type: ignore[arg-type]  # None is told
    else:
        check.floating("adversarial", fake=fake)
    plan = reduce.plan(
        "adversarial", fake.shape, fake, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    if role == "generator" or real is None:
        return defined.reduced(_GENERATOR[kind], plan, fake=fake)
    return defined.reduced(_DISCRIMINATOR[kind], plan, real=real, fake=fake)


def gradient_penalty(
    gradients: Tensor,
    *,
    norm: float = 1.0,
    one_sided: bool = False,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return (|g| - norm)² of each sample, |g| the length of the critic's gradient by it, reduced.

    Args:
        gradients: `[N, ...]`, the gradient of the critic's verdicts by its inputs, made with `create_graph=True`; any
            floating dtype. All dimensions but the first are one vector.
        norm: The length that is asked for, at least 0: 1 for WGAN-GP, 0 for Mescheder's zero-centred penalties.
        one_sided: Charge only what is longer than `norm`.
        mask: `[N]` boolean, True where a sample counts.
        weight: `[N]`, weight of each sample, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[N]` for `"none"`; float32 for 16-bit input; at least 0. Without the factor 10 of WGAN-GP.

    Raises:
        ShapeError: `gradients` has fewer than two dimensions, or none for a sample.
        DtypeError: `gradients` is not floating.
        OptionError: `norm`, `one_sided`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or a gradient is infinite.

    Notes:
        It takes the gradient and not the critic: where it is taken (between real and fake for WGAN-GP, at the data for
        DRAGAN) is yours, and `torch.autograd.grad(verdicts.sum(), inputs, create_graph=True)` lets the penalty reach
        the critic's parameters. Batch norm couples the samples, and that sum is then no gradient of each. At a
        gradient of 0 the slope is 0. Lengths neither overflow nor vanish; code without that adds 1e-12 under the root.
        Source: Gulrajani et al. 2017, equation 3.

    Examples:
        >>> gradient_penalty(torch.tensor([[3.0, 4.0], [0.0, 0.5]]), reduction="none")
        tensor([16.0000,  0.2500])
    """
    norm = float(check.option("gradient_penalty", "norm", norm, FINITE_NON_NEGATIVE))
    check.flag("gradient_penalty", "one_sided", one_sided)
    plan = _samples("gradient_penalty", gradients, mask, weight, reduction, denominator)
    return defined.reduced(_PENALTY, plan, norm, one_sided, gradients=gradients.flatten(1))


def r1(
    gradients: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return ½|g|² of each sample, g the critic's gradient by it, reduced.

    Args:
        gradients: `[N, ...]`, the gradient of the critic's verdicts by real samples (by fakes it is R2), made with
            `create_graph=True`; any floating dtype. All dimensions but the first are one vector.
        mask: `[N]` boolean, True where a sample counts.
        weight: `[N]`, weight of each sample, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[N]` for `"none"`; float32 for 16-bit input; at least 0. Multiply by the paper's γ yourself.

    Raises:
        ShapeError: `gradients` has fewer than two dimensions, or none for a sample.
        DtypeError: `gradients` is not floating.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite.

    Notes:
        The gradient by `gradients` is g itself. StyleGAN2 takes it every 16th step only and multiplies by 16, and its
        γ grows with the resolution: the length is summed over pixels.
        Source: Mescheder, Geiger, Nowozin 2018, equation 9.

    Examples:
        >>> r1(torch.tensor([[3.0, 4.0], [0.0, 1.0]]), reduction="none")
        tensor([12.5000,  0.5000])
    """
    plan = _samples("r1", gradients, mask, weight, reduction, denominator)
    return defined.reduced(_R1, plan, gradients=gradients.flatten(1))


class Adversarial(Module, of=adversarial):
    """Module of `adversarial`."""

    role: Role = "discriminator"
    kind: Kind = "non_saturating"
    reduction: Reduction = "mean"


class GradientPenalty(Module, of=gradient_penalty):
    """Module of `gradient_penalty`."""

    norm: float = 1.0
    one_sided: bool = False
    reduction: Reduction = "mean"


class R1(Module, of=r1):
    """Module of `r1`."""

    reduction: Reduction = "mean"


def _samples(
    function: str,
    gradients: Tensor,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
) -> Plan:
    check.floating(function, gradients=gradients)
    check.dimensions(function, "gradients", gradients, "[N, ...]", 2)
    check.filled(function, "gradients", gradients, "[N, ..., D]", "pass the gradient by the critic's inputs")
    return reduce.plan(
        function, gradients.shape[:1], gradients, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )


def _softplus(z: Tensor) -> tuple[Tensor, Tensor]:
    s, _, e = logistic(z)
    return softplus(z, e), s


def _cross_entropies(real: Tensor, fake: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    (missed, by_missed), (fooled, by_fooled) = _softplus(-real), _softplus(fake)
    return missed + fooled, (-by_missed, by_fooled)


def _hinges(real: Tensor, fake: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    missed, fooled = (1 - real).clamp(min=0), (1 + fake).clamp(min=0)
    return missed + fooled, (-(missed > 0).to(real.dtype), (fooled > 0).to(fake.dtype))


def _squares(real: Tensor, fake: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    r = real - 1
    return r * r + fake * fake, (2 * r, 2 * fake)


def _difference(real: Tensor, fake: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    one = torch.ones_like(fake)
    return fake - real, (-one, one)


def _non_saturating(fake: Tensor) -> tuple[Tensor, tuple[Tensor]]:
    value, slope = _softplus(-fake)
    return value, (-slope,)


def _saturating(fake: Tensor) -> tuple[Tensor, tuple[Tensor]]:
    value, slope = _softplus(fake)
    return -value, (-slope,)


def _square(fake: Tensor) -> tuple[Tensor, tuple[Tensor]]:
    r = fake - 1
    return r * r, (2 * r,)


def _negative(fake: Tensor) -> tuple[Tensor, tuple[Tensor]]:
    return -fake, (-torch.ones_like(fake),)


def _penalty(g: Tensor, norm: float, one_sided: bool) -> tuple[Tensor, tuple[Tensor]]:  # noqa: FBT001  an option
    over = length(g) - norm
    if one_sided:
        over = over.clamp(min=0)
    return over * over, (2 * over.unsqueeze(-1) * normalize(g)[0],)


def _half_square(g: Tensor) -> tuple[Tensor, tuple[Tensor]]:
    return 0.5 * (g * g).sum(-1), (g,)


_CROSS_ENTROPIES: Final = Pointwise.sharing("CrossEntropies", _cross_entropies, tensors=2)
_NEGATIVE: Final = Pointwise.sharing("Negative", _negative, tensors=1)
_DISCRIMINATOR: Final = {
    "non_saturating": _CROSS_ENTROPIES,
    "saturating": _CROSS_ENTROPIES,
    "hinge": Pointwise.sharing("Hinges", _hinges, tensors=2),
    "least_squares": Pointwise.sharing("Squares", _squares, tensors=2),
    "wasserstein": Pointwise.sharing("Difference", _difference, tensors=2),
}
_GENERATOR: Final = {
    "non_saturating": Pointwise.sharing("NonSaturating", _non_saturating, tensors=1),
    "saturating": Pointwise.sharing("Saturating", _saturating, tensors=1),
    "hinge": _NEGATIVE,
    "least_squares": Pointwise.sharing("Square", _square, tensors=1),
    "wasserstein": _NEGATIVE,
}
_PENALTY: Final = Pointwise.sharing("Penalty", _penalty, tensors=1, rows=True)
_R1: Final = Pointwise.sharing("R1", _half_square, tensors=1, rows=True)
_GRADIENTS: Final = (Input("gradients", ("N", "D")),)

SPECS: Final = (
    Spec(
        title="Adversarial",
        family="generation",
        function=adversarial,
        module=Adversarial,
        summary="Two players over one critic: cross-entropy, hinge, least squares or Wasserstein, for either of them.",
        formula=r"\ell_D = \log(1 + e^{-r}) + \log(1 + e^{f}),\quad \ell_G = \log(1 + e^{-f})",
        slope=r"\frac{\partial \ell_D}{\partial f} = \sigma(f),\quad \frac{\partial \ell_G}{\partial f} = -\sigma(-f)",
        inputs=(Input("real", ("...",)), Input("fake", ("...",))),
        parameters=(
            Parameter("role", "who pays", choices=_ROLES),
            Parameter("kind", "which game", choices=_KINDS),
        ),
        aliases=("gan", "generator", "discriminator", "wgan", "lsgan", "hinge gan", "minimax", "critic"),
        equivalents=(
            Equivalent(
                "torch",
                "F.binary_cross_entropy_with_logits(real, torch.ones_like(real))"
                " + F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))",
            ),
        ),
        convention="The two halves of the discriminator are summed, and least squares has no factor ½.",
        sources=(
            Source("Goodfellow et al. 2014, Generative Adversarial Networks", "section 3"),
            Source("Mao et al. 2017, Least Squares Generative Adversarial Networks", "equation 2"),
            Source("Arjovsky, Chintala, Bottou 2017, Wasserstein GAN", "equation 2"),
            Source("Lim, Ye 2017, Geometric GAN", "section 3"),
        ),
        elementwise=True,
    ),
    Spec(
        title="Gradient penalty",
        family="generation",
        function=gradient_penalty,
        module=GradientPenalty,
        summary="A critic whose slope is 1: Wasserstein's, without clipped weights.",
        formula=r"\ell = (|g| - 1)^2,\quad g = \nabla_{x} D(x)",
        slope=r"\frac{\partial \ell}{\partial g} = 2(|g| - 1)\frac{g}{|g|}",
        inputs=_GRADIENTS,
        output=("N",),
        range=NON_NEGATIVE,
        parameters=(
            Parameter("norm", "the length that is asked for", FINITE_NON_NEGATIVE, "c", slider=(0.0, 2.0, 0.1)),
            Parameter("one_sided", "only what is longer is charged", choices=("True", "False")),
        ),
        aliases=("wgan-gp", "lipschitz", "dragan", "critic penalty"),
        equivalents=(
            Equivalent(
                "torchgan",
                "wasserstein_gradient_penalty(interpolate, d_interpolate)",
                "(|g| of the whole batch - 1)²: the norm is not by sample",
            ),
        ),
        convention="Takes the gradient, not the critic; without the factor 10.",
        sources=(Source("Gulrajani et al. 2017, Improved Training of Wasserstein GANs", "equation 3"),),
        smooth="no",
    ),
    Spec(
        title="R1 penalty",
        family="generation",
        function=r1,
        module=R1,
        summary="A critic that is flat on the data: what keeps StyleGAN's game stable.",
        formula=r"\ell = \tfrac12|g|^2,\quad g = \nabla_{x} D(x)",
        slope=r"\frac{\partial \ell}{\partial g} = g",
        inputs=_GRADIENTS,
        output=("N",),
        range=NON_NEGATIVE,
        aliases=("r2", "zero-centred gradient penalty", "zero-centered gradient penalty", "stylegan regularization"),
        equivalents=(Equivalent("StyleGAN2", "r1_penalty = r1_grads.square().sum([1, 2, 3])", "without the factor ½"),),
        sources=(
            Source(
                "Mescheder, Geiger, Nowozin 2018, Which Training Methods for GANs do actually Converge?", "equation 9"
            ),
        ),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
