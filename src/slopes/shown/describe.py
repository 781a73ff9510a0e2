"""What the catalogue says of a function, as text for a person and as data for a program."""

from __future__ import annotations

import inspect
import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Final

from slopes._core.spec import Domain, Holds, Parameter, Smooth, Spec
from slopes.shown.readable import plain_lines

WIDTH: Final = 80
_INDENT: Final = 2
_COLUMN: Final = 15

_HOLDS: Final[dict[Holds, str]] = {
    "real": "any real number",
    "positive": "a number above 0",
    "nonzero": "a number other than 0",
    "above_minus_one": "a number above -1",
    "count": "a whole number, at least 0",
    "probability": "a number in [0, 1]",
    "hard_label": "0 or 1",
    "sign": "-1 or +1",
    "class_index": "int64, a class index in [0, C)",
    "token": "int64, a token in [0, V)",
    "label": "int64, equal where two items belong together",
    "length": "int64, how many entries of a row count",
    "boolean": "True or False",
    "log_probability": "a log-probability, at most 0",
    "log_distribution": "log-probabilities that sum to 1 over the last dimension",
}
_ROOMS: Final = {"activation": "slopes.activations", "loss": "slopes.losses", "tool": "slopes.losses"}
_KINDS: Final = {"activation": "Activations", "loss": "Losses", "tool": "Tools beside them"}


_SMOOTH: Final[dict[Smooth, str]] = {
    "twice": "twice differentiable everywhere",
    "once": "once differentiable everywhere: the slope bends",
    "no": "not differentiable everywhere: the slope jumps",
}
_NUMBERS: Final[frozenset[Holds]] = frozenset(
    {"real", "positive", "probability", "log_probability", "log_distribution"}
)


def smoothness(spec: Spec) -> str:
    """Return how often a function is differentiable, in words; empty where it takes no numbers to differentiate by."""
    return _SMOOTH[spec.smooth] if any(given.holds in _NUMBERS for given in spec.inputs) else ""


def table(specs: Sequence[Spec]) -> str:
    """Return functions by kind and family, each with one line on what it is for."""
    lines: list[str] = []
    for kind, heading in _KINDS.items():
        chosen = [spec for spec in specs if spec.kind == kind]
        if not chosen:
            continue
        lines += [*([""] if lines else []), heading]
        for family in dict.fromkeys(spec.family for spec in chosen):
            lines += ["", f"{' ' * _INDENT}{family}"]
            members = [spec for spec in chosen if spec.family == family]
            column = max(14, *(len(spec.name) for spec in members)) + 3 * _INDENT
            for spec in members:
                lines += _hanging(spec.name, [spec.summary], indent=2 * _INDENT, column=column)
    return "\n".join([*lines, "", _count(specs)])


def _count(specs: Sequence[Spec]) -> str:
    said = f"{len(specs)} function{'' if len(specs) == 1 else 's'}"
    return f"{said}. `slopes show NAME` explains one, `slopes plot NAME` draws it."


def as_text(spec: Spec) -> str:
    """Return all about one function, in 80 columns."""
    lines = [spec.title, f"{_ROOMS[spec.kind]}.{spec.name}, {_article(spec.kind)} of the {spec.family} family"]
    lines += textwrap.wrap(spec.summary, WIDTH)
    lines += ["", *_formula("value", spec.formula)]
    if spec.slope:
        lines += _formula("slope", spec.slope)
    if spec.kinks:
        lines += _row("kinks", [f"at {', '.join(f'{kink:g}' for kink in spec.kinks)}, where the slope jumps"])
    lines += ["", *_rows("input", [_input(entry) for entry in spec.inputs])]
    lines += _row("output", [_output(spec)])
    lines += _row("nature", [nature]) if (nature := _nature(spec)) else []
    lines += _rows("parameter", [_parameter(parameter) for parameter in spec.parameters])
    if spec.equivalents or spec.convention or spec.aliases:
        lines += [""]
    lines += _rows("elsewhere", [_elsewhere(e.library, e.call, e.differs) for e in spec.equivalents])
    lines += _row("convention", [spec.convention]) if spec.convention else []
    lines += _row("also called", [", ".join(spec.aliases)]) if spec.aliases else []
    lines += _rows("source", [s.citation + (f", {s.where}" if s.where else "") for s in spec.sources])
    lines += ["", *_rows("python", calls(spec))]
    return "\n".join(lines)


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _formula(label: str, latex: str) -> list[str]:
    return [*_row(label, plain_lines(latex)), *_row("  in LaTeX", [latex])]


def _input(entry: Any) -> str:  # noqa: ANN401  an Input, whose own name would shadow the builtin's use here
    optional = "; may be left out" if entry.optional else ""
    return f"{entry.name} {shape(entry.shape)}: {_HOLDS[entry.holds]}{optional}"


