"""What the chapter on making things computes: a generator's slopes, the price of a code, and what targets charge."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes.explorer.book.answers import Guess, Option, Pick, Rank, Slip
from slopes.explorer.book.by_hand import Axes, Line, Sketch
from slopes.explorer.book.derivation import Derivation, Numbers, Step
from slopes.explorer.book.exercise import Exercise
from slopes.explorer.figures.noise.schedules import Setting, at, factors, velocity
from slopes.explorer.figures.wording import number
from slopes.shown import palette
from slopes.shown.curve import value_and_slope

GIVEN = frozenset({"0.01", "0.2", "0.95"})  # a variance, and two times
_CLEAN, _NOISE = 1.0, -0.6  # of the plate
_PIXELS = 28 * 28
_SHARE = 0.3  # of pictures in which a pixel is lit
_MOVES = 1e-9  # less than that is no movement


def _of(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _slope(loss: Callable[[Tensor], Tensor], z: float) -> float:
    return value_and_slope(loss, _of(z))[1].item()


def one_pull(z: float) -> list[float]:
    """Return the slopes of log(1 − D) and of −log D by a fake's logit."""
    return [
        _slope(lambda z: -L.binary_cross_entropy(z, torch.zeros_like(z)), z),
        _slope(lambda z: L.binary_cross_entropy(z, torch.ones_like(z)), z),
    ]


def code_price(mean: float, variance: float) -> float:
    """Return what one number of a code costs, in nats."""
    with slopes.exact():
        return L.gaussian_kl(_of(mean), _of(variance).log()).item()


def charges(error: float, alpha: float, sigma: float) -> list[float]:
    """Return the squared errors of x₀, ε and v where x₀ is wrong by so much and the mixture is what it is."""
    mixed = alpha * _CLEAN + sigma * _NOISE
    wrong = _CLEAN + error, (mixed - alpha * (_CLEAN + error)) / sigma
    pairs = (
        (wrong[0], _CLEAN),
        (wrong[1], _NOISE),
        (alpha * wrong[1] - sigma * wrong[0], alpha * _NOISE - sigma * _CLEAN),
    )
    return [L.mse(_of(guess), _of(truth)).item() for guess, truth in pairs]


def _weight(target: str, t: float, schedule: str = "cosine") -> float:
    here = at(Setting(schedule=schedule, t=t, x0=_CLEAN, noise=_NOISE, cap=0.0))
    return here.weights[target].item()


def _velocity(times: list[float], schedule: str = "cosine") -> list[float]:
    t = _of(*times)
    clean, noise = torch.full_like(t, _CLEAN), torch.full_like(t, _NOISE)
    found: list[float] = velocity(schedule, clean, noise, factors(schedule, t)).tolist()
    return found


def _moving() -> int:
    """Return the place of the target that is not the same at all times: ε, x₀, v, and a flow's velocity."""
    times = [i / 20 for i in range(1, 20)]
    over = [[_NOISE] * len(times), [_CLEAN] * len(times), _velocity(times), _velocity(times, "flow")]
    return next(i for i, values in enumerate(over) if max(values) - min(values) > _MOVES)


def exercises() -> tuple[Exercise, ...]:
    """Return the chapter's questions."""
    return (_gan_pull(), _kl_weight(), _draw_v(), _flat(), _rank_weights(), _slip_snr(), _blur())


def _gan_pull() -> Guess:
    flat, steep = one_pull(-4.0)
    ratio = steep / flat
    return Guess(
        id="gan-pull",
        question="A fake gets the logit −4: the discriminator gives it 1.8 %. How many times as hard does −log *D* "
        "pull at the logit as log(1 − *D*) does?",
        answer=ratio,
        unit="times",
        within=0.2,
        slips=(
            Slip(
                answer=1.0,
                said="At a coin flip, *z* = 0, they pull alike. Here one pulls with 0.018, the other with 0.982.",
            ),
            Slip(
                answer=4.0,
                said=f"4 is the logit. The two slopes are σ(−4) and σ(4), and their ratio is *e*⁴, {number(ratio, 3)}.",
            ),
            Slip(
                answer=L.binary_cross_entropy(_of(-4.0), _of(1.0)).item()
                / L.binary_cross_entropy(_of(-4.0), _of(0.0)).item(),
                said=f"That is the ratio of the losses. What trains is their slopes: {number(ratio, 3)} times.",
            ),
        ),
        told="The slopes are σ(*z*) and σ(−*z*): 0.018 and 0.982. Their ratio is *e* to the power of −*z*.",
        hint="What are the slopes of log(1 − σ(*z*)) and of −log σ(*z*)?",
    )


