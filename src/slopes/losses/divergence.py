"""How far two distributions are apart, how spread out one is, and the VAE's term.

Dimension names: `...` is any shape, one entry for each distribution; C is the number of outcomes, D of dimensions.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, numerics, reduce
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import NON_NEGATIVE, Domain, Equivalent, Input, Source, Spec
from slopes.kernels.rows import divergences


def kl_divergence(
    log_p: Tensor,
    log_q: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return KL(p‖q) = Σ p (log_p - log_q) of each pair of distributions, reduced.

    Args:
        log_p: `[..., C]`, log-probabilities that sum to 1 over the last dimension; any floating dtype.
        log_q: `[..., C]`, likewise.
        mask: `[...]` boolean, True where a pair counts.
        weight: `[...]`, weight of each pair, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0.

    Raises:
        ShapeError: Shapes differ, or there is no dimension C; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: A row does not sum to 1 (probabilities instead of their logarithms, for example), or `weight` is
            negative or not finite.

    Notes:
        Minimised over q it is the forward divergence: q has to cover all of p (mean-seeking). Minimised over p it is
        the reverse one: p may settle in one part of q (mode-seeking), as in variational inference, where the ELBO
        minimises KL(approximation‖posterior). Exchange the arguments for the other direction. torch has the order
        `kl_div(input=log_q, target=p)`.
        An outcome with p = 0 counts 0, with no gradient, also where q = 0; one with q = 0 and p > 0 gives infinity.
        The gradients are those of the formula with each entry free: p (log_p - log_q + 1) and -p.
        The value is taken as Σ (q - p - p u), u = log_q - log_p, which is the same for distributions and adds terms of
        one sign, so that it is never negative and right to its last digits also for nearly equal ones. Where the two
        sums differ by more than rounding explains (16-bit log-probabilities), the difference is taken off again.
        Source: Kullback, Leibler 1951, equation 2.4.

    Examples:
        >>> p, q = torch.tensor([0.5, 0.5, 0.0]), torch.tensor([0.25, 0.75, 0.0])
        >>> f"{kl_divergence(p.log(), q.log()).item():.4f}"  # ½ log 2 + ½ log ⅔
        '0.1438'
    """
    check.alike("kl_divergence", log_p=log_p, log_q=log_q)
    plan = _rows(
        "kl_divergence", {"log_p": log_p, "log_q": log_q}, mask, weight, reduction, denominator, distributions=True
    )
    return divergences.KL.reduced(log_p, log_q, plan=plan)


