"""What the chapter on tokens computes: means over tokens that count, perplexities, and CTC by torch."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence

import torch
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.explorer.book.answers import Guess, Option, Pick, Rank, Reach, Slip
from slopes.explorer.book.derivation import Derivation, Numbers, Step
from slopes.explorer.book.exercise import Exercise
from slopes.explorer.figures.state import State, real, word
from slopes.explorer.figures.tokens.model import next_token
from slopes.explorer.figures.wording import number

GIVEN = frozenset({"2.0", "0.671"})  # wav2vec's name; the mean that stands above, bound there
_SURE, _RARE = 1.0, 1e-6
_ENOUGH = 3.0  # the perplexity to be reached


def _logits(probabilities: Sequence[float]) -> Tensor:
    """Return logits `[1, T + 1, 2]` that give token 0, at each position but the last, these probabilities."""
    p = torch.tensor([*probabilities, 0.5], dtype=torch.float64)
    return torch.stack([p.log(), (-p).log1p()], dim=-1)[None]


def _zeros(count: int) -> Tensor:
    return torch.zeros(1, count + 1, dtype=torch.int64)


def one_text(probabilities: Sequence[float]) -> float:
    """Return the mean loss of a text whose tokens got these probabilities."""
    with slopes.exact():
        return L.next_token(_logits(probabilities), _zeros(len(probabilities))).item()


def price(probabilities: Sequence[float]) -> float:
    """Return −log of such a text's probability."""
    with slopes.exact():
        return -L.sequence_log_prob(_logits(probabilities), _zeros(len(probabilities))).item()


def perplexity_of(probabilities: Sequence[float]) -> float:
    """Return the perplexity of such a text."""
    with slopes.exact():
        return L.perplexity(_logits(probabilities), _zeros(len(probabilities))).item()


def together(*batches: tuple[int, float]) -> float:
    """Return the perplexity of batches, given the number of tokens and the perplexity of each."""
    metric = L.Perplexity()
    with slopes.exact():
        for count, each in batches:
            metric.update(_logits([1 / each] * count), _zeros(count))
    return metric.compute().item()


def reads_as(text: str, frames: int, symbols: str = "-ab") -> float:
    """Return CTC's loss, by torch, of a text where each symbol is as likely as any in each frame."""
    even = torch.full((frames, 1, len(symbols)), -math.log(len(symbols)), dtype=torch.float64)
    asked = torch.tensor([[symbols.index(letter) for letter in text]])
    lengths = torch.tensor([frames]), torch.tensor([len(text)])
    return torch.nn.functional.ctc_loss(even, asked, *lengths, reduction="sum").item()


def _default(name: str) -> float:
    return float(inspect.signature(L.mask_tokens).parameters[name].default)


