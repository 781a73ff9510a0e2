"""The pages as HTML, filled before torch is there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Final

from slopes._core.names import near
from slopes.explorer.book.contents import CHAPTERS, of_figure
from slopes.explorer.book.text import Plate, live
from slopes.explorer.figures.contents import BY_ID, PAGES
from slopes.explorer.figures.page import Page
from slopes.explorer.figures.standalone import PICTURE
from slopes.explorer.site import maths_font
from slopes.shown import palette

FOLDER: Final = Path(__file__).parent / "assets"
CARDS: Final = Path(__file__).parents[2] / "cards"


@cache
def _template(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def runtime_names() -> dict[str, str]:
    """Return the URLs of what comes out of installed wheels; a new version is a new URL."""
    return {
        "vega": f"/runtime/vega-{version('vl-convert-python')}.js",
        "font": f"/runtime/{maths_font.name()}",
    }


_HYPHENATED: Final = re.compile(r"\w+-\w+")  # a headline that is balanced would end a line within it


def asset(name: str) -> bytes:
    """Return a style sheet or module, the palette and the font's URL put in."""
    return _filled(name, {"palette": palette.stylesheet(), "font": runtime_names()["font"]}).encode()


HIDDEN: Final = (
    *("lead", "reading", "numbers", "controls", "presets", "formulas", "corrections"),
    *("tables", "python", "exports", "onward"),
)  # what a teacher may leave out of a figure, by `?hide=`


def figure_page(
    page: Page, theme: str, query: str = "", *, hide: Sequence[str] = (), embed: bool = False, host: str = ""
) -> str:
    """Return a figure's page, its charts and controls still empty, and where one may go from it.

    Args:
        page: Which figure.
        theme: `"light"`, `"dark"` or `"auto"`.
        query: Of the address; readers without JavaScript, and links elsewhere, get its state as a picture.
        hide: Parts that are left out, of `HIDDEN`.
        embed: Whether the page stands in another one, without head and foot.
        host: Where the page is, for the address of its picture.
    """
    figures = "\n".join(
        f"<figure><figcaption>{caption}</figcaption>"
        f'<div class="plate" data-chart="{escape(name)}" '
        f'data-label="{escape(label)}"></div></figure>'
        for name, caption, label in page.plates
    )
    parts = {
        "id": page.id,
        "claim": _HYPHENATED.sub(r'<span class="unbroken">\g<0></span>', escape(page.claim)),
        "lead": escape(page.lead),
        "figures": figures,
        "row": " ".join(["plates-row", *["wide"] * (len(page.plates) == 1), *["abreast"] * page.abreast]),
        "onward": _onward(page),
        "hide": " ".join(hide),
        "query": escape(f"?{query}") if query else "",
        "described": escape(" ".join(f"{label}." for _, _, label in page.plates)),
    }
    picture = f"{host}/export/{page.id}.png{parts['query']}" if host else ""
    body = _filled("figure.html", parts)
    return _shell(page.claim, body, theme, page.id, page.lead, picture=picture, frame="embed" if embed else "")


def landing_page(plates: str | None, theme: str) -> str:
    """Return the landing page; without plates it holds their place."""
    parts = {
        "plates": plates or "",
        "waiting": "" if plates else "data-waiting",
        "question": QUESTION,
        "plate": live(_OPENING, "Cross-entropy", "What a probability costs, once the truth is known"),
        "figures": str(len(PAGES)),
        "topics": _topics(),
    }
    body = _filled("landing.html", parts)
    return _shell("Every activation and loss, its value and its slope", body, theme, "")


_OPENING: Final = Plate("cross-entropy", "p=0.03", ("loss",), ("p",))
# A question of the book, as the book has it; it is worked out only when it is answered, since torch takes a while.
QUESTION: Final = (
    '<section class="predict" id="surprise-dearer" data-exercise="surprise/dearer" data-kind="guess" '
    'data-asked="{&quot;unit&quot;: &quot;times&quot;, &quot;power&quot;: false}" '
    'aria-labelledby="surprise-dearer-question"><h2>Predict</h2><p class="question" id="surprise-dearer-question">It '
    "happened. How many times dearer should it be to have said 1 % than to have said 99 %?</p><form>"
    '<label class="given"><input type="text" inputmode="text" name="answer" autocomplete="off" '
    'aria-labelledby="surprise-dearer-question" size="8"><span>times</span></label>'
    '<button type="submit">Reveal</button>'
    '</form><div class="verdict" data-part="verdict" role="status"></div></section>'
)


