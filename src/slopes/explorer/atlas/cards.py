"""Cards: one page per function, out of its spec and its Markdown, and the reference tables of them all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, Final

from markdown_it import MarkdownIt

from slopes._core.errors import UnknownFunctionError
from slopes._core.spec import Spec
from slopes.catalog import find
from slopes.explorer.atlas.plates import drawing
from slopes.explorer.book.contents import of_function
from slopes.explorer.figures.contents import BY_ID
from slopes.explorer.figures.mathml import mathml
from slopes.shown import describe

_TEXTS: Final = files("slopes") / "cards"
_DTYPES: Final = ("bfloat16", "float16", "float32", "float64")

# In which figures a function can be taken apart, beside the one of all elementwise activations.
_FIGURES: Final[dict[str, tuple[str, ...]]] = {
    "sigmoid": ("pairing", "depth", "layers"),
    "tanh": ("depth", "layers"),
    "relu": ("layers", "depth"),
    "leaky_relu": ("layers",),
    "selu": ("depth",),
    "gelu": ("depth", "layers"),
    "swish": ("depth", "layers"),
    "glu": ("gates",),
    "swiglu": ("gates",),
    "geglu": ("gates",),
    "softmax": ("softmax-temperature", "pairing", "confidence"),
    "log_softmax": ("softmax-temperature",),
    "mse": ("one-weight", "regression-losses", "line-fit", "landscape", "confidence", "noise", "two-players"),
    "mae": ("one-weight", "regression-losses", "line-fit", "landscape"),
    "huber": ("one-weight", "regression-losses", "line-fit", "landscape"),
    "smooth_l1": ("regression-losses",),
    "quantile": ("regression-losses",),
    "binary_cross_entropy": ("cross-entropy", "binary-losses", "pairing", "landscape", "two-players"),
    "cross_entropy": ("confidence", "pairing", "tokens", "calibration"),
    "smooth_labels": ("calibration",),
    "distillation": ("calibration",),
    "next_token": ("tokens",),
    "masked_lm": ("tokens",),
    "sft": ("tokens",),
    "focal": ("focal", "binary-losses"),
    "asymmetric": ("binary-losses",),
    "hinge": ("binary-losses", "two-players"),
    "kl_divergence": ("kl",),
    "js_divergence": ("kl",),
    "entropy": ("kl", "softmax-temperature"),
    "contrastive": ("contrastive-forces",),
    "triplet": ("contrastive-forces",),
    "info_nce": ("info-nce", "line-up"),
    "clip": ("line-up",),
    "bradley_terry": ("preference",),
    "dpo": ("preference",),
    "ipo": ("preference",),
    "kto": ("preference",),
    "orpo": ("preference",),
    "ppo": ("ppo-clip",),
    "diffusion_targets": ("noise",),
    "diffusion_loss": ("noise",),
    "flow_matching": ("noise",),
    "adversarial": ("two-players",),
}


@dataclass(frozen=True, slots=True)
class Card:
    """A function's page."""

    name: str
    title: str
    body: str


def card(name: str) -> Card | None:
    """Return the card of a function, by any of its names; None where there is no such function."""
    try:
        spec = find(name)
    except UnknownFunctionError:
        return None
    return Card(spec.name, spec.title, _body(spec))


@cache
def _body(spec: Spec) -> str:
    sketch, over = drawing(spec)
    over = f"Value solid, slope dashed, {escape(over)}. " if over else "Value solid, slope dashed. " if sketch else ""
    parts = [
        f'<p class="crumb"><a href="/functions">Functions</a> / {escape(spec.family)}</p>',
        f'<h1>{escape(spec.title)}</h1><p class="lead">{escape(spec.summary)}</p>',
        f'<div class="card-top">{_formulas(spec)}',
        f'<figure class="card-sketch">{sketch}{_doors(spec, over)}</figure></div>',
        f'<pre id="call" tabindex="0" aria-label="Call">{escape(chr(10).join(describe.calls(spec)))}</pre>',
        f'<div class="prose">{_prose(spec.name)}</div>',
        _section("What goes in and comes out", _contract(spec)),
        _section("Elsewhere", _elsewhere(spec)),
        _section("Accuracy", _accuracy(spec.name)),
        _section("Sources", _sources(spec)),
    ]
    return "".join(parts)


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>" if body else ""


