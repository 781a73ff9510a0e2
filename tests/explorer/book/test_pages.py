"""The pages of the book, and what the server answers to a question."""

from __future__ import annotations

import httpx
from tests.each import each

from slopes.explorer.book.chapter import body, exercises
from slopes.explorer.book.contents import BY_ID, CHAPTERS
from slopes.explorer.book.glossary import glossary
from slopes.explorer.site.pages import QUESTION


def test_the_landing_page_asks_what_the_book_asks() -> None:
    page = body(BY_ID["surprise"])
    start = page.index('<section class="predict" id="surprise-dearer"')
    asked = page[start : page.index("</section>", start)]
    for part in QUESTION.removesuffix("</section>").split("<h2>Predict</h2>"):
        first, _, rest = part.partition("</form>")
        assert first in asked
        assert rest in asked


def test_the_contents_name_every_chapter_in_order(client: httpx.Client) -> None:
    page = client.get("/book").text
    places = [page.index(f'href="{chapter.address}"') for chapter in CHAPTERS]
    assert places == sorted(places)
    numbers = [chapter.number for chapter in CHAPTERS]
    assert numbers == sorted(
        numbers, key=lambda number: (number.isalpha(), int(number) if number.isdigit() else number)
    )


def test_the_glossary_explains_every_word(client: httpx.Client) -> None:
    page = client.get("/book/glossary").text
    for term in glossary().values():
        assert f'id="{term.id}"' in page


def test_an_answer_is_judged_and_nothing_is_kept(client: httpx.Client) -> None:
    at = "/api/exercise/surprise/dearer"
    wrong, right, none = (client.get(at, params={"answer": answer}) for answer in ("99", "458", "many"))
    assert wrong.json()["right"] is False
    assert "458" in wrong.json()["said"]
    assert right.json()["right"] is True
    assert right.headers.get("set-cookie") is None
    assert none.status_code == 400
    assert "give one, such as" in none.json()["error"]


def test_a_chart_to_draw_on_is_there_for_what_is_drawn(client: httpx.Client) -> None:
    for chapter in CHAPTERS:
        for exercise in exercises(chapter).values():
            answer = client.get(f"/api/exercise/{chapter.id}/{exercise.id}/chart", params={"theme": "dark"})
            assert answer.status_code == (200 if exercise.kind in {"sketch", "place"} else 404), exercise.id


@each(
    ("path", "said"),
    [
        ("/api/exercise/suprise/dearer", "surprise"),
        ("/api/exercise/surprise/deerer", "dearer"),
        ("/api/exercise/surprise/dearer/chart", "theme"),
    ],
)
def test_a_wrong_address_is_told_what_was_meant(client: httpx.Client, path: str, said: str) -> None:
    answer = client.get(path)
    assert answer.status_code in {400, 404}
    assert said in answer.json()["error"]


def test_no_such_chapter(client: httpx.Client) -> None:
    answer = client.get("/book/suprise")
    assert answer.status_code == 404
    assert 'href="/book/surprise"' in answer.text
