"""The recommendation in words: what it rests on, and what it does not say."""

from __future__ import annotations

from collections.abc import Sequence

from slopes.recipes.compare.candidate import Candidate
from slopes.recipes.compare.comparison import Comparison
from slopes.recipes.compare.digits import number
from slopes.recipes.compare.harm import described as harm
from slopes.recipes.compare.model import HIDDEN
from slopes.recipes.compare.statistics import Interval


def claim(found: Comparison) -> str:
    """Return the recommendation as a title."""
    best = found.recommended
    if best.name != found.rules:
        return f"Use {best.said}: on these data it is surely better than the usual choice"
    rivals = [c for c in found.tried if c.name != best.name and not c.wrong]
    if not rivals or found.plan.seeds == 1:
        return f"Use {best.said}, as its targets ask for"
    worse = [c for c in rivals if _surely_worse(found, c)]
    if len(worse) == len(rivals):
        return f"Use {best.said}: every other candidate is surely worse"
    return f"Use {best.said}: nothing that was tried is surely better"


def reading(found: Comparison) -> str:
    """Return the evidence in two or three sentences."""
    best, measure = found.recommended, found.decides
    came = found.interval(best.name, measure.name)
    if came is None:
        return ""
    said = f"{_capital(best.said)} reaches {number(came.mean)} {measure.label}{_between(came)}."
    return " ".join([said, *_against_the_rules(found), *_rivals(found)])


def evidence(found: Comparison) -> list[str]:
    """Return what speaks for and against, a sentence or two each."""
    return [*_stressed(found), *_thinned(found), *_calibration(found), *_wrong(found)]


def limits(found: Comparison) -> list[str]:
    """Return what the comparison cannot say."""
    plan, data, measure = found.plan, found.data, found.decides
    test = round(sum(o.rows[1] for o in found.outcomes if o.trial.plain) / len(found.tried) / plan.seeds)
    why = "--metric asks for it" if plan.decides else "the task's recipe puts it first; --metric takes another"
    repetitions = f"{plan.seeds} repetitions" if plan.seeds > 1 else "One repetition"
    said = [
        (f"One small model was trained, {HIDDEN} hidden units and {plan.steps} batches, with one rate for all. "
        "Another model, a longer training or a rate of its own for each candidate may order them otherwise."),
        (f"{repetitions} of {test:,} test rows share one data set. The intervals are widened for that (Nadeau and "
        "Bengio, 2003) and for the number of candidates (Bonferroni); they say nothing of data from elsewhere."),
        (f"{measure.label[:1].upper()}{measure.label[1:]} decides because {why}. "
        "Whoever reads many measures will find one that a candidate is good at by luck."),
    ]  # fmt: skip
    if plan.seeds == 1:
        said.append("One repetition gives no interval at all: every difference may be luck. Take --seeds 5 or more.")
    if found.data.target.task == "regression" and measure.name == "mae":
        said.append("MAE is what the absolute error minimises, and RMSE what the squared error does: look at both.")
    if data.total > len(data):
        said.append(f"{len(data):,} of {data.total:,} rows were used.")
    return said


def _against_the_rules(found: Comparison) -> list[str]:
    best = found.recommended
    if best.name == found.rules:
        return ["It is what the targets ask for by the rules."]
    usual = next(c for c in found.tried if c.name == found.rules)
    gain = found.better_by(best.name, found.rules)
    by = "" if gain is None else f"by {number(gain.mean)}{_between(gain)} "
    return [f"By the rules the targets ask for {usual.said}; {best.said} is better {by}on the same splits."]


def _rivals(found: Comparison) -> list[str]:
    best = found.recommended
    rivals = [c for c in found.tried if c.name != best.name and not c.wrong]
    if found.plan.seeds == 1:
        return ["With one repetition nothing can be said of the others."] if rivals else []
    worse = [c for c in rivals if _surely_worse(found, c)]
    level = [c for c in rivals if c not in worse]
    said = []
    if level:
        lie = "difference to {} lies" if len(level) == 1 else "differences to {} lie"
        said.append(f"The {lie.format(_listed(level))} inside the noise.")
    if worse:
        said.append(f"{_listed(worse)} {'is' if len(worse) == 1 else 'are'} surely worse.")
    return said


