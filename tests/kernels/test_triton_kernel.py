"""The kernel of the row step as compilers see it: machine code for GPUs that need not be there."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest
from tests.each import each

pytestmark = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed")


def _compiled(folder: str, dtype: str, capability: int, *, full: bool) -> dict[str, Any]:
    """Compile the kernel for a GPU that need not be there; return its assembly and how much machine code that makes."""
    os.environ["TRITON_CACHE_DIR"] = folder
    import triton  # noqa: PLC0415  in a process of its own
    from triton.backends.compiler import GPUTarget  # noqa: PLC0415
    from triton.compiler import ASTSource  # noqa: PLC0415

    from slopes.kernels.unmade import triton_kernel as kernel  # noqa: PLC0415

    fp32, none = "*fp32" if full else "constexpr", "constexpr"
    signature = {
        "rows": kernel.Rows(f"*{dtype}", "i32", "*i64", "i32"),
        "given": kernel.Given(fp32, fp32.strip("*"), fp32),
        "scaling": kernel.Scaling(*["fp32"] * 4),
        "goal": kernel.Goal("fp32", "fp32"),
        "factors": kernel.Factors("*fp32", fp32),
        "results": kernel.Results("*fp32", "*fp32", fp32, "*i64"),
        **dict.fromkeys(("block", "exact", "smooth", "others"), none),
    }
    places = [
        (i, j) for i, v in enumerate(signature.values()) if isinstance(v, tuple) for j, t in enumerate(v) if t == none
    ]
    constants = {**dict.fromkeys(places), (6,): 2048, (7,): dtype == "fp32" or full, (8,): full, (9,): full}
    aligned = {(0, 0): [["tt.divisibility", 16]], (0, 1): [["tt.divisibility", 16]]}
    source = ASTSource(fn=kernel.row_kernel, signature=signature, constexprs=constants, attrs=aligned)
    made = triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"num_warps": 8})
    return {"ptx": made.asm["ptx"], "bytes": len(made.asm["cubin"])}


@pytest.fixture(scope="module")
def compiler() -> Iterator[ProcessPoolExecutor]:
    """Return a process in which Triton compiles."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def test_triton_is_imported_by_what_launches_and_by_nothing_else() -> None:
    asked = (
        "import sys, torch; from slopes.kernels.unmade.triton_step import suits; import slopes; "
        "suits(torch.device('cpu'), torch.float32, 10); sys.exit('triton' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", asked], check=False, timeout=200).returncode == 0  # noqa: S603


@each(("dtype", "capability"), [("bf16", 80), ("fp16", 90), ("fp32", 90)])
@each("full", [False, True])
def test_it_compiles_for_gpus(
    compiler: ProcessPoolExecutor,
    tmp_path: Path,
    dtype: str,
    capability: int,
    full: bool,  # noqa: FBT001
) -> None:
    made = compiler.submit(_compiled, str(tmp_path), dtype, capability, full=full).result(timeout=200)
    assert made["bytes"] > 0
    ptx = cast("str", made["ptx"])
    reads = re.findall(r"ld\.global\S*\.v4", ptx)
    assert len(reads) >= 2, "whole blocks are read 16 bytes at a time, twice"
    assert re.search(r"st\.global\S*\.v4", ptx), "and written so"
