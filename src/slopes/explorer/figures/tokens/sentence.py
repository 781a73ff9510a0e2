"""Two short texts, and the logits that a model gives at each position: fixed, by hand, plausible."""

from __future__ import annotations

from typing import Final

PAD, MASK = "<pad>", "[MASK]"
VOCABULARY: Final = (
    "What", "is", "the", "capital", "of", "France", "?", "It", "Paris", ".", "Lyon", "Rome", "a", PAD, MASK,
)  # fmt: skip
TOKENS: Final = ("What", "is", "the", "capital", "of", "France", "?", "It", "is", "Paris", ".", PAD, PAD)
PROMPT: Final = 7  # tokens of the question; those after it are the answer
REAL: Final = len(TOKENS) - TOKENS.count(PAD)
ANSWER: Final = TOKENS.index("Paris")
SECOND: Final = ("the", "capital", "is", "Rome")
ALONE: Final = {PAD: -4.0, MASK: -8.0}  # logits that are not 0 where nothing is said of them
SEEN: Final = 4.0  # what a visible token adds to its own logit

Row = dict[str, float]  # logits of words; those that are left out are 0, or as in ALONE

_NEXT: Final[tuple[Row, ...]] = (
    {"is": 3.0, "the": 1.0},
    {"the": 3.0, "a": 2.0},
    {"capital": 1.5, "France": 0.5},
    {"of": 4.0, ".": 1.0},
    {"France": 2.5, "the": 2.0, "a": 1.0},
    {"?": 3.0, ".": 2.0},
    {"It": 2.5, "Paris": 2.5, "the": 1.5, "Lyon": 0.5},
    {"is": 4.0},
    {"Paris": 0.0, "the": 1.5, "Lyon": 1.5, "Rome": 1.0, "a": 1.0},
    {".": 4.0, "is": 1.0},
    {PAD: 5.0},
    {PAD: 7.0},
    {PAD: 7.0},
)
_MASKED: Final[tuple[Row, ...]] = (
    {"What": 2.0, "It": 1.5},
    {"is": 4.0},
    {"the": 3.0, "a": 1.5},
    {"capital": 2.0, "Paris": 0.5},
    {"of": 4.0},
    {"France": 2.5, "Paris": 1.0, "Lyon": 1.0},
    {"?": 3.0, ".": 1.5},
    {"It": 2.0, "What": 1.0},
    {"is": 4.0},
    {"Paris": 0.0, "Lyon": 1.5, "Rome": 1.0, "the": 0.5},
    {".": 4.0, "?": 1.0},
    {PAD: 7.0},
    {PAD: 7.0},
)
SECOND_NEXT: Final[tuple[Row, ...]] = (
    {"capital": 1.5, "France": 0.5},
    {"of": 4.0, "is": 1.0},
    {"Paris": 2.5, "the": 2.0, "Rome": 0.5},
    {".": 4.0},
)
SECOND_MASKED: Final[tuple[Row, ...]] = (
    {"the": 3.0 + SEEN},
    {"capital": 2.0 + SEEN},
    {"is": 4.0 + SEEN},
    {"Paris": 2.5, "Lyon": 1.0, "Rome": 0.5},
)


def next_rows(logit: float) -> tuple[Row, ...]:
    """Return the logits for the next token at each position, with that of Paris after "It is"."""
    return tuple({**row, "Paris": logit} if i == ANSWER - 1 else row for i, row in enumerate(_NEXT))


def masked_rows(logit: float, shown: tuple[str, ...]) -> tuple[Row, ...]:
    """Return the logits for the token at each position itself, of a model that sees what is shown.

    What stands on both sides speaks for the true word; a word that is visible, true or not, speaks for itself.
    """
    rows = []
    for i, (row, word) in enumerate(zip(_MASKED, shown, strict=True)):
        now = {**row, "Paris": logit} if i == ANSWER else dict(row)
        if word != MASK:
            now[word] = now.get(word, ALONE.get(word, 0.0)) + SEEN
        rows.append(now)
    return tuple(rows)
