"""How little two boxes overlap: IoU, and its form for boxes that are apart.

Dimension names: `...` is any shape, one entry for each box; 4 are its corners x1, y1, x2, y2.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import UNIT, Domain, Equivalent, Source, Spec
from slopes.kernels.rows.boxes import GIOU, IOU
from slopes.losses.boxes.corners import PAIR, between


def iou(
    predictions: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return 1 - |A∩B| / |A∪B| of each pair of boxes A and B, reduced.

    Args:
        predictions: `[..., 4]`, corners x1, y1, x2, y2 of each box with x1 <= x2, y1 <= y2; any floating dtype.
        targets: `[..., 4]`, the box that belongs to each.
        mask: `[...]` boolean, True where a box counts.
        weight: `[...]`, weight of each box, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; no unit, in [0, 1].

    Raises:
        ShapeError: Shapes differ, or the last dimension is not 4; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: A box ends before it starts, is infinite or too large, or `weight` is negative or not finite.

    Notes:
        It is scale-free: half a pixel costs a small box more. Boxes that touch or are apart have 1 and no gradient,
        which `giou`, `diou` and `ciou` mend; so have two boxes without area. Where edges meet, the slope is the mean
        of both sides. What is not shared is summed from overhangs, so that near-equal boxes keep their digits.

    Examples:
        >>> iou(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 0.0, 3.0, 2.0]]))  # 1 - 2 / 6
        tensor(0.6667)
    """
    return between("iou", IOU, predictions, targets, mask, weight, reduction, denominator)


def giou(
    predictions: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return 1 - |A∩B| / |A∪B| + |C minus A∪B| / |C| of each pair of boxes A and B in their enclosing box C, reduced.

    Args:
        predictions: `[..., 4]`, corners x1, y1, x2, y2 of each box with x1 <= x2, y1 <= y2; any floating dtype.
        targets: `[..., 4]`, the box that belongs to each.
        mask: `[...]` boolean, True where a box counts.
        weight: `[...]`, weight of each box, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; no unit, in [0, 2].

    Raises:
        ShapeError: Shapes differ, or the last dimension is not 4; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: A box ends before it starts, is infinite or too large, or `weight` is negative or not finite.

    Notes:
        Boxes that are apart are drawn together, by way of C. A box inside the other one has the value of `iou`.
        Where C has no area the last term is 0. Where edges meet, the slope is the mean of both sides. What C has
        that no box covers is summed from overhangs, and not left over from a difference.

    Examples:
        >>> giou(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([[3.0, 0.0, 4.0, 1.0]]))  # 1 + 2 / 4
        tensor(1.5000)
    """
    return between("giou", GIOU, predictions, targets, mask, weight, reduction, denominator)


class IoU(Module, of=iou):
    """Module of `iou`."""

    reduction: Reduction = "mean"


class GIoU(Module, of=giou):
    """Module of `giou`."""

    reduction: Reduction = "mean"


SPECS: Final = (
    Spec(
        title="Box IoU",
        family="boxes",
        function=iou,
        module=IoU,
        summary="Boxes by intersection over union, the number that detectors are judged by.",
        formula=r"\ell = 1 - \frac{|A \cap B|}{|A \cup B|}",
        slope=r"\frac{\partial \ell}{\partial x_2} = \frac{|A \cap B|\, h_A}{|A \cup B|^2} \text{ outside } B",
        inputs=PAIR,
        output=("...",),
        range=UNIT,
        aliases=("box iou", "iou loss", "intersection over union", "linear iou"),
        equivalents=(
            Equivalent(
                "torchvision",
                "1 - torchvision.ops.box_iou(predictions, targets).diagonal()",
                "all pairs; areas subtracted",
            ),
        ),
        convention="1 - IoU, not -log IoU; two empty boxes overlap by 0; no epsilon is added.",
        sources=(Source("Yu et al. 2016, UnitBox", "section 3.1, of which this is the linear form"),),
        smooth="no",
    ),
    Spec(
        title="Generalized IoU",
        family="boxes",
        function=giou,
        module=GIoU,
        summary="IoU that draws boxes together which do not overlap yet.",
        formula=r"\ell = 1 - \frac{|A \cap B|}{|A \cup B|} + \frac{|C \setminus (A \cup B)|}{|C|}",
        slope=r"\frac{\partial \ell}{\partial x_2} = \frac{\partial \ell_{IoU}}{\partial x_2} "
        r"+ \frac{1}{|C|}\left(\frac{|A \cup B|}{w_C} - h_A\right) \text{ outside } B",
        inputs=PAIR,
        output=("...",),
        range=Domain(0.0, 2.0),
        aliases=("generalized iou", "generalised iou", "giou loss"),
        equivalents=(
            Equivalent(
                "torchvision",
                "torchvision.ops.generalized_box_iou_loss(predictions, targets, reduction='mean')",
                "adds 1e-7 to both divisors, so that equal small boxes are not 0",
            ),
        ),
        convention="Two empty boxes overlap by 0; no epsilon is added.",
        sources=(Source("Rezatofighi et al. 2019, Generalized Intersection over Union", "algorithm 1"),),
        smooth="no",
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
