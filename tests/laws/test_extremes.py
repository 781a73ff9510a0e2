"""Infinities and the largest numbers in every place: finite, or a limit, or an error that names the argument.

Inputs are drawn from -∞, ∞, 0, ±1 and the largest numbers. Which rows come out as NaN, in value or gradient, is read
off one call without checks; each of some of them alone has to be refused then. Losses whose rows see each other get
small batches.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pytest
import torch
from tests import families
from tests.each import each
from tests.laws.samples import COUPLED, LOSSES, Case, Inputs, gradients, on_graph
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812
from slopes import losses as L  # noqa: N812
from slopes._core.spec import Input

ROWS: Final = 400
TRIED: Final = 4  # of the rows without a value, alone
BATCHES: Final = 25
DTYPE: Final = torch.float32
LARGEST: Final = torch.finfo(DTYPE).max
ORDINARY: Final = (0.0, 1.0, -1.0, LARGEST, -LARGEST)

# Options of 0, and at the other end of their domain, that an infinity may meet.
AT_THE_ENDS: Final[Mapping[str, tuple[Mapping[str, Any], ...]]] = {
    "binary_cross_entropy": ({"pos_weight": 0.0}, {"pos_weight": torch.tensor(0.0)}),
    "focal": ({"gamma": 0.0}, {"alpha": 0.0}, {"alpha": 1.0}, {"gamma": 0.0, "alpha": 1.0}),
    "asymmetric": (
        {"gamma_negative": 0.0, "gamma_positive": 0.0},
        {"clip": 0.0},
        {"gamma_negative": 0.0, "gamma_positive": 0.0, "clip": 0.0},
    ),
    "hinge": ({"margin": 0.0},),
    "cross_entropy": (
        {"class_weight": torch.tensor([0.0, 1.0, 0.0, 2.0])},
        {"class_weight": torch.tensor([0.0, 1.0, 0.0, 2.0]), "label_smoothing": 0.1},
        {"label_smoothing": 1.0},
        {"label_smoothing": 1.0, "smooth_over": "others"},
    ),
    "softmax_focal": ({"gamma": 0.0}, {"class_weight": torch.tensor([0.0, 1.0, 0.0, 2.0])}),
    "multiclass_hinge": ({"margin": 0.0}, {"margin": 0.0, "over": "all"}),
    "distillation": ({"alpha": 0.0}, {"alpha": 1.0}, {"alpha": 0.0, "direction": "reverse"}),
    "kto": ({"desirable_weight": 0.0, "undesirable_weight": 0.0},),
    "orpo": ({"lam": 0.0},),
    "ppo": ({"clip": 0.0},),
    "value_clip": ({"clip": 0.0},),
    "contrastive": ({"margin": 0.0},),
    **families.mapping("AT_THE_ENDS"),
}


def _cases() -> Iterator[Case]:
    yield from LOSSES
    plain = {case.spec.name: case for case in LOSSES if not case.label}
    for name, choices in AT_THE_ENDS.items():
        for options in choices:
            yield Case(plain[name].spec, "", options)
    yield from (
        Case(case.spec, case.label, {"class_weight": torch.tensor([0.0, 1.0, 0.0, 2.0])}, case.change)
        for case in LOSSES
        if (case.spec.name, case.label) == ("cross_entropy", "soft")
    )


EVERY: Final = tuple(_cases())


def drawn(case: Case, rows: int, seed: int, infinite: float) -> Inputs:
    """Return inputs of which such a share is infinite; targets and options are as ever."""
    inputs = case.inputs(DTYPE, rows=rows, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    holds = {of.name: of for of in case.spec.inputs}
    for name, value in inputs.items():
        if name in holds and isinstance(value, Tensor) and value.is_floating_point():
            inputs[name] = _extreme(holds[name], value, generator, infinite)
    return on_graph(inputs, case.learned())


def _extreme(of: Input, value: Tensor, generator: torch.Generator, infinite: float) -> Tensor:
    if of.holds not in ("real", "log_probability", "log_distribution"):
        return value
    entries = torch.tensor(ORDINARY, dtype=DTYPE)[torch.randint(len(ORDINARY), value.shape, generator=generator)]
    ends = torch.where(torch.rand(value.shape, generator=generator) < 0.5, math.inf, -math.inf)
    entries = torch.where(torch.rand(value.shape, generator=generator) < infinite, ends, entries)
    if of.holds == "log_probability":
        return -entries.abs()
    if of.holds == "log_distribution":
        impossible = torch.rand(value.shape, generator=generator) < 0.5
        impossible[..., 0] = False
        return torch.where(impossible, -math.inf, value).log_softmax(-1)
    return entries


def nan_rows(value: Tensor) -> Tensor:
    return value.detach().isnan().reshape(len(value), -1).any(-1)


def without_a_value(case: Case, inputs: Inputs) -> Tensor:
    """Return which rows have a NaN in value or gradient, where nobody checks."""
    names = [name for name in case.learned() if name in case.by_row(inputs)]
    with slopes.checks(values=False):
        found = case.unreduced(inputs)
        by_row = gradients(found, inputs, names)
        fused = gradients(case(inputs, reduction="sum"), inputs, names)
    return torch.stack([nan_rows(t) for t in (found, *by_row, *fused)]).any(0)


def row(case: Case, inputs: Inputs, at: int) -> Inputs:
    rows = case.by_row(inputs)
    cut = {n: v.detach()[at : at + 1] if n in rows else v for n, v in inputs.items()}
    return on_graph({n: v.detach() if isinstance(v, Tensor) else v for n, v in cut.items()}, case.learned())


def assert_refused(case: Case, inputs: Inputs, reduction: str) -> None:
    with pytest.raises(slopes.ValuesError) as caught:
        case(inputs, reduction=reduction)
    assert_names_an_argument(case, str(caught.value))


def assert_names_an_argument(case: Case, text: str) -> None:
    assert text.startswith(f"{case.spec.name}: "), text
    assert re.search("|".join(f"`{of.name}`" for of in case.spec.inputs), text), text
    assert "expected" in text, text


@pytest.mark.filterwarnings("ignore::slopes.SuspiciousInputWarning")
@each("case", [c for c in EVERY if c.spec.name not in (*COUPLED, "info_nce")], ids=str)
def test_each_row_has_a_value_or_an_error(case: Case) -> None:
    for infinite in (0.1, 0.6):
        inputs = drawn(case, ROWS, 0, infinite)
        wrong = without_a_value(case, inputs).nonzero().flatten().tolist()
        for at in wrong[:: max(len(wrong) // TRIED, 1)]:
            for reduction in ("mean", "none"):
                assert_refused(case, row(case, inputs, at), reduction)


@pytest.mark.filterwarnings("ignore::slopes.SuspiciousInputWarning")
@each("case", [c for c in EVERY if c.spec.name in (*COUPLED, "info_nce")], ids=str)
def test_each_batch_has_a_value_or_an_error(case: Case) -> None:
    for seed in range(BATCHES):
        inputs = drawn(case, 4, seed, 0.1 * (seed % 2))
        for reduction in ("mean", "none"):
            try:
                found = case(inputs, reduction=reduction)
            except slopes.ValuesError as error:
                assert_names_an_argument(case, str(error))
                continue
            for value in (found, *gradients(found, inputs, case.learned())):
                assert not bool(value.isnan().any()), (inputs, found)


# Of labels that do not exclude each other each has its own score: there is no class to be left.
CLASSES: Final = [
    c
    for c in LOSSES
    if c.spec.inputs[0].name in ("logits", "scores", "student")
    and len(c.spec.inputs[0].shape) > 1
    and c.spec.inputs[0].shape[-1] in ("C", "V")
    and c.spec.family != "sequence"  # a label of 0 is the blank: `tests/losses/test_sequence.py`
    and not c.spec.name.startswith("multilabel")
    and str(c) not in families.sequence("OF_ONE_MASK")
]


@pytest.mark.filterwarnings("ignore::slopes.SuspiciousInputWarning")
@each("case", CLASSES, ids=str)
def test_a_row_without_a_class_is_no_row(case: Case) -> None:
    """Assert an error that names the row; NaN and no plausible number where nobody looks; no trace under a mask."""
    inputs = case.inputs(DTYPE)
    name = case.spec.inputs[0].name
    if "response_mask" in inputs:
        inputs["response_mask"] = torch.ones_like(inputs["response_mask"])
    for ignored in {"targets", "labels"} & set(inputs):
        if not inputs[ignored].is_floating_point():
            inputs[ignored] = torch.zeros_like(inputs[ignored])  # none of which is ignored
    inputs[name][2] = -math.inf
    inputs = on_graph(inputs, case.learned())
    for reduction in ("mean", "sum", "none"):
        told = rf"^{case.spec.name}: `{name}` is -inf in every class at entry \[2"
        with pytest.raises(slopes.ValuesError, match=told):
            case(inputs, reduction=reduction)
    with slopes.checks(values=False):
        assert bool(case.unreduced(inputs)[2].isnan().any())
        assert bool(case(inputs).isnan())
    mask = torch.ones(case.weights_shape(case.inputs(DTYPE)), dtype=torch.bool)
    mask[2] = False
    kept = case(inputs, mask=mask)
    assert bool(kept.isfinite())
    assert all(bool(slope.isfinite().all()) for slope in gradients(kept, inputs, [name]))


@each("name", ["token_log_probs", "token_scores", "sequence_log_prob", "perplexity"])
def test_a_token_without_a_prediction_has_no_score(name: str) -> None:
    logits, tokens = torch.zeros(2, 3, 4), torch.tensor([[0, 1, 2], [3, 2, 1]])
    logits[1, 1] = -math.inf
    with pytest.raises(slopes.ValuesError, match=rf"^{name}: `logits` is -inf in every class at entry \[1, 1\]"):
        getattr(L, name)(logits, tokens)
    real = torch.tensor([[True] * 3, [True, True, False]])
    with slopes.checks(values=False):
        found = getattr(L, name)(logits, tokens)
        assert bool((found.log_probs if name == "token_scores" else found).isnan().any())
    kept = getattr(L, name)(logits, tokens, attention_mask=real)
    assert bool((kept.log_probs if name == "token_scores" else kept).isfinite().all())


WAYS: Final[Mapping[str, Mapping[str, Any]]] = {
    "temperature": {"temperature": 0.5},
    "hot": {"temperature": 3.0},
    "mask": {"mask": torch.ones(3, 4, dtype=torch.bool)},
    "exact": {},
    "default": {},
}


@each("way", WAYS)
@each("transformed", [False, True])
@each(("function", "nothing"), [(A.softmax, 0.0), (A.log_softmax, -math.inf)])
def test_a_row_of_minus_infinity_has_no_distribution(
    function: Callable[..., Tensor], nothing: float, way: str, *, transformed: bool
) -> None:
    x = torch.tensor([[-math.inf] * 4, [0.5, -math.inf, 1.0, -1.0], [1.0, 2.0, 3.0, 4.0]], requires_grad=True)

    def total(x: Tensor) -> Tensor:
        y = function(x, **WAYS[way])
        return (torch.where(y.isinf(), 0.0, y) * torch.arange(4.0)).sum()

    with slopes.exact(way == "exact"):
        y = function(x, **WAYS[way])
        slope = torch.func.grad(total)(x.detach()) if transformed else torch.autograd.grad(total(x), x)[0]
    assert y[0].tolist() == [nothing] * 4
    assert slope[0].tolist() == [0.0] * 4
    assert slope[1:].isfinite().all()
    probabilities = y[1:] if nothing == 0 else y[1:].exp()
    torch.testing.assert_close(probabilities.sum(-1), torch.ones(2))


@each("compiled", [False, True])
@each(("function", "nothing"), [(A.softmax, 0.0), (A.log_softmax, -math.inf)])
def test_an_endless_logit_takes_all(function: Callable[..., Tensor], nothing: float, *, compiled: bool) -> None:
    """With two of them they share; in every dtype, along every dimension, compiled as eager."""
    run = torch.compile(function, fullgraph=True, backend="aot_eager") if compiled else function
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
        x = torch.tensor([[math.inf, 1.0], [-math.inf, -math.inf], [0.0, 0.0], [math.inf, math.inf], [math.nan, 0.0]])
        x = x.to(dtype).T.contiguous().requires_grad_()
        y = run(x, dim=0)
        slope = torch.autograd.grad(y, x, torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]] * 2, dtype=dtype))[0]
        half = 0.5 if nothing == 0 else y[0, 2].item()
        certain = 1.0 if nothing == 0 else 0.0
        assert y.T[:4].tolist() == [[certain, nothing], [nothing, nothing], [half, half], [half, half]]
        assert y.T[4].isnan().all()
        assert not slope.T[:2].any()
        assert not slope.T[3].any()
