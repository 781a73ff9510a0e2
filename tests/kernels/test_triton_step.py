"""The Triton form of the row step: in the interpreter, in a process of its own, and on a GPU where there is one."""

from __future__ import annotations

import importlib.util
import io
import math
import multiprocessing
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import mpmath
import pytest
import torch
from tests.accuracy import assert_close, assert_close_to_scale, assert_within_ulps, tolerance, unit
from tests.each import each
from torch import Tensor

from slopes import DtypeError, OptionError, ShapeError
from slopes.kernels.unmade import triton_step
from slopes.kernels.unmade.triton_step import RowResult, suits

NEEDED = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed")
Outcome = tuple[RowResult, Tensor]


@dataclass(frozen=True)
class Run:
    """The row step as a function that gives the results and what was written over the logits.

    Attributes:
        call: That function.
        truncation: What a conversion to bfloat16 is off by: the interpreter cuts where a GPU rounds to nearest.
    """

    call: Callable[..., Outcome]
    truncation: float = 0.5

    def __call__(self, logits: Tensor, targets: Tensor, **options: Any) -> Outcome:  # noqa: ANN401
        return self.call(logits, targets, **options)

    def rounding(self, dtype: torch.dtype, terms: int = 1) -> float:
        """Return the units in the last place that a number computed in float32 is off by after one rounding."""
        once = self.truncation if dtype == torch.bfloat16 else 0.5
        return once + tolerance(torch.float32, terms) * unit(torch.float32) / unit(dtype)


N, C = 6, 37
DIGITS = 60  # e to the power of -81 cancels in the oracle, and leaves enough


def _interpret() -> None:
    """Run before anything else in the child process: triton reads this when it is imported."""
    os.environ["TRITON_INTERPRET"] = "1"
    import numpy as np  # noqa: PLC0415  the child's own

    np.seterr(all="ignore")  # infinity minus infinity, which the kernel sorts out


def _compute(packed: bytes) -> bytes:
    """Run the row step of what `torch.save` packed."""
    logits, targets, options = torch.load(io.BytesIO(packed))
    result = triton_step.rows(logits, targets, **options)
    return _packed((tuple(result), logits))


