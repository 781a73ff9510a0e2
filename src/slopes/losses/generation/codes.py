"""Codes: vectors that are rounded to the nearest of a codebook, and codes that are distributions.

Dimension names: `...` is any shape of places; D is the size of a vector, C the number of vectors in the codebook.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, reduce
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import (
    FINITE_NON_NEGATIVE,
    NON_NEGATIVE,
    Equivalent,
    Input,
    Parameter,
    Source,
    Spec,
)
from slopes._core.tensors import wide
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise
from slopes.kernels.rows.divergences import GAUSSIAN_KL

_DISTANCES: Final = 1 << 22  # that are in memory together


class Codes(NamedTuple):
    """What `nearest_codes` returns: the row of the codebook at each place, and the vector there, straight through."""

    codes: Tensor
    quantized: Tensor


def vector_quantization(
    latents: Tensor,
    codebook: Tensor,
    codes: Tensor,
    *,
    commitment: float = 0.25,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return (1 + commitment) · (z - e)² of each entry, z a latent vector and e its code's, reduced.

    The gradient is that of (sg(z) - e)² + commitment · (z - sg(e))²: the codebook is pulled with all of it, the latents
    with `commitment` of it.

    Args:
        latents: `[..., D]`, what the encoder says; any floating dtype.
        codebook: `[C, D]`, the vectors.
        codes: `[...]` int64, the row of the codebook that each place has: `nearest_codes`.
        commitment: How much the encoder is held to its codes, at least 0.
        mask: `[..., D]` boolean, True where an entry counts.
        weight: `[..., D]`, weight of each entry, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[..., D]` for `"none"`; float32 for 16-bit input; the latents' unit squared, at least 0.

    Raises:
        ShapeError: `codebook` is not `[C, D]`, or `codes` has not the shape of `latents` without D.
        DtypeError: `codes` is not int64, another argument is not floating, or float64 meets another dtype.
        OptionError: `commitment`, `reduction` or `denominator` is outside its domain.
        ValuesError: A code that counts is not in [0, C), `weight` is negative or not finite, or infinities meet.

    Notes:
        The gradient by z is 2 · commitment · (z - e), by e 2 · (e - z): not the derivative of the value. That of the
        reconstruction reaches the encoder straight through, by `nearest_codes(...).quantized`, and never the codebook.
        With a codebook that follows by moving averages detach it here. The paper sums over D, code averages.
        Source: van den Oord, Vinyals, Kavukcuoglu 2017, equation 3.

    Examples:
        >>> codebook = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
        >>> vector_quantization(torch.tensor([[1.0, 3.0]]), codebook, torch.tensor([1]), reduction="none")
        tensor([[0., 5.]])
    """
    commitment = float(check.option("vector_quantization", "commitment", commitment, FINITE_NON_NEGATIVE))
    _check_book("vector_quantization", latents, codebook)
    check.integers("vector_quantization", "codes", codes, latents.shape[:-1], "one code for each vector")
    check.same_device("vector_quantization", latents=latents, codes=codes)
    plan = reduce.plan(
        "vector_quantization",
        latents.shape,
        latents,
        mask=mask,
        weight=weight,
        reduction=reduction,
        denominator=denominator,
    )
    if plan.keep is not None:
        codes = torch.where(plan.keep.any(-1), codes, 0)
    check.in_range("vector_quantization", "codes", codes, codebook.shape[0], fix="check which codebook they are of")
    # Widened first: the gradients of all places of a code are summed before they are rounded.
    chosen = torch.nn.functional.embedding(codes, codebook.to(wide(codebook.dtype)))
    return defined.reduced(_QUANTIZATION, plan, commitment, latents=latents, codebook=chosen)


