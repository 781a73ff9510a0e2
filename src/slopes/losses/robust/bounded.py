"""Losses whose pull stops growing, and may fade, far from the target: Charbonnier, Barron's family, Tukey's biweight.

Dimension names: `...` is any shape. Residuals are predictions - targets.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check
from slopes._core.module import Module
from slopes._core.numerics import Constant
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_POSITIVE, NON_NEGATIVE, Domain, Equivalent, Parameter, Source, Spec
from slopes.kernels.pointwise.executor import Pointwise
from slopes.losses.residuals import PAIR, between

_SHAPE: Final = Domain(high=2.0)
_ENDLESS: Final = -1e20  # where every loss of the family has been its limit for long, in float64 too
_STEEP: Final = 8.0  # a power beyond it magnifies what its base was rounded by


def charbonnier(
    predictions: Tensor,
    targets: Tensor,
    *,
    epsilon: float = 1e-3,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return √(r² + epsilon²) of each element, r the residual, reduced: the absolute error with a round tip.

    Args:
        predictions: `[...]`, any floating dtype.
        targets: `[...]`, the shape of `predictions`.
        epsilon: Radius of the tip, and the loss of a perfect prediction; above 0, in the targets' unit.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; the targets' unit, at least epsilon.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `epsilon`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or a prediction and its target are infinite together.

    Notes:
        The gradient is r / √(r² + epsilon²), below 1 in size. Pseudo-Huber is another scale and offset of it:
        epsilon (charbonnier - epsilon), a parabola ½r² near 0; over epsilon² that is `general_robust` with alpha=1 and
        scale=epsilon. Code that adds 1e-6 under the root has epsilon = 1e-3. Squares neither overflow nor vanish.

    Examples:
        >>> charbonnier(torch.tensor([0.0, 4.0]), torch.zeros(2), epsilon=3.0, reduction="none")
        tensor([3., 5.])
    """
    epsilon = check.option("charbonnier", "epsilon", epsilon, FINITE_POSITIVE)
    return between(
        "charbonnier", _CHARBONNIER, predictions, targets, mask, weight, reduction, denominator, float(epsilon)
    )