def _packed(what: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(what, buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def child() -> Iterator[ProcessPoolExecutor]:
    """Return a process in which Triton interprets: the variable and what triton makes of it stay there."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=_interpret) as pool:
        yield pool


WHERE = ["interpreter", "cuda"] if torch.cuda.is_available() else ["interpreter"]


@pytest.fixture(params=[pytest.param(where, marks=NEEDED) for where in WHERE])
def run(request: pytest.FixtureRequest, child: ProcessPoolExecutor) -> Run:
    """Return the row step, interpreted or on a GPU."""

    def interpreted(logits: Tensor, targets: Tensor, **options: Any) -> Outcome:  # noqa: ANN401
        packed = child.submit(_compute, _packed((logits, targets, options))).result(timeout=200)
        result, written = torch.load(io.BytesIO(packed))
        return RowResult(*result), written

    def on_a_gpu(logits: Tensor, targets: Tensor, **options: Any) -> Outcome:  # noqa: ANN401
        moved = {k: v.cuda() if isinstance(v, Tensor) else v for k, v in options.items()}
        there = logits.cuda()
        result = triton_step.rows(there, targets.cuda(), **moved)
        return RowResult(*(None if t is None else t.cpu() for t in result)), there.cpu()  # type: ignore[arg-type]

    return Run(interpreted, truncation=1.0) if request.param == "interpreter" else Run(on_a_gpu)


def inputs(rows: int = N, classes: int = C, *, spread: float = 2.0, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, classes, generator=generator) * spread
    return logits, torch.randint(classes, (rows,), generator=generator)


def vector(size: int, seed: int) -> Tensor:
    return torch.rand(size, generator=torch.Generator().manual_seed(seed)) + 0.25


Numbers = list[Any]


def definition(
    z: Sequence[float],
    target: int,
    *,
    class_weight: Sequence[float] | None = None,
    label_smoothing: float = 0.0,
    smooth_over: str = "all",
    z_loss: float = 0.0,
    soft_cap: float | None = None,
    temperature: float = 1.0,
    bias: Sequence[float] | None = None,
    factor: float = 1.0,
    entropy_factor: float = 0.0,
) -> tuple[Any, Any, Any, Numbers]:
    """Return (loss, log-sum-exp, entropy, gradient) of a row, with a hundred digits and no care."""
    m = mpmath.mpf
    raw = [m(v) + m(0 if bias is None else bias[j]) for j, v in enumerate(z)]
    bent = [v if soft_cap is None else soft_cap * mpmath.tanh(v / soft_cap) for v in raw]
    chain = [1 if soft_cap is None else 1 - mpmath.tanh(v / soft_cap) ** 2 for v in raw]
    x = [v / m(temperature) for v in bent]
    present = [v != -mpmath.inf for v in x]
    e = [mpmath.exp(v) for v in x]
    total = mpmath.fsum(e)
    log_sum, p = mpmath.log(total), [v / total for v in e]
    smoothed = m(label_smoothing)
    y = [(1 - smoothed) * (j == target) for j in range(len(x))]
    among = [j for j in range(len(x)) if present[j] and (smooth_over == "all" or j != target)]
    count = sum(present) - (smooth_over == "others")
    for j in among:
        y[j] += smoothed / max(count, 1)
    if class_weight is not None:
        y = [a * m(w) for a, w in zip(y, class_weight, strict=True)]
    surprises = [log_sum - v for v in x]
    loss = mpmath.fsum(a * s for a, s in zip(y, surprises, strict=True) if a) + m(z_loss) * mpmath.fsum(y) * log_sum**2
    uncertainty = mpmath.fsum(a * s for a, s in zip(p, surprises, strict=True) if a)
    pull = mpmath.fsum(y) * (1 + 2 * m(z_loss) * log_sum)
    slope = [m(factor) * (a * pull - b) for a, b in zip(p, y, strict=True)]
    if entropy_factor:
        lost = [a * (s - uncertainty) if a else m(0) for a, s in zip(p, surprises, strict=True)]
        slope = [a + m(entropy_factor) * b for a, b in zip(slope, lost, strict=True)]
    return loss, log_sum, uncertainty, [a * c / m(temperature) for a, c in zip(slope, chain, strict=True)]


def exact(logits: Tensor, targets: Tensor, **options: Any) -> tuple[Numbers, Numbers, Numbers, list[Numbers]]:  # noqa: ANN401
    """Return what the definition gives for each row; 0 for a row whose target is no class."""
    columns: tuple[Numbers, Numbers, Numbers, list[Numbers]] = ([], [], [], [])
    by_row = {name: options.pop(name, None) for name in ("factor", "entropy_factor")}
    rest = {
        k: v.tolist() if isinstance(v, Tensor) else v for k, v in options.items() if k not in {"entropy", "columns"}
    }
    with mpmath.workdps(DIGITS):
        for i, (z, target) in enumerate(zip(logits.double().tolist(), targets.tolist(), strict=True)):
            own = {name: v[i].item() for name, v in by_row.items() if v is not None}
            counts = 0 <= target < len(z)
            zero = mpmath.mpf(0)
            found = definition(z, target, **rest, **own) if counts else (zero, zero, zero, [zero] * len(z))
            for column, number in zip(columns, found, strict=True):
                column.append(number)
    return columns


def assert_right(run: Run, logits: Tensor, targets: Tensor, *, terms: int = 1, **options: Any) -> Outcome:  # noqa: ANN401
    """Assert every result and the gradient; where terms of the gradient cancel, in units of the row's largest entry."""
    options.setdefault("factor", torch.ones(len(logits)))
    result, written = run(logits.clone(), targets, **options)
    loss, log_sum, uncertainty, slopes = exact(logits, targets, **options)
    assert_close(result.loss, loss, size=terms, what="loss")
    assert_close_to_scale(result.log_sum_exp, log_sum, max(1.0, *map(abs, map(float, log_sum))), what="log-sum-exp")
    if result.entropy is not None:
        assert_close_to_scale(result.entropy, uncertainty, 1.0, size=terms, what="entropy")
    if written.dtype != torch.float32:  # rounded once
        assert_within_ulps(written, slopes, run.rounding(written.dtype, terms), "gradient")
    elif terms == 1:
        assert_close(written, slopes, what="gradient")
    else:
        for row, wanted in zip(written, slopes, strict=True):
            scale = max(float(max(abs(v) for v in wanted)), 1e-30)
            assert_close_to_scale(row, wanted, scale, size=terms, what="gradient")
    return result, written


WEIGHTS = vector(C, 7)
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "factor": {"factor": vector(N, 8) * 3},
    "class weight": {"class_weight": WEIGHTS},
    "a weight of 0": {"class_weight": WEIGHTS * (torch.arange(C) % 2)},
    "temperature": {"temperature": 0.7},
    "smoothed": {"label_smoothing": 0.1},
    "smoothed over others": {"label_smoothing": 0.1, "smooth_over": "others"},
    "smoothed, weighted": {"label_smoothing": 0.2, "class_weight": WEIGHTS},
    "smoothed over others, weighted": {"label_smoothing": 0.2, "class_weight": WEIGHTS, "smooth_over": "others"},
    "z-loss": {"z_loss": 0.01},
    "z-loss, weighted": {"z_loss": 0.01, "class_weight": WEIGHTS},
    "soft cap": {"soft_cap": 3.0},
    "bias": {"bias": vector(C, 9)},
    "entropy": {"entropy": True},
    "entropy's gradient": {"entropy": True, "entropy_factor": vector(N, 10)},
    "everything": {
        "class_weight": WEIGHTS,
        "label_smoothing": 0.1,
        "smooth_over": "others",
        "z_loss": 0.01,
        "soft_cap": 3.0,
        "temperature": 0.7,
        "bias": vector(C, 9),
        "entropy": True,
        "entropy_factor": vector(N, 10),
        "factor": vector(N, 8) * 3,
    },
}
RELATIVE = {"plain", "factor", "class weight", "a weight of 0", "temperature", "entropy"}  # no terms that cancel


@each("name", OPTIONS)
@each("columns", [16, 64])  # three blocks, one partly filled, and one wider than the row
def test_every_option_by_the_definition(run: Run, name: str, columns: int) -> None:
    logits, targets = inputs()
    targets[1], targets[4] = -100, C
    terms = 1 if name in RELATIVE else C
    result, written = assert_right(run, logits, targets, terms=terms, columns=columns, **OPTIONS[name])
    assert result.argmax.tolist()[1] == result.argmax.tolist()[4] == -1
    assert not written[1].any()
    assert not written[4].any()
    if name in {"plain", "entropy"}:
        assert result.argmax[::2].tolist() == [*logits.argmax(-1)[[0, 2]].tolist(), -1]


@each("dtype", [torch.float16, torch.bfloat16])
@each("name", ["plain", "class weight", "temperature"])
def test_sixteen_bits_are_rounded_once(run: Run, dtype: torch.dtype, name: str) -> None:
    logits, targets = inputs()
    assert_right(run, logits.to(dtype), targets, columns=16, **OPTIONS[name])


@each("dtype", [torch.float16, torch.bfloat16])
def test_the_target_of_sixteen_bits_moves_when_its_probability_rounds_to_1(run: Run, dtype: torch.dtype) -> None:
    """One less than a rounded p would be 0 from a lead of 7 on."""
    logits = torch.zeros(1, 9, dtype=dtype)
    logits[0, 4] = 12.0
    _, written = assert_right(run, logits, torch.tensor([4]))
    assert written[0, 4] < 0


def test_sixteen_bits_near_their_end(run: Run) -> None:
    logits = torch.tensor([[65504.0, 65472.0, -65504.0, 65504.0]] * 2, dtype=torch.float16)
    assert_right(run, logits, torch.tensor([1, 3]))


@each("gap", [12.0, 16.7, 40.3, 80.9])
@each("offset", [0.0, 1e4])
def test_leads_by_which_a_probability_rounds_to_1_or_0(run: Run, gap: float, offset: float) -> None:
    """The first row's target leads, the second's is behind; p - 1 would be 0 in the first from 16.7 on."""
    logits = torch.full((2, 21), offset) - torch.linspace(0, 2, 21)
    logits[:, 13] = offset + gap
    result, written = assert_right(run, logits, torch.tensor([13, 2]), columns=8)
    assert result.argmax.tolist() == [13, 13]
    assert written[0, 13] < 0 < written[1, 13]


def test_a_share_of_the_leader_that_nothing_else_outweighs(run: Run) -> None:
    """Only the target has weight: what it gets of the smoothing meets 1 - p alone, which rounds to 0 from 16.7 on."""
    logits = -torch.linspace(0, 2, 21).unsqueeze(0)
    logits[:, 13] = 20.0
    alone = (torch.arange(21) == 13).float()
    assert_right(run, logits, torch.tensor([13]), columns=8, label_smoothing=0.1, class_weight=alone)


def test_a_capped_logit_moves_however_little_the_cap_leaves(run: Run) -> None:
    """Its slope by the product, 1 - tanh², is down to e^-20 here, and right to its last digits."""
    logits = torch.tensor([[9.0, 0.5, -0.3, -4.0], [0.0, 1e-3, -11.0, 0.6]])
    assert_right(run, logits, torch.tensor([1, 2]), soft_cap=1.0)


@each("temperature", [1e-3, 0.07, 5.0])
def test_differences_are_scaled_and_not_logits(run: Run, temperature: float) -> None:
    logits, targets = inputs(spread=5 * temperature)
    assert_right(run, logits + 100.0, targets, temperature=temperature, columns=16)


@each("order", ["rising", "falling"])
def test_lanes_that_find_a_new_leader_again_and_again(run: Run, order: str) -> None:
    logits = torch.linspace(-30, 30, 64).expand(2, 64).clone()
    if order == "falling":
        logits = logits.flip(-1)
    assert_right(run, logits, torch.tensor([3, 60]), columns=4, entropy=True)


@each("smooth_over", ["all", "others"])
@each("columns", [2, 16])
def test_masked_classes_share_nothing(run: Run, smooth_over: str, columns: int) -> None:
    logits, targets = inputs(3, 9)
    logits[:, ::3] = -math.inf
    targets[:] = torch.tensor([1, 4, 8])
    options = {"label_smoothing": 0.1, "smooth_over": smooth_over, "columns": columns, "entropy": True}
    _, written = assert_right(run, logits, targets, terms=9, **options)
    assert not written[:, ::3].any()
    assert_right(run, logits, targets, columns=columns, entropy=True)


def test_infinite_logits(run: Run) -> None:
    inf = math.inf
    logits = torch.tensor([[1.0, inf, 2.0], [1.0, inf, inf], [1.0, -inf, 2.0], [-inf, -inf, -inf], [1.0, inf, 2.0]])
    result, written = run(logits.clone(), torch.tensor([1, 2, 1, 0, 0]), factor=torch.ones(5), entropy=True, columns=2)
    assert_close(result.loss, torch.tensor([0, math.log(2), inf, math.log(3), inf], dtype=torch.float64))
    e = 1 / (1 + math.exp(-1.0))
    third = 1 / 3
    wanted = [[0, 0, 0], [0, 0.5, -0.5], [1 - e, -1, e], [third - 1, third, third], [-1, 1, 0]]
    assert_close(written, torch.tensor(wanted, dtype=torch.float64))
    assert result.entropy is not None
    assert_close(result.entropy[[0, 1, 3]], torch.tensor([0, math.log(2), math.log(3)], dtype=torch.float64))
    assert result.argmax.tolist() == [1, 1, 2, 0, 1]


def test_a_masked_target_without_weight_costs_nothing(run: Run) -> None:
    logits = torch.tensor([[0.0, -math.inf, 0.0]])
    result, written = run(logits, torch.tensor([1]), factor=torch.ones(1), class_weight=torch.tensor([1.0, 0.0, 1.0]))
    assert result.loss.tolist() == [0.0]
    assert not written.any()


def test_nan_stays_in_its_row_and_ignored_rows_leave_no_trace(run: Run) -> None:
    logits, targets = inputs(4, 9)
    logits[0, 5], logits[1, 8], logits[2, :2] = math.nan, math.nan, torch.tensor([math.nan, math.inf])
    targets[2] = -100
    result, written = run(logits.clone(), targets, factor=torch.ones(4), entropy=True, columns=4)
    assert result.loss.isnan().tolist() == [True, True, False, False]
    assert written.isnan().all(-1).tolist() == [True, True, False, False]
    assert result.entropy is not None
    assert [t[2].item() for t in (result.loss, result.log_sum_exp, result.entropy)] == [0, 0, 0]
    assert not written[2].any()


@each("classes", [1, 2, 3, 7, 8, 9, 16, 17])
def test_any_number_of_classes(run: Run, classes: int) -> None:
    logits, targets = inputs(3, classes)
    assert_right(run, logits, targets, columns=8, entropy=True)
    assert_right(run, logits, targets, terms=classes + 1, columns=8, label_smoothing=0.1, smooth_over="others")


def test_one_class_costs_nothing(run: Run) -> None:
    result, written = run(torch.tensor([[7.0]]), torch.tensor([0]), factor=torch.ones(1), entropy=True)
    assert result.entropy is not None
    assert (result.loss.item(), result.entropy.item(), result.log_sum_exp.item(), written.item()) == (0, 0, 7, 0)


def test_one_row_and_no_row(run: Run) -> None:
    logits, targets = inputs(1)
    assert_right(run, logits, targets)
    result, written = run(logits[:0], targets[:0], factor=torch.ones(0), entropy=True)
    assert [0 if t is None else len(t) for t in result] == [0, 0, 0, 0]
    assert result.argmax.dtype == torch.int64
    assert written.shape == (0, C)


def test_the_first_of_several_leaders(run: Run) -> None:
    logits = torch.zeros(2, 9)
    logits[0, [6, 2, 3]] = 5.0
    result, _ = assert_right(run, logits, torch.tensor([3, 8]), columns=4)
    assert result.argmax.tolist() == [2, 0]


def test_logits_are_only_read_where_no_gradient_is_wanted(run: Run) -> None:
    logits, targets = inputs()
    result, written = run(logits.clone(), targets, entropy=True, label_smoothing=0.1, columns=8)
    assert torch.equal(written, logits)
    again, _ = run(logits.clone(), targets, entropy=True, label_smoothing=0.1, columns=8, factor=torch.ones(N))
    assert torch.equal(result.loss, again.loss)
    assert run(logits.clone(), targets)[0].entropy is None


def test_rows_that_are_apart(run: Run) -> None:
    """Nothing between the rows is written: a row stride that the hardware likes costs nothing but its memory."""
    logits, targets = inputs()
    room = torch.full((N, 48), 99.0)
    room[:, :C] = logits
    alone = run(logits.clone(), targets, factor=torch.ones(N), columns=16)
    apart = run(room[:, :C], targets, factor=torch.ones(N), columns=16)
    assert torch.equal(apart[1], alone[1])
    assert torch.equal(apart[0].loss, alone[0].loss)
    beyond = apart[1].as_strided((N, 48 - C), (48, 1), C)
    assert (beyond == 99.0).all()


@each("dtype", triton_step.DTYPES)
def test_thousands_of_classes(run: Run, dtype: torch.dtype) -> None:
    """Against float64, whose softmax is off by 1e-16 of the largest entry."""
    logits, targets = inputs(3, 5003, seed=1)
    logits = logits.to(dtype)
    reference = logits.double().requires_grad_()
    wanted = torch.nn.functional.cross_entropy(reference, targets, reduction="none")
    (slopes,) = torch.autograd.grad(wanted.sum(), reference)
    result, written = run(logits, targets, factor=torch.ones(3), columns=512)
    assert_close(result.loss, wanted)
    if dtype == torch.float32:
        assert_close(written, slopes)
    else:
        assert_within_ulps(written, slopes, run.rounding(dtype))


ERRORS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "float64": ({"logits": torch.zeros(2, 3, dtype=torch.float64)}, DtypeError, "`logits` has dtype torch.float64"),
    "one dimension": ({"logits": torch.zeros(3)}, ShapeError, "expected [rows, C]"),
    "no class": ({"logits": torch.zeros(2, 0)}, ShapeError, "C of at least 1"),
    "transposed": ({"logits": torch.zeros(3, 2).t()}, ShapeError, "side by side"),
    "targets of another shape": ({"targets": torch.zeros(3, dtype=torch.int64)}, ShapeError, "`targets` has shape [3]"),
    "int32 targets": ({"targets": torch.zeros(2, dtype=torch.int32)}, DtypeError, "use targets.long()"),
    "factor of another shape": ({"factor": torch.ones(1)}, ShapeError, "`factor` has shape [1]"),
    "narrow factor": ({"factor": torch.ones(2).half()}, DtypeError, "use factor.float()"),
    "factors apart": ({"factor": torch.ones(4)[::2]}, ShapeError, "pass factor.contiguous()"),
    "class weight": ({"class_weight": torch.ones(2)}, ShapeError, "`class_weight` has shape [2], expected [3]"),
    "bias": ({"bias": torch.ones(3, dtype=torch.float64)}, DtypeError, "`bias` has dtype torch.float64"),
    "smoothing": ({"label_smoothing": 1.0}, OptionError, "`label_smoothing` is 1.0"),
    "smooth over": ({"smooth_over": "rest"}, OptionError, "'all', 'others'"),
    "z-loss": ({"z_loss": -1.0}, OptionError, "`z_loss` is -1.0"),
    "soft cap": ({"soft_cap": 0.0}, OptionError, "`soft_cap` is 0.0"),
    "temperature": ({"temperature": 1e-40}, OptionError, "`temperature` is 1e-40"),
    "columns": ({"columns": 12}, OptionError, "power of 2"),
    "a graph": ({"logits": torch.zeros(2, 3, requires_grad=True)}, OptionError, "`logits` requires a gradient"),
    "entropy alone": ({"entropy_factor": torch.ones(2), "entropy": True}, OptionError, "without `factor`"),
}


