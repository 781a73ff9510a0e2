"""Boxes that differ in place and in shape: overlap with the distance of centres, and with the aspect.

Dimension names: `...` is any shape, one entry for each box; 4 are its corners x1, y1, x2, y2.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import Domain, Equivalent, Source, Spec
from slopes.kernels.rows.boxes import CIOU, DIOU
from slopes.losses.boxes.corners import PAIR, between


def diou(
    predictions: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return 1 - |A∩B| / |A∪B| + ρ² / c² of each pair of boxes, reduced: ρ between centres, c across both boxes.

    Args:
        predictions: `[..., 4]`, corners x1, y1, x2, y2 of each box with x1 <= x2, y1 <= y2; any floating dtype.
        targets: `[..., 4]`, the box that belongs to each.
        mask: `[...]` boolean, True where a box counts.
        weight: `[...]`, weight of each box, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; no unit, in [0, 2).

    Raises:
        ShapeError: Shapes differ, or the last dimension is not 4; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: A box ends before it starts, is infinite or too large, or `weight` is negative or not finite.

    Notes:
        c is the diagonal of the enclosing box. Two boxes with one centre have the value of `iou`. If all is one point
        the last term is 0. Where edges meet, the slope is the mean of both sides.

    Examples:
        >>> diou(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([[3.0, 0.0, 4.0, 1.0]]))  # 1 + 9 / 17
        tensor(1.5294)
    """
    return between("diou", DIOU, predictions, targets, mask, weight, reduction, denominator)


def ciou(
    predictions: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return 1 - |A∩B| / |A∪B| + ρ² / c² + α v of each pair of boxes, reduced: `diou`, and how far their shapes differ.

    Args:
        predictions: `[..., 4]`, corners x1, y1, x2, y2 of each box with x1 <= x2, y1 <= y2; any floating dtype.
        targets: `[..., 4]`, the box that belongs to each.
        mask: `[...]` boolean, True where a box counts.
        weight: `[...]`, weight of each box, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; no unit, in [0, 3).

    Raises:
        ShapeError: Shapes differ, or the last dimension is not 4; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: A box ends before it starts, is infinite or too large, or `weight` is negative or not finite.

    Notes:
        v = 4/π² (atan(w'/h') - atan(w/h))² of widths and heights. α = v / (1 - IoU + v) is a constant for the gradient,
        as the paper has it: what comes back is not the derivative of the value. The slope of v has its factor
        1 / (w² + h²), which the authors' code leaves out. A point has no shape: v is 0 there.

    Examples:
        >>> wide, tall = torch.tensor([[0.0, 1.0, 4.0, 2.0]]), torch.tensor([[1.5, -0.5, 2.5, 3.5]])
        >>> f"{ciou(wide, tall).item():.4f}"  # 1 - 1/7, v = 0.4734 and α = v / (6/7 + v)
        '1.0256'
    """
    return between("ciou", CIOU, predictions, targets, mask, weight, reduction, denominator)


class DIoU(Module, of=diou):
    """Module of `diou`."""

    reduction: Reduction = "mean"


class CIoU(Module, of=ciou):
    """Module of `ciou`."""

    reduction: Reduction = "mean"


SPECS: Final = (
    Spec(
        title="Distance IoU",
        family="boxes",
        function=diou,
        module=DIoU,
        summary="IoU that brings the centres together, straight and fast.",
        formula=r"\ell = 1 - \frac{|A \cap B|}{|A \cup B|} + \frac{\rho^2}{c^2}",
        slope=r"\frac{\partial \ell}{\partial x_2} = \frac{\partial \ell_{IoU}}{\partial x_2} "
        r"+ \frac{x_A - x_B}{c^2} - \frac{2 \rho^2 w_C}{c^4} \text{ outside } B",
        inputs=PAIR,
        output=("...",),
        range=Domain(0.0, 2.0, high_open=True),
        aliases=("distance iou", "diou loss"),
        equivalents=(
            Equivalent(
                "torchvision",
                "torchvision.ops.distance_box_iou_loss(predictions, targets, reduction='mean')",
                "adds 1e-7 to both divisors",
            ),
        ),
        convention="Two empty boxes overlap by 0; no epsilon is added.",
        sources=(Source("Zheng et al. 2020, Distance-IoU Loss", "equation 7"),),
        smooth="no",
    ),
    Spec(
        title="Complete IoU",
        family="boxes",
        function=ciou,
        module=CIoU,
        summary="Overlap, distance and aspect of boxes in one: what YOLO trains with.",
        formula=r"\ell = 1 - \mathrm{IoU} + \frac{\rho^2}{c^2} + \alpha v,\quad "
        r"v = \frac{4}{\pi^2}\left(\arctan\frac{w'}{h'} - \arctan\frac{w}{h}\right)^2",
        slope=r"\frac{\partial v}{\partial w} = -\frac{8}{\pi^2}\left(\arctan\frac{w'}{h'} - \arctan\frac{w}{h}\right)"
        r"\frac{h}{w^2 + h^2}",
        inputs=PAIR,
        output=("...",),
        range=Domain(0.0, 3.0, high_open=True),
        aliases=("complete iou", "ciou loss"),
        equivalents=(
            Equivalent(
                "torchvision",
                "torchvision.ops.complete_box_iou_loss(predictions, targets, reduction='mean')",
                "adds 1e-7 to the divisors; NaN for a box without height",
            ),
        ),
        convention="Alpha is a constant in the gradient; two empty boxes overlap by 0; no epsilon is added.",
        sources=(Source("Zheng et al. 2020, Distance-IoU Loss", "equations 8 to 12"),),
        smooth="no",
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