def _trained_for() -> int:
    """Return how far ahead a model is asked where its logits and tokens are shifted before `next_token` shifts them."""
    ids = torch.tensor([[0, 1, 2, 3, 4, 5]])
    logits = torch.randn(1, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    asked = L.next_token(logits[:, :-1], ids[:, 1:]).item()
    ahead = [L.cross_entropy(logits[0, :4], ids[0, k : k + 4]).item() for k in (0, 1, 2)]
    return next(k for k, loss in enumerate(ahead) if math.isclose(loss, asked, rel_tol=1e-9))


def exercises() -> tuple[Exercise, ...]:
    """Return the chapter's questions."""
    return (_twice(), _lift(), _masked_count(), _two_batches(), _paths(), _rank_texts(), _pull())


def _twice() -> Pick:
    return Pick(
        id="twice",
        question="`next_token` shifts. Someone shifts beforehand as well, `L.next_token(logits[:, :-1], ids[:, 1:])`. "
        "What is the model trained for?",
        options=(
            Option(
                label="to repeat the token that it sees",
                said="That comes of not shifting at all. Two shifts go the other way.",
            ),
            Option(
                label="the next token; the second shift finds nothing to do",
                said="A shift does not know of another. Each moves the targets by one.",
            ),
            Option(label="the token after the next"),
        ),
        right=_trained_for(),
        told="No error is raised, and the loss falls: the token after the next can be guessed too, only worse.",
        hint="Count how far position 1's target has moved.",
    )


def _lift() -> Reach:
    return Reach(
        id="lift",
        question="Let the answer alone count, and move Paris until its perplexity is above 3.",
        figure="tokens",
        start="mask=answer",
        goal="mask=answer&paris=-1",
        met=_lifted,
        told="With four tokens that count, one surprise carries a quarter of the mean; with ten it carries a tenth.",
        hint="e to the power of 1.1 is 3, so the four need 4.4 nats together.",
    )


def _lifted(state: State) -> tuple[bool, str]:
    mask, told = word(state, "mask"), next_token(word(state, "mask"), real(state, "paris"))
    if word(state, "task") != "next" or mask != "answer":
        return False, "Other tokens count here. Let the answer alone count."
    said = f"The perplexity of the answer is {number(told.perplexity, 3)}."
    return told.perplexity > _ENOUGH, said


def _masked_count() -> Guess:
    chosen = 1000 * _default("probability")
    gone = chosen * _default("mask_share")
    return Guess(
        id="masked-count",
        question="Of 1,000 tokens, how many does BERT replace by [MASK], on average?",
        answer=gone,
        unit="tokens",
        within=0.02,
        slips=(
            Slip(answer=chosen, said="So many are *chosen*, and asked for. Of these only 80 % become [MASK]: 120."),
            Slip(answer=1000 * _default("mask_share"), said="80 % of the *chosen* ones, which are 150. So 120."),
            Slip(
                answer=chosen * _default("random_share"),
                said="So many become a random word, and about as many stay as they are. [MASK] gets 120.",
            ),
        ),
        told="150 are chosen and asked for: 120 are masked, 15 are random words, 15 stay.",
    )


def _two_batches() -> Guess:
    both = ((10, 2.0), (30, 8.0))
    joint = together(*both)
    return Guess(
        id="two-batches",
        question="A batch of 10 tokens has a perplexity of 2, one of 30 tokens has 8. What is the perplexity of all "
        "40?",
        answer=joint,
        within=0.02,
        slips=(
            Slip(
                answer=5.0,
                said="That is the mean of the two. Losses are averaged, not their exponentials, and by tokens: "
                f"{number(joint, 4)}.",
            ),
            Slip(
                answer=6.5,
                said="You weighed the *perplexities* by tokens. Weigh the losses, log 2 and log 8, and then take the "
                f"exponential: {number(joint, 4)}.",
            ),
            Slip(
                answer=4.0,
                said="That is right for equally long batches. Here three tokens in four are of the second: "
                f"{number(joint, 4)}.",
            ),
        ),
        told="10 log 2 and 30 log 8 are 100 log 2. Over 40 tokens that is 2.5 log 2, and *e* to that power is 2 to "
        "the 2.5.",
        hint="log 8 is 3 log 2.",
    )


def _paths() -> Guess:
    found = 8 * math.exp(-reads_as("a", 3, "-a"))
    return Guess(
        id="paths",
        question="Three frames, each with the letter a or a blank: 8 paths. How many of them read “a”?",
        answer=found,
        unit="paths",
        within=0.3,
        absolute=True,
        slips=(
            Slip(answer=3.0, said="Those with a single a. But repeats merge: aa– and aaa read “a” as well, 6 in all."),
            Slip(
                answer=7.0,
                said="a–a is not one of them: the blank keeps the two apart, and it reads “aa”. That leaves 6.",
            ),
            Slip(answer=5.0, said="One was missed: three with one a, two with a pair side by side, and aaa. 6 in all."),
        ),
        told="All but – – –, which reads nothing, and a–a, which reads “aa”. That is what the blank is for.",
        hint="Merge repeats first, then drop blanks.",
    )


def _rank_texts() -> Rank:
    return Rank(
        id="rank-texts",
        question="Which text has the greatest perplexity? Put the greatest first.",
        items=(
            ("every token got ½", perplexity_of([0.5] * 10)),
            ("every other token got ⅛, the rest were certain", perplexity_of([0.125, _SURE] * 5)),
            ("one token in a hundred got a millionth, the rest were certain", perplexity_of([_RARE] + [_SURE] * 99)),
        ),
        slips=(
            (
                (2, 1, 0),
                "A millionth costs 13.8 nats, once. Spread over a hundred tokens that is 0.138 each, less than log 2.",
            ),
            (
                (0, 1, 2),
                "Half of log 8 is 1.04 nats per token, more than log 2, which is 0.69.",
            ),
        ),
        told="Means of −log: half of log 8, log 2, and a hundredth of 13.8 nats.",
        hint="Compare mean losses.",
    )


def _pull() -> Guess:
    z = torch.zeros(1, 4, 10, dtype=torch.float64, requires_grad=True)
    with slopes.exact():
        slope = torch.autograd.grad(L.next_token(z, torch.zeros(1, 4, dtype=torch.int64)), z)[0][0, 0, 0].item()
    return Guess(
        id="pull",
        question="Ten words, all logits 0, three tokens count. What is the slope of the mean loss by the logit of the "
        "true token at the first position?",
        answer=slope,
        within=0.02,
        slips=(
            Slip(
                answer=-0.9,
                said="That is ŷ − *y* = 0.1 − 1 of that position. The mean over three tokens divides it by 3: −0.3.",
            ),
            Slip(answer=0.1 / 3, said="That is what a *wrong* token gets. The true one gets (0.1 − 1) / 3."),
            Slip(
                answer=-slope, said="The size is right. It is negative: raising the logit of the truth lowers the loss."
            ),
            Slip(
                answer=-0.225, said="There are four positions, but the last has no next token: the mean is over three."
            ),
        ),
        told="Prediction minus truth, 0.1 − 1, divided by the three tokens of the mean.",
        hint="Softmax with cross-entropy is a matched pair.",
    )


def derivations() -> tuple[Derivation, ...]:
    """Return the chapter's derivations."""
    return (_chain(), _joint())


def _chain() -> Derivation:
    def each(n: Numbers) -> list[float]:
        return [n[f"p_{i}"] for i in (1, 2, 3)]

    return Derivation(
        id="chain",
        title="What the prices sum to",
        of=r"-\log P(x_1 x_2 x_3)",
        value=lambda n: price(each(n)),
        numbers={"p_1": 0.5, "p_2": 0.25, "p_3": 0.8},
        steps=(
            Step(
                tex=r"-\log (p_1 \cdot p_2 \cdot p_3)",
                value=lambda n: -math.log(math.prod(each(n))),
                because="The probability of a text is that of its first token, times that of the second after the "
                "first, and so on. This holds for any text and any model; nothing is assumed.",
                shown=r"-\log (0.5 \cdot 0.25 \cdot 0.8)",
            ),
            Step(
                tex=r"-\log p_1 - \log p_2 - \log p_3",
                value=lambda n: -sum(math.log(p) for p in each(n)),
                because="The logarithm turns the product into a sum: one cross-entropy per position.",
                shown=r"-\log 0.5 - \log 0.25 - \log 0.8",
            ),
        ),
    )


def _joint() -> Derivation:
    def logs(n: Numbers) -> float:
        return n["n"] * math.log(n["A"]) + n["m"] * math.log(n["B"])

    return Derivation(
        id="joint",
        title="The perplexity of two batches",
        of=r"\mathrm{PPL}",
        value=lambda n: together((int(n["n"]), n["A"]), (int(n["m"]), n["B"])),
        numbers={"n": 10, "m": 30, "A": 2.0, "B": 8.0},
        steps=(
            Step(
                tex=r"\exp\left(\frac{n \log A + m \log B}{n + m}\right)",
                value=lambda n: math.exp(logs(n) / (n["n"] + n["m"])),
                because="A batch of *n* tokens with a perplexity of *A* has paid *n* log *A*. Add what both have "
                "paid, and divide by all tokens.",
                shown=r"\exp\left(\frac{10 \log 2 + 30 \log 8}{10 + 30}\right)",
            ),
            Step(
                tex=r"A^{n/(n + m)} \cdot B^{m/(n + m)}",
                value=lambda n: n["A"] ** (n["n"] / (n["n"] + n["m"])) * n["B"] ** (n["m"] / (n["n"] + n["m"])),
                because="The exponential of a weighted mean of logarithms is a weighted *geometric* mean. It lies "
                "below the arithmetic one unless the two are equal.",
                shown=r"2^{10/40} \cdot 8^{30/40}",
            ),
        ),
    )