@each("name", ERRORS)
def test_what_cannot_be_computed_is_refused(name: str) -> None:
    wrong, error, words = ERRORS[name]
    given = {"logits": torch.zeros(2, 3), "targets": torch.zeros(2, dtype=torch.int64), **wrong}
    with pytest.raises(error, match=re.escape(words)):
        triton_step.rows(**given)


CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


def test_why_it_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    usable, reason = suits(CPU, torch.float32, 10)
    assert not usable
    assert "logits are on cpu" in reason
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "finds no CUDA device" in suits(GPU, torch.float32, 10).reason
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (7, 5))
    assert "compute capability 7.5" in suits(GPU, torch.float32, 10).reason
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    assert suits(GPU, torch.bfloat16, 128_256).usable
    assert "torch.float64" in suits(GPU, torch.float64, 10).reason
    assert "0 classes" in suits(GPU, torch.float32, 0).reason
    assert "temperature of 1e-40" in suits(GPU, torch.float32, 10, temperature=1e-40).reason
    monkeypatch.setattr(torch.version, "hip", "6.4")
    assert "AMD" in suits(GPU, torch.float32, 10).reason


def test_a_triton_that_is_missing_or_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton_step, "OLDEST", (99, 0))
    assert "the kernel needs 99.0 or later" in suits(CPU, torch.float32, 10).reason
    monkeypatch.setattr(triton_step.metadata, "version", _missing)
    assert suits(CPU, torch.float32, 10) == (False, "triton is not installed")


def _missing(name: str) -> str:
    raise triton_step.metadata.PackageNotFoundError(name)


def test_the_interpreter_takes_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert suits(CPU, torch.float32, 10).usable
    assert "interpreter is on" in suits(GPU, torch.float32, 10).reason