def _output(spec: Spec) -> str:
    text = f"{shape(spec.output)}, values in {spec.range}"
    if spec.reduces:
        text += '; the mean of them, one number, unless reduction is "sum" or "none"'
    return text


def _nature(spec: Spec) -> str:
    said = ["each entry depends on one entry alone"] if spec.elementwise else []
    said += [smooth] if (smooth := smoothness(spec)) else []
    if spec.monotone is not None:
        said += ["never decreases" if spec.monotone else "not monotone"]
    return "; ".join(said)


def _parameter(parameter: Parameter) -> str:
    default = "left out" if parameter.default is None else _value(parameter.default)
    among = f"one of {', '.join(parameter.choices)}" if parameter.choices else f"in {parameter.domain}"
    unit = f", {parameter.unit}" if parameter.unit else ""
    return f"{parameter.name} = {default}, {among}{unit}: {parameter.meaning}"


def _value(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _elsewhere(library: str, call: str, differs: str) -> str:
    return f"{library}: {call}" + (f" (differs: {differs})" if differs else "")


def shape(names: Iterable[str]) -> str:
    """Return dimension names as people write a shape: `[..., C]`."""
    return f"[{', '.join(names)}]"


def calls(spec: Spec) -> list[str]:
    """Return how to call a function, and its module, in Python."""
    room = _ROOMS[spec.kind]
    signature = inspect.signature(spec.function)
    said = [f"{room}.{spec.name}{_bare(signature)}"]
    if spec.module is not None:
        said.append(f"{room}.{spec.module.__name__}{_bare(inspect.signature(spec.module))}")
    return said


def _bare(signature: inspect.Signature) -> str:
    """Return a signature without its annotations, which are long and say less than the lines above."""
    parameters = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=parameters, return_annotation=signature.empty))


def _rows(label: str, entries: Sequence[str]) -> list[str]:
    lines: list[str] = []
    for i, entry in enumerate(entries):
        lines += _row("" if i else label, [entry])
    return lines


def _row(label: str, texts: Sequence[str]) -> list[str]:
    return _hanging(label, texts, indent=_INDENT, column=_COLUMN)


def _hanging(label: str, texts: Sequence[str], *, indent: int, column: int) -> list[str]:
    lines: list[str] = []
    for text in texts:
        lines += textwrap.wrap(text, WIDTH - column, break_on_hyphens=False) or [""]
    start = " " * indent + label
    return [(start if i == 0 else "").ljust(column) + line for i, line in enumerate(lines)]


def line_as_data(spec: Spec) -> dict[str, object]:
    """Return the entry of one function in the list."""
    return {
        "name": spec.name,
        "title": spec.title,
        "kind": spec.kind,
        "family": spec.family,
        "summary": spec.summary,
        "aliases": list(spec.aliases),
    }


def as_data(spec: Spec) -> dict[str, object]:
    """Return all about one function as what JSON can hold: an end at infinity is None."""
    return {
        **line_as_data(spec),
        "formula": _formula_as_data(spec.formula),
        "slope": _formula_as_data(spec.slope) if spec.slope else None,
        "inputs": [
            {
                "name": i.name,
                "shape": list(i.shape),
                "holds": i.holds,
                "meaning": _HOLDS[i.holds],
                "optional": i.optional,
            }
            for i in spec.inputs
        ],
        "output": list(spec.output),
        "range": _domain_as_data(spec.range),
        "parameters": [_parameter_as_data(parameter) for parameter in spec.parameters],
        "kinks": list(spec.kinks),
        "elementwise": spec.elementwise,
        "reduces": spec.reduces,
        "smooth": spec.smooth,
        "monotone": spec.monotone,
        "equivalents": [{"library": e.library, "call": e.call, "differs": e.differs} for e in spec.equivalents],
        "convention": spec.convention,
        "sources": [{"citation": s.citation, "where": s.where} for s in spec.sources],
        "python": calls(spec),
    }


def _formula_as_data(latex: str) -> dict[str, object]:
    return {"text": plain_lines(latex), "latex": latex}


def _parameter_as_data(parameter: Parameter) -> dict[str, object]:
    return {
        "name": parameter.name,
        "default": parameter.default,
        "meaning": parameter.meaning,
        "domain": None if parameter.choices else _domain_as_data(parameter.domain),
        "choices": list(parameter.choices),
        "latex": parameter.latex,
        "unit": parameter.unit,
    }


def _domain_as_data(domain: Domain) -> dict[str, object]:
    return {
        "low": domain.low if math.isfinite(domain.low) else None,
        "high": domain.high if math.isfinite(domain.high) else None,
        "low_open": domain.low_open,
        "high_open": domain.high_open,
        "text": str(domain),
    }
