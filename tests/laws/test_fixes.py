"""Every fix that an error proposes works: what it says in code is run, and the call then does what was meant.

`TRIED` has an entry for each place in the library's rooms that raises an error. Code that the message proposes is
evaluated with the names of the call; where the message proposes no code, the repair that its words describe is made
here, in the same way.
"""

from __future__ import annotations

import ast
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import torch

import slopes
from slopes import SlopesError
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes._core import errors

SOURCE: Final = Path(slopes.__file__).parent
ROOMS: Final = ("_core", "kernels", "activations", "losses")
ERRORS: Final = {name for name, value in vars(errors).items() if isinstance(value, type)}
# Places of which the repair cannot be tried here, and where it is tried.
ELSEWHERE: Final = {
    "_core/check.py not_traced": "tests/laws of exports: torch.export takes what torch.jit.trace does not",
    "_core/check.py _no_proxy": "likewise for torch.fx: a function that is wrapped is a leaf",
    "kernels/linear_triton.py rows": "the kernel's own tests; its callers hand over what it wants",
    "kernels/linear_triton.py _checked": "likewise",
    "kernels/linear_triton.py _float32": "likewise",
    "kernels/linear_triton.py _side_by_side": "likewise",
    "kernels/linear_triton.py _check_options": "likewise",
}
X: Final = torch.tensor([0.5, -1.0, 2.0])
Z: Final = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.0, -0.5]])
LOG: Final = torch.tensor([-1.0, -2.0, -0.5])


@dataclass(frozen=True)
class Fix:
    """A call that raises an error, and what repairs it.

    Attributes:
        call: The call, in the names of `given`.
        given: What the names stand for.
        code: New values of names, as code that the message has word for word.
        words: New values that the message describes without code.
        check: What must hold afterwards, in the same names and `result`.
    """

    call: str
    given: Mapping[str, Any]
    code: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    check: str = "True"


def both(x: Any, y: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"predictions": x, "targets": y}


MSE: Final = "L.mse(predictions, targets)"
WEIGHTED: Final = "L.mse(predictions, targets, weight=weight)"
CROSS: Final = "L.cross_entropy(logits, targets)"
NCE: Final = "L.info_nce(query, keys)"
TOKENS: Final = "L.next_token(logits, token_ids)"
HUBER: Final = "L.huber(predictions, targets, delta=delta)"
KTO: Final = "L.kto(policy, reference, desirable, kl)"
AT: Final = {"policy": LOG, "reference": LOG, "desirable": LOG > -1}
CLASSES: Final = torch.tensor([0, 2])
NAN: Final = float("nan")
ENDLESS: Final = torch.tensor([-torch.inf, -2.0, -0.5])
ONE_HOT: Final = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])

