"""Logits where nobody learns from them: unmade for a loss, a tensor for whoever wants one."""

from __future__ import annotations

import copy
import functools
import gc
import pickle
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from tests.accuracy import assert_close
from tests.each import each
from tests.integrations.test_head_logits import (
    ARGUMENTS,
    FUNCTIONS,
    GIVEN,
    OPERATIONS,
    REFUSED,
    TARGETS,
    D,
    outcome,
    parts,
)
from tests.integrations.test_trainer import trainer
from tests.integrations.tiny_models import CAUSAL, OTHERS, B, T, V, batch, tiny
from tests.peak import Peak
from torch import Tensor
from torch.overrides import resolve_name

import slopes
from slopes import losses
from slopes.integrations.deferred import DeferredLogits, MadeLogits
from slopes.integrations.hand_over import hand_over_logits
from slopes.integrations.trainer_losses import next_token_loss
from slopes.integrations.unmade import UnmadeLogitsError

IDS: Final = TARGETS.clamp(min=0)


@pytest.fixture(autouse=True)
def _small_chunks() -> Iterator[None]:
    with slopes.chunks(rows=5):
        yield


def deferred() -> DeferredLogits:
    return DeferredLogits(GIVEN.hidden, GIVEN.weight, GIVEN.bias)


def made() -> Tensor:
    assert GIVEN.bias is not None
    return F.linear(GIVEN.hidden, GIVEN.weight, GIVEN.bias)


# A tensor to whoever looks at it


def alike(one: object, other: object) -> bool:
    if isinstance(other, Tensor):
        same = isinstance(one, Tensor) and (one.shape, one.dtype) == (other.shape, other.dtype)
        return same and bool(((one == other) | ((one != one) & (other != other))).all())  # noqa: PLR0124  NaN
    return type(one) is type(other) and (isinstance(one, Exception) or np.array_equal(one, other))


def test_every_operation_gives_what_it_gives_on_tensors_to_the_last_bit() -> None:
    for name, operation in (OPERATIONS | REFUSED).items():
        if "cross_entropy" in name or "swap" in name or "meta" in name:  # a loss's own checks, and nothing to compare
            continue
        came, expected = (outcome(functools.partial(operation, z)) for z in (deferred(), made()))
        assert all(map(alike, parts(came), parts(expected))), name


RANDOM: Final = {"torch.empty_like", "torch.Tensor.new_empty"}


@pytest.mark.filterwarnings("ignore")  # torch's, about functions that it will drop
def test_every_function_of_torch_gives_what_it_gives_on_tensors() -> None:
    for function in FUNCTIONS:
        for arguments in (ARGUMENTS[0], ARGUMENTS[6]):
            given = []
            for z in (deferred(), made()):
                torch.default_generator.manual_seed(0)  # a seed for every device takes far longer than the function
                given.append(parts(outcome(lambda: function(*arguments(z)))))  # noqa: B023  called at once
            same = len(given[0]) == len(given[1]) and all(map(alike, *given))
            assert same or resolve_name(function) in RANDOM, resolve_name(function)


def test_looking_makes_them_and_all_that_came_of_them() -> None:
    z = deferred()
    rows, half = z[:, 1:], z / 2.0
    assert [type(x) for x in (z, rows, half)] == [DeferredLogits] * 3
    assert isinstance(z, Tensor)
    assert float(rows.sum()) == float(made()[:, 1:].sum())
    assert [type(x) for x in (z, rows, half)] == [MadeLogits] * 3
    rows[0, 0] = 9.0  # a view of them, as a slice of a tensor is
    assert float(z[0, 1, 0]) == 9.0
    assert float(half[0, 1, 0]) == float(made()[0, 1, 0]) / 2
    assert float(losses.cross_entropy(z, IDS)) != float(losses.cross_entropy(made(), IDS))


