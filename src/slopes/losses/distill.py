"""Distillation: a student learns from labels and from what a teacher thinks of every class.

Dimension names: `...` is any shape; C is the number of classes, the last dimension.
"""

from __future__ import annotations

from typing import Final, Literal

import torch
import torch.fx
from torch import Tensor

from slopes._core import check
from slopes._core.linear_logits import Logits
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import (
    NON_NEGATIVE,
    TEMPERATURE,
    UNIT,
    Equivalent,
    Input,
    Parameter,
    Source,
    Spec,
)
from slopes.kernels.pointwise import defined
from slopes.kernels.rows import categorical
from slopes.losses.class_targets import IGNORE, cross_entropy_plan

Direction = Literal["forward", "reverse"]


def distillation(
    student: Logits,
    teacher: Logits,
    targets: Tensor | None = None,
    *,
    alpha: float = 0.5,
    temperature: float = 2.0,
    direction: Direction = "forward",
    ignore_index: int = IGNORE,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return alpha · CE(student, targets) + (1 - alpha) · T² · KL between teacher and student, reduced.

    Args:
        student: `[..., C]` logits, any floating dtype.
        teacher: `[..., C]` logits; detach them unless the teacher is to learn too.
        targets: `[...]` int64 class indices. With alpha = 0 they may be left out, and every row counts.
        alpha: Share of the labels, in [0, 1]; the teacher has the rest.
        temperature: T, at least 2^-63: softens both distributions of the divergence; its T² keeps the gradients' size.
        direction: `"forward"` is KL(teacher‖student), as Hinton has it: the student covers all that the teacher thinks.
            `"reverse"` is KL(student‖teacher): the student keeps to what the teacher is sure of.
        ignore_index: Rows with this target do not count, for the teacher neither.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0.

    Raises:
        ShapeError: `teacher` has another shape than `student`, or `targets` does not match.
        DtypeError: Logits are not floating, or `targets` not int64 (or not there, with alpha above 0).
        OptionError: An option is outside its domain.
        ValuesError: A class index is out of range, every class of a row that counts is -∞, or infinities meet.

    Notes:
        The divergence keeps its digits where student and teacher nearly agree. Some texts write KL(student‖teacher)
        and mean this forward form; libraries differ in which share alpha is: here it is the labels'.
        Rows and targets belong together as they are given: nothing is shifted. For next tokens pass
        `student[:, :-1]`, `teacher[:, :-1]` and `token_ids[:, 1:]`. With alpha = 0 the classes do not matter, but where
        they are passed, which rows are ignored does.

    Examples:
        >>> student, teacher = torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, 0.0]])
        >>> distillation(student, teacher, torch.tensor([0]), alpha=0.0, temperature=1.0)
        tensor(0.1698)
    """
    check.logits("distillation", student=student, teacher=teacher)
    check.same_device("distillation", student=student, teacher=teacher)
    check.same_shape("distillation", student=student, teacher=teacher)
    check.same_precision("distillation", student=student, teacher=teacher)
    check.dimensions("distillation", "student", student, "[..., C]", 1)
    check.filled("distillation", "student", student, "[..., C]")
    alpha = check.option("distillation", "alpha", alpha, UNIT)
    temperature = check.option("distillation", "temperature", temperature, TEMPERATURE)
    check.choice("distillation", "direction", direction, ("forward", "reverse"))
    if targets is None and alpha == 0:
        targets = torch.zeros(student.shape[:-1], dtype=torch.int64, device=student.device)
        ignore_index = IGNORE
    plan, classes = cross_entropy_plan(
        "distillation", student, targets, mask, weight, reduction, denominator, ignore_index, None, name="student"
    )
    reverse = direction == "reverse"
    options = float(alpha), float(temperature), reverse
    return defined.reduced(categorical.DISTILLATION, plan, *options, student=student, teacher=teacher, targets=classes)


class Distillation(Module, of=distillation):
    """Module of `distillation`."""

    alpha: float = 0.5
    temperature: float = 2.0
    direction: Direction = "forward"
    ignore_index: int = IGNORE
    reduction: Reduction = "mean"


SPECS: Final = (
    Spec(
        title="Knowledge distillation",
        family="distillation",
        function=distillation,
        module=Distillation,
        summary="A small model learns what a large one thinks of every class.",
        formula=r"\ell = \alpha\,\mathrm{CE}(y, p_s) + (1 - \alpha)\,T^2\,\mathrm{KL}(p_t^{(T)} \| p_s^{(T)})",
        slope=r"\frac{\partial \ell}{\partial z} = \alpha (p_s - y) + (1 - \alpha)\,T\,(p_s^{(T)} - p_t^{(T)})",
        inputs=(
            Input("student", ("...", "C")),
            Input("teacher", ("...", "C")),
            Input("targets", ("...",), "class_index", optional=True),
        ),
        output=("...",),
        range=NON_NEGATIVE,
        parameters=(
            Parameter("alpha", "share of the labels", UNIT, r"\alpha", slider=(0.0, 1.0, 0.05)),
            Parameter("temperature", "softens both distributions", TEMPERATURE, "T", slider=(0.5, 10.0, 0.5)),
            Parameter("direction", "whose mass counts", choices=("forward", "reverse")),
        ),
        aliases=("kd", "hinton", "teacher student", "soft targets"),
        equivalents=(
            Equivalent(
                "torch",
                "alpha * F.cross_entropy(student, targets) + (1 - alpha) * temperature**2 * F.kl_div("
                "(student / temperature).log_softmax(-1), (teacher / temperature).softmax(-1), "
                'reduction="batchmean")',
            ),
        ),
        convention="KL(teacher‖student) times T²; alpha is the share of the labels.",
        sources=(Source("Hinton, Vinyals, Dean 2015, Distilling the Knowledge in a Neural Network", "section 2"),),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
