"""Connectionist temporal classification: labels in order, of which nobody said at which frame each is.

Dimension names: B rows, T frames, C classes (the blank is one of them), S labels.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, reduce
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.settings import reads_values
from slopes._core.spec import NON_NEGATIVE, Equivalent, Input, Parameter, Source, Spec
from slopes.kernels.lattices.alignments import CTC as ALIGNMENTS
from slopes.losses.sequence import aligned
from slopes.losses.sequence.aligned import Infeasible

INFEASIBLE: Final = ("raise", "leave_out")


def ctc(
    logits: Tensor,
    targets: Tensor,
    input_lengths: Tensor | None = None,
    target_lengths: Tensor | None = None,
    *,
    blank: int = 0,
    infeasible: Infeasible = "raise",
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -log of the probability that the frames spell the labels, summed over all alignments, reduced.

    An alignment gives each frame a label or the blank; it spells the labels once runs of one class are made one and
    blanks are taken out. Frames are independent: the probability is the product of their softmaxes.

    Args:
        logits: `[B, T, C]`, any floating dtype; no log-probabilities are needed. T at least 1.
        targets: `[B, S]` int64, classes other than the blank; padding may hold anything.
        input_lengths: `[B]` int64, how many frames of a row count; all where None.
        target_lengths: `[B]` int64, how many labels of a row count; all where None. A row without a label is all blank.
        blank: Index of the class that stands between labels.
        infeasible: What to do with a row of fewer frames than labels and repeats (two equal labels in a row need a
            blank between): `"raise"`, or `"leave_out"`, as if masked.
        mask: `[B]` boolean, True where a row counts.
        weight: `[B]`, weight of each row, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[B]` for `"none"`; float32 for 16-bit input; nats for a whole row, at least 0.

    Raises:
        ShapeError: `logits` is not `[B, T, C]`, `targets` not `[B, S]`, or a length or weight is not one for each row.
        DtypeError: `logits` is not floating, labels or lengths are not int64, or float64 meets another dtype.
        OptionError: `blank`, `infeasible`, `reduction` or `denominator` is outside its domain.
        ValuesError: A length or label is out of range, a label is the blank, a row is infeasible, `weight` is negative
            or not finite, or infinite logits leave a row no finite loss. Where values are not read, an infeasible row
            has loss inf and gradient NaN.

    Notes:
        The gradient by a frame's logits is its softmax less the posterior of each class. The mean is over rows;
        torch's divides each row by its number of labels first, which is weight=1 / target_lengths and denominator=B.
        Sums run in float64: a float32 result is as right at 2,000 frames as at two. Beside the gradient, memory grows
        with B · S · √T. A second derivative and torch.func keep the whole lattice. `infeasible="leave_out"` is for
        data that nobody can mend; count what it costs once, by lengths and repeats.

    Examples:
        >>> logits = torch.zeros(1, 2, 3)  # two frames spell "1" as 1 1, 1 blank and blank 1: 3 of 9
        >>> f"{ctc(logits, torch.tensor([[1]])).item():.6f}"
        '1.098612'
    """
    aligned.check_logits("ctc", logits, "[B, T, C]")
    aligned.check_targets("ctc", targets, logits)
    blank = aligned.blank_of("ctc", blank, logits.shape[2])
    check.choice("ctc", "infeasible", infeasible, INFEASIBLE)
    frames = aligned.length_of("ctc", "input_lengths", input_lengths, logits, logits.shape[1])
    states = aligned.length_of("ctc", "target_lengths", target_lengths, logits, targets.shape[1])
    needed = _needed(targets, states)
    plan = reduce.plan(
        "ctc",
        logits.shape[:1],
        logits,
        mask=mask,
        weight=weight,
        reduction=reduction,
        denominator=denominator,
        keep=frames >= needed if infeasible == "leave_out" else None,
    )
    aligned.check_length("ctc", "input_lengths", frames, logits.shape[1], plan.keep)
    aligned.check_length("ctc", "target_lengths", states, targets.shape[1], plan.keep)
    aligned.check_labels("ctc", targets, states, logits.shape[2], blank, plan.keep)
    aligned.check_feasible("ctc", needed, frames, states, plan.keep)
    rows = aligned.rows_of(targets, frames, states, blank, logits.shape[1], plan.keep)
    loss = ALIGNMENTS.reduced((logits.flatten(1),), rows, plan)
    if reads_values(loss) and not bool(loss.detach().isfinite().all()):
        with torch.no_grad():
            losses = ALIGNMENTS.rows((logits.flatten(1),), rows)
        aligned.refuse_endless("ctc", losses, logits, rows.inside)
    return loss


class CTC(Module, of=ctc):
    """Module of `ctc`."""

    blank: int = 0
    infeasible: Infeasible = "raise"
    reduction: Reduction = "mean"


def _needed(targets: Tensor, states: Tensor) -> Tensor:
    """Return how many frames a row needs: its labels, and a blank for each that repeats the one before, `[B]`."""
    place = torch.arange(1, max(targets.shape[1], 1), device=targets.device)
    repeats = (targets[:, 1:] == targets[:, :-1]) & (place < states.unsqueeze(-1))
    return states + repeats.sum(-1)


SPECS: Final = (
    Spec(
        title="CTC",
        family="sequence",
        function=ctc,
        module=CTC,
        summary="Labels in order without their times: every alignment to the frames counts.",
        formula=r"\ell = -\log \sum_{\pi \in B^{-1}(y)} \prod_t p_t(\pi_t)",
        slope=r"\frac{\partial \ell}{\partial z_{tk}} = p_t(k) - P(\pi_t = k \mid y)",
        inputs=(
            Input("logits", ("B", "T", "C")),
            Input("targets", ("B", "S"), "class_index"),
            Input("input_lengths", ("B",), "length", optional=True),
            Input("target_lengths", ("B",), "length", optional=True),
        ),
        output=("B",),
        range=NON_NEGATIVE,
        parameters=(Parameter("infeasible", "what becomes of a row without an alignment", choices=INFEASIBLE),),
        aliases=(
            "connectionist temporal classification",
            "ctc loss",
            "ctcloss",
            "speech recognition",
            "handwriting",
            "alignment",
        ),
        equivalents=(
            Equivalent(
                "torch",
                "F.ctc_loss(logits.log_softmax(-1).transpose(0, 1), targets, input_lengths, target_lengths, "
                "reduction='none').mean()",
                "frames first, log-probabilities; its own mean divides by target_lengths first; inf if infeasible",
            ),
            Equivalent(
                "optax",
                "optax.ctc_loss(logits, logit_paddings, labels, label_paddings)",
                "paddings of 0 and 1; -1e5 stands for log 0",
            ),
        ),
        convention="Logits, rows first; a mean over rows, whatever their length; an infeasible row is an error.",
        sources=(
            Source("Graves et al. 2006, Connectionist Temporal Classification", "equations 3 to 16"),
            Source("Graves 2012, Supervised Sequence Labelling with Recurrent Neural Networks", "section 7.4"),
        ),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
