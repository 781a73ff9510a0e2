"""What repairs the errors of `recipes.choose`: targets that are no targets yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from tests.laws.fixes.law import Fix

ELSEWHERE: Final[Mapping[str, str]] = {}


def names() -> Mapping[str, Any]:
    import polars as pl  # noqa: PLC0415  a package of an extra

    return {"np": np, "pl": pl}


CHOOSE: Final = "R.choose(targets)"
AS: Final = "R.choose(targets, task=task)"
NUMBERS: Final = torch.tensor([1.5, 2.25, 8.5, 3.0])
CUBE: Final = [[[0, 1], [2, 1]], [[0, 2], [1, 2]]]


def given(targets: Any, **others: Any) -> Mapping[str, Any]:  # noqa: ANN401  whatever is given
    return {"targets": targets, **others}


TRIED: Final[Mapping[str, Sequence[Fix]]] = {
    "recipes/choosing/choose.py _varied": [
        Fix(CHOOSE, given(torch.ones(4)), words={"targets": "torch.tensor([1.0, 1.0, 2.5, 1.0])"}),
        Fix(CHOOSE, given(["a", "a"]), words={"targets": "['a', 'b', 'a', 'b']"}),
    ],
    "recipes/choosing/choose.py _cannot": [
        Fix(AS, given(torch.tensor([0, 1, 2, 2, 1]), task="binary"), {"task": "'multiclass'"}),
        Fix(
            AS,
            given(torch.rand(4, 3), task="binary"),
            words={"targets": "(targets[:, 1] > targets[:, 1].mean()).long()"},
        ),
        Fix(AS, given(NUMBERS, task="next_token"), words={"targets": "targets.long()"}),
        Fix(AS, given(["a", "b", "b", "a"], task="regression"), words={"task": "'binary'"}),
        Fix(AS, given(["a", "1", "2", "2"], task="regression"), words={"targets": "[0.5, 1, 2, 2]"}),
    ],
    "recipes/choosing/columns.py read": [
        Fix(CHOOSE, given(torch.tensor(CUBE)), {"targets": "targets.flatten()"}),
        Fix(CHOOSE, given(np.array(CUBE)), {"targets": "targets.flatten()"}),
        Fix(CHOOSE, given(CUBE), {"targets": "torch.tensor(targets).flatten()"}),
        Fix(CHOOSE, given(NUMBERS[:1]), words={"targets": "torch.tensor([1.5, 2.25, 8.5])"}),
    ],
    "recipes/choosing/columns.py _read": [
        Fix(CHOOSE, given({1.5, 2.25, 8.0}), words={"targets": "list(targets)"}),
    ],
    "recipes/choosing/columns.py _of_list": [
        Fix(CHOOSE, given([[1.0, 2.0], [3.0]]), words={"targets": "[[1.0, 2.0], [3.0, 4.5]]"}),
        Fix("R.choose(pl.DataFrame({'a': ['x', 'y', 'x', 'y']})[column])", {"column": ["a"]}, words={"column": "'a'"}),
    ],
    "recipes/choosing/columns.py _missing": [
        Fix(CHOOSE, given([1.5, None, 2.0, 8.0]), words={"targets": "[t for t in targets if t is not None]"}),
        Fix(CHOOSE, given(torch.tensor([1.5, float("nan"), 2.0])), words={"targets": "targets[~targets.isnan()]"}),
        Fix("R.choose(pl.Series(targets))", given([1, None, 2, 8]), words={"targets": "[1, 2, 8]"}),
    ],
    "recipes/choosing/columns.py _mixed": [
        Fix(CHOOSE, given(["a", 1, "b", "a", "b"]), words={"targets": "['a', 'b', 'b', 'a', 'b']"}),
    ],
    "recipes/choosing/columns.py _check_finite": [
        Fix(
            CHOOSE,
            given(NUMBERS / torch.tensor([1.0, 0.0, 1.0, 1.0])),
            words={"targets": "targets[targets.isfinite()]"},
        ),
    ],
    "recipes/choosing/columns.py _refuse": [
        Fix(
            CHOOSE,
            given(torch.randn(4, dtype=torch.complex64)),
            words={"targets": "torch.stack((targets.real, targets.imag), 1)"},
        ),
        Fix(
            CHOOSE,
            given(np.array(["2024-01-01", "2024-02-01", "2024-02-09"], dtype="datetime64[D]")),
            words={"targets": "(targets - targets[0]).astype(float)"},
        ),
        Fix(
            "R.choose(frame['a'] if hasattr(frame, 'rows') else frame)",
            lambda _, __: {"frame": _lazy()},
            words={"frame": "frame" + ".collect()"},
            check="'call .collect()' in error",
        ),
        Fix(
            CHOOSE,
            given(np.array([(1, 2), (3, 4)], dtype=[("a", "i4"), ("b", "i4")])),
            words={"targets": "targets['a']"},
        ),
    ],
    "recipes/choosing/columns.py _too_large": [
        Fix(
            CHOOSE,
            given(np.array([2**63, 1, 2**63, 1], dtype="uint64")),
            words={"targets": "np.unique(targets, return_inverse=True)[1]"},
        ),
    ],
    "recipes/choosing/kinds_of_labels.py of_text": [
        Fix(CHOOSE, given(["ann", "bob", "eve", "eva", "eva"]), words={"targets": "['a', 'b', 'a', 'b']"}),
    ],
    "recipes/choosing/kinds_of_rows.py of_rows": [
        Fix(CHOOSE, given(NUMBERS.unsqueeze(-1)), {"targets": "targets.squeeze(-1)"}),
        Fix(CHOOSE, given(NUMBERS.unsqueeze(-1).numpy()), {"targets": "targets.squeeze(-1)"}),
        Fix(CHOOSE, given(NUMBERS.unsqueeze(-1).tolist()), {"targets": "torch.tensor(targets).squeeze(-1)"}),
        Fix(CHOOSE, lambda _, __: {"targets": _lazy().collect()}, {"targets": "targets.to_series()"}),
    ],
}


def _lazy() -> Any:  # noqa: ANN401  a polars LazyFrame
    import polars as pl  # noqa: PLC0415  a package of an extra

    return pl.LazyFrame({"a": [1.5, 2.25, 8.5, 3.0]})
