"""Every loss as its definition reads, in mpmath: no maximum subtracted, nothing fused, nothing clamped.

Each function answers for the smallest thing that has a loss (an element, a row of class logits, a pair, a
sequence) and returns it unreduced; `precision.weighted_mean` is the reduction. Losses of a whole batch
(`info_nce`, `clip`, `nt_xent`) return one number per row. Gradients come from `precision.gradient`, which
differentiates any of these numerically, and for the losses that the others are made of from the derivations
beside them (`*_slope`, `*_gradient`); the tests hold one against the other.

0 · log 0 is 0, as everywhere in information theory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from mpmath import mp, mpf
from tests.oracles.activations import log_softmax, softmax
from tests.oracles.precision import careful, weighted_mean

ZERO: Final = mpf(0)


def _times_log(weight: mpf, probability: mpf) -> mpf:
    """Return weight · log(probability), 0 where the weight is."""
    return weight * mp.log(probability) if weight else ZERO


def _logistic(logit: mpf) -> mpf:
    return 1 / (1 + mp.exp(-logit))


# Regression


@careful
def mse(prediction: mpf, target: mpf) -> mpf:
    """Return (prediction - target)²."""
    return (prediction - target) ** 2


@careful
def mse_slope(prediction: mpf, target: mpf) -> mpf:
    """Return the derivative by the prediction."""
    return 2 * (prediction - target)


@careful
def mae(prediction: mpf, target: mpf) -> mpf:
    """Return |prediction - target|."""
    return abs(prediction - target)


@careful
def mae_slope(prediction: mpf, target: mpf) -> mpf:
    """Return the derivative by the prediction; 0 at the kink."""
    return mp.sign(prediction - target)


@careful
def huber(prediction: mpf, target: mpf, delta: mpf = 1.0) -> mpf:
    """Return r²/2 up to delta, delta · (|r| - delta/2) beyond."""
    r = abs(prediction - target)
    return r**2 / 2 if r <= delta else delta * (r - delta / 2)


@careful
def huber_slope(prediction: mpf, target: mpf, delta: mpf = 1.0) -> mpf:
    """Return the derivative by the prediction: the residual, clipped to ±delta."""
    return min(max(prediction - target, -delta), delta)


@careful
def smooth_l1(prediction: mpf, target: mpf, beta: mpf = 1.0) -> mpf:
    """Return r²/(2 beta) below beta, |r| - beta/2 beyond."""
    r = abs(prediction - target)
    return r**2 / (2 * beta) if r < beta else r - beta / 2


@careful
def quantile(prediction: mpf, target: mpf, level: mpf) -> mpf:
    """Return the pinball loss: level · (y - q) where q is too low, (1 - level) · (q - y) where too high."""
    return level * (target - prediction) if target >= prediction else (1 - level) * (prediction - target)


@careful
def gaussian_nll(mean: mpf, log_variance: mpf, target: mpf, *, full: bool = False) -> mpf:
    """Return -log of the normal density, by default without its constant log(2π)/2."""
    variance = mp.exp(log_variance)
    density = mp.exp(-((target - mean) ** 2) / (2 * variance)) / mp.sqrt(2 * mp.pi * variance)
    return -mp.log(density) - (0 if full else mp.log(2 * mp.pi) / 2)


@careful
def gaussian_nll_slopes(mean: mpf, log_variance: mpf, target: mpf) -> tuple[mpf, mpf]:
    """Return the derivatives by the mean and by the log-variance."""
    variance = mp.exp(log_variance)
    return (mean - target) / variance, (1 - (target - mean) ** 2 / variance) / 2


# Classification


@careful
def binary_cross_entropy(logit: mpf, target: mpf, pos_weight: mpf = 1.0, label_smoothing: mpf = 0.0) -> mpf:
    """Return -(pos_weight · y · log p + (1 - y) · log(1 - p)), p the logistic of the logit; y is smoothed first."""
    p = _logistic(logit)
    if label_smoothing:
        target = target + label_smoothing * (mpf(1) / 2 - target)
    return -_times_log(pos_weight * target, p) - _times_log(1 - target, 1 - p)


@careful
def binary_cross_entropy_slope(logit: mpf, target: mpf, pos_weight: mpf = 1.0) -> mpf:
    """Return the derivative by the logit: (1 - y) · p - pos_weight · y · (1 - p)."""
    p = _logistic(logit)
    return (1 - target) * p - pos_weight * target * (1 - p)


@careful
def smoothed(
    target: int | Sequence[mpf], classes: Sequence[bool], label_smoothing: mpf, smooth_over: str = "all"
) -> list[mpf]:
    """Return a target distribution with its mass moved towards uniform, over the classes that are there.

    `"all"` takes label_smoothing from every class and spreads it over all K; `"others"` takes it from the
    true class and spreads it over the K - 1 others (a distribution counts as a mixture of true classes).
    """
    count = sum(classes)
    hard = [mpf(k == target) for k in range(len(classes))] if isinstance(target, int) else list(target)
    if smooth_over == "all":
        spread = [label_smoothing / count if there else ZERO for there in classes]
        return [(1 - label_smoothing) * mass + share for mass, share in zip(hard, spread, strict=True)]
    if count == 1:
        return hard
    others = label_smoothing / (count - 1)
    return [
        (1 - label_smoothing) * mass + others * (sum(hard) - mass) if there else (1 - label_smoothing) * mass
        for mass, there in zip(hard, classes, strict=True)
    ]


@careful
def cross_entropy(
    logits: Sequence[mpf],
    target: int | Sequence[mpf],
    class_weight: Sequence[mpf] | None = None,
    label_smoothing: mpf = 0.0,
    smooth_over: str = "all",
) -> mpf:
    """Return -Σ w_k t_k log p_k for one row; t is one-hot, or a distribution, smoothed first.

    A class whose logit is -inf is not there: nothing is smoothed towards it.
    """
    goal = smoothed(target, [logit > -mp.inf for logit in logits], label_smoothing, smooth_over)
    weights = class_weight or [mpf(1)] * len(logits)
    p = softmax(logits)
    return -mp.fsum(_times_log(w * t, q) for w, t, q in zip(weights, goal, p, strict=True))


@careful
def normalised_cross_entropy(logits: Sequence[mpf], target: int, z_loss: mpf) -> mpf:
    """Return the cross-entropy plus z_loss times the square of the log of the partition sum."""
    partition = mp.fsum(mp.exp(logit) for logit in logits)
    return -mp.log(mp.exp(logits[target]) / partition) + z_loss * mp.log(partition) ** 2


@careful
def row_entropy(logits: Sequence[mpf]) -> mpf:
    """Return the entropy of the softmax of a row."""
    partition = mp.fsum(mp.exp(logit) for logit in logits)
    return -mp.fsum(_times_log(mp.exp(x) / partition, mp.exp(x) / partition) for x in logits)


@careful
def cross_entropy_gradient(
    logits: Sequence[mpf],
    target: int | Sequence[mpf],
    class_weight: Sequence[mpf] | None = None,
    label_smoothing: mpf = 0.0,
    smooth_over: str = "all",
) -> list[mpf]:
    """Return the gradient by the logits: p_j · Σ w_k t_k - w_j t_j."""
    goal = smoothed(target, [logit > -mp.inf for logit in logits], label_smoothing, smooth_over)
    weights = class_weight or [mpf(1)] * len(logits)
    pull = [w * t for w, t in zip(weights, goal, strict=True)]
    return [q * mp.fsum(pull) - t for q, t in zip(softmax(logits), pull, strict=True)]


@careful
def focal(logit: mpf, target: int, gamma: mpf = 2.0, alpha: mpf | None = None) -> mpf:
    """Return -a · (1 - p_t)^gamma · log p_t; a is alpha for positives, 1 - alpha for negatives."""
    p = _logistic(logit)
    of_truth = p if target else 1 - p
    balance = mpf(1) if alpha is None else (alpha if target else 1 - alpha)
    return -balance * (1 - of_truth) ** gamma * mp.log(of_truth)


@careful
def focal_slope(logit: mpf, target: int, gamma: mpf = 2.0, alpha: mpf | None = None) -> mpf:
    """Return the derivative by the logit: ±a · (1 - p_t)^gamma · (gamma · p_t · log p_t - (1 - p_t))."""
    p = _logistic(logit)
    of_truth, sign = (p, 1) if target else (1 - p, -1)
    balance = mpf(1) if alpha is None else (alpha if target else 1 - alpha)
    return sign * balance * (1 - of_truth) ** gamma * (gamma * of_truth * mp.log(of_truth) - (1 - of_truth))


@careful
def softmax_focal(logits: Sequence[mpf], target: int, gamma: mpf = 2.0, alpha: Sequence[mpf] | None = None) -> mpf:
    """Return -a_t · (1 - p_t)^gamma · log p_t for one row."""
    p = softmax(logits)[target]
    return -(alpha[target] if alpha else 1) * (1 - p) ** gamma * mp.log(p)


@careful
def asymmetric(logit: mpf, target: int, gamma_negative: mpf = 4.0, gamma_positive: mpf = 1.0, clip: mpf = 0.05) -> mpf:
    """Return -(1 - p)^gamma_positive · log p, or -m^gamma_negative · log(1 - m) with m = max(p - clip, 0)."""
    p = _logistic(logit)
    if target:
        return -((1 - p) ** gamma_positive) * mp.log(p)
    shifted = max(p - clip, ZERO)
    return -(shifted**gamma_negative) * mp.log(1 - shifted) if shifted else ZERO


@careful
def hinge(score: mpf, target: mpf, margin: mpf = 1.0) -> mpf:
    """Return max(0, margin - y · s)."""
    return max(ZERO, margin - target * score)


@careful
def multiclass_hinge(scores: Sequence[mpf], target: int, margin: mpf = 1.0) -> mpf:
    """Return max(0, margin + the best other score - the true class's) (Crammer and Singer)."""
    others = [score for k, score in enumerate(scores) if k != target]
    return max(ZERO, margin + max(others) - scores[target]) if others else ZERO


# Divergences


@careful
def kl_divergence(log_p: Sequence[mpf], log_q: Sequence[mpf]) -> mpf:
    """Return Σ p log(p / q)."""
    return mp.fsum(mp.exp(a) * (a - b) for a, b in zip(log_p, log_q, strict=True) if mp.exp(a))


@careful
def kl_divergence_gradients(log_p: Sequence[mpf], log_q: Sequence[mpf]) -> tuple[list[mpf], list[mpf]]:
    """Return the gradients by log_p and by log_q, each entry free: p (log(p/q) + 1) and -p."""
    by_p = [mp.exp(a) * (a - b + 1) if mp.exp(a) else ZERO for a, b in zip(log_p, log_q, strict=True)]
    return by_p, [-mp.exp(a) for a in log_p]


@careful
def js_divergence(log_p: Sequence[mpf], log_q: Sequence[mpf]) -> mpf:
    """Return half of KL(p‖m) and KL(q‖m), m the mean of p and q."""
    middle = [(mp.exp(a) + mp.exp(b)) / 2 for a, b in zip(log_p, log_q, strict=True)]
    log_middle = [mp.log(m) if m else -mp.inf for m in middle]
    return (kl_divergence(log_p, log_middle) + kl_divergence(log_q, log_middle)) / 2


@careful
def entropy(log_p: Sequence[mpf]) -> mpf:
    """Return -Σ p log p."""
    return -mp.fsum(mp.exp(a) * a for a in log_p if mp.exp(a))


@careful
def gaussian_kl(mean: Sequence[mpf], log_variance: Sequence[mpf]) -> mpf:
    """Return KL(N(mean, variance) ‖ N(0, 1)) = Σ (variance + mean² - 1 - log variance) / 2."""
    return mp.fsum((mp.exp(s) + m**2 - 1 - s) / 2 for m, s in zip(mean, log_variance, strict=True))


# Embeddings


@careful
def dot(a: Sequence[mpf], b: Sequence[mpf]) -> mpf:
    """Return the inner product."""
    return mp.fsum(x * y for x, y in zip(a, b, strict=True))


@careful
def cosine(a: Sequence[mpf], b: Sequence[mpf]) -> mpf:
    """Return a·b / (|a| |b|), 0 for a zero vector."""
    norms = mp.sqrt(dot(a, a)) * mp.sqrt(dot(b, b))
    return dot(a, b) / norms if norms else ZERO


@careful
def distance(a: Sequence[mpf], b: Sequence[mpf], kind: str = "euclidean") -> mpf:
    """Return |a - b|, its square, or 1 - cos(a, b)."""
    if kind == "cosine":
        return 1 - cosine(a, b)
    squared = mp.fsum((x - y) ** 2 for x, y in zip(a, b, strict=True))
    return squared if kind == "squared" else mp.sqrt(squared)


@careful
def triplet(
    anchor: Sequence[mpf],
    positive: Sequence[mpf],
    negative: Sequence[mpf],
    margin: mpf = 0.2,
    kind: str = "euclidean",
) -> mpf:
    """Return max(0, d(anchor, positive) - d(anchor, negative) + margin)."""
    return max(ZERO, distance(anchor, positive, kind) - distance(anchor, negative, kind) + margin)


@careful
def contrastive(a: Sequence[mpf], b: Sequence[mpf], similar: bool, margin: mpf = 1.0) -> mpf:  # noqa: FBT001  one label of a pair
    """Return d² for a similar pair, max(0, margin - d)² for a dissimilar one."""
    d = distance(a, b)
    return d**2 if similar else max(ZERO, margin - d) ** 2


@careful
def cosine_embedding(a: Sequence[mpf], b: Sequence[mpf], similar: bool, margin: mpf = 0.0) -> mpf:  # noqa: FBT001
    """Return 1 - cos for a similar pair, max(0, cos - margin) for a dissimilar one."""
    return 1 - cosine(a, b) if similar else max(ZERO, cosine(a, b) - margin)


@careful
def info_nce(
    query: Sequence[Sequence[mpf]],
    keys: Sequence[Sequence[mpf]],
    positives: Sequence[int] | None = None,
    temperature: mpf = 0.07,
    *,
    normalize: bool = True,
) -> list[mpf]:
    """Return for each query -log of the softmax over similarities / T, at its positive key."""
    alike: Callable[..., mpf] = cosine if normalize else dot
    chosen = positives if positives is not None else range(len(query))
    return [
        cross_entropy([alike(one, key) / temperature for key in keys], int(at))
        for one, at in zip(query, chosen, strict=True)
    ]


@careful
def clip(images: Sequence[Sequence[mpf]], texts: Sequence[Sequence[mpf]], logit_scale: mpf) -> list[mpf]:
    """Return for each pair the mean of image-to-text and text-to-image cross-entropy of scaled cosines."""
    forth = info_nce(images, texts, temperature=1 / logit_scale)
    back = info_nce(texts, images, temperature=1 / logit_scale)
    return [(a + b) / 2 for a, b in zip(forth, back, strict=True)]


@careful
def nt_xent(first: Sequence[Sequence[mpf]], second: Sequence[Sequence[mpf]], temperature: mpf = 0.1) -> list[mpf]:
    """Return for each of the 2N views the cross-entropy of its partner among the 2N - 1 others."""
    views = [*first, *second]
    losses = []
    for i, view in enumerate(views):
        others = [j for j in range(len(views)) if j != i]
        logits = [cosine(view, views[j]) / temperature for j in others]
        losses.append(cross_entropy(logits, others.index((i + len(first)) % len(views))))
    return losses


@careful
def batch_triplet(
    embeddings: Sequence[Sequence[mpf]],
    labels: Sequence[int],
    margin: mpf = 0.2,
    kind: str = "euclidean",
) -> list[mpf]:
    """Return the loss of every valid triplet (anchor, same label, other label), active or not."""
    return [
        triplet(a, p, n, margin, kind)
        for i, a in enumerate(embeddings)
        for j, p in enumerate(embeddings)
        for k, n in enumerate(embeddings)
        if i != j and labels[i] == labels[j] and labels[i] != labels[k]
    ]


# Language


@careful
def token_log_probs(logits: Sequence[Sequence[mpf]], token_ids: Sequence[int]) -> list[mpf]:
    """Return log p of every token but the first, given the logits one position before it."""
    return [log_softmax(row)[token] for row, token in zip(logits[:-1], token_ids[1:], strict=True)]


@careful
def sequence_log_prob(
    logits: Sequence[Sequence[mpf]],
    token_ids: Sequence[int],
    mask: Sequence[bool] | None = None,
    *,
    average: bool = False,
) -> mpf:
    """Return the sum (or the mean, NaN over none) of the log-probabilities of the tokens that the mask keeps."""
    scores = token_log_probs(logits, token_ids)
    kept = [score for score, keep in zip(scores, (mask or [True] * len(token_ids))[1:], strict=True) if keep]
    if average and not kept:
        return mp.nan
    return mp.fsum(kept) / (len(kept) if average else 1)


@careful
def next_token(logits: Sequence[Sequence[mpf]], token_ids: Sequence[int], mask: Sequence[bool] | None = None) -> mpf:
    """Return the mean of -log p over the tokens of one sequence that the mask keeps; 0 over none."""
    mean = sequence_log_prob(logits, token_ids, mask, average=True)
    return mpf(0) if mp.isnan(mean) else -mean


@careful
def perplexity(logits: Sequence[Sequence[mpf]], token_ids: Sequence[int], mask: Sequence[bool] | None = None) -> mpf:
    """Return exp of the mean of -log p over all kept tokens."""
    return mp.exp(next_token(logits, token_ids, mask))


@careful
def masked_lm(logits: Sequence[Sequence[mpf]], labels: Sequence[int], ignore_index: int = -100) -> mpf:
    """Return the mean cross-entropy of the positions whose label is not ignored; 0 where none is left."""
    return weighted_mean(
        [cross_entropy(row, label) for row, label in zip(logits, labels, strict=True) if label != ignore_index]
    )


# Distillation


@careful
def distillation(
    student: Sequence[mpf],
    teacher: Sequence[mpf],
    target: int,
    alpha: mpf = 0.5,
    temperature: mpf = 2.0,
    direction: str = "forward",
) -> mpf:
    """Return alpha · CE(student, target) + (1 - alpha) · T² · KL(teacher‖student), both softened by T."""
    of_teacher, of_student = log_softmax(teacher, temperature), log_softmax(student, temperature)
    pair = (of_teacher, of_student) if direction == "forward" else (of_student, of_teacher)
    return alpha * cross_entropy(student, target) + (1 - alpha) * temperature**2 * kl_divergence(*pair)


# Preference


@careful
def bradley_terry(chosen: mpf, rejected: mpf, margin: mpf = 0.0) -> mpf:
    """Return -log sigmoid(chosen - rejected - margin)."""
    return -mp.log(_logistic(chosen - rejected - margin))


@careful
def bradley_terry_slope(chosen: mpf, rejected: mpf, margin: mpf = 0.0) -> mpf:
    """Return the derivative by the chosen reward; by the rejected one it is the negative."""
    return -(1 - _logistic(chosen - rejected - margin))


@careful
def dpo(
    policy_chosen: mpf,
    policy_rejected: mpf,
    reference_chosen: mpf,
    reference_rejected: mpf,
    beta: mpf = 0.1,
    label_smoothing: mpf = 0.0,
) -> mpf:
    """Return -(1 - s) log sigmoid(h) - s log sigmoid(-h), h = beta · (chosen's log-ratio - rejected's)."""
    h = beta * ((policy_chosen - reference_chosen) - (policy_rejected - reference_rejected))
    return -_times_log(1 - label_smoothing, _logistic(h)) - _times_log(label_smoothing, _logistic(-h))


@careful
def dpo_slope(
    policy_chosen: mpf,
    policy_rejected: mpf,
    reference_chosen: mpf,
    reference_rejected: mpf,
    beta: mpf = 0.1,
    label_smoothing: mpf = 0.0,
) -> mpf:
    """Return the derivative by policy_chosen; by policy_rejected it is the negative."""
    h = beta * ((policy_chosen - reference_chosen) - (policy_rejected - reference_rejected))
    return beta * (label_smoothing * _logistic(h) - (1 - label_smoothing) * _logistic(-h))


@careful
def ipo(
    policy_chosen: mpf, policy_rejected: mpf, reference_chosen: mpf, reference_rejected: mpf, beta: mpf = 0.1
) -> mpf:
    """Return (h - 1 / (2 beta))², h the difference of the log-ratios."""
    h = (policy_chosen - reference_chosen) - (policy_rejected - reference_rejected)
    return (h - 1 / (2 * beta)) ** 2


@careful
def kto(
    policy: mpf,
    reference: mpf,
    desirable: bool,  # noqa: FBT001  one label of a completion
    kl: mpf,
    beta: mpf = 0.1,
    desirable_weight: mpf = 1.0,
    undesirable_weight: mpf = 1.0,
) -> mpf:
    """Return w · (1 - sigmoid(±beta · (log-ratio - kl))), plus for the desirable."""
    gain = beta * (policy - reference - kl)
    if desirable:
        return desirable_weight * (1 - _logistic(gain))
    return undesirable_weight * (1 - _logistic(-gain))


@careful
def orpo(chosen_log_probs: mpf, rejected_log_probs: mpf, nll: mpf, lam: mpf = 0.1) -> mpf:
    """Return nll - lam · log sigmoid(log odds of the chosen - log odds of the rejected)."""
    chosen, rejected = mp.exp(chosen_log_probs), mp.exp(rejected_log_probs)
    log_odds_ratio = mp.log(chosen / (1 - chosen)) - mp.log(rejected / (1 - rejected))
    return nll - lam * mp.log(_logistic(log_odds_ratio))


# Policy


@careful
def ppo(log_prob: mpf, old_log_prob: mpf, advantage: mpf, clip: mpf = 0.2) -> mpf:
    """Return -min(r · A, clip(r, 1 - c, 1 + c) · A), r = exp(log_prob - old_log_prob)."""
    ratio = mp.exp(log_prob - old_log_prob)
    return -min(ratio * advantage, min(max(ratio, 1 - clip), 1 + clip) * advantage)


@careful
def ppo_slope(log_prob: mpf, old_log_prob: mpf, advantage: mpf, clip: mpf = 0.2) -> mpf:
    """Return the derivative by log_prob: -r · A where the unclipped term is the smaller one, else 0."""
    ratio = mp.exp(log_prob - old_log_prob)
    clipped = ratio > 1 + clip if advantage > 0 else ratio < 1 - clip
    return ZERO if clipped else -ratio * advantage


@careful
def kl_penalty(log_prob: mpf, reference_log_prob: mpf, estimator: str = "k1") -> mpf:
    """Return k1 = -log r, k2 = (log r)² / 2 or k3 = r - 1 - log r, with r = reference / policy."""
    log_ratio = reference_log_prob - log_prob
    return {"k1": -log_ratio, "k2": log_ratio**2 / 2, "k3": mp.exp(log_ratio) - 1 - log_ratio}[estimator]


@careful
def value_clip(value: mpf, old_value: mpf, target: mpf, clip: mpf = 0.2) -> mpf:
    """Return half of the larger of (v - R)² and (v kept within clip of the old value - R)²."""
    held = min(max(value, old_value - clip), old_value + clip)
    return max((value - target) ** 2, (held - target) ** 2) / 2


@careful
def generalized_advantages(
    rewards: Sequence[mpf],
    values: Sequence[mpf],
    gamma: mpf = 0.99,
    lam: mpf = 0.95,
    done: Sequence[bool] | None = None,
) -> list[mpf]:
    """Return A_t = Σ_l (gamma · lam)^l · δ_(t+l), the sum ending with the episode.

    δ_t = r_t + gamma · V_(t+1) - V_t, without V_(t+1) where the step ends an episode.
    """
    steps = range(len(rewards))
    ends = list(done) if done is not None else [False] * len(rewards)
    surprise = [rewards[t] + (0 if ends[t] else gamma * values[t + 1]) - values[t] for t in steps]
    advantages = []
    for t in steps:
        last = next((u for u in steps if u >= t and ends[u]), len(rewards) - 1)
        advantages.append(mp.fsum((gamma * lam) ** (u - t) * surprise[u] for u in range(t, last + 1)))
    return advantages
