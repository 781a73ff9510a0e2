"""Faults planted one by one into a copy of the sources, and which tests see them; run by hand.

    .venv/bin/python -m tests.planted            # all of them, a few minutes
    .venv/bin/python -m tests.planted mask sign  # those whose names contain one of these

A fault that no test sees is red here: a change of the suite has lost something.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
LAWS: Final = "tests/laws/test_"


@dataclass(frozen=True)
class Fault:
    """A change of one line of the sources, and the tests that have to see it.

    Attributes:
        name: What is wrong.
        file: Of `src/slopes`.
        right: The text as it is.
        wrong: What is put in its place, once.
        tests: Files, or tests in them; each has to be red.
        only: Names of cases, for laws over many.
    """

    name: str
    file: str
    right: str
    wrong: str
    tests: Sequence[str]
    only: Sequence[str] = ()


FAULTS: Final = (
    Fault(
        "a factor 2 is dropped from a gradient",
        "losses/preference.py",
        "slope = 2 * u\n",
        "slope = u\n",
        (f"{LAWS}derivatives.py", "tests/losses/test_preference.py"),
        ("ipo",),
    ),
    Fault(
        "a slope has the wrong sign",
        "losses/preference.py",
        "slope = -wrong\n",
        "slope = wrong\n",
        (f"{LAWS}derivatives.py", "tests/oracles/test_losses.py"),
        ("dpo",),
    ),
    Fault(
        "a mask is lost beside ignored targets",
        "_core/reduce.py",
        "        keep = mask if keep is None else keep & mask\n",
        "        keep = mask if keep is None else keep\n",
        (f"{LAWS}reductions.py",),
        ("cross_entropy", "masked_lm"),
    ),
    Fault(
        "inputs that do not count are read",
        "kernels/pointwise/plain.py",
        "            values = [torch.where(kept, t, 0) for t in values]\n",
        "            values = list(values)\n",
        (f"{LAWS}reductions.py",),
        ("mse", "huber"),
    ),
    Fault(
        "a sum is divided as a mean is",
        "_core/reduce.py",
        '    if reduction != "mean":\n        return None\n',
        '    if reduction == "none":\n        return None\n',
        (f"{LAWS}reductions.py",),
        ("mse", "quantile"),
    ),
    Fault(
        "weights are missing in the divisor",
        "_core/reduce.py",
        "        return weight.sum()\n",
        "        return keep.sum()\n",
        (f"{LAWS}reductions.py",),
        ("mae",),
    ),
    Fault(
        "a module forgets its option",
        "_core/module.py",
        "for n in kept if n in signature.parameters)",
        "for n in list(kept)[1:] if n in signature.parameters)",
        (f"{LAWS}modules.py",),
        ("huber",),
    ),
    Fault(
        "ignore_index is not looked at",
        "losses/class_targets.py",
        "    counted = None if every else targets != ignore_index\n",
        "    counted = None\n",
        (f"{LAWS}reductions.py", "tests/test_hazards.py::TestNothingCounts"),
        ("cross_entropy", "ignored", "float32"),
    ),
    Fault(
        "an error ends without its fix",
        "_core/check/agreement.py",
        "; convert one of them, nothing is cast silently.",
        ".",
        ("tests/core/test_check.py",),
    ),
    Fault(
        "float64 meets float32",
        "_core/check/agreement.py",
        "    if torch.float64 in wide and len(wide) > 1:\n",
        "    if len(wide) > 9:\n",
        (f"{LAWS}dtypes.py",),
        ("mse", "dpo"),
    ),
    Fault(
        "shapes broadcast",
        "_core/check/agreement.py",
        "    if any(shape != first for shape in others):  # compared",
        "    if any(len(shape) > 9 for shape in others):  # compared",
        (f"{LAWS}shapes.py",),
        ("mse", "dpo"),
    ),
    Fault(
        "options outside of their domain pass",
        "_core/check/options.py",
        "    if value not in domain:  # as NaN never is\n",
        "    if value != value:\n",
        (f"{LAWS}docstrings.py",),
        ("huber", "focal"),
    ),
    Fault(
        "16 bits are not widened",
        "_core/tensors.py",
        "    return torch.float32 if dtype in NARROW else dtype\n",
        "    return dtype\n",
        (f"{LAWS}dtypes.py",),
        ("mse", "huber"),
    ),
    Fault(
        "a Spec says monotone of what is not",
        "activations/smooth.py",
        "        monotone=False,\n",
        "        monotone=True,\n",
        (f"{LAWS}specs.py",),
    ),
    Fault(
        "what is smoothed over others counts all classes",
        "kernels/rows/formulas.py",
        "            share = smoothing * left / (classes - 1).clamp(min=1)\n",
        "            share = smoothing * left / classes.clamp(min=1)\n",
        ("tests/oracles/test_losses.py",),
        ("cross_entropy",),
    ),
    Fault(
        "the low part of a difference is lost",
        "_core/differences.py",
        "    low = (a - (high - part)) - (b + part)\n",
        "    low = 0.0 * high\n",
        ("tests/kernels/test_differences.py",),
    ),
    Fault(
        "a clip holds on the wrong side",
        "losses/policy.py",
        "    over = (a > 0) & (d > math.log1p(clip))\n",
        "    over = (a < 0) & (d > math.log1p(clip))\n",
        ("tests/oracles/test_losses.py",),
        ("ppo",),
    ),
    Fault(
        "semi-hard negatives may be nearer",
        "kernels/pairs/triplets.py",
        "torch.threshold_(beyond, 0.0, torch.inf)",
        "torch.threshold_(beyond, -1.0, torch.inf)",
        ("tests/losses/test_mining.py::TestDefinition::test_average_over_the_active_ones",),
    ),
    Fault(
        "a size is made a constant of the graph",
        "_core/reduce.py",
        "    if torch.compiler.is_compiling() or is_recorded():  # as a number",
        "    if is_recorded():  # as a number",
        (f"{LAWS}compiled.py",),
    ),
    Fault(
        "the caller's logits are written to",
        "kernels/rows/quick.py",
        "        torch.softmax(x, -1), own, t, z_loss, None",
        "        torch.softmax(x, -1, out=x), own, t, z_loss, None",
        (f"{LAWS}shapes.py",),
        ("cross_entropy",),
    ),
    Fault(
        "an argument is not described",
        "losses/regression.py",
        "        delta: Where the parabola",
        "        delta, where the parabola",
        (f"{LAWS}docstrings.py",),
        ("huber",),
    ),
    Fault(
        "a default of torch's own is not torch's",
        "activations/smooth.py",
        "lambda v: F.gelu(v, approximate=",
        "lambda v: 1.001 * F.gelu(v, approximate=",
        ("tests/activations/test_precision.py::test_the_default_is_torch_bit_for_bit",),
        ("gelu-tanh",),
    ),
)


def seen_by(fault: Fault, source: Path) -> dict[str, int]:
    """Return the red tests, each with its number of red cases."""
    path = source / "slopes" / fault.file
    text = path.read_text("utf-8")
    if text.count(fault.right) < 1:
        sys.exit(f"{fault.name}: {fault.file} no longer has {fault.right!r}; plant it elsewhere.")
    path.write_text(text.replace(fault.right, fault.wrong, 1), "utf-8")
    try:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--tb=short", *fault.tests]
        command += [f"--only={name}" for name in fault.only]
        environment = os.environ | {"PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    finally:
        path.write_text(text, "utf-8")
    red = dict.fromkeys(re.findall(r"^(?:FAILED|ERROR) ([^ ]+)", done.stdout, re.MULTILINE), 1)
    titles = re.split(r"^_{3,} (.+?) _{3,}$", done.stdout, flags=re.MULTILINE)
    for title, told in zip(titles[1::2], titles[2::2], strict=True):
        cases = re.search(r"(\d+) of \d+ cases:", told)
        for name in red:
            if cases and name.replace("::", ".").endswith(title):
                red[name] = int(cases[1])
    return red


def main(names: Sequence[str]) -> int:
    """Print a table and return how many faults some file did not see."""
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        for fault in FAULTS:
            if names and not any(name in fault.name for name in names):
                continue
            red = seen_by(fault, source)
            files = {test.split("::")[0] for test in red}
            blind = {test.split("::")[0] for test in fault.tests} - files
            missed += bool(blind)
            said = f"not seen by {', '.join(sorted(blind))}" if blind else ""
            print(  # noqa: T201  what it is for
                f"{fault.name:50} {len(red):3} tests {sum(red.values()):4} cases {len(files)} files  {said}", flush=True
            )
    return missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
