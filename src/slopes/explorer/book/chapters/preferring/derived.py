"""The chapter's derivations: a sigmoid from strengths, the best tethered policy, and DPO from it."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes.explorer.book.derivation import Derivation, Numbers, Step

RARE: Final = 0.2  # the reference's share of the better answer
REWARD: Final = 1.0  # of the better answer
TETHER: Final = 0.5  # β


def of(*values: float) -> Tensor:
    """Return numbers as a vector."""
    return torch.tensor(values, dtype=torch.float64)


def verdict(lead: float) -> float:
    """Return Bradley-Terry's loss where the chosen reward leads by so much."""
    with slopes.exact():
        return L.bradley_terry(of(lead), of(0.0)).item()


def order(lead: float) -> float:
    """Return the probability of the order that was chosen."""
    return math.exp(-verdict(lead))


def kl(p: float, q: float) -> float:
    """Return the KL divergence of two answers' shares: the policy's p from the reference's q, of the first."""
    both = (of(share, 1 - share).log()[None] for share in (p, q))
    return L.kl_divergence(*both).item()


def derivations() -> tuple[Derivation, ...]:
    """Return the chapter's derivations."""
    return (_strengths(), _optimum(), _without())


def _strengths() -> Derivation:
    def lead(n: Numbers) -> float:
        return n["r_+"] - n["r_-"]

    return Derivation(
        id="strengths",
        title="From strengths to a sigmoid",
        of=r"P(+ \text{ wins})",
        value=lambda n: order(lead(n)),
        numbers={"r_+": 0.82, "r_-": 0.31},
        steps=(
            Step(
                tex=r"\frac{e^{r_+}}{e^{r_+} + e^{r_-}}",
                value=lambda n: math.exp(n["r_+"]) / (math.exp(n["r_+"]) + math.exp(n["r_-"])),
                because="The first one's share of the two strengths; a strength is *e* to the power of its reward.",
                shown=r"\frac{e^{0.82}}{e^{0.82} + e^{0.31}}",
            ),
            Step(
                tex=r"\frac{1}{1 + e^{-(r_+ - r_-)}}",
                value=lambda n: 1 / (1 + math.exp(-lead(n))),
                because="Divide above and below by the first strength. Only the difference is left.",
                shown=r"\frac{1}{1 + e^{-(0.82 - 0.31)}}",
            ),
            Step(
                tex=r"\sigma(r_+ - r_-)",
                value=lambda n: A.sigmoid(of(lead(n))).item(),
                because="This is the sigmoid. A softmax over two answers is the same.",
                shown=r"\sigma(0.82 - 0.31)",
            ),
        ),
    )


