"""Warnings about input that is legal and probably a mistake, where `settings.reads_values` lets them look."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from slopes._core import check
from slopes._core.errors import SuspiciousInputWarning
from slopes._core.settings import reads_values

if TYPE_CHECKING:
    from slopes._core.linear_logits import Logits

_GLANCE: Final = 1024
_ABOVE_0: Final = 1e-3  # what sums of log-probabilities that are 0 may be rounded to


def not_probabilities(function: str, logits: Logits, *, rows: bool, keep: Tensor | None = None) -> None:
    """Warn where what came as logits looks like probabilities, of a softmax or of sigmoids: all in [0, 1].

    Fewer than 16 numbers, or all equal ones (a head that starts at 0), say nothing.
    """
    if hasattr(logits, "materialize"):  # some of these are tensors too, which are made where they are looked at
        return
    if not isinstance(logits, Tensor) or not reads_values(logits, keep) or logits.numel() < 16:  # noqa: PLR2004
        return
    if logits.is_contiguous():
        first = logits.detach()
        if not _between_0_and_1(first if first.numel() <= _GLANCE else first.view(-1)[:_GLANCE]):
            return  # nearly always settled by the first few numbers
    if not _between_0_and_1(logits.detach()):
        return
    sums = rows and not bool(((logits.detach().double().sum(-1) - 1).abs() > check.rounding(logits)).any())
    message = (
        f"{function}: `logits` all lie in [0, 1]{' and each row sums to 1' if sums else ''}, which looks like "
        f"probabilities where logits belong; pass the scores before sigmoid or softmax, the loss applies it."
    )
    warnings.warn(message, SuspiciousInputWarning, stacklevel=4)


def one_class(function: str, name: str, logits: Logits) -> None:
    """Warn where there is one class: it is always right, and nothing is ever learned."""
    if logits.shape[-1] != 1 or logits.shape.numel() == 0 or not reads_values():
        return  # only a shape is read, on every device; but nobody is told who wants no such checks
    message = (
        f"{function}: `{name}` has one class, shape {check.shape_of(logits)}, which is right whatever it says, so that "
        f"nothing is learned; for one logit a row use "
        f"binary_cross_entropy({name}.squeeze(-1), targets.float()), or check the head."
    )
    warnings.warn(message, SuspiciousInputWarning, stacklevel=5)


def by_class(
    function: str, weight: Tensor, classes: Tensor, count: int, keep: Tensor | None, *, fix: str = "class_weight=weight"
) -> None:
    """Warn where a batch of as many rows as classes has weights that look like those of the classes.

    Weights of rows that follow the rows' classes are what the caller meant; where they are all alike, or where rows of
    one class weigh alike, nothing is said.
    """
    if classes.dim() != 1 or len(classes) != count or not reads_values(weight, classes, keep):
        return
    rows = torch.arange(count, device=classes.device) if keep is None else keep.nonzero().squeeze(-1)
    same = classes[rows].unsqueeze(0) == classes[rows].unsqueeze(1)
    if not bool((same & (weight[rows].unsqueeze(0) != weight[rows].unsqueeze(1))).any()):
        return
    message = (
        f"{function}: `weight` has {count} numbers for {count} rows and {count} classes, and weighs rows of one class "
        f"differently, which looks like weights of the classes; pass those as {fix}."
    )
    warnings.warn(message, SuspiciousInputWarning, stacklevel=5)


def which_dimension(function: str, name: str, value: Tensor, logits: Tensor) -> None:
    """Warn where the second dimension, of labels in torch, is as long as the last one, of labels here."""
    if logits.dim() <= 2 or logits.shape[1] != logits.shape[-1] or torch.compiler.is_compiling():  # noqa: PLR2004
        return
    if not reads_values(value) or bool((value == value[0]).all()):
        return
    message = (
        f"{function}: `{name}` is taken for the last dimension of {check.shape_of(logits)}, and the second is as long; "
        f"if the labels are the second, as in torch, pass logits.movedim(1, -1) and targets.movedim(1, -1)."
    )
    warnings.warn(message, SuspiciousInputWarning, stacklevel=5)


def not_above_zero(function: str, **log_probabilities: Tensor) -> None:
    """Warn where all that came as log-probabilities of answers is above 0, as negative log-likelihoods are."""
    given = list(log_probabilities.values())
    if not all(reads_values(value) and value.numel() and bool(value.detach().amin() > _ABOVE_0) for value in given):
        return
    names = ", ".join(f"`{name}`" for name in log_probabilities)
    message = (
        f"{function}: {names} are all above 0, as no log-probability of an answer is; if these are negative "
        f"log-likelihoods or losses, pass their negatives: as they are, they train backwards."
    )
    warnings.warn(message, SuspiciousInputWarning, stacklevel=4)


def not_padding(function: str, name: str, mask: Tensor, token_ids: Tensor) -> None:
    """Warn where a mask that came without an attention mask leaves out padding on the left, and no prompt.

    That is: a row begins with two tokens or more that are left out, and of all rows whatever is left out at the
    beginning is one and the same token. Prompts differ, and a single token is the one that a text begins with.
    """
    if not reads_values(mask, token_ids) or mask.shape[-1] < 3:  # noqa: PLR2004  two that are left out, one that is not
        return
    starts = token_ids[:, :2][~mask[:, :2].any(1)]
    if not starts.numel() or bool((starts != starts[0, 0]).any()):
        return  # nearly always settled by the first two columns
    left_out = ~mask.cummax(1).values
    row = int((left_out.sum(1) * mask.any(1)).argmax())
    count, token = int(left_out[row].sum()), int(starts[0, 0])
    if count < 2 or not bool(mask[row].any()) or bool((token_ids[left_out] != token).any()):  # noqa: PLR2004  as above
        return
    message = (
        f"{function}: `{name}` leaves out the first {count} tokens of row {row}, each of them {token}, which looks "
        f"like padding on the left, and the token after it counts as predicted from a pad; pass the model's attention "
        f"mask as attention_mask=attention_mask.bool(), and not as `{name}`."
    )
    warnings.warn(message, SuspiciousInputWarning, stacklevel=4)


def _between_0_and_1(value: Tensor) -> bool:
    low, high = (float(end) for end in value.aminmax())
    return 0 <= low < high <= 1
