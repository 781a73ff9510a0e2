"""Formulas of the catalogue as plain text, for a terminal: LaTeX in, Unicode out.

It reads the LaTeX that the specs use, and leaves a command that it does not know as it is, backslash and all,
which a test over the whole catalogue would find.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_TOKEN: Final = re.compile(r"\\[A-Za-z]+|\\.|\s+|.", re.DOTALL)

_SYMBOLS: Final = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "varepsilon": "ε",
    "kappa": "κ",
    "lambda": "λ",
    "mu": "μ",
    "nu": "ν",
    "pi": "π",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
    "theta": "θ",
    "phi": "ϕ",
    "varphi": "φ",
    "psi": "ψ",
    "Phi": "Φ",
    "Gamma": "Γ",
    "Delta": "Δ",
    "nabla": "∇",
    "ell": "ℓ",
    "partial": "∂",
    "infty": "∞",
    "sum": "Σ",
    "prod": "Π",
}
_NAMES: Final = {"log", "exp", "tanh", "cos", "cosh", "sin", "arctan", "max", "min", "arg", "sqrt"}
_RELATIONS: Final = {
    "le": "≤",
    "ge": "≥",
    "ne": "≠",
    "in": "∈",
    "notin": "∉",
    "cup": "∪",
    "cap": "∩",
    "sim": "∼",
    "cdot": "·",
    "mid": "|",
    "to": "→",
    "approx": "≈",
    "|": "‖",
    "setminus": "∖",
}
_LITERAL: Final = {"dots": "…", "pm": "±", "mp": "∓", "{": "{", "}": "}", "#": "#", "%": "%"}
_SPACES: Final = {",": " ", " ": " ", ";": " ", ":": " ", "!": "", "quad": "\0", "qquad": "\0"}
_PLAIN: Final = {**_SPACES, **_LITERAL, **{name: f" {symbol} " for name, symbol in _RELATIONS.items()}}
_RAISED: Final = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_HALVES: Final = {("1", "2"): "½", ("1", "4"): "¼", ("3", "4"): "¾"}
_CIRCUMFLEX: Final = "\u0302"
# What a fraction may have above, or below, its stroke without parentheses around it.
_BARE_BELOW: Final = re.compile(r"∂.*|\d+|\w′?(_\w+)?[²³]?|\w+\([^()]*\)")
_JOINS: Final = re.compile(r" [-+=] ")
_LOOSE: Final = re.compile(r"^(?!∂).+ (log|exp|tanh|cos) ")
_APPLIED: Final = re.compile(r"\b(log|exp|tanh|cos) ?$")
_FRACTIONS: Final = {r"\frac", r"\tfrac", r"\dfrac"}
_OPERATORS: Final = set("=+-<>")


def plain(latex: str) -> str:
    r"""Return a formula as plain text.

    Examples:
        >>> print(plain(r"f(x) = x\,\Phi(x)"))
        f(x) = x Φ(x)
        >>> print(plain(r"\frac{1}{1 + e^{-x}}"))
        1/(1 + e^(-x))
        >>> print(plain(r"\alpha_t (1 - p_t)^{\gamma} \log p_t"))
        α_t (1 - p_t)^γ log p_t
    """
    return "\n".join(plain_lines(latex))


def plain_lines(latex: str) -> list[str]:
    r"""Return a formula as plain text, one line for each part that the LaTeX sets apart with `\quad`."""
    text = _Reader(latex).sequence().replace("\0", "\n")
    text = unicodedata.normalize("NFC", text)
    lines = (_tidy(line) for line in text.split("\n"))
    return [line for line in lines if line]


def _tidy(text: str) -> str:
    text = re.sub(r"[ \t]+", " ", text)
    text = re.sub(r"\( ", "(", text)
    text = re.sub(r" ([),;])", r"\1", text)
    text = re.sub(r"(^|[=(\[{,] ?)([-∓±]) ", r"\1\2", text)  # a sign, not a difference
    text = re.sub(r"∂ ", "∂", text)
    text = re.sub(r"½ (?=\(|\w(\W|[_²³]|$))", "½", text)
    text = re.sub(r"\b(log|exp|tanh|cos) \(", r"\1(", text)
    return text.strip().removesuffix(",").removesuffix(";").strip()


class _Reader:
    """One pass over the tokens of a formula."""

    def __init__(self, latex: str) -> None:
        self._tokens = _TOKEN.findall(latex)
        self._at = 0

    def sequence(self) -> str:
        """Return everything up to the end, or to the brace that closes this group."""
        said = ""
        while self._peek() not in {"", "}"}:
            token = self._peek()
            self._at += 1
            one = self._one(token)
            if token in _FRACTIONS:
                one = self._fraction_in_place(one, said)
            said += one
        self._at += 1
        return said

    def _fraction_in_place(self, fraction: str, before: str) -> str:
        """Return a fraction in brackets where a function before it, or a factor after it, would tear it apart."""
        if _APPLIED.search(before):
            return f"({fraction.strip()})"
        following = next((t for t in self._tokens[self._at :] if not t.isspace() and t != "\\,"), "")
        multiplies = following.isalpha() or following == "("
        return f"({fraction.strip()}) " if "∂" in fraction and multiplies else fraction

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _argument(self) -> str:
        while self._peek().isspace():
            self._at += 1
        first = self._peek()
        self._at += 1
        return (self.sequence() if first == "{" else self._one(first)).strip()

    def _raw_argument(self) -> str:
        self._at += 1  # the opening brace
        start = self._at
        while self._peek() not in {"", "}"}:
            self._at += 1
        self._at += 1
        return "".join(self._tokens[start : self._at - 1])

    def _one(self, token: str) -> str:
        match token[0]:
            case "\\":
                return self._command(token[1:])
            case "{":
                return self.sequence()
            case "^":
                return _raised(self._argument())
            case "_":
                return _lowered(self._argument())
            case "'":
                return "′"
            case _:
                return " " if token.isspace() else token

    def _command(self, name: str) -> str:
        if name in _PLAIN:
            return _PLAIN[name]
        if name in _SYMBOLS:
            self._skip_space()
            return _SYMBOLS[name] if name != "sum" or self._peek() == "_" else "Σ "
        if name in _NAMES:
            return self._named(name)
        return self._structure(name)

    def _structure(self, name: str) -> str:
        match name:
            case "frac" | "tfrac" | "dfrac":
                return _fraction(self._argument(), self._argument())
            case "text":
                return f" {self._raw_argument().strip()}" + ("" if self._peek() == "(" else " ")
            case "mathrm" | "operatorname":
                return self._named(self._argument())
            case "hat":
                letter = self._argument()
                return letter + _CIRCUMFLEX
            case "left" | "right":
                return "" if self._peek() != "." else self._empty()
            case _:
                return f"\\{name}"

    def _named(self, name: str) -> str:
        """Return the name of a function, set off from what it is applied to unless a bracket does that."""
        self._skip_space()
        return f" {name}" + ("" if self._peek() in {"(", "_", "^", "'", "", "}", "\\left"} else " ")

    def _skip_space(self) -> None:
        after = self._tokens[self._at + 1] if self._at + 1 < len(self._tokens) else ""
        if self._peek().isspace() and after not in _OPERATORS:  # it only ends the command's name
            self._at += 1

    def _empty(self) -> str:
        self._at += 1
        return ""


def _raised(text: str) -> str:
    if text.isdigit():
        return text.translate(_RAISED)
    return f"^{text}" if len(text) == 1 else f"^({text})"


def _lowered(text: str) -> str:
    return f"_{text}" if text.replace("′", "").isalnum() or len(text) == 1 else f"_({text})"


def _fraction(above: str, below: str) -> str:
    if (above, below) in _HALVES:
        return f" {_HALVES[above, below]} "
    loose = _LOOSE.search(above) or (_JOINS.search(above) and not _is_enclosed(above))
    over = f"({above})" if loose else above
    under = below if _BARE_BELOW.fullmatch(below) else f"({below})"
    return f" {over}/{under} "


def _is_enclosed(text: str) -> bool:
    """Whether every sum in the text stands inside brackets."""
    depth = 0
    for i, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if depth == 0 and text[i : i + 3] in {" + ", " - ", " = "}:
            return False
    return True
