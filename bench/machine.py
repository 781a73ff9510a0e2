"""What a measurement was taken on, without a date, so that the same machine writes the same lines."""

from __future__ import annotations

import platform
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]


def processor() -> str:
    """Return the model of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def conditions() -> dict[str, str | int]:
    """Return torch's version, the processor, and how many threads torch has."""
    return {
        "torch": torch.__version__,
        "processor": processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
    }


def multiplies_16_bits() -> bool:
    """Whether the processor has products of 16-bit matrices; without, torch multiplies number by number."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001  the one place where torch says so
