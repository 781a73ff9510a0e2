"""What can be known of the bench for GPUs without one."""

from __future__ import annotations

import importlib.util
import json
import math
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  the field's own abbreviation
from bench import gpu, gpu_check, linear_reference
from tests.accuracy import assert_close
from tests.each import each
from torch import Tensor

CPU = torch.device("cpu")
TINY = {dtype: gpu.Shape(24, 16, 131, dtype) for dtype in (torch.float32, torch.bfloat16)}


def answered(name: str, of: gpu.Of | str, dtype: torch.dtype = torch.float32) -> gpu.Measured:
    inputs = gpu.made(TINY[dtype], CPU)
    return gpu._answered(TINY[dtype], name, of, inputs, linear_reference.cross_entropy(*inputs))


def test_without_a_device_it_says_so_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    path = tmp_path / "gpu.json"
    assert gpu.main(["--json", str(path)]) == 2
    assert capsys.readouterr().out == gpu.NO_DEVICE + "\n"
    assert not path.exists()


@each("dtype", TINY)
@each("name", [gpu.OURS, "F.linear + F.cross_entropy", "F.linear_cross_entropy with options"])
def test_what_is_compared_is_the_same_loss(name: str, dtype: torch.dtype) -> None:
    of = gpu.forms(dtype, CPU)[name]
    if isinstance(of, str):
        pytest.skip(of)
    result = answered(name, of, dtype)
    if name.endswith("options") and dtype == torch.bfloat16:
        assert result.loss_off is not None  # torch's own error is what the bench is to show
    else:
        assert result.error is None


def _interpret() -> None:
    os.environ["TRITON_INTERPRET"] = "1"


@pytest.fixture(scope="module")
def child() -> Iterator[ProcessPoolExecutor]:
    """Return a process in which Triton interprets."""
    if importlib.util.find_spec("triton") is None:
        pytest.skip("triton is not installed")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=_interpret) as pool:
        yield pool


def _floor_in_the_interpreter(dtype: torch.dtype) -> gpu.Measured:
    gpu.CHUNK_BYTES = 10 * 192 * dtype.itemsize  # type: ignore[misc]  in a process of its own: 10 rows, so three chunks
    return answered(gpu.FLOOR, gpu._floor, dtype)


def test_what_is_checked_on_a_device_holds_in_the_interpreter(child: ProcessPoolExecutor) -> None:
    loss_off, gradient_off = child.submit(_rows_off_in_the_interpreter).result(timeout=200)
    assert 0 < loss_off <= gpu_check.FLOAT32
    assert 0 < gradient_off <= gpu_check.FLOAT32 + torch.finfo(torch.float16).eps / 2


def _rows_off_in_the_interpreter() -> tuple[float, float]:
    found = [gpu_check._rows_off(torch.float16, 37, CPU, **options) for options in gpu_check.OPTIONS]
    return max(off[0] for off in found), max(off[1] for off in found)


@each("dtype", TINY)
def test_the_least_that_an_engine_has_to_do_is_right(child: ProcessPoolExecutor, dtype: torch.dtype) -> None:
    result = child.submit(_floor_in_the_interpreter, dtype).result(timeout=200)
    assert result.error is None
    assert result.loss_off is not None
    assert result.gradient_off is not None
    assert 0 < result.loss_off <= gpu_check.ALLOWED[dtype][0]
    assert 0 < result.gradient_off <= gpu_check.ALLOWED[dtype][1]


def test_a_wrong_answer_gets_no_speed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        return 1.01 * F.cross_entropy(hidden @ weight.T, targets)

    monkeypatch.setattr(gpu, "forms", lambda *_: {gpu.OURS: wrong, "another": gpu._made})
    monkeypatch.setattr(gpu, "_timed", _never)
    results = gpu.measured(TINY[torch.float32], CPU, rounds=3)
    assert [r.error for r in results] == ["wrong", None]
    assert results[0].loss_off == pytest.approx(0.01, rel=1e-3)
    text = capsys.readouterr().out
    assert "wrong: no speed is shown" in text
    assert " ms" not in text


def _never(*_: object) -> list[gpu.Measured]:
    pytest.fail("timed")


def test_nan_is_wrong_and_its_result_is_json() -> None:
    result = answered("NaN", lambda h, w, t: F.cross_entropy(h @ w.T, t) * torch.nan)
    assert result.error == "NaN or infinity"
    json.dumps(asdict(result), allow_nan=False)


@each("options", [{}, {"label_smoothing": 0.1}, {"temperature": 0.7}])
def test_the_definition_is_torchs_where_torch_has_it(options: dict[str, float]) -> None:
    z = torch.randn(6, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([0, 8, -100, 3, 3, 1])
    smoothing = options.get("label_smoothing", 0.0)
    theirs = F.cross_entropy(z / options.get("temperature", 1.0), targets, reduction="none", label_smoothing=smoothing)
    assert_close(gpu_check.defined(z, targets, **options), theirs)  # type: ignore[arg-type]


def test_the_definition_by_hand() -> None:
    z, target = torch.tensor([[0.0, 0.0, 2.0]], dtype=torch.float64), torch.tensor([2])
    total = math.log(2 + math.e**2)
    smoothed = gpu_check.defined(z, target, label_smoothing=0.2, smooth_over="others")
    assert smoothed.item() == pytest.approx(0.8 * (total - 2) + 0.2 * total)
    assert gpu_check.defined(z, target, z_loss=0.1).item() == pytest.approx((total - 2) + 0.1 * total**2)
    assert gpu_check.defined(z, target, soft_cap=1e9).item() == pytest.approx(total - 2)


def test_a_line_says_what_came_out() -> None:
    made = gpu.Measured("shape", "ours", 1e-6, 1e-5, 12.5, 1.0, 678.9, row_kernel=True)
    for words in ("loss off 1.0e-06", "12.50 ms", "679 MB", "with the row kernel"):
        assert words in gpu.line(made)
    assert gpu.line(gpu.Measured("shape", "peer", error="out of memory")).endswith("out of memory: no speed is shown")
