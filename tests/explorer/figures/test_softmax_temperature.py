"""The shares of five logits at a temperature, against the definition in plain Python."""

from __future__ import annotations

import math

import pytest
from tests.each import each

from slopes.explorer.site.loading import Loaded


@each(("t", "logits"), [(1.0, (3, 2, 1, 0, -1)), (0.1, (3, 2, 1, 0, -1)), (50.0, (9, 2, 1, 0, -10))])
def test_shares_and_entropy_are_those_of_the_definition(loaded: Loaded, t: float, logits: tuple[int, ...]) -> None:
    figure = loaded.figures["softmax-temperature"]
    names = ("cat", "dog", "fox", "owl", "bee")
    state = {**figure.default(), "t": t, **{name: float(z) for name, z in zip(names, logits, strict=True)}}
    result = figure.compute(state)
    powers = [math.exp(z / t) for z in logits]
    shares = [power / math.fsum(powers) for power in powers]
    assert result.datasets["classes"]["p"] == pytest.approx(shares, rel=1e-12)
    entropy = -math.fsum(p * math.log(p) for p in shares)
    assert result.printed[-1] == pytest.approx(entropy, rel=1e-9)
    curve = result.datasets["curves"]
    for i in range(0, len(curve["t"]), 97):
        own = logits[names.index(curve["series"][i])]
        expected = 1 / math.fsum(math.exp((z - own) / curve["t"][i]) for z in logits)
        assert curve["p"][i] == pytest.approx(expected, rel=1e-9)
