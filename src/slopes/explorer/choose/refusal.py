"""What the decision page does not do, as a status and a sentence."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818  it is no error of the server's
    """A request that cannot be answered.

    Args:
        status: The status of HTTP.
        sentence: What came, what was expected, and what to do.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


def plainly(error: Exception) -> str:
    """Return an error of the library as a sentence for a page: without the name of the function that found it."""
    said = str(error)
    for function in ("compare: ", "choose: "):
        if said.startswith(function):
            said = said.removeprefix(function)
            word = said.partition(" ")[0]
            return said[:1].upper() + said[1:] if word.isalpha() else said  # the name of a file stays as it is
    return said
