"""What the chapter on surprise computes: by the library, in nats."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.explorer.book.answers import Guess, Option, Pick, Reach, Slip
from slopes.explorer.book.derivation import Derivation, Step
from slopes.explorer.book.exercise import Exercise
from slopes.explorer.figures.state import State, real
from slopes.explorer.figures.wording import number
from slopes.shown.curve import value_and_slope

GIVEN = frozenset({"0.7", "0.2", "0.1", "0.5", "0.3"})  # the weather and the belief, as the text tells them
_WEATHER = (0.7, 0.2, 0.1)
_BELIEF = (0.5, 0.3, 0.2)
_NEAR = 0.001  # nats; what is saved beyond is not worth a slider's step


def _of(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _loss(z: Tensor) -> Tensor:
    return L.binary_cross_entropy(z, torch.ones_like(z))


def surprise(p: float) -> float:
    """Return what a probability of the truth costs."""
    return value_and_slope(_loss, _of([p]).logit())[0].item()


def slope_by_p(p: float) -> float:
    """Return the slope of that cost by the probability."""
    return value_and_slope(lambda at: _loss(at.logit()), _of([p]))[1].item()


def slope_by_logit(p: float) -> float:
    """Return the slope of that cost by the logit."""
    return value_and_slope(_loss, _of([p]).logit())[1].item()


def entropy_of(p: Sequence[float]) -> float:
    """Return the entropy of a distribution."""
    return L.entropy(_of(p).log()[None]).item()


def kl_of(p: Sequence[float], q: Sequence[float]) -> float:
    """Return KL(p‖q)."""
    return L.kl_divergence(_of(p).log()[None], _of(q).log()[None]).item()


def cross_of(p: Sequence[float], q: Sequence[float]) -> float:
    """Return the cross-entropy of q where p is true."""
    return L.cross_entropy(_of(q).log()[None], _of(p)[None]).item()


def entropy() -> float:
    """Return the entropy of the chapter's weather."""
    return entropy_of(_WEATHER)


def cross() -> float:
    """Return what the chapter's belief pays in that weather."""
    return cross_of(_WEATHER, _BELIEF)


def divergence() -> float:
    """Return what it pays beyond the entropy."""
    return kl_of(_WEATHER, _BELIEF)


def underflow_count(p: float = 0.01) -> int:
    """Return how many factors of p it takes until their product is 0 in float32."""
    product, count = torch.ones(()), 0
    while product > 0:
        product, count = product * p, count + 1
    return count


def perplexity_of(p: float) -> float:
    """Return the perplexity of a model that gives every true word this probability."""
    return math.exp(surprise(p))


def joint_perplexity() -> float:
    """Return the perplexity of two equally long batches that have 2 and 8."""
    return math.exp((surprise(1 / 2) + surprise(1 / 8)) / 2)