def test_what_is_dropped_unmade_is_freed_at_once() -> None:
    hidden = GIVEN.hidden.clone()
    z = DeferredLogits.of(hidden, GIVEN.weight, None)
    half = (z / 2.0)[:, 1:]
    storage = weakref.ref(hidden.untyped_storage())
    gc.disable()
    try:
        del hidden, z, half
        assert storage() is None
    finally:
        gc.enable()


def test_in_place_operations_change_the_tensor() -> None:
    z = same = deferred()
    z /= 2.0
    z.mul_(3.0)
    assert torch.equal(same, made() / 2.0 * 3.0)


@each(
    "copied",
    [copy.deepcopy, lambda z: pickle.loads(pickle.dumps(z)), lambda z: torch.tensor(np.asarray(z))],  # noqa: S301
)
def test_copies_are_tensors(copied: Callable[[Tensor], Tensor]) -> None:
    assert torch.equal(copied(deferred()), made())


def test_the_dtype_is_that_of_the_tensor() -> None:
    z = DeferredLogits(GIVEN.hidden.bfloat16(), GIVEN.weight.bfloat16())
    assert (z.dtype, z.float().dtype, z.to(torch.float32).dtype) == (torch.bfloat16, torch.float32, torch.float32)
    assert torch.equal(z.float(), F.linear(GIVEN.hidden.bfloat16(), GIVEN.weight.bfloat16()).float())


def test_operators_of_torch_get_the_tensor_past_its_functions() -> None:
    assert torch.equal(torch.ops.aten.add.Tensor(deferred(), 1.0), made() + 1.0)
    assert repr(deferred()) == repr(made())


def test_weights_that_changed_are_noticed_and_the_advice_holds() -> None:
    weight = GIVEN.weight.clone()
    z = DeferredLogits(GIVEN.hidden, weight)
    kept = DeferredLogits(GIVEN.hidden, weight).clone()
    weight.add_(1.0)
    with pytest.raises(UnmadeLogitsError, match=r"make a copy before that, with logits\.clone\(\)\."):
        z.argmax(-1)
    assert torch.equal(kept, F.linear(GIVEN.hidden, GIVEN.weight))


LOSSES: Final[dict[str, Callable[[Any], object]]] = {
    "cross_entropy": lambda z: losses.cross_entropy(z, IDS, z_loss=0.1, label_smoothing=0.1),
    "next_token": lambda z: losses.next_token(z, IDS),
    "token_log_probs": lambda z: losses.token_log_probs(z, IDS),
    "perplexity": lambda z: losses.perplexity(z, IDS),
    "focal": lambda z: losses.softmax_focal(z, IDS),
    "F.cross_entropy": lambda z: F.cross_entropy(z[:, 1:].reshape(-1, z.shape[-1]), IDS[:, 1:].reshape(-1)),
}


@each("name", LOSSES)
def test_a_loss_goes_without_making_them(name: str) -> None:
    z = deferred()
    came = torch.as_tensor(LOSSES[name](z))
    assert type(z) is DeferredLogits
    assert_close(came, torch.as_tensor(LOSSES[name](made())).double(), size=TARGETS.numel() * D)


# Models


@each("name", [*CAUSAL, *OTHERS])
@each("training", [False, True])
def test_with_labels_the_models_own_loss_is_computed_unmade(name: str, training: bool) -> None:  # noqa: FBT001
    model, given = tiny(name).train(training), batch()
    with torch.no_grad():
        expected = model(**given)
        hand_over_logits(model)
        with Peak(*model.parameters()) as measured:
            came = model(**given)
        assert measured.largest < B * T * V
        assert type(came.logits) is DeferredLogits
        assert_close(came.loss, expected.loss.double(), size=B * T)
        assert torch.equal(came.logits.softmax(-1), expected.logits.softmax(-1))