def _kl_weight() -> Guess:
    pixels, truth = torch.ones(_PIXELS, dtype=torch.float64), torch.zeros(_PIXELS, dtype=torch.float64)
    ratio = (L.mse(pixels, truth, reduction="sum") / L.mse(pixels, truth)).item()
    return Guess(
        id="kl-weight",
        question="A picture has 28 × 28 pixels. Someone takes the *mean* of the squared errors over them, where the "
        "formula has their sum, and leaves KL as it is. How many times too heavy is KL against them?",
        answer=ratio,
        unit="times",
        within=0.01,
        slips=(
            Slip(answer=28.0, said="28 is one side. There are 28 · 28 pixels."),
            Slip(
                answer=1.0, said="Mean and sum differ by a factor, and that factor shifts the balance of the two terms."
            ),
            Slip(answer=1 / ratio, said="The other way round: the squares shrink, so KL *gains* on them."),
        ),
        told="The code gets so dear that it says little, and the pictures blur. Nothing in the loss's value tells why.",
    )


def _draw_v() -> Sketch:
    times = (0.0, 0.25, 0.5, 0.75, 1.0)
    grid = [i / 40 for i in range(41)]
    return Sketch(
        id="draw-v",
        question="The clean value is 1, the noise −0.6, and the schedule is the cosine one, where α and σ run along a "
        "quarter of a circle. Draw *v* = α ε − σ *x*₀ over time. The targets *x*₀ and ε are there already.",
        axes=Axes(x=(0.0, 1.0), y=(-1.8, 1.2), x_title="t, from clean to noise", y_title="target"),
        at=times,
        truth=lambda xs: _velocity(list(xs)),
        within=0.1,
        context=(
            Line(label="x₀", x=tuple(grid), y=(_CLEAN,) * len(grid), hue=palette.BLUE),
            Line(label="ε", x=tuple(grid), y=(_NOISE,) * len(grid), hue=palette.ORANGE),
        ),
        slips=(
            (
                tuple(_NOISE + (-_CLEAN - _NOISE) * t for t in times),
                (
                    "Both ends are right. Between them it is no straight line: α and σ are both 0.71 in the middle, "
                    "and *v* dips below either end."
                ),
            ),
            (
                tuple(_velocity(list(times), "flow")),
                "That is ε − *x*₀, the velocity of a rectified flow. Here α and σ weigh the two.",
            ),
            (
                tuple(_NOISE + (_CLEAN - _NOISE) * t for t in times),
                "It starts at ε, and ends at *minus x*₀: mind the sign.",
            ),
        ),
        told="It starts at ε, where *x*ₜ shows *x*₀ anyway, and ends at −*x*₀, where *x*ₜ shows nothing but ε.",
        hint="At *t* = 0, α = 1 and σ = 0.",
        start=-0.2,
    )


def _flat() -> Pick:
    return Pick(
        id="flat",
        question="One clean value, one draw of noise, all times. Which of these targets is *not* flat in *t*?",
        options=(
            Option(
                label="the noise ε", said="The noise is drawn once and mixed in by more and more. It stays what it is."
            ),
            Option(label="the clean value *x*₀", said="It is drowned, but it does not change."),
            Option(label="*v* = α ε − σ *x*₀, of the cosine schedule"),
            Option(
                label="the velocity of a rectified flow",
                said="Along a straight line the velocity is its direction, ε − *x*₀, the same everywhere. That is "
                "what makes it straight.",
            ),
        ),
        right=_moving(),
        told="α and σ change with time, and *v* with them, from ε to −*x*₀.",
    )


def _rank_weights() -> Rank:
    return Rank(
        id="rank-weights",
        question="The same small error in *x*₀, cosine schedule. What is charged for it, against an MSE of *x*₀? The "
        "greatest first.",
        items=(
            ("an MSE of *x*₀, at any time", _weight("x0", 0.8)),
            ("an MSE of ε at *t* = 0.2", _weight("eps", 0.2)),
            ("an MSE of *v* at *t* = 0.8", _weight("v", 0.8)),
            ("an MSE of ε at *t* = 0.8", _weight("eps", 0.8)),
        ),
        unit="times",
        slips=(
            (
                (3, 2, 0, 1),
                "The other way round: much noise makes SNR *small*, and a wrong *x*₀ is then hardly noticed in ε.",
            ),
            (
                (1, 0, 2, 3),
                "An MSE of *v* never charges less than one of *x*₀ here: its weight is SNR + 1.",
            ),
        ),
        told="SNR at 0.2, then SNR + 1 and 1, then SNR at 0.8.",
        hint="ε is charged with SNR, *v* with SNR + 1.",
    )


