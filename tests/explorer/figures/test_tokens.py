"""Token losses against softmax in plain Python: what is asked where, what counts, means and perplexities."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from tests.each import each

from slopes.explorer.figures.context import Context
from slopes.explorer.figures.cost import Costs
from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.result import Result
from slopes.explorer.figures.tokens.figure import build

TEXT = ["What", "is", "the", "capital", "of", "France", "?", "It", "is", "Paris", ".", "<pad>", "<pad>"]
WORDS = [
    "What",
    "is",
    "the",
    "capital",
    "of",
    "France",
    "?",
    "It",
    "Paris",
    ".",
    "Lyon",
    "Rome",
    "a",
    "<pad>",
    "[MASK]",
]
SECOND = (  # logits that are not those of a word left alone, and the token that is asked for
    ({"capital": 1.5, "France": 0.5}, "capital"),
    ({"of": 4, "is": 1}, "is"),
    ({"Paris": 2.5, "the": 2, "Rome": 0.5}, "Rome"),
)
COUNTS = {
    "all": [i < 10 for i in range(12)],  # between eleven real tokens
    "answer": [6 <= i < 10 for i in range(12)],  # "?" asks for "It", and so on up to "."
    "padding": [True] * 12,
}


@pytest.fixture(scope="module")
def figure() -> Figure:
    return build(Context(catalog=(), costs=Costs(lambda _: None, {})))


def compute(figure: Figure, **changes: object) -> Result:
    return figure.compute(figure.parse([(name, str(value)) for name, value in changes.items()]))


def surprise(row: dict[str, float], word: str) -> float:
    """-log of the softmax at a word."""
    alone = {"<pad>": -4.0, "[MASK]": -8.0}
    return math.log(math.fsum(math.exp(row.get(w, alone.get(w, 0.0))) for w in WORDS)) - row.get(
        word, alone.get(word, 0.0)
    )


def positions(result: Result) -> list[tuple[str, str, float, bool]]:
    losses = result.datasets["chances"]["loss"]
    return [(r[1], r[2], loss, r[5] == "yes") for r, loss in zip(result.tables[0].rows, losses, strict=True)]


def test_each_position_is_asked_for_the_token_after_it(figure: Figure) -> None:
    found = positions(compute(figure))
    assert [(shown, asked) for shown, asked, *_ in found] == list(pairwise(TEXT))
    assert found[0][2] == pytest.approx(surprise({"is": 3, "the": 1}, "is"), rel=1e-9)
    assert found[3][2] == pytest.approx(surprise({"of": 4, ".": 1}, "of"), rel=1e-9)


@each("logit", [-3.0, 0.0, 8.0])
def test_the_logit_of_paris_moves_the_position_that_asks_for_it(figure: Figure, logit: float) -> None:
    found = positions(compute(figure, paris=logit))
    row = {"Paris": logit, "the": 1.5, "Lyon": 1.5, "Rome": 1, "a": 1}
    assert found[8][1] == "Paris"
    assert found[8][2] == pytest.approx(surprise(row, "Paris"), rel=1e-9)
    assert found[6][2] == positions(compute(figure))[6][2]  # the other place where Paris has a logit


@each("mask", COUNTS)
def test_the_mean_is_over_what_the_mask_lets_count(figure: Figure, mask: str) -> None:
    result = compute(figure, mask=mask)
    found = positions(result)
    assert [counts for *_, counts in found] == COUNTS[mask]
    losses = [loss for _, _, loss, counts in found if counts]
    mean = sum(losses) / len(losses)
    assert result.printed[:2] == pytest.approx((mean, math.exp(mean)), rel=1e-9)


@each("mask", COUNTS)
def test_the_perplexity_of_both_is_that_of_all_their_tokens(figure: Figure, mask: str) -> None:
    result = compute(figure, mask=mask)
    other = [surprise(row, word) for row, word in SECOND]
    losses = [loss for _, _, loss, counts in positions(result) if counts]
    together = losses + other
    assert result.printed[2] == pytest.approx(math.exp(sum(together) / len(together)), rel=1e-9)
    ours, second, mean, joint = result.datasets["texts"]["ppl"]
    assert second == pytest.approx(math.exp(sum(other) / 3), rel=1e-9)
    assert mean == pytest.approx((ours + second) / 2)
    assert abs(joint - mean) > 1


@each("draw", range(1, 31))
def test_masked_tokens_alone_are_asked_for_and_none_is_shifted(figure: Figure, draw: int) -> None:
    result = compute(figure, task="mlm", share=0.5, draw=draw)
    found = positions(result)
    assert [asked for _, asked, *_ in found] == TEXT
    assert all(shown == asked for shown, asked, _, counts in found if not counts)
    assert not any(counts for *_, counts in found[-2:])  # padding is never chosen
    losses = [loss for _, _, loss, counts in found if counts]
    assert result.printed[0] == pytest.approx(sum(losses) / max(len(losses), 1), rel=1e-9)
    for i, row in ((1, {"is": 4.0}), (4, {"of": 4.0})):
        shown, asked, loss, _ = found[i]
        seen = {**row, shown: row.get(shown, 0.0) + 4} if shown != "[MASK]" else row
        assert loss == pytest.approx(surprise(seen, asked), rel=1e-9)


def test_of_the_chosen_eight_in_ten_are_masked(figure: Figure) -> None:
    for share in (0.15, 0.6):
        rows = compute(figure, share=share).tables[1].rows
        chosen, gone, drawn, kept = (int(row[2].replace(",", "")) for row in rows)
        assert gone + drawn + kept == chosen
        spread = lambda p, n: 5 * math.sqrt(n * p * (1 - p))  # noqa: E731  five standard deviations
        assert chosen == pytest.approx(10_000 * share, abs=spread(share, 10_000))
        assert gone == pytest.approx(0.8 * chosen, abs=spread(0.8, chosen))
        assert drawn == pytest.approx(0.1 * chosen, abs=spread(0.1, chosen))


def test_a_draw_that_chooses_nothing_is_told(figure: Figure) -> None:
    result = compute(figure, task="mlm", draw=6)
    assert result.printed[0] == 0
    assert "no token was chosen" in result.reading
    assert result.datasets["texts"]["label"] == ["second", "all tokens"]


@each(
    ("changes", "said"),
    [
        ({}, "All 10 predictions between real tokens count. Their mean loss is"),
        ({"mask": "answer"}, "Only the 4 tokens of the answer count; the question is read, not learned."),
        (
            {"mask": "padding"},
            "All 12 predictions count, 2 of them padding, which is easy: without it the mean is 0.6713",
        ),
        ({"task": "mlm", "draw": 1}, "One token of 11 was chosen; only what is asked for there counts. Its loss is"),
    ],
)
def test_the_sentence_says_what_holds(figure: Figure, changes: dict[str, object], said: str) -> None:
    assert said in compute(figure, **changes).reading


def test_a_second_shift_asks_for_the_token_after_the_next(figure: Figure) -> None:
    held = compute(figure).corrections[3].holds
    rows = [{"is": 3, "the": 1}, {"the": 3, "a": 2}, {"capital": 1.5, "France": 0.5}, {"of": 4, ".": 1}]
    rows += [{"France": 2.5, "the": 2, "a": 1}, {"?": 3, ".": 2}, {"It": 2.5, "Paris": 2.5, "the": 1.5, "Lyon": 0.5}]
    rows += [{"is": 4}, {"Paris": 3, "the": 1.5, "Lyon": 1.5, "Rome": 1, "a": 1}]
    losses = [surprise(row, TEXT[i + 2]) for i, row in enumerate(rows)]
    assert f"becomes {sum(losses) / len(losses):.2f}," in held