@cache
def _topics() -> str:
    """Return the chapters and figures that a search may mean, each with the words that lead to it."""
    found = [(c.address, f"{c.number} {c.title}", "chapter", f"{c.title} {c.question} {c.words}") for c in CHAPTERS]
    found += [(f"/{page.id}", page.claim, "figure", f"{page.short} {page.claim} {page.lead}") for page in PAGES]
    items = "".join(
        f'<li data-words="{escape(words.lower())}" hidden><a href="{address}">{escape(label)}</a> '
        f"<span>{kind}</span></li>"
        for address, label, kind, words in found
    )
    return f'<ul id="topics" class="topics" hidden>{items}</ul>'


def missing_page(theme: str, path: str = "") -> str:
    """Return the page for an address where there is none, and what was meant where that can be guessed."""
    names = {card.stem: f"/functions/{card.stem}" for card in CARDS.glob("*.md")}
    names |= {name: f"/{name}" for name in [*(page.id for page in PAGES), *(link for link, _ in _LINKS)]}
    names |= {chapter.id: chapter.address for chapter in CHAPTERS}
    wanted = path.rpartition("/")[2].lower().replace(" ", "_")
    found = [name for name in (wanted, wanted.replace("-", "_"), wanted.replace("_", "-")) if name in names][:1]
    found = found or near(wanted, names, most=3)
    links = " or ".join(f'<a href="{names[name]}">{names[name]}</a>' for name in found)
    guess = f"<p>Did you mean {links}?</p>" if found else ""
    return _shell("No such page", _filled("missing.html", {"guess": guess}), theme, "nowhere")


def text_page(title: str, body: str, theme: str, here: str) -> str:
    """Return a page of running text or tables around its own body."""
    return _shell(title, f'<div class="text">{body}</div>', theme, here)


_ABOUT: Final = "Every activation and loss function, seen and computed by the library that trains."
_LINKS: Final = (
    ("book", "Book"),
    ("figures", "Atlas"),
    ("functions", "Functions"),
    ("choose", "Choose"),
)


def figures_page(theme: str) -> str:
    """Return the list of all figures."""
    items = "".join(
        f'<li><a href="/{page.id}">{_pictures(page)}<span class="name">{escape(page.claim)}</span></a>'
        f'<span class="use">{escape(page.lead)}</span></li>'
        for page in PAGES
    )
    body = (
        "<h1>The figures</h1>"
        '<p class="lead">Each shows one thing, and lets you take it apart. Every number is computed by the library.</p>'
        f'<ol class="figures">{items}</ol>'
    )
    return _shell("The figures", body, theme, "figures")


def _pictures(page: Page) -> str:
    """Return a small picture of a figure for each theme; what is not seen is not asked for."""
    width, height = PICTURE
    return "".join(
        f'<img class="in-{theme}" src="/picture/{theme}/{page.id}.svg" width="{width}" height="{height}" '
        'loading="lazy" alt="">'
        for theme in ("light", "dark")
    )


def _onward(page: Page) -> str:
    """Return where a figure leads: the chapters about it, the figures beside it, the functions that it draws."""
    place = PAGES.index(page)
    around = [
        f'<a rel="{rel}" href="/{PAGES[there].id}">{label.format(escape(PAGES[there].short))}</a>'
        for rel, there, label in (("prev", place - 1, "← {}"), ("next", place + 1, "{} →"))
        if 0 <= there < len(PAGES)
    ]
    told = [f'<a href="{c.address}">{escape(c.number)} {escape(c.title)}</a>' for c in of_figure(page.id)]
    book = f"<p>In the book: {', '.join(told)}</p>" if told else ""
    return f'<nav class="onward" aria-label="From here">{book}<p>{" ".join(around)}</p></nav>'


def _shell(
    title: str, body: str, theme: str, here: str, about: str = _ABOUT, *, picture: str = "", frame: str = ""
) -> str:
    figure = here in BY_ID
    nav = " ".join(
        f'<a href="/{link}"{_current(link, here, figure=figure)}>{escape(label)}</a>' for link, label in _LINKS
    )
    parts = {
        "title": escape(title),
        "about": escape(about),
        "body": body,
        "nav": nav,
        "theme": theme,
        "frame": frame,
        "picture": f'<meta property="og:image" content="{picture}">' if picture else "",
        **runtime_names(),
    }
    return _filled("shell.html", parts)


def _current(link: str, here: str, *, figure: bool) -> str:
    if link == here:
        return " aria-current=page"
    return " aria-current=true" if (figure and link == "figures") or here.startswith(f"{link}/") else ""


def _filled(name: str, parts: dict[str, str]) -> str:
    text = _template(name)
    for key, value in parts.items():
        text = text.replace(f"{{{{{key}}}}}", value)
    return text