def _formulas(spec: Spec) -> str:
    lines = [("value", spec.formula), ("slope", spec.slope)]
    said = "".join(
        f'<div class="formula" tabindex="0" role="group" aria-label="{label}"><h2>{label}</h2>'
        f"<div>{mathml(latex)}</div></div>"
        for label, latex in lines
        if latex
    )
    return f"<div>{said}</div>"


def _doors(spec: Spec, over: str) -> str:
    links = []
    if spec.elementwise and spec.kind == "activation":
        links.append((f"/activations?functions={spec.name}", "Draw it"))
    links += [(f"/{page}", BY_ID[page].short) for page in _FIGURES.get(spec.name, ())]
    links += [(chapter.address, f"“{chapter.title}” in the book") for chapter in of_function(spec.name)]
    items = "".join(f'<li><a href="{escape(link)}">{escape(label)}</a></li>' for link, label in links)
    doors = f'<br>Take it apart:<ul class="doors-list">{items}</ul>' if items else ""
    return f"<figcaption>{over}{doors}</figcaption>" if over or doors else ""


@cache
def _prose(name: str) -> str:
    text = _TEXTS / f"{name}.md"
    if not text.is_file():
        return ""
    html: str = MarkdownIt("commonmark", {"html": False}).render(text.read_text("utf-8"))
    return html.replace("<pre>", '<pre tabindex="0">')  # what scrolls can be reached from the keyboard


def _contract(spec: Spec) -> str:
    data: Any = describe.as_data(spec)
    rows = [
        (f"<code>{escape(i['name'])}</code>", describe.shape(i["shape"]), i["meaning"], "optional" * i["optional"])
        for i in data["inputs"]
    ]
    rows += [
        (f"<code>{escape(p['name'])}</code>", f"= {p['default']}", _among(p), p["meaning"]) for p in data["parameters"]
    ]
    rows.append(("result", describe.shape(data["output"]), f"in {spec.range}", _nature(spec)))
    return _table("What goes in and comes out", ("", "shape or default", "values", ""), rows)


def _among(parameter: dict[str, Any]) -> str:
    return "one of " + ", ".join(parameter["choices"]) if parameter["choices"] else f"in {parameter['domain']['text']}"


def _nature(spec: Spec) -> str:
    said = [smooth] if (smooth := describe.smoothness(spec)) else []
    said += [] if spec.monotone is None else ["never falls" if spec.monotone else "falls somewhere"]
    if spec.reduces:
        said.append("its mean, unless reduction says otherwise")
    return "; ".join(said)


def _elsewhere(spec: Spec) -> str:
    rows = [
        (escape(e.library), f"<code>{escape(e.call)}</code>", escape(e.differs) or "the same", "")
        for e in spec.equivalents
    ]
    table = _table("Elsewhere", ("", "call", "how it differs", ""), rows, escaped=True) if rows else ""
    names = f"<p>Also called {escape(', '.join(spec.aliases))}.</p>" if spec.aliases else ""
    convention = f"<p>{escape(spec.convention)}</p>" if spec.convention else ""
    return table + convention + names


@cache
def _measured() -> dict[str, dict[str, list[str]]]:
    data: dict[str, dict[str, list[str]]] = json.loads((_TEXTS / "accuracy.json").read_text("utf-8"))
    return data


