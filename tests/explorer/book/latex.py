"""What a line of LaTeX with numbers in it comes to: enough of it for the book's derivations."""

from __future__ import annotations

import math
import re
from typing import Final

_NAMES: Final = {
    "log": math.log,
    "exp": math.exp,
    "sqrt": math.sqrt,
    "sigma": lambda z: 1 / (1 + math.exp(-z)),
    "max": max,
    "min": min,
    "pi": math.pi,
    "E": math.e,
}
_WORDS: Final = {"cdot": "*", "times": "*", "log": " log ", "exp": " exp ", "sigma": " sigma ", "quad": " "}
_PLAIN: Final = (r"\left", r"\right", r"\,", r"\;", r"\!", r"\big", r"\Big")


def evaluated(latex: str) -> float | None:
    """Return the number that a line comes to; None where it holds more than numbers."""
    for plain in _PLAIN:
        latex = latex.replace(plain, " ")
    text = _joined(_python(latex.replace("[", "(").replace("]", ")")))
    try:
        return float(eval(text, dict(_NAMES)))  # noqa: S307  our own text
    except (NameError, SyntaxError, TypeError):
        return None


def _python(latex: str) -> str:
    said, i = "", 0
    while i < len(latex):
        if found := re.match(r"\\t?frac", latex[i:]):
            above, i = _group(latex, i + len(found[0]))
            below, i = _group(latex, i)
            said += f"(({_python(above)})/({_python(below)}))"
        elif latex.startswith(r"\sqrt", i):
            inside, i = _group(latex, i + 5)
            said += f"sqrt({_python(inside)})"
        elif latex[i] == "^":
            inside, i = _group(latex, i + 1) if latex[i + 1] == "{" else (latex[i + 1], i + 2)
            said += f"**({_python(inside)})"
        elif latex[i] == "{":
            inside, i = _group(latex, i)
            said += f"({_python(inside)})"
        elif found := re.match(r"\\([a-zA-Z]+)", latex[i:]):
            said, i = said + _WORDS.get(found[1], f" {found[1]} "), i + len(found[0])
        else:
            said, i = said + latex[i], i + 1
    return said


def _group(latex: str, start: int) -> tuple[str, int]:
    depth = 0
    for i in range(start, len(latex)):
        depth += (latex[i] == "{") - (latex[i] == "}")
        if depth == 0:
            return latex[start + 1 : i], i + 1
    raise SyntaxError(latex)


def _joined(text: str) -> str:
    """Return the text with the parentheses and the signs of multiplication that LaTeX leaves out."""
    text = re.sub(r"(log|exp|sigma)\s+(-?[\d.]+)", r"\1(\2)", text)
    text = re.sub(r"log\s+(sigma\s*\(.*\))", r"log(\1)", text)
    text = re.sub(r"(log|exp|sigma|max|min)\s+\(", r"\1(", text)
    text = re.sub(r"(?<![\w.])e\*\*", "E**", text)
    text = re.sub(r"([\d.)])\s*(?=\()", r"\1*", text)
    text = re.sub(r"(?<=[\d.)])\s*(?=(log|exp|sigma|sqrt|pi|E)\b)", "*", text)
    return re.sub(r"\)\s*(?=\d)", ")*", text).strip()