def js_divergence(
    log_p: Tensor,
    log_q: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return ½ KL(p‖m) + ½ KL(q‖m), m = ½ (p + q), of each pair of distributions, reduced.

    Args:
        log_p: `[..., C]`, log-probabilities that sum to 1 over the last dimension; any floating dtype.
        log_q: `[..., C]`, likewise.
        mask: `[...]` boolean, True where a pair counts.
        weight: `[...]`, weight of each pair, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, in [0, log 2].

    Raises:
        ShapeError: Shapes differ, or there is no dimension C; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: A row does not sum to 1 (probabilities instead of their logarithms, for example), or `weight` is
            negative or not finite.

    Notes:
        Symmetric, and finite also where one of the two is 0. Its square root is a metric. The gradient by an entry of
        `log_p` is ½ p log(p / m), 0 where p = 0; with p and q far apart it all but vanishes.
        Each outcome adds m (x atanh(x) + ½ log(1 - x²)), x = (p - q) / (p + q), which is never negative and keeps its
        digits for nearly equal distributions.
        Source: Lin 1991, equation 4.1.

    Examples:
        >>> p, q = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
        >>> f"{js_divergence(p.log(), q.log()).item():.4f}"  # log 2, as far apart as can be
        '0.6931'
    """
    check.alike("js_divergence", log_p=log_p, log_q=log_q)
    plan = _rows(
        "js_divergence", {"log_p": log_p, "log_q": log_q}, mask, weight, reduction, denominator, distributions=True
    )
    return divergences.JS.reduced(log_p, log_q, plan=plan)


def entropy(
    log_p: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return the entropy -Σ p log_p of each distribution, reduced.

    Args:
        log_p: `[..., C]`, log-probabilities that sum to 1 over the last dimension; any floating dtype.
        mask: `[...]` boolean, True where a distribution counts.
        weight: `[...]`, weight of each distribution, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, in [0, log C].

    Raises:
        ShapeError: There is no dimension C.
        DtypeError: `log_p` is not floating, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: A row does not sum to 1 (probabilities instead of their logarithms, for example), or `weight` is
            negative or not finite.

    Notes:
        The gradient by an entry is -p (log_p + 1), each entry free; an outcome with p = 0 counts 0, with no gradient.
        As a bonus for exploration subtract it from the loss: minimised as it stands it sharpens the distribution.
        Source: Shannon 1948, section 6.

    Examples:
        >>> f"{entropy(torch.tensor([0.5, 0.5, 0.0]).log()).item():.4f}"  # a fair coin: log 2
        '0.6931'
    """
    check.floating("entropy", log_p=log_p)
    plan = _rows("entropy", {"log_p": log_p}, mask, weight, reduction, denominator, distributions=True)
    return divergences.ENTROPY.reduced(log_p, plan=plan)


def gaussian_kl(
    mean: Tensor,
    log_variance: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return ½ Σ (exp(log_variance) + mean² - 1 - log_variance), the KL to the standard normal, reduced.

    Args:
        mean: `[..., D]`, mean of each dimension; any floating dtype.
        log_variance: `[..., D]`, logarithm of its variance.
        mask: `[...]` boolean, True where a distribution counts.
        weight: `[...]`, weight of each distribution, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`, summed over D; float32 for 16-bit input; nats, at least 0.

    Raises:
        ShapeError: Shapes differ, or there is no dimension D; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite.

    Notes:
        It is KL(N(mean, variance)‖N(0, 1)), the term of a variational autoencoder. The gradients are `mean` and
        ½ (exp(log_variance) - 1); near the standard normal nothing cancels. Summed over D and averaged over the rest:
        code that averages over D as well weighs the term D times less against the reconstruction.
        Source: Kingma, Welling 2014, appendix B.

    Examples:
        >>> gaussian_kl(torch.tensor([[1.0, 2.0]]), torch.zeros(1, 2)).item()
        2.5
    """
    check.alike("gaussian_kl", mean=mean, log_variance=log_variance)
    plan = _rows("gaussian_kl", {"mean": mean, "log_variance": log_variance}, mask, weight, reduction, denominator)
    return divergences.GAUSSIAN_KL.reduced(mean, log_variance, plan=plan)


class KLDivergence(Module, of=kl_divergence):
    """Module of `kl_divergence`."""

    reduction: Reduction = "mean"


class JSDivergence(Module, of=js_divergence):
    """Module of `js_divergence`."""

    reduction: Reduction = "mean"


class Entropy(Module, of=entropy):
    """Module of `entropy`."""

    reduction: Reduction = "mean"


class GaussianKL(Module, of=gaussian_kl):
    """Module of `gaussian_kl`."""

    reduction: Reduction = "mean"


def _rows(
    function: str,
    tensors: dict[str, Tensor],
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
    *,
    distributions: bool = False,
) -> reduce.Plan:
    """Return the plan of a loss that is summed over the last dimension, and check that its rows sum to 1."""
    first, like = next(iter(tensors.items()))
    check.dimensions(function, first, like, "[..., C]" if distributions else "[..., D]", 1)
    if distributions:
        check.filled(function, first, like, "[..., C]")
    plan = reduce.plan(
        function, like.shape[:-1], like, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    if distributions:
        for name, value in tensors.items():
            check.log_distribution(function, name, value, plan.keep)
    return plan


_TWO: Final = (Input("log_p", ("...", "C"), "log_distribution"), Input("log_q", ("...", "C"), "log_distribution"))

SPECS: Final = (
    Spec(
        title="Kullback-Leibler divergence",
        family="divergence",
        function=kl_divergence,
        module=KLDivergence,
        summary="How much is lost by taking q for p: distillation, variational inference, trust regions.",
        formula=r"\ell = \sum_c p_c\,(\log p_c - \log q_c)",
        slope=r"\frac{\partial \ell}{\partial \log q_c} = -p_c,\quad"
        r"\frac{\partial \ell}{\partial \log p_c} = p_c\left(\log\frac{p_c}{q_c} + 1\right)",
        inputs=_TWO,
        output=("...",),
        range=NON_NEGATIVE,
        aliases=("relative entropy", "kl", "kld", "forward kl", "reverse kl", "kl div"),
        equivalents=(
            Equivalent(
                "torch",
                'torch.nn.functional.kl_div(log_q, log_p, log_target=True, reduction="batchmean")',
                "log_q first; its own mean divides by C as well",
            ),
            Equivalent(
                "optax",
                "optax.losses.kl_divergence_with_log_targets(log_q, log_p)",
                "predictions first; one number per row",
            ),
            Equivalent("Keras", "keras.losses.KLDivergence()(p, q)", "probabilities, clipped away from 0 and 1"),
        ),
        convention="KL(p‖q) with p first; torch and optax take log_q first.",
        sources=(Source("Kullback, Leibler 1951, On Information and Sufficiency", "equation 2.4"),),
    ),
    Spec(
        title="Jensen-Shannon divergence",
        family="divergence",
        function=js_divergence,
        module=JSDivergence,
        summary="A symmetric distance of distributions that is never infinite.",
        formula=r"\ell = \tfrac12\mathrm{KL}(p \,\|\, m) + \tfrac12\mathrm{KL}(q \,\|\, m),\quad m = \tfrac12(p + q)",
        slope=r"\frac{\partial \ell}{\partial \log p_c} = \tfrac12\,p_c \log\frac{p_c}{m_c}",
        inputs=_TWO,
        output=("...",),
        range=Domain(0.0, numerics.LOG_2),
        aliases=("jsd", "jensen shannon", "information radius"),
        equivalents=(
            Equivalent(
                "SciPy", "scipy.spatial.distance.jensenshannon(p, q) ** 2", "takes probabilities, returns the root"
            ),
            Equivalent("TRL", "GKDTrainer.generalized_jsd_loss(beta=0.5)", "takes logits"),
        ),
        convention="In nats, so at most log 2; in bits it is at most 1.",
        sources=(Source("Lin 1991, Divergence Measures Based on the Shannon Entropy", "equation 4.1"),),
    ),
    Spec(
        title="Entropy",
        family="divergence",
        function=entropy,
        module=Entropy,
        summary="How undecided a distribution is; a bonus for exploration when subtracted.",
        formula=r"\ell = -\sum_c p_c \log p_c",
        slope=r"\frac{\partial \ell}{\partial \log p_c} = -p_c(\log p_c + 1)",
        inputs=(Input("log_p", ("...", "C"), "log_distribution"),),
        output=("...",),
        range=NON_NEGATIVE,
        aliases=("shannon entropy", "entropy bonus", "entropy regularisation"),
        equivalents=(
            Equivalent("torch", "torch.distributions.Categorical(logits=log_p).entropy()", "one number per row"),
            Equivalent("SciPy", "scipy.stats.entropy(p)", "probabilities"),
        ),
        convention="In nats.",
        sources=(Source("Shannon 1948, A Mathematical Theory of Communication", "section 6"),),
    ),
    Spec(
        title="Gaussian KL to the standard normal",
        family="divergence",
        function=gaussian_kl,
        module=GaussianKL,
        summary="The VAE's term: codes that stay near a standard normal.",
        formula=r"\ell = \tfrac12\sum_d\left(e^{s_d} + \mu_d^2 - 1 - s_d\right),\quad s = \log\sigma^2",
        slope=r"\frac{\partial \ell}{\partial \mu_d} = \mu_d,\quad"
        r"\frac{\partial \ell}{\partial s_d} = \tfrac12\left(e^{s_d} - 1\right)",
        inputs=(Input("mean", ("...", "D")), Input("log_variance", ("...", "D"))),
        output=("...",),
        range=NON_NEGATIVE,
        aliases=("vae kl", "kl to standard normal", "variational regulariser"),
        equivalents=(
            Equivalent(
                "torch",
                "torch.distributions.kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0, 1)).sum(-1)",
                "one number per row",
            ),
        ),
        convention="Summed over D; some code averages over it, which weighs the term D times less.",
        sources=(Source("Kingma, Welling 2014, Auto-Encoding Variational Bayes", "appendix B"),),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