TRIED: Final[Mapping[str, Sequence[Fix]]] = {
    "_core/check.py tensor": [
        Fix(MSE, both([0.5, -1.0, 2.0], X), words={"predictions": "torch.tensor(predictions)"}),
        Fix(
            "L.cross_entropy(slopes.LinearLogits(hidden, weight), targets)",
            {"hidden": Z, "weight": torch.nn.Linear(3, 4), "targets": CLASSES},
            {"weight": "weight.weight"},
        ),
        Fix(MSE, both(slopes.LinearLogits(Z, Z), torch.zeros(2, 2)), {"predictions": "predictions.materialize()"}),
    ],
    "_core/check.py _fail_layout": [
        Fix(MSE, both(Z.to_sparse(), Z), {"predictions": "predictions.to_dense()"}),
        Fix(
            "L.mae(predictions, targets, mask=mask)",
            both(torch.nested.nested_tensor([X, X[:2]], layout=torch.jagged), torch.zeros(2, 3)) | {"mask": None},
            {"predictions": "predictions.to_padded_tensor(0.0)"},
            {"mask": "torch.tensor([[True, True, True], [True, True, False]])"},
        ),
    ],
    "_core/check.py floating": [Fix("A.relu(x)", {"x": torch.tensor([1, -2])}, {"x": "x.float()"})],
    "_core/check.py same_device": [
        Fix(MSE, both(X.to("meta"), X), words={"targets": "targets.to(predictions.device)"}),
    ],
    "_core/check.py _fail_dtypes": [Fix(MSE, both(X, X.double()), words={"targets": "targets.float()"})],
    "_core/check.py same_shape": [
        Fix(MSE, both(X.unsqueeze(-1), X), {}, {"predictions": "predictions.squeeze(-1)"}),
        Fix(MSE, both(Z, X), {}, {"targets": "targets.expand_as(predictions)"}),
    ],
    "_core/check.py has_shape": [
        Fix(WEIGHTED, both(Z, Z) | {"weight": X.abs()}, words={"weight": "weight.expand(2, 3)"}),
    ],
    "_core/check.py dimensions": [Fix("A.softmax(x)", {"x": torch.tensor(1.0)}, words={"x": "x.unsqueeze(0)"})],
    "_core/check.py filled": [
        Fix(CROSS, {"logits": torch.zeros(2, 0), "targets": CLASSES}, words={"logits": "torch.zeros(2, 3)"}),
    ],
    "_core/check.py option": [
        Fix(HUBER, both(X, X) | {"delta": 10**400}, words={"delta": "1.5"}),
        Fix(HUBER, both(X, X) | {"delta": -1.0}, words={"delta": "1.5"}),
        Fix(HUBER, both(X, X) | {"delta": 1e-60}, {"delta": "1.18e-38"}),
        Fix("L.hinge(x, x.sign(), margin=margin)", {"x": X, "margin": 1e-60}, {"margin": "0"}),
    ],
    "_core/check.py _number": [
        Fix(HUBER, both(X, X) | {"delta": "1.5"}, words={"delta": "float(delta)"}),
        Fix(HUBER, both(X, X) | {"delta": torch.tensor(1.5, requires_grad=True)}, {"delta": "delta.item()"}),
        Fix(HUBER, both(X, X) | {"delta": torch.tensor(1.5, device="meta")}, words={"delta": "1.5"}),
    ],
    "_core/check.py choice": [
        Fix("L.mse(x, x, reduction=reduction)", {"x": X, "reduction": "avg"}, {"reduction": "'mean'"}),
    ],
    "_core/check.py flag": [
        Fix("L.gaussian_nll(x, x, x, full=full)", {"x": X, "full": 1}, {"full": "True"}),
    ],
    "_core/check.py count": [
        Fix("L.smooth_labels(targets, classes)", {"targets": CLASSES, "classes": 0}, words={"classes": "3"}),
    ],
    "_core/check.py _fits": [
        Fix("L.cross_entropy(x, y, ignore_index=i)", {"x": Z, "y": CLASSES, "i": 2**70}, words={"i": "-100"}),
    ],
    "_core/check.py boolean": [
        Fix("L.mse(x, x, mask=mask)", {"x": X, "mask": torch.tensor([1, 0, 1])}, {"mask": "mask == 1"}),
    ],
    "_core/check.py integers": [
        Fix(CROSS, {"logits": Z, "targets": CLASSES.int()}, {"targets": "targets.long()"}, check="result > 0"),
        Fix(
            "L.info_nce(query, keys, positives)",
            {"query": Z, "keys": Z, "positives": torch.tensor([[False, True], [True, False]])},
            {"positives": "positives.int().argmax(-1)"},
            check="positives.tolist() == [1, 0]",
        ),
    ],
    "_core/check.py in_range": [
        Fix(CROSS, {"logits": Z, "targets": torch.tensor([1, 3])}, words={"targets": "targets - 1"}),
    ],
    "_core/check.py constant": [
        Fix(
            "L.focal(x, targets)",
            {"x": X, "targets": torch.ones(3, requires_grad=True)},
            {"targets": "targets.detach()"},
        ),
    ],
    "_core/check.py within": [
        Fix("L.binary_cross_entropy(x, y)", {"x": X, "y": X}, words={"y": "torch.tensor([1.0, 0.5, 0.0])"}),
        Fix("L.binary_cross_entropy(x, x.sigmoid(), pos_weight=w)", {"x": Z, "w": -X}, words={"w": "w.abs()"}),
        Fix("L.clip(z, z, scale)", {"z": Z, "scale": torch.tensor(-2.0)}, words={"scale": "scale.exp()"}),
        Fix(KTO, AT | {"kl": torch.tensor(-0.5)}, {"kl": "kl.clamp(min=0)"}),
        Fix(KTO, AT | {"kl": torch.tensor(NAN)}, {"where": "kl.isnan()"}, {"kl": "torch.tensor(0.5)"}, "bool(where)"),
        Fix("L.orpo(c, r, n)", {"c": X, "r": LOG, "n": LOG}, words={"c": "c - 3"}),
        Fix("L.cross_entropy(z, y, class_weight=w)", {"z": Z, "y": CLASSES, "w": -X}, words={"w": "w.abs()"}),
    ],
    "_core/check.py no_list": [
        Fix(
            "L.cross_entropy(z, y, class_weight=class_weight)",
            {"z": Z, "y": CLASSES, "class_weight": [1.0, 2.0, 3.0]},
            {"class_weight": "torch.tensor(class_weight, dtype=torch.float32)"},
        ),
    ],
    "_core/check.py moderate": [Fix(NCE, {"query": Z / 0, "keys": Z}, words={"query": "keys"})],
    "_core/check.py hard_labels": [
        Fix("L.focal(x, labels)", {"x": X, "labels": X.sign()}, {"labels": "(labels + 1) / 2"}),
        Fix("loss(x, y)", {"x": X, "y": X.sigmoid(), "loss": L.focal}, words={"loss": "L.binary_cross_entropy"}),
    ],
    "_core/check.py distribution": [
        Fix(CROSS, {"logits": Z, "targets": Z.sigmoid() / 4}, words={"targets": "targets / targets.sum(-1, True)"}),
        Fix(CROSS, {"logits": Z, "targets": Z.sigmoid() / 4}, words={"targets": "targets.argmax(-1)"}),
    ],
    "_core/check.py log_distribution": [
        Fix("L.entropy(logits)", {"logits": Z}, {"logits": "torch.log_softmax(logits, -1)"}),
    ],
    "_core/check.py signs": [
        Fix("L.hinge(x, labels)", {"x": X, "labels": (X > 0).float()}, {"labels": "2 * labels - 1"}),
    ],
    "_core/linear_logits.py __post_init__": [
        Fix("slopes.LinearLogits(h, w)", {"h": Z, "w": torch.zeros(3, 4)}, words={"w": "w.T"}),
    ],
    "_core/reduce.py _check_weight": [
        Fix(WEIGHTED, both(X, X) | {"weight": X}, {"weight": "weight.clamp(min=0)"}),
        Fix(WEIGHTED, both(X, X) | {"weight": X / 0}, {"weight": "torch.where(weight.isfinite(), weight, 0)"}),
    ],
    "_core/reduce.py _checked_denominator": [
        Fix("L.mse(x, x, denominator=3, reduction=r)", {"x": X, "r": "sum"}, {"r": "'mean'"}),
        Fix("L.mse(x, x, denominator=d)", {"x": X, "d": -1.0}, words={"d": "x.abs().sum()"}),
    ],
    "_core/reduce.py _check_number": [
        Fix("L.mse(x, x, denominator=d)", {"x": X, "d": torch.tensor(True)}, words={"d": "(x > 0).sum()"}),
    ],
    "kernels/chunks.py __init__": [
        Fix("slopes.chunks(**given).__exit__(None, None, None)", {"given": {"rows": 2, "budget": 9}},
            words={"given": "{}"}),
    ],
    "kernels/pointwise.py _refuse_nested_forward": [
        Fix(
            "f(g(lambda x: A.swish(x, beta=2.0).sum()))(x)",
            {"f": torch.func.jacfwd, "g": torch.func.jacfwd, "x": X},
            words={"f": "torch.func.jacrev"},
        ),
        Fix(
            "h(lambda x: A.swish(x, beta=2.0).sum())(x)",
            {"h": lambda f: torch.func.jacfwd(torch.func.jacfwd(f)), "x": X},
            {"h": "torch.func.hessian"},
        ),
    ],
    "kernels/defined.py _fail": [
        Fix("L.dpo(p, q, p, q, mask=mask)", {"p": ENDLESS, "q": LOG, "mask": None}, words={"mask": "p.isfinite()"}),
    ],
    "kernels/defined.py _refuse_opposites": [
        Fix(
            "L.kl_penalty(p, q, mask=mask)",
            {"p": ENDLESS, "q": ENDLESS.flip(0), "mask": None},
            words={"mask": "p.isfinite()"},
        ),
    ],
    "kernels/defined.py told": [
        Fix("L.info_nce(z, z, normalize=False)", {"z": Z * 1e25}, words={"z": "z / z.abs().max()"}),
    ],
    "activations/gated.py _gated": [
        Fix("A.glu(value, gate)", {"value": X, "gate": None}, words={"gate": "value"}),
        Fix("A.glu(value, gate)", {"value": torch.zeros(4), "gate": 1.0}, {"gate": "None"}),
    ],
    "activations/gated.py __init__": [Fix("A.GatedFFN(size)", {"size": 0}, words={"size": "4"})],
    "activations/normalized.py _checked": [Fix("A.softmax(x, dim=dim)", {"x": Z, "dim": 2}, {"dim": "-1"})],
    "activations/rectified.py __init__": [
        Fix("A.PReLU(channels=channels)", {"channels": 0, "x": Z}, words={"channels": "x.shape[1]"}),
    ],
    "activations/smooth.py _expanded": [
        Fix(
            "A.swish(x, beta=beta)",
            {"x": torch.zeros(2, 3, 4), "beta": torch.ones(3)},
            words={"beta": "beta.reshape(3, 1)"},
        ),
    ],
    "losses/categorical.py _indices": [
        Fix(
            "L.multiclass_hinge(scores, targets)",
            {"scores": Z, "targets": ONE_HOT},
            {"targets": "targets.argmax(-1)"},
            check="targets.tolist() == [2, 0]",
        ),
        Fix(CROSS, {"logits": Z, "targets": ONE_HOT.long()}, {"targets": "targets.float()"}),
    ],
    "losses/categorical.py smooth_labels": [
        Fix("L.smooth_labels(y, 3, dtype=dtype)", {"y": CLASSES, "dtype": torch.int64}, {"dtype": "torch.float32"}),
    ],
    "losses/contrast.py _check_sides": [
        Fix(NCE, {"query": Z, "keys": torch.zeros(2, 5)}, words={"keys": "keys[:, :3]"}),
        Fix(NCE, {"query": X, "keys": Z}, {"query": "query.reshape(1, -1)"}),
        Fix(
            NCE,
            {"query": torch.randn(2, 3, 4), "keys": torch.randn(2, 3, 4)},
            {"query": "query.flatten(0, -2)", "keys": "keys.flatten(0, -2)"},
            check="len(query) == len(keys) == 6",
        ),
        Fix(
            "loss(query, keys)",
            {"query": torch.randn(2, 4), "keys": torch.randn(2, 3, 4), "loss": L.info_nce},
            {"z": "torch.einsum('nd,nkd->nk', query, keys)"},
            {"loss": "lambda q, k: L.cross_entropy(z / 0.07, torch.zeros(2, dtype=torch.int64))"},
            check="z.shape == (2, 3)",
        ),
    ],
    "losses/contrast.py _positives": [
        Fix(
            "L.info_nce(query, keys, positives)",
            {"query": Z, "keys": Z[:1], "positives": None},
            words={"positives": "torch.zeros(2, dtype=torch.int64)"},
        ),
        Fix("L.info_nce(z, z, i)", {"z": Z, "i": torch.tensor([0, 2])}, words={"i": "i.clamp(max=1)"}),
        Fix("L.info_nce(z, z, i)", {"z": Z, "i": torch.tensor([True, False])}, words={"i": "torch.tensor([1, 0])"}),
    ],
    "losses/distributional.py _checked": [
        Fix("L.quantile(x, y, q)", {"x": Z[:, :2], "y": Z[:, 0], "q": ()}, {"q": "[0.1, 0.9]"}),
    ],
    "losses/predictions.py check_tokens": [
        Fix(
            TOKENS,
            {"logits": torch.zeros(4, 5), "token_ids": torch.ones(4, dtype=torch.int64)},
            {"logits": "logits.unsqueeze(0)", "token_ids": "token_ids.unsqueeze(0)"},
        ),
        Fix(
            TOKENS,
            {"logits": torch.zeros(2, 3, 4, 5), "token_ids": torch.ones(2, 3, 4, dtype=torch.int64)},
            {"logits": "logits.flatten(0, -3)", "token_ids": "token_ids.flatten(0, -2)"},
        ),
    ],
    "losses/predictions.py _check_attention_mask": [
        Fix(
            "L.next_token(torch.zeros(1, 3, 5), ids, attention_mask=attention_mask)",
            {"ids": torch.ones(1, 3, dtype=torch.int64), "attention_mask": torch.tensor([[0, 1, 1]])},
            {"attention_mask": "attention_mask.bool()"},
        ),
    ],
    "losses/feedback.py _no_empty_answer": [
        Fix("L.orpo(c, r, n, mask=mask)", {"c": LOG, "r": torch.tensor([NAN, -1.0, -2.0]),
            "n": LOG, "mask": None}, words={"mask": "~r.isnan()"}),
    ],
    "losses/mining.py _check": [
        Fix(
            "L.batch_triplet(embeddings, labels)",
            {"embeddings": torch.randn(2, 3, 4), "labels": torch.tensor([[0, 0, 1], [1, 2, 2]])},
            {"embeddings": "embeddings.flatten(0, -2)", "labels": "labels.flatten()"},
        ),
        Fix(
            "L.batch_triplet(embeddings, labels)",
            {"embeddings": torch.randn(4), "labels": torch.tensor([0, 0, 1, 1])},
            {"embeddings": "embeddings.reshape(len(labels), -1)"},
        ),
    ],
    "losses/momentum.py __init__": [Fix("L.MomentumQueue(size, 3)", {"size": 0}, words={"size": "4"})],
    "losses/tokens.py _check_generator": [
        Fix(
            "L.mask_tokens(ids, mask_id=0, vocabulary=9, generator=g)",
            {"ids": torch.ones(3, dtype=torch.int64), "g": 0},
            {"g": "torch.Generator().manual_seed(0)"},
        ),
        Fix(
            "L.mask_tokens(token_ids, mask_id=0, vocabulary=9, generator=g)",
            {"token_ids": torch.ones(3, dtype=torch.int64, device="meta"), "g": torch.Generator()},
            {},
            {"token_ids": "torch.ones(3, dtype=torch.int64)"},
        ),
    ],
}  # fmt: skip