def test_a_reference_model_without_labels() -> None:
    model, ids = tiny("gemma2").eval(), batch()["input_ids"]
    with torch.inference_mode():
        expected = losses.token_log_probs(model(ids).logits, ids)
        assert type(hand_over_logits(model) and model(ids).logits) is Tensor
        with hand_over_logits(model, evaluation=True), Peak(*model.parameters()) as measured:
            came = losses.token_log_probs(model(ids).logits, ids)
        assert type(model(ids).logits) is Tensor
    assert measured.largest < B * T * V
    assert_close(came, expected.double(), size=V)
    assert not came.requires_grad


@each("options", [{"do_sample": False}, {"do_sample": True}, {"num_beams": 3}], ids=str)
def test_generation_has_its_logits(options: dict[str, Any]) -> None:
    model, prompt = tiny("gemma2").eval(), batch()["input_ids"][:, :4]
    said = []
    for evaluation in (False, True):
        hand_over_logits(model, evaluation=evaluation)
        torch.manual_seed(0)
        said.append(
            model.generate(prompt, max_new_tokens=5, output_logits=True, return_dict_in_generate=True, **options)
        )
    assert torch.equal(said[0].sequences, said[1].sequences)
    assert all(map(torch.equal, said[0].logits, said[1].logits))


@each("make", [lambda model: None, next_token_loss], ids=["own loss", "our loss"])  # noqa: ARG005
def test_the_trainer_evaluates_unmade_and_predicts_with_logits(make: Any, tmp_path: Path) -> None:  # noqa: ANN401
    plain, handing = tiny("gemma2"), tiny("gemma2")
    hand_over_logits(handing, evaluation=True)
    expected, came = trainer(plain, tmp_path), trainer(handing, tmp_path, make(handing))
    with Peak(*handing.parameters()) as measured:
        evaluated = came.evaluate()
    assert measured.largest < 3 * T * V
    assert_close(
        torch.tensor(evaluated["eval_loss"]),
        torch.tensor(expected.evaluate()["eval_loss"], dtype=torch.float64),
        size=B * T,
    )
    predicted, wanted = came.predict(came.eval_dataset), expected.predict(expected.eval_dataset)
    assert predicted.predictions.shape == (5, T, V)
    assert (predicted.predictions == wanted.predictions).all()
    for training in (came, expected):
        training.compute_metrics = lambda scored: {"mean": float(scored.predictions.mean())}
    assert came.evaluate()["eval_mean"] == expected.evaluate()["eval_mean"]


def test_labels_by_position_and_labels_of_none() -> None:
    model, given = tiny("llama"), batch()
    hand_over_logits(model)
    place = list(type(model).forward.__wrapped__.__code__.co_varnames).index("labels")
    with torch.no_grad():
        assert type(model(*[given.get("input_ids"), *[None] * (place - 2), given["labels"]]).logits) is DeferredLogits
        assert type(model(given["input_ids"], labels=None).logits) is Tensor
        assert type(model(given["input_ids"]).logits) is Tensor


def test_a_call_that_fails_leaves_nothing_behind() -> None:
    model, given = tiny("llama"), batch()
    hand_over_logits(model)
    with torch.no_grad():
        with pytest.raises(slopes.ShapeError):
            model(given["input_ids"], labels=given["labels"][:2])
        assert type(model(given["input_ids"]).logits) is Tensor


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_compiled_and_traced_code_has_tensors() -> None:
    model, hidden = tiny("bert"), torch.ones(2, 16)
    hand_over_logits(model, evaluation=True)
    head = model.get_output_embeddings()
    head.deferring = True  # as within a call of the model
    with torch.no_grad():
        assert type(head(hidden)) is DeferredLogits
        for recorded in (torch.compile(head, backend="eager", fullgraph=True), torch.jit.trace(head, hidden)):
            assert type(recorded(hidden)) is Tensor
        assert type(torch.func.vmap(head)(hidden)) is Tensor


def test_where_gradients_are_recorded_evaluation_makes_its_logits() -> None:
    model = tiny("llama").eval()
    hand_over_logits(model, evaluation=True)
    outputs = model(**batch())
    assert type(outputs.logits) is Tensor
    outputs.loss.backward()
    assert model.lm_head.weight.grad is not None
