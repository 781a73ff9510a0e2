"""How a peer's answer is written down: one JSON file per library, one line per case.

A file says which library answered, at which versions, and what made it. A case says which function was
called and how, on which inputs, and what came back: the value, and the gradient of the sum of the value by
each input that is named. Numbers are float64 in full (`repr` round-trips); infinities and NaN are strings,
since JSON has none of them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def plain(value: Any) -> Any:  # noqa: ANN401  an array of any library goes in, nested lists come out
    """Return an array of torch, NumPy or JAX, or a container of them, as what JSON can hold."""
    if hasattr(value, "detach"):
        value = value.detach()
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    return value


def torch_case(
    function: str,
    name: str,
    call: str,
    compute: Callable[..., Any],
    inputs: dict[str, Any],
    *,
    by: Sequence[str],
    options: dict[str, Any] | None = None,
    precision: str = "float64",
) -> dict[str, Any]:
    """Return the case of a function of torch tensors: value, and gradients by the inputs named in `by`."""
    given = {key: tensor.clone().requires_grad_() if key in by else tensor for key, tensor in inputs.items()}
    value = compute(**given)
    value.sum().backward()
    gradients = {key: given[key].grad if given[key].grad is not None else given[key] * 0.0 for key in by}
    return {
        "function": function,
        "name": name,
        "call": call,
        "precision": precision,
        "options": options or {},
        "inputs": inputs,
        "value": value,
        "gradients": gradients,
    }


def write(library: str, versions: dict[str, str], cases: Sequence[dict[str, Any]]) -> None:
    """Write `<library>.json` beside this file."""
    path = HERE / f"{library}.json"
    head = {"library": library, "made_by": f"make_{library}.py", "versions": versions}
    lines = ",\n".join(json.dumps(plain(case), allow_nan=False, separators=(",", ":")) for case in cases)
    text = json.dumps(head, indent=1)[:-2] + f',\n "cases": [\n{lines}\n]}}\n'
    path.write_text(text, encoding="utf-8")
    print(f"{path.name}: {len(cases)} cases, {len(text) / 1024:.0f} KiB")  # noqa: T201  a script reports
