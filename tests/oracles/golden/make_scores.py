"""Write scores.json: what properscoring and scoringrules answer, in float64 and without gradients.

Install, in an environment of its own, `properscoring==0.1 scoringrules==0.10.0 numpy scipy`, then run

    python tests/oracles/golden/make_scores.py
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np
import properscoring
import scoringrules
from record import write

RANDOM = np.random.default_rng(20260101)
CASES: list[dict[str, Any]] = []


def add(function: str, name: str, call: str, inputs: dict[str, Any], value: Any) -> None:  # noqa: ANN401
    """Record one case."""
    CASES.append(
        {
            "function": function,
            "name": name,
            "call": call,
            "precision": "float64",
            "options": {},
            "inputs": {key: np.asarray(array, dtype=np.float64) for key, array in inputs.items()},
            "value": np.asarray(value, dtype=np.float64),
            "gradients": {},
        }
    )


def main() -> None:
    """Ask both of bells, far tails among them, and of ensembles, ties among them."""
    mean = np.array([0.0, 0.5, -3.0, 40.0, 0.0, 1e-3, 300.0])
    sigma = np.array([1.0, 0.25, 4.0, 1.0, 1e-3, 1.0, 0.5])
    target = np.array([0.0, 1.75, 2.0, 0.0, 1.0, 0.0, -5.0])
    bell = {"mean": mean, "sigma": sigma, "target": target}
    add(
        "crps_gaussian",
        "properscoring",
        "properscoring.crps_gaussian(target, mean, sigma)",
        bell,
        properscoring.crps_gaussian(target, mean, sigma),
    )
    add(
        "crps_normal",
        "scoringrules",
        "scoringrules.crps_normal(target, mean, sigma)",
        bell,
        scoringrules.crps_normal(target, mean, sigma),
    )
    members = RANDOM.standard_normal((6, 8))
    members[1, :4] = members[1, 0]
    members[2] = 0.5
    targets = RANDOM.standard_normal(6)
    targets[3], targets[4] = members[3, 2], 60.0
    ensemble = {"members": members, "targets": targets}
    add(
        "crps_ensemble",
        "properscoring, all pairs",
        "properscoring.crps_ensemble(targets, members)",
        ensemble,
        properscoring.crps_ensemble(targets, members),
    )
    for estimator, pairs in (("fair", "fair"), ("nrg", "all pairs")):
        add(
            "crps_ensemble",
            f"scoringrules, {pairs}",
            f"scoringrules.crps_ensemble(targets, members, estimator={estimator!r})",
            ensemble,
            scoringrules.crps_ensemble(targets, members, estimator=estimator),
        )
    write("scores", {name: version(name) for name in ("properscoring", "scoringrules", "numpy")}, CASES)


if __name__ == "__main__":
    main()