def _slip_snr() -> Pick:
    error, alpha, sigma = 0.1, 0.8, 0.6
    of_clean, of_noise, _ = charges(error, alpha, sigma)
    exact = (-alpha * error / sigma, of_noise, (alpha / sigma) ** 2, of_noise / of_clean)
    stated = (-0.133, 0.0178, 1.33, 1.78)
    return Pick(
        id="slip-snr",
        question="α = 0.8, σ = 0.6, and *x*₀ is wrong by 0.1. In which line is the slip?",
        options=(
            Option(label="error in ε: −0.8 · 0.1 / 0.6 = −0.133", said="This holds: the mixture stays what it is."),
            Option(label="its square: 0.0178", said="This holds: 0.133 squared."),
            Option(label="SNR = 0.8 / 0.6 = 1.33"),
            Option(
                label="0.0178 / 0.01 = 1.78: an MSE of ε charges 1.78 times as much", said="This holds, and it is SNR."
            ),
        ),
        right=next(i for i, (a, b) in enumerate(zip(exact, stated, strict=True)) if abs(a / b - 1) > 0.01),  # noqa: PLR2004
        lines=True,
        told="SNR is a ratio of *powers*: α²/σ² = 1.78, the weight that the last line finds.",
    )


def _blur() -> Guess:
    grid = torch.linspace(0, 1, 101, dtype=torch.float64)
    lit = torch.zeros(10, dtype=torch.float64)
    lit[: round(10 * _SHARE)] = 1.0
    cost = torch.stack([L.mse(guess.expand(10).contiguous(), lit) for guess in grid])
    return Guess(
        id="blur",
        question="A decoder cannot tell from the code whether a pixel is 1, as in 30 % of the pictures, or 0. What "
        "value does it learn under squared errors?",
        answer=grid[cost.argmin()].item(),
        within=0.03,
        slips=(
            Slip(answer=0.0, said="That is the median, where *absolute* errors rest. Squares rest at the mean: 0.3."),
            Slip(answer=0.5, said="It knows more than that: 30 % is not half. Squares rest at the mean: 0.3."),
            Slip(answer=1.0, said="0 would be likelier. Squares rest at neither, but at the mean: 0.3."),
        ),
        told="The mean, a grey that no picture has. This is why squares blur what the code leaves open.",
        hint="Where do squares rest?",
    )


def derivations() -> tuple[Derivation, ...]:
    """Return the chapter's derivations."""
    return (_saturating(), _elbo(), _of_velocity())


def _saturating() -> Derivation:
    def d(n: Numbers) -> float:
        return A.sigmoid(_of(n["z"])).item()

    return Derivation(
        id="saturating",
        title="Why the first loss goes flat",
        of=r"\frac{d \log(1 - D)}{dz}",
        value=lambda n: one_pull(n["z"])[0],
        numbers={"z": -4.0},
        steps=(
            Step(
                tex=r"-\frac{1}{1 - D} \cdot \frac{dD}{dz}",
                value=lambda n: -1 / (1 - d(n)) * math.exp(-n["z"]) / (1 + math.exp(-n["z"])) ** 2,
                because="The slope of a logarithm is one over its argument, and 1 − *D* falls as *D* rises.",
                shown=r"-\frac{1}{1 - 0.01799} \cdot 0.01766",
            ),
            Step(
                tex=r"-\frac{1}{1 - D} \cdot D (1 - D)",
                value=lambda n: -1 / (1 - d(n)) * d(n) * (1 - d(n)),
                because="The sigmoid's slope. The logarithm cancels the factor 1 − *D*, which is near 1 and did no "
                "harm.",
                shown=r"-\frac{1}{1 - 0.01799} \cdot 0.01799 (1 - 0.01799)",
            ),
            Step(
                tex="-D",
                value=lambda n: -d(n),
                because="*D* is left, and is nearly 0 for a fake that is seen through. −log *D* cancels the other "
                "factor, and 1 − *D* is left.",
                shown="-0.01799",
            ),
        ),
    )