def nearest_codes(latents: Tensor, codebook: Tensor) -> Codes:
    """Return the nearest vector of the codebook, by Euclidean distance, for each latent vector.

    Args:
        latents: `[..., D]`, any floating dtype.
        codebook: `[C, D]`, the vectors.

    Returns:
        `(codes, quantized)`: `[...]` int64, and `[..., D]`, the codebook's rows in the latents' dtype. Its gradient
        goes to the latents as it comes, straight through, and none to the codebook.

    Raises:
        ShapeError: `codebook` is not `[C, D]` of at least one vector.
        DtypeError: An argument is not floating, or float64 meets another dtype.

    Notes:
        Of two vectors as near the first one is taken. `quantized` is e itself, where z + (e - z) is off by a rounding.
        Distances are of differences, not |z|² - 2ze + |e|², which loses the digits of near ones, and are held for some
        of the places at a time: no `[places, C]` in memory.

    Examples:
        >>> nearest_codes(torch.tensor([[0.2, 0.1], [0.9, 0.6]]), torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
        Codes(codes=tensor([0, 1]), quantized=tensor([[0., 0.],
                [1., 1.]]))
    """
    _check_book("nearest_codes", latents, codebook)
    to = wide(latents.dtype)
    z, e = latents.detach().to(to).reshape(-1, latents.shape[-1]), codebook.detach().to(to)
    rows = max(_DISTANCES // e.shape[0], 1)
    exact = "donot_use_mm_for_euclid_dist"
    found = [torch.cdist(part, e, compute_mode=exact).argmin(-1) for part in torch.split(z, rows)]
    codes = torch.cat(found).reshape(latents.shape[:-1])
    return Codes(codes, codebook.detach()[codes].to(latents.dtype) + (latents - latents.detach()))


def evidence_lower_bound(
    mean: Tensor,
    log_variance: Tensor,
    reconstruction: Tensor,
    *,
    beta: float = 1.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return reconstruction + beta · ½ Σ (mean² + e^log_variance - 1 - log_variance): the bound, negated, reduced.

    Args:
        mean: `[..., D]`, mean of each code's posterior; any floating dtype.
        log_variance: `[..., D]`, logarithm of its variance.
        reconstruction: `[...]`, negative log-likelihood of each whole sample, in nats.
        beta: What the divergence from the standard normal costs, at least 0; 1 for the bound itself.
        mask: `[...]` boolean, True where a sample counts.
        weight: `[...]`, weight of each sample, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`, to be minimised; float32 for 16-bit input; nats.

    Raises:
        ShapeError: Shapes differ, `reconstruction` has not that of `mean` without D, or D is missing.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `beta`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or infinities meet.

    Notes:
        It is an upper bound of -log p(x) for beta = 1 and a likelihood that is summed over the pixels of a sample: a
        reconstruction that is averaged over them makes beta as many times larger as there are pixels.
        Sources: Kingma, Welling 2014, equation 10; Higgins et al. 2017 (beta).

    Examples:
        >>> mean, log_variance = torch.tensor([[1.0, 2.0]]), torch.zeros(1, 2)
        >>> evidence_lower_bound(mean, log_variance, torch.tensor([7.0])).item()  # 7 + ½ (1 + 4)
        9.5
    """
    beta = float(check.option("evidence_lower_bound", "beta", beta, FINITE_NON_NEGATIVE))
    check.alike("evidence_lower_bound", mean=mean, log_variance=log_variance)
    check.dimensions("evidence_lower_bound", "mean", mean, "[..., D]", 1)
    _check_reconstruction(mean, reconstruction)
    plan = reduce.plan(
        "evidence_lower_bound",
        reconstruction.shape,
        mean,
        mask=mask,
        weight=weight,
        reduction=reduction,
        denominator=denominator,
    )
    priced = [plan.neutral(t) if beta else _left_out(t) for t in (mean, log_variance)]
    divergence = GAUSSIAN_KL(*priced)
    return defined.reduced(_BOUND, plan, beta, divergence=divergence, reconstruction=reconstruction)


class VectorQuantization(Module, of=vector_quantization):
    """Module of `vector_quantization`."""

    commitment: float = 0.25
    reduction: Reduction = "mean"


class EvidenceLowerBound(Module, of=evidence_lower_bound):
    """Module of `evidence_lower_bound`."""

    beta: float = 1.0
    reduction: Reduction = "mean"


def _check_book(function: str, latents: Tensor, codebook: Tensor) -> None:
    check.floating(function, latents=latents, codebook=codebook)
    check.dimensions(function, "latents", latents, "[..., D]", 1)
    check.dimensions(function, "codebook", codebook, "[C, D]", 1)
    shape = (codebook.shape[0], latents.shape[-1])
    check.has_shape(function, "codebook", codebook, shape, "one row for each code, as long as a latent vector")
    check.filled(function, "latents", latents, "[..., D]", "pass vectors with an entry in them")
    check.filled(function, "codebook", codebook.mT, "[D, C]", "pass a codebook with a vector in it")
    check.same_device(function, latents=latents, codebook=codebook)
    check.same_precision(function, latents=latents, codebook=codebook)


def _check_reconstruction(mean: Tensor, reconstruction: Tensor) -> None:
    name = "evidence_lower_bound"
    check.floating(name, reconstruction=reconstruction)
    check.has_shape(name, "reconstruction", reconstruction, mean.shape[:-1], "one number for each sample")
    check.same_device(name, mean=mean, reconstruction=reconstruction)
    check.same_precision(name, mean=mean, reconstruction=reconstruction)


def _quantization(z: Tensor, e: Tensor, commitment: float) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    r = z - e
    return (1 + commitment) * (r * r), (2 * commitment * r, -2 * r)


def _left_out(value: Tensor) -> Tensor:
    """Return zeros on the graph: 0 times an infinite price is none."""
    return value.masked_fill(torch.ones_like(value, dtype=torch.bool), 0.0)


def _bound(divergence: Tensor, nll: Tensor, beta: float) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    return nll + beta * divergence, (torch.full_like(divergence, beta), torch.ones_like(nll))


_QUANTIZATION: Final = Pointwise.sharing("Quantization", _quantization, tensors=2)
_BOUND: Final = Pointwise.sharing("Bound", _bound, tensors=2)

SPECS: Final = (
    Spec(
        title="Vector quantisation",
        family="generation",
        function=vector_quantization,
        module=VectorQuantization,
        summary="An encoder and a codebook that come to meet: VQ-VAE, tokens of images and of sound.",
        formula=r"\ell = (\mathrm{sg}[z] - e)^2 + \beta\,(z - \mathrm{sg}[e])^2",
        slope=r"\frac{\partial \ell}{\partial z} = 2\beta(z - e),\quad \frac{\partial \ell}{\partial e} = 2(e - z)",
        inputs=(
            Input("latents", ("...", "D")),
            Input("codebook", ("C", "D")),
            Input("codes", ("...",), "class_index"),
        ),
        range=NON_NEGATIVE,
        parameters=(
            Parameter(
                "commitment",
                "how the encoder is held to its codes",
                FINITE_NON_NEGATIVE,
                r"\beta",
                slider=(0.0, 2.0, 0.05),
            ),
        ),
        aliases=("vq-vae", "vqvae", "codebook loss", "commitment loss", "vector quantization"),
        equivalents=(
            Equivalent(
                "vector-quantize-pytorch",
                "VectorQuantize(dim, codebook_size, learnable_codebook=True, ema_update=False)",
                "also searches; its commitment_weight is 1",
            ),
        ),
        convention="commitment is on the encoder's term, as in the paper; averaged over D, as code has it.",
        sources=(
            Source("van den Oord, Vinyals, Kavukcuoglu 2017, Neural Discrete Representation Learning", "equation 3"),
        ),
    ),
    Spec(
        title="Nearest codes",
        tool=True,
        family="generation",
        function=nearest_codes,
        summary="Each vector rounded to the nearest of a codebook, with a gradient that goes straight through.",
        formula=r"k = \arg\min_j |z - e_j|,\quad z_q = z + \mathrm{sg}[e_k - z]",
        inputs=(Input("latents", ("...", "D")), Input("codebook", ("C", "D"))),
        output=("...",),
        aliases=("straight-through", "quantize", "codebook lookup", "tokenizer"),
        equivalents=(
            Equivalent(
                "vector-quantize-pytorch",
                "VectorQuantize(dim, codebook_size)(latents)",
                "keeps its own codebook; subtracts products",
            ),
        ),
        sources=(
            Source(
                "van den Oord, Vinyals, Kavukcuoglu 2017, Neural Discrete Representation Learning", "equations 1, 2"
            ),
            Source("Bengio, Léonard, Courville 2013, Estimating or Propagating Gradients Through Stochastic Neurons"),
        ),
    ),
    Spec(
        title="Evidence lower bound",
        family="generation",
        function=evidence_lower_bound,
        module=EvidenceLowerBound,
        summary="A variational autoencoder whole: what it rebuilds badly, and what its code costs.",
        formula=r"\ell = -\log p(x \mid z) + \tfrac{\beta}{2}\sum_i \left(\mu_i^2 + e^{s_i} - 1 - s_i\right)",
        slope=r"\frac{\partial \ell}{\partial \mu} = \beta\mu,\quad"
        r"\frac{\partial \ell}{\partial s} = \tfrac{\beta}{2}\left(e^{s} - 1\right)",
        inputs=(
            Input("mean", ("...", "D")),
            Input("log_variance", ("...", "D")),
            Input("reconstruction", ("...",)),
        ),
        output=("...",),
        parameters=(Parameter("beta", "what the code costs", FINITE_NON_NEGATIVE, r"\beta", slider=(0.0, 10.0, 0.1)),),
        aliases=("elbo", "vae", "beta-vae", "variational autoencoder", "variational bound"),
        equivalents=(
            Equivalent("Pyro", "pyro.infer.TraceMeanField_ELBO().loss(model, guide)", "of a model and a guide"),
        ),
        convention="Negated, to be minimised; the reconstruction is summed over a sample.",
        sources=(
            Source("Kingma, Welling 2014, Auto-Encoding Variational Bayes", "equation 10"),
            Source("Higgins et al. 2017, beta-VAE"),
        ),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
