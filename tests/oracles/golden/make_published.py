"""Write published.json: what the published formulas of two losses say, evaluated with 700 digits.

The formulas are those of torchvision 0.29's `ops.sigmoid_focal_loss` and of the authors' `AsymmetricLoss`
(Ridnik et al., "Asymmetric Loss For Multi-Label Classification", 2021), in our own words. In floating point
both lose the small difference 1 - p, so their formulas are kept here and their rounding is not.

Install `mpmath==1.3.0`, then run

    python tests/oracles/golden/make_published.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
from mpmath import mp, mpf
from record import write

mp.dps = 700  # 1 - p is e^-720 at the largest logit
CASES: list[dict[str, Any]] = []

# The origin, tiny, ordinary, saturated in float32 (17) and float64 (40), and beyond exp's range there (720).
LOGITS = [
    0.0,
    1e-9,
    0.3,
    -0.7,
    1.5,
    -2.0,
    -3.2,
    5.0,
    -9.0,
    17.0,
    -17.0,
    40.0,
    -40.0,
    120.0,
    -120.0,
    720.0,
    -720.0,
]
ABOVE_FLOOR = [logit for logit in LOGITS if abs(logit) < 18]


def probability(logit: mpf) -> mpf:
    """Return the sigmoid."""
    return 1 / (1 + mpmath.exp(-logit))


def focal(logit: mpf, target: float, gamma: float, alpha: float) -> mpf:
    """Return torchvision's sigmoid focal loss; an alpha below 0 leaves the classes unweighted."""
    positive = probability(logit)
    of_target = positive if target else 1 - positive
    loss = -((1 - of_target) ** mpf(gamma)) * mpmath.log(of_target)
    if alpha < 0:
        return loss
    return loss * (mpf(alpha) if target else 1 - mpf(alpha))


def asymmetric(
    logit: mpf,
    target: float,
    *,
    gamma_negative: float,
    gamma_positive: float,
    clip: float,
    floor: float,
) -> mpf:
    """Return the authors' loss of one entry: the negative is lifted by `clip`, both logs are floored."""
    positive = probability(logit)
    of_target = positive if target else min(1 - positive + mpf(clip), mpf(1))
    gamma = mpf(gamma_positive if target else gamma_negative)
    if of_target == 1:
        return mpf(0)
    return -((1 - of_target) ** gamma) * mpmath.log(max(of_target, mpf(floor)))


def add(
    function: str,
    name: str,
    call: str,
    compute: Callable[[mpf, float], mpf],
    logits: list[float],
    **options: float | None,
) -> None:
    """Record one case over these logits, each with target 0 and 1."""
    entries = [(logit, target) for target in (0.0, 1.0) for logit in logits]
    CASES.append(
        {
            "function": function,
            "name": name,
            "call": call,
            "precision": "float64",
            "options": options,
            "inputs": {
                "logits": [logit for logit, _ in entries],
                "targets": [target for _, target in entries],
            },
            "value": [float(compute(mpf(logit), target)) for logit, target in entries],
            "gradients": {
                "logits": [
                    float(mpmath.diff(lambda x, target=target: compute(x, target), mpf(logit)))
                    for logit, target in entries
                ],
            },
        },
    )


def record_focal() -> None:
    """Record the focal loss, its default among the options."""
    for gamma, alpha in ((2.0, 0.25), (2.0, -1.0), (0.5, -1.0), (5.0, 0.75), (0.0, -1.0), (1.0, 0.5)):
        add(
            "torchvision.ops.sigmoid_focal_loss",
            f"gamma {gamma}, alpha {alpha}",
            f"sigmoid_focal_loss(logits, targets, alpha={alpha}, gamma={gamma}, reduction='none')",
            lambda x, target, gamma=gamma, alpha=alpha: focal(x, target, gamma, alpha),
            LOGITS,
            gamma=gamma,
            alpha=None if alpha < 0 else alpha,
        )


def record_asymmetric() -> None:
    """Record the asymmetric loss, with the published floor where it does not act and without it elsewhere."""
    for negative, positive, clip in (
        (4.0, 1.0, 0.05),
        (4.0, 0.0, 0.05),
        (2.0, 2.0, 0.0),
        (0.0, 0.0, 0.0),
        (1.5, 0.5, 0.2),
    ):
        for floor, logits in ((1e-8, ABOVE_FLOOR), (0.0, LOGITS)):
            add(
                "AsymmetricLoss",
                f"gamma_neg {negative}, gamma_pos {positive}, clip {clip}, eps {floor}",
                f"AsymmetricLoss(gamma_neg={negative}, gamma_pos={positive}, clip={clip}, eps={floor}, "
                "disable_torch_grad_focal_loss=False)(logits, targets), before its sum",
                lambda x, target, negative=negative, positive=positive, clip=clip, floor=floor: asymmetric(
                    x,
                    target,
                    gamma_negative=negative,
                    gamma_positive=positive,
                    clip=clip,
                    floor=floor,
                ),
                logits,
                gamma_negative=negative,
                gamma_positive=positive,
                clip=clip,
            )


if __name__ == "__main__":
    record_focal()
    record_asymmetric()
    write("published", {"mpmath": mpmath.__version__}, CASES)