def _optimum() -> Derivation:
    def z(n: Numbers) -> float:
        return n["q"] * math.exp(n["r"] / n[r"\beta"]) + 1 - n["q"]

    def star(n: Numbers) -> float:
        return n["q"] * math.exp(n["r"] / n[r"\beta"]) / z(n)

    return Derivation(
        id="optimum",
        title="Which policy is the best one",
        of="J",
        value=lambda n: n["p"] * n["r"] - n[r"\beta"] * kl(n["p"], n["q"]),
        numbers={"p": 0.4, "q": RARE, "r": REWARD, r"\beta": TETHER},
        steps=(
            Step(
                tex=r"p r - \beta \left(p \log \frac{p}{q} + (1 - p) \log \frac{1 - p}{1 - q}\right)",
                value=lambda n: (
                    n["p"] * n["r"]
                    - n[r"\beta"]
                    * (n["p"] * math.log(n["p"] / n["q"]) + (1 - n["p"]) * math.log((1 - n["p"]) / (1 - n["q"])))
                ),
                because="Mean reward minus β KL. The policy gives the better answer *p*, the reference gave it *q*; "
                "the other answer's reward is 0.",
                shown=r"0.4 \cdot 1 - 0.5 \left(0.4 \log \frac{0.4}{0.2} + 0.6 \log \frac{0.6}{0.8}\right)",
            ),
            Step(
                tex=r"-\beta \left(p \log \frac{p}{q e^{r/\beta}} + (1 - p) \log \frac{1 - p}{1 - q}\right)",
                value=lambda n: (
                    -n[r"\beta"]
                    * (
                        n["p"] * math.log(n["p"] / (n["q"] * math.exp(n["r"] / n[r"\beta"])))
                        + (1 - n["p"]) * math.log((1 - n["p"]) / (1 - n["q"]))
                    )
                ),
                because="*r* is β log *e* to the power of *r*/β: it moves into the logarithm, below the line.",
                shown=r"-0.5 \left(0.4 \log \frac{0.4}{0.2 e^{1/0.5}} + 0.6 \log \frac{0.6}{0.8}\right)",
            ),
            Step(
                tex=r"\beta \log Z - \beta\, \mathrm{KL}(p \,\|\, p^*), \quad p^* = \frac{q e^{r/\beta}}{Z}",
                value=lambda n: n[r"\beta"] * math.log(z(n)) - n[r"\beta"] * kl(n["p"], star(n)),
                because="The products need not sum to 1. Divided by their sum *Z* they do, and what is left is a KL "
                "divergence from them: least, 0, where *p* is *p*\\*.",
                shown=r"0.5 \log 2.278 - 0.5 \cdot 0.1279",
            ),
        ),
    )


def _without() -> Derivation:
    def policy(n: Numbers) -> tuple[float, float, float]:
        tilted = [n["q_+"] * math.exp(n["r_+"] / n[r"\beta"]), n["q_-"] * math.exp(n["r_-"] / n[r"\beta"])]
        return tilted[0] / sum(tilted), tilted[1] / sum(tilted), sum(tilted)

    def with_constant(n: Numbers) -> float:
        plus, minus, z = policy(n)
        r_plus = n[r"\beta"] * math.log(plus / n["q_+"]) + n[r"\beta"] * math.log(z)
        r_minus = n[r"\beta"] * math.log(minus / n["q_-"]) + n[r"\beta"] * math.log(z)
        return math.log1p(math.exp(-(r_plus - r_minus)))

    def by_dpo(n: Numbers) -> float:
        plus, minus, _ = policy(n)
        logs = [of(share).log() for share in (plus, minus, n["q_+"], n["q_-"])]
        with slopes.exact():
            return L.dpo(*logs, beta=n[r"\beta"]).item()

    return Derivation(
        id="without",
        title="From the best policy to DPO",
        of=r"-\log \sigma(r_+ - r_-)",
        value=lambda n: verdict(n["r_+"] - n["r_-"]),
        numbers={"r_+": REWARD, "r_-": 0.0, r"\beta": TETHER, "q_+": RARE, "q_-": 1 - RARE},
        steps=(
            Step(
                tex=r"-\log \sigma\left(\beta \log \frac{p_+}{q_+} + \beta \log Z "
                r"- \beta \log \frac{p_-}{q_-} - \beta \log Z\right)",
                value=with_constant,
                because="The best policy is *p* = *q* *e* to the power of *r*/β, over *Z*. Solved for the reward, *r* "
                "= β log(*p*/*q*) + β log *Z*.",
                shown=r"-\log \sigma\left(0.5 \log \frac{0.6488}{0.2} + 0.4116 "
                r"- 0.5 \log \frac{0.3512}{0.8} - 0.4116\right)",
            ),
            Step(
                tex=r"-\log \sigma\left(\beta \log \frac{p_+}{q_+} - \beta \log \frac{p_-}{q_-}\right)",
                value=by_dpo,
                because="*Z* is a sum over all answers to the question, which nobody could compute. It is the same "
                "for both and drops out.",
                shown=r"-\log \sigma\left(0.5 \log \frac{0.6488}{0.2} - 0.5 \log \frac{0.3512}{0.8}\right)",
            ),
        ),
    )