def exercises() -> tuple[Exercise, ...]:
    """Return the chapter's questions."""
    dearer = surprise(0.01) / surprise(0.99)
    half, quarter = surprise(0.5), surprise(0.25)
    return (
        Guess(
            id="dearer",
            question="It happened. How many times dearer should it be to have said 1 % than to have said 99 %?",
            answer=dearer,
            unit="times",
            within=0.25,
            slips=(
                Slip(
                    answer=99.0,
                    said="99 is how many times *less* the truth was given. The price does not grow in proportion: "
                    f"by −log it is {number(dearer, 3)} times dearer, since being sure and right costs next to "
                    f"nothing.",
                ),
                Slip(
                    answer=2.0,
                    said="That is how squares would have it, if at all: (1 − 0.01)² is below 1, and no mistake could "
                    f"cost more than 1. By −log it is {number(dearer, 3)} times dearer.",
                ),
            ),
            told=f"−log 0.01 is {number(surprise(0.01), 3)} and −log 0.99 is {number(surprise(0.99), 3)}.",
            hint="Being sure and right should cost next to nothing.",
        ),
        Guess(
            id="underflow",
            question="Each word of a sentence has a probability of 1 %. After how many words is their product exactly "
            "0 "
            "in float32, whose smallest number is about 10⁻⁴⁵?",
            answer=float(underflow_count()),
            unit="words",
            within=1.0,
            absolute=True,
            slips=(
                Slip(
                    answer=45.0,
                    said="Each factor of 1 % is *two* powers of ten, so it takes half as many: "
                    f"{underflow_count()} words.",
                ),
            ),
            told=f"Each word takes two powers of ten; after {underflow_count()} words float32 has no number left.",
            hint="1 % is 10⁻².",
        ),
        Reach(
            id="cheapest",
            question="Move *q* on the plate until it pays no more than it has to.",
            figure="kl",
            start="q_sun=0.5&q_rain=0.3&q_snow=0.2",
            goal="q_sun=0.7&q_rain=0.2&q_snow=0.1",
            met=_cheapest,
            told="No other *q* pays less: cross-entropy is least where the belief is the truth, and there it is the "
            "entropy, not 0.",
            hint="Where would KL be 0?",
        ),
        Pick(
            id="wrong-classes",
            question="The truth is “cat”. Two models give it 0.6. One splits the rest evenly over dog and fox, the "
            "other "
            "gives it all to dog. Which pays more cross-entropy?",
            options=(
                Option(
                    label="the one that splits",
                    said="The wrong classes do not appear in −log of what the truth got. Both pay "
                    f"{number(surprise(0.6), 3)}.",
                ),
                Option(
                    label="the one that gives all to dog",
                    said="It may look worse, and a ranking would say so, but −log looks at the truth's share alone. "
                    f"Both pay {number(surprise(0.6), 3)}.",
                ),
                Option(label="neither"),
            ),
            right=_dearest(
                _split=(0.6, 0.2, 0.2),
                _dog=(0.6, 0.3999999, 0.0000001),
            ),
            told=f"Both pay {number(surprise(0.6), 3)}: with one true class only its own share counts. How the rest is "
            "split matters to the *slopes*, which is the next chapter.",
        ),
        Guess(
            id="perplexity",
            question="A model gives every true word a probability of 1 in 4. What is its perplexity?",
            answer=perplexity_of(0.25),
            within=0.01,
            slips=(
                Slip(
                    answer=quarter,
                    said=f"That is its loss in nats, −log 0.25 = {number(quarter, 3)}. Perplexity is e to that power.",
                ),
                Slip(answer=0.25, said="That is the probability. Perplexity is one over it here, a number of choices."),
                Slip(answer=2.0, said="That is its loss in *bits*. Perplexity is 2 to that power, or e to the nats."),
            ),
            told="As if it chose evenly among four words, every time.",
        ),
        Guess(
            id="bits",
            question="A fair coin has an entropy of how many **bits**?",
            answer=entropy_of((0.5, 0.5)) / math.log(2),
            unit="bits",
            within=0.01,
            slips=(
                Slip(answer=half, said=f"That is in nats. Divided by log 2 = {number(half, 3)} it is one bit."),
                Slip(answer=0.5, said="That is the probability of one side. Its surprise, in base 2, is one bit."),
            ),
            told="A nat is a logarithm to base e, a bit one to base 2; they differ by log 2.",
        ),
        Pick(
            id="same-loss",
            question="Training with cross-entropy and training with KL(*p*‖*q*) against the same fixed targets differ "
            "in …",
            options=(
                Option(
                    label="where they end, and how they get there",
                    said="The two differ by *H*(*p*), a constant to the model. A constant has no slope.",
                ),
                Option(label="the number that is reported, and nothing else"),
                Option(
                    label="the speed: KL has smaller slopes",
                    said="The *value* of KL is smaller, by *H*(*p*). Its slope is the same.",
                ),
            ),
            right=1 if _slopes_agree() else 0,
            told="The slopes are equal; the value is lower by the entropy of the targets.",
        ),
    )