def places() -> dict[str, int]:
    """Return each function of the library's rooms that raises an error, and at how many places."""
    found: dict[str, int] = {}
    for room in ROOMS:
        for path in sorted((SOURCE / room).rglob("*.py")):
            for function in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(function, ast.FunctionDef):
                    raised = [node for node in ast.walk(function) if isinstance(node, ast.Raise) and is_ours(node)]
                    if raised:
                        found[f"{path.relative_to(SOURCE)} {function.name}"] = len(raised)
    return found


def is_ours(node: ast.Raise) -> bool:
    call = node.exc
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ERRORS


def test_every_error_has_its_fix_tried() -> None:
    """Assert that each place is in the table, and as many repairs as there are places."""
    found = places()
    assert sorted(found) == sorted({*TRIED, *ELSEWHERE})
    for place, count in found.items():
        assert place in ELSEWHERE or len(TRIED[place]) >= count, f"{place} raises {count} errors"


def where(error: BaseException) -> str:
    """Return the function that raised an error."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).relative_to(SOURCE)} {last.name}"


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("place", TRIED)
def test_fixes_work(place: str) -> None:
    for fix in TRIED[place]:
        names: dict[str, Any] = {"torch": torch, "slopes": slopes, "A": A, "L": L, **fix.given}
        with pytest.raises(SlopesError) as caught:
            eval(fix.call, names)  # noqa: S307  our own text
        text = str(caught.value)
        assert where(caught.value) == place, text
        made = {}
        for name, code in fix.code.items():
            assert code in text, f"{code!r} is not what the message proposes: {text}"
            made[name] = eval(code, names)  # noqa: S307  likewise
        names |= made
        names |= {name: eval(code, names) for name, code in fix.words.items()}  # noqa: S307  likewise
        names["result"] = eval(fix.call, names)  # noqa: S307  likewise: it raises nothing any more
        assert eval(fix.check, names), f"{fix.check} does not hold after what this proposes: {text}"  # noqa: S307
