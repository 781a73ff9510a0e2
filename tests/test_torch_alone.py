"""With torch and nothing else, as `pip install .` leaves it: every command and import does its work in silence."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from slopes.cli import EXPLORER
from slopes.recipes.compare.command import NEEDS

README: Final = (Path(__file__).parent.parent / "README.md").read_text()
FIVE_MINUTES: Final = re.findall(r"```python\n(.*?)```", README.partition("## Five minutes")[2], re.DOTALL)[0]
ABSENT: Final = tuple(sorted({"numpy", "scipy", *EXPLORER, *NEEDS}))

# Not found, as where it is not installed: a None in sys.modules would be another error.
WITHOUT: Final = f"""
import sys
from importlib.machinery import PathFinder
found = PathFinder.find_spec
PathFinder.find_spec = lambda name, *more: None if name.partition(".")[0] in {ABSENT!r} else found(name, *more)
"""
COMMANDS: Final = [
    *(["list"], ["list", "--kind", "loss", "--json"], ["show", "huber"], ["show", "SiLU", "--json"]),
    *(["show", "nothing"], ["plot", "gelu", "--json"], ["explore"], ["compare", "wine"]),
]


def run(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT + code]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own code


def test_every_command_says_what_it_has_to_and_nothing_else() -> None:
    ran = run(f"from slopes.cli import main\nfor arguments in {COMMANDS!r}:\n    print('status', main(arguments))")
    assert ran.returncode == 0, ran.stderr
    assert re.findall(r"^status (\d)$", ran.stdout, re.MULTILINE) == ["0"] * 4 + ["2"] * 4
    lines = ran.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["slopes", "slopes plot", "slopes explore", "slopes compare"]
    assert all("pip install 'slopes[" in line for line in lines[1:])


@pytest.mark.parametrize("first", ["import slopes.losses", "from slopes import activations"])
def test_torchs_word_on_numpy_is_not_heard_and_what_the_readme_begins_with_runs(first: str) -> None:
    """Other warnings are heard, be they of the same kind."""
    heard = "import warnings\nwarnings.warn('Failed to initialize the rest')"
    five = FIVE_MINUTES if "losses" in first else ""
    ran = run(f"{first}\nassert 'torch' in sys.modules and 'numpy' not in sys.modules\n{five}\n{heard}")
    assert ran.returncode == 0, ran.stderr
    assert re.fullmatch(r"<string>:\d+: UserWarning: Failed to initialize the rest\n", ran.stderr), ran.stderr


def test_numpy_that_is_there_and_cannot_be_loaded_is_torchs_to_tell() -> None:
    code = "import warnings, slopes\nassert not any(f[1] and 'NumPy' in f[1].pattern for f in warnings.filters)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603
    assert ran.returncode == 0, ran.stderr