def _accuracy(name: str) -> str:
    found = [(f"{name}{form}", words) for form, words in (("", ""), ("_tanh", " (tanh form)"))]
    rows = [
        (f"{dtype}{words}", *_measured()[key][dtype]) for key, words in found if key in _measured() for dtype in _DTYPES
    ]
    if not rows:
        return ""
    note = "<p>Largest error in units of the last place, measured by <code>make accuracy</code>.</p>"
    return note + _table("Accuracy", ("", "exact: value", "slope", "default: value", "slope"), rows)


def _sources(spec: Spec) -> str:
    items = "".join(f"<li>{escape(s.citation)}{', ' + escape(s.where) if s.where else ''}</li>" for s in spec.sources)
    return f"<ul>{items}</ul>" if items else ""


def _table(label: str, heads: Sequence[str], rows: Sequence[Sequence[str]], *, escaped: bool = False) -> str:
    def cell(text: str) -> str:
        return text if escaped or text.startswith("<code>") else escape(text)

    blank = max((i for i, head in enumerate(heads) if head), default=0) + 1
    width = max(blank, *(max((i + 1 for i, text in enumerate(row) if text), default=1) for row in rows))
    head = "".join(f'<th scope="col">{escape(h)}</th>' if h else "<td></td>" for h in heads[:width])
    body = "".join(
        f'<tr><th scope="row">{cell(row[0])}</th>{"".join(f"<td>{cell(c)}</td>" for c in row[1:width])}</tr>'
        for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="table-wrap" tabindex="0" role="region" aria-label="{escape(label)}">{table}</div>'


def tables(catalog: Sequence[Spec]) -> str:
    """Return the reference tables of all activations and of all losses, sortable and searchable."""
    kinds = (("activation", "Activations"), ("loss", "Losses"), ("tool", "Tools beside them"))
    found = [(title, [spec for spec in catalog if spec.kind == kind]) for kind, title in kinds]
    count = sum(len(specs) for _, specs in found)
    head = (
        f"<h1>Every function</h1><p class='lead'>{count} functions under one contract. A name leads to its card; a "
        "column's head sorts by it.</p>"
        '<label class="search"><span>Find a function</span><input type="search" id="filter" '
        'placeholder="silu, L1, pinball …" autocomplete="off" spellcheck="false"></label>'
        '<p class="found" id="filtered" role="status"></p>'
    )
    return head + "".join(_reference(title, specs) for title, specs in found if specs)


def _reference(title: str, specs: Sequence[Spec]) -> str:
    falls = any(spec.monotone is not None for spec in specs)
    heads = ("Function", "Family", "For", "Value", "Range", "Differentiable", *(["Falls"] if falls else []))
    rows = "".join(_line(spec, falls=falls) for spec in specs)
    head = "".join(f'<th scope="col">{head}</th>' for head in heads)
    label = escape(title)
    return (
        f'<h2>{label}</h2><div class="table-wrap" tabindex="0" role="region" aria-label="{label}">'
        f'<table class="sortable reference"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


_SMOOTH: Final = {"twice": "twice", "once": "once", "no": "not everywhere"}


def _line(spec: Spec, *, falls: bool) -> str:
    words = " ".join([spec.name, spec.name.replace("_", " "), spec.title, spec.family, *spec.aliases]).lower()
    where = {None: "", True: "never", False: "somewhere"}[spec.monotone]
    smooth = _SMOOTH[spec.smooth] if describe.smoothness(spec) else "–"
    return (
        f'<tr data-words="{escape(words)}"><th scope="row" data-value="{escape(spec.title)}">'
        f'<a href="/functions/{spec.name}">{escape(spec.title)}</a></th><td>{escape(spec.family)}</td>'
        f"<td>{escape(spec.summary)}</td><td>{mathml(spec.formula)}</td>"
        f'<td data-value="{_order(spec.range.low)}">{escape(str(spec.range))}</td>'
        f"<td>{smooth}</td>{f'<td>{where}</td>' if falls else ''}</tr>"
    )


def _order(value: float) -> str:
    return f"{max(min(value, 1e9), -1e9):.6g}"
