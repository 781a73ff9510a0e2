"""The rooms keep their order, the public names are whole, and importing the library stays light."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import json
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
import torch
from bench import house
from importlinter.cli import lint_imports
from tests.each import each

import slopes
from slopes import activations, losses, recipes
from slopes.catalog import CATALOG

SOURCE: Final = Path(slopes.__file__).parent
ROOT: Final = SOURCE.parents[1]
FILES: Final = sorted(SOURCE.rglob("*.py"))
# What one function of the catalogue costs in lines of source: itself with its docstring, its module and its Spec.
FEW: Final = 8  # lines that check, plan and compute
MOST_FOR_FEW: Final = 90
MOST_FOR_ANY: Final = 150
PUBLIC: Final = (slopes, activations, losses, recipes)
# What the library uses, at most, without an extra; numpy comes with torch where it is installed.
HEAVY: Final = (
    "altair",
    "joblib",
    "polars",
    "sklearn",
    "torchmetrics",
    "triton",
    "transformers",
    "starlette",
    "uvicorn",
    "vl_convert",
    "scipy",
    "mpmath",
    "tqdm",
)
# Public functions that are no function of numbers, and so have no Spec.
WITHOUT_SPEC: Final[frozenset[str]] = frozenset()


def run(code: str) -> Any:  # noqa: ANN401
    """Return what a fresh interpreter prints, as JSON."""
    environment = os.environ | {"PYTHONPATH": str(SOURCE.parent)}
    done = subprocess.run(  # noqa: S603  our own code
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    return json.loads(done.stdout)


@functools.cache
def fresh() -> dict[str, Any]:
    """Return what an interpreter says that loads torch, then the library, then all public names; it takes seconds."""
    return dict(
        run(f"""if True:
        import json, sys, torch
        def defaults():
            return torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled()
        said, before = dict(torch=list(sys.modules)), defaults()
        import slopes.activations, slopes.losses
        said["library"] = list(sys.modules)
        import slopes.catalog
        said["same defaults"] = defaults() == before
        for room in {[room.__name__ for room in PUBLIC]}:
            names = dict()
            exec(f"from {{room}} import *", names)
            said[room] = sorted(n for n in names if n[0] != "_")
        print(json.dumps(said))""")
    )


@functools.cache
def trees() -> house.Trees:
    """Return what is written in each file of the library."""
    return {path.relative_to(SOURCE): ast.parse(path.read_text("utf-8")) for path in FILES}


def test_rooms_import_only_what_lies_below_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Assert the contracts of the import linter, as `lint-imports` does."""
    monkeypatch.chdir(ROOT)
    broken = lint_imports(config_filename="pyproject.toml", no_cache=True)
    assert not broken, capsys.readouterr().out


@each("room", PUBLIC, ids=lambda room: room.__name__)
def test_all_is_sorted_and_whole(room: ModuleType) -> None:
    names = room.__all__
    assert len(names) == len(set(names))
    assert names == sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    assert all(hasattr(room, name) for name in names)
    ours = {n for n, v in vars(room).items() if n[0] != "_" and getattr(v, "__module__", "").startswith("slopes")}
    assert ours <= set(names)


@each("room", PUBLIC, ids=lambda room: room.__name__)
def test_import_star_takes_the_public_names(room: ModuleType) -> None:
    assert fresh()[room.__name__] == sorted(room.__all__)


@each("room", [activations, losses], ids=lambda room: room.__name__)
def test_the_catalogue_misses_no_public_function(room: ModuleType) -> None:
    listed = {spec.function for spec in CATALOG} | {spec.module for spec in CATALOG}
    functions = {name for name in room.__all__ if inspect.isfunction(getattr(room, name))}
    missed = {name for name in functions if getattr(room, name) not in listed} - WITHOUT_SPEC
    assert missed == set()


def test_the_catalogue_lists_public_functions_only() -> None:
    for spec in CATALOG:
        room = activations if spec.kind == "activation" else losses
        assert getattr(room, spec.name) is spec.function
        assert spec.module is None or getattr(room, spec.module.__name__) is spec.module


