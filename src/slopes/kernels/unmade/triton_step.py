"""The row step of linear logits on a GPU: a chunk's logits become their loss and, in their own memory, its gradient.

The engine (`linear.py`) makes a chunk of logits by a product, and passes their gradient on by two more. What is
between, softmax, loss, gradient and its chain factors, is here one Triton kernel that reads a row twice and writes it
once. The kernel itself is in `triton_kernel`, which imports triton when something is launched.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
from importlib import metadata
from typing import Final, Literal, NamedTuple

import torch
from torch import Tensor

from slopes._core import check
from slopes._core.errors import DtypeError, OptionError, ShapeError
from slopes._core.spec import Domain
from slopes.kernels.unmade.triton_arguments import Factors, Given, Goal, Results, Rows, Scaling

DTYPES: Final = (torch.float16, torch.bfloat16, torch.float32)
OLDEST: Final = (3, 5)  # as pyproject.toml asks; tried with 3.8
CAPABILITY: Final = (8, 0)  # the oldest generation that has bfloat16
MOST_CLASSES: Final = 2**31 - 2**16  # columns are counted in 32 bits
TEMPERATURES: Final = Domain(1e-30, 1e30)  # beyond, 1 / T or T · ln 2 is no normal float32

# Columns at a time and warps, by reasoning and not by measurement: eight logits for each thread, which for 16 bits is
# one load of 16 bytes, and registers for two programs or more on a processor.
COLUMNS: Final = 2048
LOGITS_OF_A_WARP: Final = 256
_STEP_BITS: Final = 16
_NAME: Final = "triton_step.rows"


class Choice(NamedTuple):
    """Whether a form can be used, and the reason in words."""

    usable: bool
    reason: str


class RowResult(NamedTuple):
    """What comes of each row.

    Attributes:
        loss: `[rows]` float32, in nats; 0 for a row whose target is no class.
        log_sum_exp: `[rows]` float32, of the logits under soft cap and temperature; 0 for such a row.
        entropy: `[rows]` float32, in nats, of the softmax; 0 for such a row. None where it was not asked for.
        argmax: `[rows]` int64, the first of the largest logits; -1 for such a row.
    """

    loss: Tensor
    log_sum_exp: Tensor
    entropy: Tensor | None
    argmax: Tensor


def suits(device: torch.device, dtype: torch.dtype, classes: int, *, temperature: float = 1.0) -> Choice:
    """Return whether `rows` can take logits of this device, dtype and width, and the reason; nothing is imported."""
    reason = _no_triton() or _no_device(device)
    if reason is None and dtype not in DTYPES:
        reason = f"logits of {dtype} are outside of what the Triton kernel computes, float16, bfloat16 and float32"
    if reason is None and not 1 <= classes <= MOST_CLASSES:
        reason = f"{classes} classes are outside of the Triton kernel's 1 to {MOST_CLASSES}"
    if reason is None and temperature not in TEMPERATURES:
        reason = f"a temperature of {temperature:g} is outside of the Triton kernel's {TEMPERATURES}"
    if reason is None:
        return Choice(True, f"one Triton kernel makes loss and gradient of {dtype} logits on {device}")
    return Choice(False, reason)


def _no_triton() -> str | None:
    try:
        version = metadata.version("triton")
    except metadata.PackageNotFoundError:
        return "triton is not installed"
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST:
        return f"triton {version} is installed, and the kernel needs {OLDEST[0]}.{OLDEST[1]} or later"
    return None


def _no_device(device: torch.device) -> str | None:
    if interpreted():
        return (
            None if device.type == "cpu" else f"Triton's interpreter is on (TRITON_INTERPRET), with logits on {device}"
        )
    if device.type != "cuda":
        return f"the logits are on {device}, and the Triton kernel runs on NVIDIA GPUs"
    if not torch.cuda.is_available():
        return f"torch {torch.__version__} finds no CUDA device"
    if torch.version.hip is not None:
        return "the Triton kernel has not been tried on AMD GPUs"
    found = torch.cuda.get_device_capability(device)
    if found < CAPABILITY:
        return f"{device} has compute capability {found[0]}.{found[1]}, and the Triton kernel needs 8.0 or later"
    return None


def interpreted() -> bool:
    """Whether Triton runs its kernels in Python, on the CPU; it reads that once, when it is imported."""
    return os.environ.get("TRITON_INTERPRET", "0").lower() in {"1", "true", "yes", "on", "y"}


def rows(
    logits: Tensor,
    targets: Tensor,
    *,
    factor: Tensor | None = None,
    class_weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    smooth_over: Literal["all", "others"] = "all",
    z_loss: float = 0.0,
    soft_cap: float | None = None,
    temperature: float = 1.0,
    bias: Tensor | None = None,
    entropy: bool = False,
    entropy_factor: Tensor | None = None,
    columns: int | None = None,
) -> RowResult:
    """Return the cross-entropy of each row of raw products z, and write its gradient over them where it is wanted.

    The logits are x = cap · tanh((z + bias) / cap) / T. With p = softmax(x), the class weights w and the target
    distribution y (1 - ε at the target, plus ε spread over all classes that are left or over the others), the loss is
    Σ w y (log Σ e^x - x) + z_loss · Σ w y · (log Σ e^x)². It is not reduced, and not divided by the weights.

    Args:
        logits: `[rows, C]` raw products z, float16, bfloat16 or float32, the entries of a row side by side. They are
            overwritten where `factor` is given.
        targets: `[rows]` int64 classes. A row whose target is not in [0, C) counts for nothing: its results are 0 (its
            argmax -1) and its gradient is 0, whatever it holds.
        factor: `[rows]` float32, upstream gradient of each row's loss; None only reads the logits. What is written is
            the gradient of Σ factor · loss by z, rounded once to the dtype of `logits`.
        class_weight: `[C]` float32, at least 0.
        label_smoothing: ε in [0, 1).
        smooth_over: Whether ε is spread over `"all"` classes that are left or over the `"others"`.
        z_loss: Factor of the squared log-sum-exp, at least 0.
        soft_cap: Bound of the products; None leaves them alone.
        temperature: T, divides the logits.
        bias: `[C]` float32, added to the products.
        entropy: Whether the entropy of the softmax is returned.
        entropy_factor: `[rows]` float32, upstream gradient of each row's entropy, for which `factor` and `entropy`
            must be given too: Σ entropy_factor · entropy joins what is differentiated.
        columns: Columns that a program takes at a time, a power of 2; None chooses.

    Returns:
        Loss, log-sum-exp, entropy and argmax of each row.

    Raises:
        DtypeError: A tensor has another dtype than said here.
        ShapeError: The shapes do not fit together, or the entries of a row are not side by side.
        DeviceError: The tensors are on different devices.
        OptionError: An option is outside of its domain, or `logits` requires a gradient: this is a step of an engine
            that has its own backward pass.

    Notes:
        Softmax, loss and gradient are computed in float32, probabilities within a few units in the last place for
        any gap; those below 1e-38 lose digits or are 0. The gradient of the target is minus the sum of the other
        probabilities. A logit of -inf is a class that is masked, unless a soft cap makes it a number; smoothing goes
        over the classes that are left. One +inf takes all, several share. NaN makes its row NaN.
        Gradients of float16 logits below 6e-8 are 0, so that a factor of one over many rows belongs after the products.
        Memory: nothing beyond the results. Speed is not measured yet.
    """
    count, classes = _checked(logits, targets, factor, class_weight, bias, entropy_factor)
    _check_options(label_smoothing, smooth_over, z_loss, soft_cap, temperature, columns)
    if entropy_factor is not None and (factor is None or not entropy):
        message = f"{_NAME}: `entropy_factor` came without `factor` and `entropy=True`, expected both; pass them too."
        raise OptionError(message)
    result = _room(logits, entropy=entropy)
    if count:
        _launch(
            Rows(logits, logits.stride(0), targets, classes),
            Given(bias, soft_cap, class_weight),
            scaling(temperature),
            Goal(label_smoothing, z_loss),
            Factors(factor, entropy_factor),
            result,
            over_others=smooth_over == "others",
            block=columns or min(COLUMNS, _power_of_2(classes)),
        )
    return result


def _room(logits: Tensor, *, entropy: bool) -> RowResult:
    count = len(logits)
    numbers = [logits.new_empty(count, dtype=torch.float32) for _ in range(3 if entropy else 2)]
    leaders = logits.new_empty(count, dtype=torch.int64)
    return RowResult(numbers[0], numbers[1], numbers[2] if entropy else None, leaders)


def scaling(temperature: float) -> Scaling:
    """Return what the kernel needs of a temperature."""
    step = temperature * math.log(2)
    mantissa, exponent = math.frexp(step)
    high = math.ldexp(round(math.ldexp(mantissa, _STEP_BITS)), exponent - _STEP_BITS)
    return Scaling(1 / temperature, 1 / step, high, step - high)


def _launch(
    rows: Rows,
    given: Given,
    scales: Scaling,
    goal: Goal,
    factors: Factors,
    result: RowResult,
    *,
    over_others: bool,
    block: int,
) -> None:
    from slopes.kernels.unmade.triton_kernel import row_kernel  # noqa: PLC0415  imports triton

    logits = rows.logits
    with torch.cuda.device(logits.device) if logits.is_cuda else contextlib.nullcontext():
        row_kernel[(len(logits),)](
            rows,
            given,
            scales,
            goal,
            factors,
            Results(*result),
            block=block,
            # Differences of 16-bit numbers need no second part.
            exact=logits.dtype == torch.float32 or given.bias is not None or given.cap is not None,
            smooth=goal.smoothing > 0,
            others=over_others,
            num_warps=min(max(block // LOGITS_OF_A_WARP, 1), 16),
        )


def _power_of_2(at_least: int) -> int:
    return 1 << (at_least - 1).bit_length()


def _checked(
    logits: Tensor,
    targets: Tensor,
    factor: Tensor | None,
    class_weight: Tensor | None,
    bias: Tensor | None,
    entropy_factor: Tensor | None,
) -> tuple[int, int]:
    """Check what the kernel reads and writes through bare addresses; return (rows, classes)."""
    check.floating(_NAME, logits=logits)
    if logits.dim() != 2 or logits.shape[1] < 1 or (logits.shape[1] > 1 and logits.stride(1) != 1):  # noqa: PLR2004
        message = (
            f"{_NAME}: `logits` has shape {check.shape_of(logits)} and strides {list(logits.stride())}, expected "
            f"[rows, C] with C of at least 1 and the entries of a row side by side; pass logits.contiguous()."
        )
        raise ShapeError(message)
    count, classes = logits.shape
    check.integers(_NAME, "targets", targets, [count], "one class for each row")
    per_row, per_class = (
        {"factor": factor, "entropy_factor": entropy_factor},
        {"class_weight": class_weight, "bias": bias},
    )
    for given, size, meaning in ((per_row, count, "one for each row"), (per_class, classes, "one for each class")):
        for name, value in given.items():
            if value is None:
                continue
            _float32(name, value)
            check.has_shape(_NAME, name, value, [size], meaning)
    check.same_device(_NAME, logits=logits, targets=targets, **per_row, **per_class)
    _side_by_side(targets=targets, **per_row, **per_class)
    check.constant(_NAME, logits=logits)
    if logits.dtype not in DTYPES:
        message = (
            f"{_NAME}: `logits` has dtype {logits.dtype}, expected float16, bfloat16 or float32; use the eager form."
        )
        raise DtypeError(message)
    return count, classes


def _float32(name: str, value: Tensor) -> None:
    if value.dtype != torch.float32:
        message = f"{_NAME}: `{name}` has dtype {value.dtype}, expected torch.float32; use {name}.float()."
        raise DtypeError(message)


def _side_by_side(**vectors: Tensor | None) -> None:
    for name, value in vectors.items():
        if value is not None and not value.is_contiguous():
            message = (
                f"{_NAME}: `{name}` has strides {list(value.stride())}, expected a contiguous vector; "
                f"pass {name}.contiguous()."
            )
            raise ShapeError(message)


def _check_options(
    label_smoothing: float,
    smooth_over: str,
    z_loss: float,
    soft_cap: float | None,
    temperature: float,
    columns: int | None,
) -> None:
    check.option(_NAME, "label_smoothing", label_smoothing, Domain(0.0, 1.0, high_open=True))
    check.choice(_NAME, "smooth_over", smooth_over, ("all", "others"))
    check.option(_NAME, "z_loss", z_loss, Domain(low=0.0, high_open=True))
    check.option(_NAME, "temperature", temperature, TEMPERATURES)
    if soft_cap is not None:
        check.option(_NAME, "soft_cap", soft_cap, Domain(low=0.0, low_open=True, high_open=True))
    if columns is not None and (columns < 1 or columns & (columns - 1)):
        message = f"{_NAME}: `columns` is {columns!r}, expected a power of 2; pass for example 2048."
        raise OptionError(message)
