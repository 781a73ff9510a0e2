"""Pages of text: cards, tables, the decision page, and files of a figure's state."""

from __future__ import annotations

import html
import re

import httpx
from tests.each import each

from slopes.catalog import CATALOG
from slopes.explorer.book.contents import CHAPTERS, of_figure
from slopes.explorer.choose import pairs
from slopes.explorer.figures.contents import PAGES
from slopes.explorer.site import exports

NAMES = [spec.name for spec in CATALOG]


@each("name", NAMES)
def test_every_function_has_a_card(client: httpx.Client, name: str) -> None:
    answer = client.get(f"/functions/{name}")
    assert answer.status_code == 200
    assert answer.text.count("<h1>") == 1
    assert "<math" in answer.text
    for wanted in ("What it is for", "Traps", "Worked example", "What goes in and comes out"):
        assert f"<h2>{wanted}</h2>" in answer.text


@each(
    ("alias", "name"),
    [("silu", "swish"), ("L1", "mae"), ("pinball", "quantile"), ("smooth%20l1", "smooth_l1"), ("NLL", "cross_entropy")],
)
def test_a_card_is_found_by_other_names(client: httpx.Client, alias: str, name: str) -> None:
    answer = client.get(f"/functions/{alias}")
    assert answer.status_code == 307
    assert answer.headers["location"] == f"/functions/{name}"


def test_no_function_of_that_name(client: httpx.Client) -> None:
    assert client.get("/functions/swoosh").status_code == 404


def test_links_lead_somewhere(client: httpx.Client) -> None:
    links: set[str] = set()
    for name in NAMES:
        links |= set(re.findall(r'href="(/[^"#]*)"', client.get(f"/functions/{name}").text))
    links |= set(re.findall(r'href="(/[^"#]*)"', client.get("/choose").text))
    for page in ("/", "/figures", "/book", "/book/glossary", *(f"/{page.id}" for page in PAGES)):
        links |= set(re.findall(r'href="(/[^"#]*)"', client.get(page).text))
    for chapter in CHAPTERS:
        links |= set(re.findall(r'href="(/[^"#]*)"', client.get(chapter.address).text))
    assert len(links) > 60
    files = {link for link in links if link.startswith("/export/")}  # each kind is written by a test of its own
    for link in links - files | {file for file in files if file.startswith("/export/kl.")}:
        assert client.get(link).status_code in {200, 307}, link


def test_the_tables_hold_every_function_once(client: httpx.Client) -> None:
    text = client.get("/functions").text
    assert re.findall(r'<th scope="row"[^>]*><a href="/functions/(\w+)"', text) == sorted(
        NAMES, key=lambda name: ["activation", "loss", "tool"].index(next(s.kind for s in CATALOG if s.name == name))
    )


def test_the_decision_page_names_losses_and_figures_that_there_are() -> None:
    every = [pair for _, group in pairs.GROUPS for pair in group]
    assert len(every) > 20
    for pair in every:
        assert set(pair.losses) <= set(NAMES)
        assert not pair.figure or pair.figure in {page.id for page in PAGES}
        assert pair.losses[0] in NAMES


def test_a_figure_leads_on(client: httpx.Client) -> None:
    for page in PAGES:
        text = client.get(f"/{page.id}").text
        assert ('rel="prev"' in text) == (page != PAGES[0])
        assert ('rel="next"' in text) == (page != PAGES[-1])
        for chapter in of_figure(page.id):
            assert f'href="{chapter.address}"' in text


def test_a_figure_stands_in_a_course_page_without_what_the_teacher_leaves_out(client: httpx.Client) -> None:
    plain = client.get("/line-fit")
    assert "frame-ancestors 'none'" in plain.headers["content-security-policy"]
    assert 'class=""' in plain.text
    framed = client.get("/line-fit?embed&hide=reading,tables&delta=2")
    assert "frame-ancestors *" in framed.headers["content-security-policy"]
    assert 'class="embed"' in framed.text
    assert 'data-hide="reading tables"' in framed.text
    assert (
        f'content="{str(client.base_url).rstrip("/")}/export/line-fit.png?embed&amp;hide=reading,tables&amp;delta=2"'
        in (framed.text)
    )
    wrong = client.get("/line-fit?hide=raeding")
    assert wrong.status_code == 400
    assert "reading" in wrong.json()["error"]


def test_where_the_tour_was_the_book_is(client: httpx.Client) -> None:
    assert client.get("/tour").headers["location"] == "/book"
    assert client.get("/activations", params={"tour": "3"}).status_code == 200


@each(
    ("path", "meant"),
    [
        ("/relu", "/functions/relu"),
        ("/focl", "/focal"),
        ("/functions/geluu", "/functions/gelu"),
        ("/figure", "/figures"),
    ],
)
def test_a_wrong_address_is_answered_with_what_was_meant(client: httpx.Client, path: str, meant: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert f'<a href="{meant}">{meant}</a>' in answer.text


def test_a_page_without_javascript_has_its_picture(client: httpx.Client) -> None:
    body = client.get("/softmax-temperature?t=2").text
    picture = re.search(r'<noscript><p><img src="([^"]*)" alt="[^"]{20,}"', body)
    assert picture
    assert picture[1] == "/export/softmax-temperature.svg?t=2"
    assert client.get(picture[1]).text.startswith("<svg")
    assert '<meta name="description" content="' in body


def test_an_exported_page_quotes_what_it_corrects(client: httpx.Client) -> None:
    """Assert that what is told elsewhere does not stand there as a fact."""
    body = client.get("/export/kl.html").text
    stated = [c["stated"] for c in client.get("/api/kl").json()["corrections"]]
    assert stated
    assert all(f"<q>{html.escape(claim)}</q>" in body for claim in stated)


@each(("kind", "start"), [("png", b"\x89PNG"), ("svg", b"<svg"), ("csv", b"dataset,")])
def test_a_state_is_exported_as_a_file(client: httpx.Client, kind: str, start: bytes) -> None:
    answer = client.get(f"/export/softmax-temperature.{kind}?t=2&theme=dark")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(exports.KINDS[kind].partition(";")[0])
    assert answer.headers["content-disposition"] == f'attachment; filename="softmax-temperature.{kind}"'
    assert answer.content.startswith(start)


@each(
    ("path", "status"),
    [
        ("/export/softmax-temperature.pdf", 404),
        ("/export/nothing.png", 404),
        ("/export/softmax-temperature", 404),
        ("/export/softmax-temperature.svg?t=nan", 400),
        ("/export/softmax-temperature.svg?theme=pink", 400),
        ("/api/softmax-temperature?tables=1,x", 400),
        ("/api/softmax-temperature?tables=0&tables=0", 400),
    ],
)
def test_what_cannot_be_exported_or_shown_says_why(client: httpx.Client, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.json()["error"].endswith(".")