def general_robust(
    predictions: Tensor,
    targets: Tensor,
    *,
    alpha: float = 1.0,
    scale: float = 1.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return (b / alpha) ((x² / b + 1)^(alpha / 2) - 1), x = residual / scale and b = 2 - alpha, reduced.

    Args:
        predictions: `[...]`, any floating dtype.
        targets: `[...]`, the shape of `predictions`.
        alpha: Shape, at most 2: 2 is ½x², 1 pseudo-Huber, 0 Cauchy, -2 Geman-McClure, -inf Welsch, and all between.
        scale: Residual around which the parabola ends; above 0, in the targets' unit.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; no unit, at least 0; below alpha = 0 at most
        1 - 2 / alpha.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `alpha`, `scale`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or a prediction and its target are infinite together.

    Notes:
        The limits at alpha 2 (½x²), 0 (log(½x² + 1)) and -inf (1 - e^(-½x²)) are taken, and near them nothing cancels,
        where the printed form divides 0 by 0. The gradient is x / scale · (x² / b + 1)^(alpha / 2 - 1). From -6 on down
        a slope that has faded to e^-k of its start is known to some k units in its last place. Alpha is no tensor: the
        likelihood that learns it needs the integral of e^-loss, which has no closed form.

    Examples:
        >>> general_robust(torch.tensor([0.0, 3.0]), torch.zeros(2), alpha=-2.0, scale=1.5, reduction="none")
        tensor([0.0000, 1.0000])
    """
    alpha = check.option("general_robust", "alpha", alpha, _SHAPE)
    scale = check.option("general_robust", "scale", scale, FINITE_POSITIVE)
    return between(
        "general_robust",
        _GENERAL,
        predictions,
        targets,
        mask,
        weight,
        reduction,
        denominator,
        float(alpha),
        float(scale),
    )


def tukey(
    predictions: Tensor,
    targets: Tensor,
    *,
    c: float = 4.685,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return c²/6 (1 - (1 - (r/c)²)³) for |r| <= c and c²/6 beyond, r the residual, reduced: Tukey's biweight.

    Args:
        predictions: `[...]`, any floating dtype.
        targets: `[...]`, the shape of `predictions`.
        c: Residual from which on a target is ignored; above 0, in the targets' unit.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; the targets' unit squared, in [0, c²/6].

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `c`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or a prediction and its target are infinite together.

    Notes:
        The gradient is r (1 - (r/c)²)² within c and exactly 0 beyond: a prediction that starts far off never comes
        back. 4.685 is for residuals of standard deviation 1, where it costs 5 % of the efficiency of least squares.

    Examples:
        >>> tukey(torch.tensor([0.0, 1.0, 6.0, 60.0]), torch.zeros(4), c=6.0, reduction="none")
        tensor([0.0000, 0.4862, 6.0000, 6.0000])
    """
    c = check.option("tukey", "c", c, FINITE_POSITIVE)
    return between("tukey", _TUKEY, predictions, targets, mask, weight, reduction, denominator, float(c))


class Charbonnier(Module, of=charbonnier):
    """Module of `charbonnier`."""

    epsilon: float = 1e-3
    reduction: Reduction = "mean"


class GeneralRobust(Module, of=general_robust):
    """Module of `general_robust`."""

    alpha: float = 1.0
    scale: float = 1.0
    reduction: Reduction = "mean"


class Tukey(Module, of=tukey):
    """Module of `tukey`."""

    c: float = 4.685
    reduction: Reduction = "mean"


def _charbonnier(p: Tensor, t: Tensor, epsilon: float) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    r = p - t
    tip = torch.full_like(r, epsilon)
    end = 0.25 * torch.finfo(r.dtype).max  # an infinite residual pulls with 1
    inner = r.clamp(-end, end)
    slope = inner / torch.hypot(inner, tip)
    return torch.hypot(r, tip), (slope, -slope)


def _general(p: Tensor, t: Tensor, alpha: float, scale: float) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    x = (p - t) / scale
    if alpha == 2:  # noqa: PLR2004
        return 0.5 * x * x, (x / scale, -x / scale)
    value, slope = (_convex if alpha > 0 else _fading)(x, alpha)
    return value, (slope / scale, -slope / scale)


def _convex(x: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Return value and slope for 0 < alpha < 2: a power, and near 0 or for a small alpha what its exponent makes."""
    b = 2 - alpha
    root = b**0.5
    rest, factor = torch.full_like(x, root), b ** (0.5 * b)
    end = 0.25 * torch.finfo(x.dtype).max
    inner = x.clamp(-end, end)
    v = torch.hypot(inner, rest)
    far = (factor * v**alpha - b) / alpha
    exponent = 0.5 * alpha * _log1p_square((inner / root).clamp(-end, end))
    near = 0.5 * b / (0.5 * alpha) * torch.expm1(exponent.clamp(max=1.0))
    value = torch.where(exponent < 0.5, near, torch.where(x.isinf(), x.abs(), far))  # noqa: PLR2004
    return value, (inner / v) * (factor * v ** (1 - b))


def _fading(x: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Return value and slope for alpha <= 0, by e^-k with k = ½b log(x²/b + 1), b = 2 - alpha, or its limit ½x²."""
    end = 0.25 * torch.finfo(x.dtype).max ** 0.5
    near = x.clamp(-end, end)
    half = 0.5 * near * near
    if alpha < _ENDLESS:
        return -torch.expm1(-half), near * torch.exp(-half)
    b = 2 - alpha
    far = 0.25 * torch.finfo(x.dtype).max
    inner = x.clamp(-far, far)
    q = half / (0.5 * b)
    tiny = torch.finfo(x.dtype).eps ** 0.5
    grown = torch.where(q < 1, torch.log1p(q.clamp(max=1.0)), _log1p_square(inner / b**0.5))
    k = torch.where(q < tiny, half * (1 - 0.5 * q), 0.5 * b * grown)
    w = torch.hypot(inner / b**0.5, torch.ones_like(x))
    slope = (inner / w) * w ** (1 - b) if b <= _STEEP else near * torch.exp(-k)
    return _over(k, alpha / b) if alpha else torch.where(x.isinf(), x.abs(), k), slope


def _log1p_square(u: Tensor) -> Tensor:
    """Return log(1 + u²), where u² may overflow."""
    small = u.clamp(-1.0, 1.0)
    return torch.where(u.abs() < 1, torch.log1p(small * small), 2 * torch.log(torch.hypot(u, torch.ones_like(u))))


def _over(k: Tensor, ratio: float) -> Tensor:
    """Return (e^(ratio k) - 1) / ratio, for a ratio of any size below 0."""
    y = ratio * k
    flat = y.abs() < torch.finfo(k.dtype).eps ** 0.5
    return torch.where(flat, k * (1 + 0.5 * y), torch.expm1(y) / ratio)


def _tukey(p: Tensor, t: Tensor, c: float) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    r = p - t
    inner = r.clamp(-c, c)
    u = (inner / c) * (inner / c)
    high, low = Constant(c).pair(r.dtype)
    left = ((high - r.abs()) + low).clamp(min=0)  # of c - |r|, which 1 - u would lose at the edge
    kept = (left / c) * ((high + inner.abs()) / c)
    slope = inner * kept * kept
    return 0.5 * inner * inner * (1 - u + u * u / 3), (slope, -slope)


_CHARBONNIER: Final = Pointwise.sharing("Charbonnier", _charbonnier, tensors=2)
_GENERAL: Final = Pointwise.sharing("GeneralRobust", _general, tensors=2)
_TUKEY: Final = Pointwise.sharing("Tukey", _tukey, tensors=2)

SPECS: Final = (
    Spec(
        title="Charbonnier",
        family="robust",
        function=charbonnier,
        module=Charbonnier,
        summary="The absolute error without its corner: super-resolution, optical flow, depth.",
        formula=r"\ell = \sqrt{r^2 + \varepsilon^2}",
        slope=r"\ell' = \frac{r}{\sqrt{r^2 + \varepsilon^2}}",
        inputs=PAIR,
        range=NON_NEGATIVE,
        parameters=(
            Parameter("epsilon", "radius of the tip", FINITE_POSITIVE, r"\varepsilon", slider=(0.001, 2.001, 0.05)),
        ),
        aliases=("charbonnier loss", "pseudo-huber", "l1-l2", "smooth absolute error"),
        equivalents=(
            Equivalent(
                "slopes",
                "epsilon + epsilon * slopes.losses.general_robust(predictions, targets, alpha=1, scale=epsilon)",
                "which cancels nothing near the target",
            ),
            Equivalent("kornia", "kornia.losses.charbonnier_loss(predictions, targets)", "√(r² + 1) - 1: epsilon is 1"),
        ),
        convention="√(r² + ε²), which is ε at the target; pseudo-Huber is ε (√(r² + ε²) - ε).",
        sources=(
            Source("Charbonnier et al. 1994, Two Deterministic Half-Quadratic Regularization Algorithms"),
            Source("Lai et al. 2017, Deep Laplacian Pyramid Networks", "section 3.2, with ε = 1e-3"),
        ),
        elementwise=True,
    ),
    Spec(
        title="General robust",
        family="robust",
        function=general_robust,
        module=GeneralRobust,
        summary="Squares, pseudo-Huber, Cauchy, Geman-McClure and Welsch as one family with one dial.",
        formula=r"\ell = \frac{b}{\alpha}\left(\left(\frac{(r/c)^2}{b} + 1\right)^{\alpha/2} - 1\right),"
        r"\quad b = 2 - \alpha",
        slope=r"\ell' = \frac{r}{c^2}\left(\frac{(r/c)^2}{b} + 1\right)^{\alpha/2 - 1}",
        inputs=PAIR,
        range=NON_NEGATIVE,
        parameters=(
            Parameter("alpha", "shape: 2 for squares", _SHAPE, r"\alpha", slider=(-8.0, 2.0, 0.25)),
            Parameter("scale", "where the parabola ends", FINITE_POSITIVE, "c", slider=(0.25, 3.0, 0.25)),
        ),
        aliases=("barron", "adaptive robust loss", "cauchy", "geman-mcclure", "welsch", "lorentzian"),
        equivalents=(
            Equivalent(
                "robust_loss_pytorch",
                "robust_loss_pytorch.general.lossfun(predictions - targets, alpha=alpha, scale=scale)",
                "alpha and scale as tensors; off near alpha 0 and 2, where it moves them away by the rounding of 1",
            ),
        ),
        convention="Alpha is at most 2: beyond it the loss is steeper than squares, and not robust.",
        sources=(Source("Barron 2019, A General and Adaptive Robust Loss Function", "equations 1 and 8"),),
        elementwise=True,
    ),
    Spec(
        title="Tukey biweight",
        family="robust",
        function=tukey,
        module=Tukey,
        summary="Residuals of which many are nonsense: beyond c a target does not pull at all.",
        formula=r"\ell = \tfrac{c^2}{6}\left(1 - (1 - (r/c)^2)^3\right) \text{ for } |r| \le c,"
        r"\ \tfrac{c^2}{6} \text{ beyond}",
        slope=r"\ell' = r\,(1 - (r/c)^2)^2 \text{ for } |r| \le c,\ 0 \text{ beyond}",
        inputs=PAIR,
        range=NON_NEGATIVE,
        parameters=(Parameter("c", "where a target stops to count", FINITE_POSITIVE, "c", slider=(0.5, 10.0, 0.005)),),
        aliases=("biweight", "bisquare", "tukey loss"),
        equivalents=(
            Equivalent(
                "statsmodels", "statsmodels.robust.norms.TukeyBiweight(c).rho(predictions - targets)", "no gradient"
            ),
        ),
        convention="With the factor c²/6, so that it starts as ½r²; some texts leave it out.",
        sources=(Source("Beaton, Tukey 1974, The Fitting of Power Series"),),
        elementwise=True,
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