def _surely_worse(found: Comparison, candidate: Candidate) -> bool:
    gain = found.better_by(candidate.name, found.recommended.name)
    return gain is not None and gain.high is not None and gain.high < 0


def _stressed(found: Comparison) -> list[str]:
    if not found.plan.corrupted:
        return []
    share = max(found.plan.corrupted)
    how = f"With {share * 100:.0f} % of the training rows corrupted ({harm(found.data.target)})"
    return _under(found, how, corrupted=share)


def _thinned(found: Comparison) -> list[str]:
    ratio = max(o.trial.ratio for o in found.outcomes)
    how = f"With the rarest class thinned to 1 in {ratio:.0f} of the commonest in training, test rows as they are"
    return _under(found, how, ratio=ratio) if ratio else []


def _under(found: Comparison, how: str, **stress: float) -> list[str]:
    """Return who is best under a stress, and whether surely better than the recommended candidate."""
    best, measure = found.recommended, found.decides
    came = {c: found.interval(c.name, measure.name, **stress) for c in found.tried if not c.wrong}
    means = {c: i.mean for c, i in came.items() if i is not None}
    if best not in means:
        return []
    first = max(means, key=lambda c: measure.better * means[c])
    own = f"{how}, {best.said} has {number(means[best])} {measure.label}"
    if first == best:
        return [f"{own}, the best of all." if len(means) > 1 else f"{own}."]
    gain = found.better_by(first.name, best.name, **stress)
    surely = gain is not None and gain.low is not None and gain.low > 0
    told = "which is surely better" if surely else "a difference inside the noise"
    return [f"{own}; “{first.label}” has {number(means[first])}, {told}."]


def _calibration(found: Comparison) -> list[str]:
    said = []
    plain = found.of(found.recommended.name)
    for name, label in (("calibration_error", "calibration error"), ("f1", "F1"), ("macro_f1", "macro F1")):
        if not all(name in o.scores and name in o.uncalibrated for o in plain):
            continue
        before, after = (sum(getattr(o, k)[name] for o in plain) / len(plain) for k in ("uncalibrated", "scores"))
        if abs(before - after) < 1e-9:  # noqa: PLR2004  nothing was changed
            continue
        how = "temperature scaling" if name == "calibration_error" else "tuned thresholds"
        said.append(f"On test rows, {how} took the recommended candidate's {label} from {number(before)} to "
                    f"{number(after)}.")  # fmt: skip
    return said


def _wrong(found: Comparison) -> list[str]:
    said = []
    for candidate in (c for c in found.tried if c.wrong):
        gain = found.better_by(candidate.name, found.recommended.name)
        if gain is None:
            continue
        if gain.high is not None and gain.high < 0:
            cost = f"It costs {number(-gain.mean)} {found.decides.label} here."
        elif gain.mean >= 0:
            cost = f"Here it does no worse ({number(gain.mean)} {found.decides.label} better), whatever the reason."
        else:
            cost = f"Here it costs {number(-gain.mean)} {found.decides.label}, which lies inside the noise."
        told = f"{_capital(candidate.said)} does not belong: {candidate.wrong}. {cost}"
        said.append(" ".join([told, *_before(found, candidate)]))
    return said


def _before(found: Comparison, candidate: Candidate) -> list[str]:
    """Return what a wrong pair costs before calibration, where calibration hides most of it."""
    name, sign = found.decides.name, found.decides.better
    own, theirs = (
        sum(o.uncalibrated[name] for o in found.of(each)) / len(found.of(each))
        for each in (found.recommended.name, candidate.name)
    )
    gain = found.better_by(candidate.name, found.recommended.name)
    cost = sign * (own - theirs)
    if gain is None or cost <= 2 * max(-gain.mean, 0.01 * abs(own)):
        return []
    return [f"Before thresholds and temperature were tuned it cost {number(cost)}."]


def _between(came: Interval) -> str:
    if came.low is None or came.high is None:
        return ""
    return f" (95 % interval {number(came.low)} to {number(came.high)})"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _listed(chosen: Sequence[Candidate]) -> str:
    names = [f"“{candidate.label}”" for candidate in chosen]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
