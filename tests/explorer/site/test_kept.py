"""Answers are kept for whoever asks the same, and never more than there is room for."""

from __future__ import annotations

import httpx
import pytest

from slopes.explorer.figures.softmax_temperature import figure as softmax
from slopes.explorer.site.kept import Kept


def test_the_ones_not_asked_for_the_longest_are_forgotten() -> None:
    kept = Kept(most=10)
    kept.keep("a", b"1234")
    kept.keep("b", b"1234")
    assert kept.get("a") == b"1234"
    kept.keep("c", b"1234")
    assert kept.get("b") is None
    assert kept.get("a") == b"1234"
    kept.keep("a", b"123456")
    assert kept.get("c") == b"1234"
    kept.keep("d", b"12345678901")
    assert [kept.get(key) for key in "abcd"] == [None] * 4


def test_the_same_question_is_worked_out_once(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    real = softmax._readings
    monkeypatch.setattr(softmax, "_readings", lambda *given: (asked.append(given), real(*given))[1])
    first = client.get("/api/softmax-temperature", params={"t": "1.2345", "tables": ""})
    again = client.get("/api/softmax-temperature", params={"t": "1.2345", "tables": ""})
    other = client.get("/api/softmax-temperature", params={"t": "1.2345", "tables": "0"})
    assert first.content == again.content
    assert other.content != first.content
    assert len(asked) == 2