def _elbo() -> Derivation:
    def weights(n: Numbers) -> tuple[list[float], list[float], list[float]]:
        prior, seen, q = [0.5, 0.5], [n["p_1"], n["p_2"]], [n["q_1"], 1 - n["q_1"]]
        return prior, seen, q

    def evidence(n: Numbers) -> float:
        prior, seen, _ = weights(n)
        return sum(a * b for a, b in zip(prior, seen, strict=True))

    def kl(p: list[float], q: list[float]) -> float:
        return L.kl_divergence(_of(*p).log()[None], _of(*q).log()[None]).item()

    def posterior(n: Numbers) -> list[float]:
        prior, seen, _ = weights(n)
        return [a * b / evidence(n) for a, b in zip(prior, seen, strict=True)]

    def cost(n: Numbers) -> float:
        logit = _of(evidence(n)).logit()
        with slopes.exact():
            return L.binary_cross_entropy(logit, torch.ones_like(logit)).item()

    def bound(n: Numbers) -> float:
        prior, seen, q = weights(n)
        return sum(-a * math.log(b) for a, b in zip(q, seen, strict=True)) + kl(q, prior)

    def spread(n: Numbers) -> float:
        prior, seen, q = weights(n)
        joint = [a * b for a, b in zip(prior, seen, strict=True)]
        return -sum(a * math.log(b / c) for a, b, c in zip(q, joint, posterior(n), strict=True))

    return Derivation(
        id="elbo",
        title="Why it is a bound",
        of=r"-\log p(x)",
        value=cost,
        numbers={"p_1": 0.8, "p_2": 0.1, "q_1": 0.7},
        steps=(
            Step(
                tex=r"-\sum_z q(z) \log \frac{p(x, z)}{p(z \mid x)}",
                value=spread,
                because="*p*(*x*) is *p*(*x*, *z*) / *p*(*z*|*x*) for every code *z*, so any mean over codes leaves "
                "it as it is. Here there are two codes, equally likely beforehand; they give the picture 0.8 and 0.1, "
                "and *q* is 0.7 and 0.3.",
                shown=r"-0.7 \log \frac{0.4}{0.8889} - 0.3 \log \frac{0.05}{0.1111}",
            ),
            Step(
                tex=r"\mathbb{E}_q\left[-\log p(x \mid z)\right] + \mathrm{KL}(q \,\|\, p(z)) "
                r"- \mathrm{KL}(q \,\|\, p(z \mid x))",
                value=lambda n: bound(n) - kl(weights(n)[2], posterior(n)),
                because="Write *p*(*x*, *z*) as *p*(*x*|*z*) *p*(*z*), and put *q*/*q* into the logarithm. The first "
                "two terms are what a VAE minimises; the last one is never below 0, so they are never below −log "
                "*p*(*x*).",
                shown="0.847 + 0.08228 - 0.1308",
            ),
        ),
    )


def _of_velocity() -> Derivation:
    return Derivation(
        id="velocity",
        title="What an MSE of *v* charges for an error in *x*₀",
        of=r"(\hat v - v)^2",
        value=lambda n: charges(n["e"], n[r"\alpha"], n[r"\sigma"])[2],
        numbers={"e": 0.1, r"\alpha": 0.8, r"\sigma": 0.6},
        steps=(
            Step(
                tex=r"\left(\alpha \cdot \left(-\frac{\alpha}{\sigma} e\right) - \sigma e\right)^2",
                value=lambda n: (n[r"\alpha"] * (-n[r"\alpha"] / n[r"\sigma"] * n["e"]) - n[r"\sigma"] * n["e"]) ** 2,
                because="*x*₀ is wrong by *e*. The mixture is known, so ε is wrong by −α*e*/σ. Both go into *v*.",
                shown=r"\left(0.8 \cdot (-0.1333) - 0.6 \cdot 0.1\right)^2",
            ),
            Step(
                tex=r"\frac{(\alpha^2 + \sigma^2)^2}{\sigma^2} e^2",
                value=lambda n: (n[r"\alpha"] ** 2 + n[r"\sigma"] ** 2) ** 2 / n[r"\sigma"] ** 2 * n["e"] ** 2,
                because="Take −*e*/σ out of the bracket.",
                shown=r"\frac{(0.64 + 0.36)^2}{0.36} \cdot 0.01",
            ),
            Step(
                tex=r"(\mathrm{SNR} + 1)\, e^2",
                value=lambda n: (n[r"\alpha"] ** 2 / n[r"\sigma"] ** 2 + 1) * n["e"] ** 2,
                because="Where α² + σ² = 1, one over σ² is SNR + 1.",
                shown=r"(1.778 + 1) \cdot 0.01",
            ),
        ),
    )