def _cheapest(state: State) -> tuple[bool, str]:
    shares = _of([real(state, name) for name in ("q_sun", "q_rain", "q_snow")])
    if shares.sum() == 0 or (shares == 0).any():
        return False, "An outcome that *q* rules out happens on some days, and then −log 0 has no limit."
    q = (shares / shares.sum()).tolist()
    beyond = kl_of(_WEATHER, q)
    if beyond <= _NEAR:
        return True, f"*q* pays {number(cross_of(_WEATHER, q), 3)} nats, {number(beyond, 2)} beyond the entropy."
    said = f"*q* pays {number(beyond, 3)} nats more than it has to."
    hedge = " Staking all on the likeliest does not do: on the other days it is dear." if q[0] > _SURE else ""
    return False, said + hedge


_SURE = 0.85


def _dearest(**shares: Sequence[float]) -> int:
    """Return the place of the dearer of two beliefs where the first class is true; 2 where they cost the same."""
    first, second = (L.cross_entropy(_of(q).log()[None], torch.tensor([0])).item() for q in shares.values())
    return 2 if math.isclose(first, second, rel_tol=1e-9) else int(second > first)


def _slopes_agree() -> bool:
    scores = _of(_BELIEF).log().requires_grad_()
    target = _of(_WEATHER)
    by_ce = torch.autograd.grad(L.cross_entropy(scores[None], target[None]), scores)[0]
    by_kl = torch.autograd.grad(L.kl_divergence(target.log()[None], scores.log_softmax(-1)[None]), scores)[0]
    return bool(torch.allclose(by_ce, by_kl, rtol=1e-12, atol=1e-15))


def derivations() -> tuple[Derivation, ...]:
    """Return the chapter's derivations."""
    return (
        Derivation(
            id="additive",
            title="Two surprises add",
            of=r"-\log (a b)",
            numbers={"a": 0.5, "b": 0.2},
            value=lambda n: surprise(n["a"] * n["b"]),
            steps=(
                Step(
                    tex=r"-(\log a + \log b)",
                    value=lambda n: -(math.log(n["a"]) + math.log(n["b"])),
                    because="The logarithm of a product is the sum of the logarithms.",
                ),
                Step(
                    tex=r"(-\log a) + (-\log b)",
                    value=lambda n: surprise(n["a"]) + surprise(n["b"]),
                    because="Each is the surprise of one of the two things: heads, and a 1-in-5 chance.",
                ),
            ),
        ),
        Derivation(
            id="split",
            title="What is paid is what has to be paid, and KL",
            of="H(p, q)",
            numbers={"p_1": 0.7, "p_2": 0.2, "p_3": 0.1, "q_1": 0.5, "q_2": 0.3, "q_3": 0.2},
            value=lambda n: cross_of(*_both(n)),
            steps=(
                Step(
                    tex=r"-\sum_i p_i \log q_i",
                    value=lambda n: -sum(p * math.log(q) for p, q in zip(*_both(n), strict=True)),
                    because="What happens as often as *p* says costs −log *q*.",
                    shown=r"-0.7 \log 0.5 - 0.2 \log 0.3 - 0.1 \log 0.2",
                ),
                Step(
                    tex=r"-\sum_i p_i \log p_i + \sum_i p_i \log \frac{p_i}{q_i}",
                    value=lambda n: (
                        -sum(p * math.log(p) for p in _both(n)[0])
                        + sum(p * math.log(p / q) for p, q in zip(*_both(n), strict=True))
                    ),
                    because="Subtract and add the same sum over log *p*.",
                    shown=r"0.8018 + 0.7 \log \frac{0.7}{0.5} + 0.2 \log \frac{0.2}{0.3} + 0.1 \log \frac{0.1}{0.2}",
                ),
                Step(
                    tex=r"H(p) + \mathrm{KL}(p \,\|\, q)",
                    value=lambda n: entropy_of(_both(n)[0]) + kl_of(*_both(n)),
                    because="The first sum knows nothing of the model; the second is 0 where *q* is *p*, and never "
                    "below.",
                    shown="0.8018 + 0.0851",
                ),
            ),
        ),
    )


def _both(n: object) -> tuple[list[float], list[float]]:
    said = dict(n)  # type: ignore[call-overload]
    return [said[f"p_{i}"] for i in (1, 2, 3)], [said[f"q_{i}"] for i in (1, 2, 3)]
