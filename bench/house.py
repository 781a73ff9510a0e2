"""How the house is kept: `python -m bench.house [FOLDER ...]` counts what a reader of the sources meets.

A folder is a checkout, by default this one; of several each has its column. `ARCHITECTURE.md` has the numbers.
"""

from __future__ import annotations

import argparse
import ast
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[1]
LONG: Final = 400  # lines of a file
NESTED: Final = ("explorer", "kernels", "recipes")  # rooms that have rooms
HALL: Final = "slopes"

Trees = Mapping[Path, ast.Module]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table with one column for each checkout."""
    parser = argparse.ArgumentParser(prog="python -m bench.house", description="The sources, counted.")
    parser.add_argument("checkouts", metavar="FOLDER", nargs="*", type=Path, default=[ROOT])
    columns = [measured(folder / "src" / "slopes") for folder in parser.parse_args(arguments).checkouts]
    for name in columns[0]:
        print(" | ".join(["", name, *(f"{column[name]:g}" for column in columns), ""]).strip())


def measured(source: Path) -> dict[str, float]:
    """Return what is counted, by name; `source` is the folder of the package."""
    paths = sorted(path for path in source.rglob("*.py") if "__pycache__" not in path.parts)
    trees = {path.relative_to(source): ast.parse(path.read_text("utf-8")) for path in paths}
    functions = [length for tree in trees.values() for length in _lengths(tree)]
    names = [_public_names(tree) for path, tree in trees.items() if path.name != "__init__.py"]
    lines = [len(path.read_text("utf-8").splitlines()) for path in paths]
    between = arrows(trees)
    return {
        "files": len(paths),
        "lines of a function, median": _share(functions, 0.5),
        "lines of a function, 90th percentile": _share(functions, 0.9),
        "public names of a file, median": _share(names, 0.5),
        "public names of a file, 90th percentile": _share(names, 0.9),
        f"files of more than {LONG} lines": sum(count > LONG for count in lines),
        "files side by side, at most": max(_side_by_side(trees).values()),
        "rooms": len({_room(path) for path in trees} - {HALL}),
        "arrows between rooms": len(between),
        "arrows between rooms that lie in a circle": len(in_circles(between)),
        "lines of a function of the catalogue, all in, mean": round(_mean([c.lines for c in costs(trees).values()]), 1),
    }


class Cost(NamedTuple):
    """What one function of the catalogue costs in lines.

    Attributes:
        lines: Of the function with its docstring, of its module and of its Spec.
        works: Those of them that check, plan and compute.
    """

    lines: int
    works: int


def costs(trees: Trees) -> dict[str, Cost]:
    """Return what each function costs that has a Spec, by its name."""
    found = {}
    for tree in trees.values():
        named = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Spec":
                said = {kept.arg: ast.unparse(kept.value) for kept in node.keywords}
                function = named[said["function"]]
                module = named.get(said.get("module", ""))
                lines = _taken(function) + _taken(node) + (_taken(module) if module else 0)
                found[function.name] = Cost(lines, (function.end_lineno or 0) - function.body[1].lineno + 1)
    return found


def _taken(node: ast.stmt | ast.expr) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values) if values else 0.0


def arrows(trees: Trees) -> set[tuple[str, str]]:
    """Return which room imports from which other, whether early, late or for types.

    The hall opens on all rooms, and a package lists what is in it: neither is counted.
    """
    rooms = {module_of(path): _room(path) for path in trees}
    found = {
        (_room(path), rooms[name])
        for path, tree in trees.items()
        for node in ast.walk(tree)
        for name in imported(node, rooms)
        if not (path.name == "__init__.py" and name.startswith(f"{module_of(path)}."))
    }
    return {(one, other) for one, other in found if one != other and HALL not in {one, other}}


def in_circles(arrows: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the arrows from whose head a way leads back to their tail."""
    reached = set(arrows)
    while more := {(a, d) for a, b in reached for c, d in arrows if b == c} - reached:
        reached |= more
    return {(one, other) for one, other in arrows if (other, one) in reached}


def imported(node: ast.AST, modules: Collection[str]) -> set[str]:
    """Return the modules of the library that a statement imports."""
    if isinstance(node, ast.Import):
        return {name.name for name in node.names if name.name in modules}
    if not isinstance(node, ast.ImportFrom) or not node.module:
        return set()
    inside = {name for given in node.names if (name := f"{node.module}.{given.name}") in modules}
    return inside or ({node.module} if node.module in modules else set())


def module_of(path: Path) -> str:
    """Return the name of the module in a file of the package."""
    parts = ("slopes", *path.with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _room(path: Path) -> str:
    """Return the room of a file: its first folder, and its second in rooms that have rooms."""
    folders = path.parent.parts
    depth = 2 if folders[:1] and folders[0] in NESTED else 1
    return "/".join(folders[:depth]) or HALL


def _lengths(tree: ast.Module) -> list[int]:
    """Return the lines of each function, its docstring left out: an explanation makes no function harder to read."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            text = node.body[0] if ast.get_docstring(node) is not None else None
            found.append(_taken(node) - (_taken(text) if text is not None else 0))
    return found


def _public_names(tree: ast.Module) -> int:
    """Count what a file defines at its top without an underscore: functions, classes, constants."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return sum(not name.startswith("_") for name in names)


def _side_by_side(trees: Trees) -> dict[Path, int]:
    """Return how many modules lie in each folder."""
    folders = [path.parent for path in trees if path.name != "__init__.py"]
    return {folder: folders.count(folder) for folder in folders}


def _share(values: Sequence[int], share: float) -> float:
    """Return the least value that this share of all values does not exceed."""
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]


if __name__ == "__main__":
    main()
