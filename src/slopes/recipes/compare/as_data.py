"""A comparison as data that become JSON: everything that the page shows, and each repetition's numbers."""

from __future__ import annotations

import math
from importlib.metadata import version
from typing import Any

from slopes.recipes.compare import conclusion, curves
from slopes.recipes.compare.comparison import Comparison
from slopes.recipes.compare.harm import described as harm
from slopes.recipes.compare.splitting import described as splits
from slopes.recipes.compare.statistics import Interval


def as_data(found: Comparison) -> dict[str, Any]:
    """Return a comparison as dictionaries, lists, texts and finite numbers; what is not a number is None."""
    data = found.data
    return {
        "made_by": f"slopes {version('slopes')}",
        "data": {
            "name": data.name,
            "about": data.about,
            "rows": len(data),
            "rows_of_the_source": data.total,
            "numbers": list(data.number_names),
            "categories": list(data.category_names),
            "target": list(data.target.names),
            "classes": list(data.target.classes),
            "notes": list(data.notes),
        },
        "task": data.target.task,
        "method": {
            "splits": splits(data),
            "repetitions": found.plan.seeds,
            "steps": found.plan.steps,
            "corrupted_labels": harm(data.target),
            "test_to_train": found.test_to_train,
            "seconds": found.seconds,
        },
        "recommendation": {
            "candidate": found.recommended.name,
            "by_the_rules": found.rules,
            "decides": found.decides.name,
            "claim": conclusion.claim(found),
            "reading": conclusion.reading(found),
            "reasons": list(found.why),
            "evidence": conclusion.evidence(found),
            "limits": [*conclusion.limits(found), *found.refused],
            "code": found.recommended.code,
        },
        "candidates": [_candidate(found, candidate.name) for candidate in found.tried],
        "learning": curves.learning(found),
        "calibration": curves.calibration(found),
        "corruption": curves.corruption(found),
        "rarity": curves.rarity(found),
    }


def _candidate(found: Comparison, name: str) -> dict[str, Any]:
    candidate = next(c for c in found.tried if c.name == name)
    plain = found.of(name)
    known = list(dict.fromkeys(measure for o in plain for measure in o.scores))
    return {
        "name": name,
        "label": candidate.label,
        "said": candidate.said,
        "wrong": candidate.wrong or None,
        "measures": {measure: _interval(found.interval(name, measure)) for measure in known},
        "repetitions": {measure: [_finite(o.scores.get(measure)) for o in plain] for measure in known},
        "uncalibrated": {measure: [_finite(o.uncalibrated.get(measure)) for o in plain] for measure in known},
        "better_than_the_recommended_by": _interval(found.better_by(name, found.recommended.name)),
        "calibration": [list(o.reasons) for o in plain],
        "seconds": [o.seconds for o in plain],
    }


def _interval(came: Interval | None) -> dict[str, float | None] | None:
    return None if came is None else {name: _finite(value) for name, value in came._asdict().items()}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
