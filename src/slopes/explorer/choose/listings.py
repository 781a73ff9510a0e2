"""The Python of each task as a page shows it: `snippets.py` read as text, since importing it takes torch."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Final

_IMPORTS: Final = {
    "torch.": "import torch",
    "L.": "from slopes import losses as L",
    "recipes.": "from slopes import recipes",
}


@cache
def shown() -> dict[str, str]:
    """Return for each snippet its imports and the lines of its function up to `return`."""
    text = Path(__file__).with_name("snippets.py").read_text(encoding="utf-8")
    lines = text.splitlines()
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    return {node.name: _with_imports(_body(node, lines)) for node in functions}


def _body(node: ast.FunctionDef, lines: list[str]) -> str:
    docstring, returned = node.body[0], node.body[-1]
    return dedent("\n".join(lines[(docstring.end_lineno or 0) : returned.lineno - 1]))


def _with_imports(body: str) -> str:
    needed = [line for name, line in _IMPORTS.items() if name in body]
    return "\n".join([*needed, "", body, ""])