def test_importing_the_library_is_light() -> None:
    loaded = set(fresh()["library"]) - set(fresh()["torch"])
    assert "slopes.losses" in loaded
    assert [name for name in HEAVY if name in loaded] == []
    assert [name for name in loaded if name.startswith(("slopes.explorer", "slopes.cli", "slopes.catalog"))] == []
    assert [name for name in loaded if name.startswith(("torch._dynamo", "torch._inductor", "triton"))] == []


def test_numpy_comes_with_torch_or_not_at_all() -> None:
    assert ("numpy" in fresh()["torch"]) == ("numpy" in fresh()["library"])


def test_the_bare_package_waits_for_torch() -> None:
    """Assert that errors and names are there before torch is, and that the rest comes when asked for."""
    said = run(
        "import json, slopes, sys; before = 'torch' in sys.modules; names = {}; slopes.exact; "
        "after = 'torch' in sys.modules; exec('from slopes import *', names); "
        "print(json.dumps([before, after, sorted(n for n in names if n[0] != '_')]))"
    )
    assert said == [False, True, sorted(slopes.__all__)]
    with pytest.raises(AttributeError, match="module 'slopes' has no attribute 'nothing'"):
        slopes.nothing  # noqa: B018
    assert set(slopes.__all__) <= set(dir(slopes))


def test_importing_the_library_changes_no_default() -> None:
    assert fresh()["same defaults"]


@each("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_are_small_enough_to_be_read(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= house.LONG


def test_a_function_costs_what_it_is_worth() -> None:
    costs = house.costs(trees())
    assert set(costs) == {spec.name for spec in CATALOG}
    most = {name: MOST_FOR_FEW if cost.works <= FEW else MOST_FOR_ANY for name, cost in costs.items()}
    assert {name: cost.lines for name, cost in costs.items() if cost.lines > most[name]} == {}


@each("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_the_source_imports_no_tests(path: Path) -> None:
    imported = [
        name
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    ]
    assert [name for name in imported if name.split(".")[0] in {"tests", "bench", "examples", "pytest"}] == []


@each("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_module_says_what_it_is(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text()))
    assert text
    assert text.splitlines()[0].endswith((".", ":"))


def test_every_module_can_be_imported() -> None:
    names = [
        module.name for module in pkgutil.walk_packages(slopes.__path__, "slopes.") if "__main__" not in module.name
    ]
    assert len(names) > 20
    for name in names:
        importlib.import_module(name)


def test_the_package_is_typed() -> None:
    assert (SOURCE / "py.typed").is_file()


def test_no_room_is_called_utils() -> None:
    names = {path.stem for path in FILES} | {path.parent.name for path in FILES}
    assert names & {"utils", "util", "common", "helpers", "misc"} == set()


def test_torch_is_not_patched() -> None:
    """Assert that nothing in the source assigns to an attribute of torch."""
    pattern = re.compile(r"^\s*(torch|F|nn)(\.\w+)+\s*=[^=]", re.MULTILINE)
    found = {path.name: match[0] for path in FILES for match in pattern.finditer(path.read_text())}
    assert found == {}
    assert torch.nn.functional.gelu.__module__ != "slopes"


def test_no_files_import_each_other_in_a_circle() -> None:
    """Assert that files can be put in an order in which each imports only what came before it."""
    modules = {house.module_of(path): tree for path, tree in trees().items()}
    # A package is imported by what is in it, and lists what is in it: that is no circle of two files' thoughts.
    packages = {house.module_of(path) for path in trees() if path.name == "__init__.py"}
    arrows = {
        name: {other for node in ast.walk(tree) for other in house.imported(node, modules)} - packages - {name}
        for name, tree in modules.items()
    }
    while ready := [name for name, needs in arrows.items() if not needs]:
        arrows = {name: needs - set(ready) for name, needs in arrows.items() if name not in ready}
    assert not arrows, f"these import each other in a circle, or need one that does: {arrows}"


def test_no_rooms_import_each_other_in_a_circle() -> None:
    arrows = house.arrows(trees())
    assert len(arrows) > 40
    assert house.in_circles(arrows) == set()
