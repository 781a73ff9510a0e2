"""Heads that PEFT wraps, before the hand-over and after it: the gradients of made logits, and no trace left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import pytest
import torch
from tests.accuracy import assert_close, assert_close_to_scale
from tests.each import each
from tests.integrations.tiny_models import B, T, V, batch, tiny
from tests.later import Later
from tests.peak import Peak
from torch import Tensor, nn

import slopes
from slopes.integrations.hand_over import HandOver, hand_over_logits
from slopes.integrations.head_logits import HeadLogits
from slopes.integrations.output_head import gives
from slopes.integrations.unmade import UnmadeLogitsError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


peft = Later("peft")

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # PEFT's, about tied weights and about its own dependencies
    pytest.mark.skipif(find_spec("peft") is None, reason="peft is not here"),
]

TOKENS: Final = [1, 5, 9]
WRAPS: Final[dict[str, Callable[[], Any]]] = {
    "lora": lambda: peft.LoraConfig(target_modules=["lm_head", "q_proj"], r=4, init_lora_weights=False),
    "lora with dropout": lambda: peft.LoraConfig(
        target_modules=["lm_head"], r=4, lora_alpha=3, lora_dropout=0.5, init_lora_weights=False
    ),
    "lora with a bias": lambda: peft.LoraConfig(
        target_modules=["lm_head"], r=4, lora_bias=True, init_lora_weights=False
    ),
    "lora without effect": lambda: peft.LoraConfig(target_modules=["lm_head"], r=4, lora_alpha=0),
    "a head of its own": lambda: peft.LoraConfig(target_modules=["q_proj"], modules_to_save=["lm_head"], r=4),
    "trained tokens": lambda: peft.LoraConfig(
        target_modules=["q_proj"], trainable_token_indices={"lm_head": TOKENS, "embed_tokens": TOKENS}, r=4
    ),
    "ia3": lambda: peft.IA3Config(target_modules=["lm_head"], feedforward_modules=[], init_ia3_weights=False),
}


@pytest.fixture(autouse=True)
def _small_chunks() -> Iterator[None]:
    with slopes.chunks(rows=5):
        yield


def wrapped(base: PreTrainedModel, config: Any) -> Any:  # noqa: ANN401  PEFT's classes are not typed
    torch.manual_seed(1)
    return peft.get_peft_model(base, config).train()


def trained(model: nn.Module) -> tuple[Any, dict[str, Tensor]]:
    """Return the outputs, and the gradient of all that learns; dropout drops the same each time."""
    torch.manual_seed(5)
    model.zero_grad()
    outputs = model(**batch())
    outputs.loss.backward()
    return outputs, {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def assert_learns_the_same(model: nn.Module, handed: HandOver) -> None:
    came, gradients = trained(model)
    assert isinstance(came.logits, HeadLogits)
    handed.undo()
    expected, wanted = trained(model)
    assert isinstance(expected.logits, Tensor)
    assert not any(gives(module) for module in model.modules())
    assert_close(came.loss.detach(), expected.loss.detach().double(), size=B * T)
    assert gradients.keys() == wanted.keys()
    scale = max(float(g.abs().max()) for g in wanted.values()) or 1.0
    for name, gradient in gradients.items():
        assert_close_to_scale(gradient, wanted[name].double(), scale, size=B * T, what=name)


@each("name", WRAPS)
def test_wrapped_after_the_hand_over(name: str) -> None:
    base = tiny("llama")
    handed = hand_over_logits(base)
    assert_learns_the_same(wrapped(base, WRAPS[name]()), handed)


@each("name", WRAPS)
def test_wrapped_before_the_hand_over(name: str) -> None:
    model = wrapped(tiny("llama"), WRAPS[name]())
    assert_learns_the_same(model, hand_over_logits(model))


def test_scales_and_caps_go_over_the_sum() -> None:
    model = wrapped(tiny("gemma2"), WRAPS["lora"]())
    assert_learns_the_same(model, hand_over_logits(model))


def test_a_base_in_16_bits_with_adapters_in_32() -> None:
    model = wrapped(tiny("llama").bfloat16(), WRAPS["lora"]())
    with hand_over_logits(model):
        came, gradients = trained(model)
    expected, wanted = trained(model)
    unit = torch.finfo(torch.bfloat16).eps
    assert float((came.loss - expected.loss).abs().detach()) < unit * float(expected.loss)
    for name, gradient in gradients.items():
        assert float((gradient - wanted[name]).abs().max()) < 8 * unit * float(wanted[name].abs().max()), name


def test_nothing_of_vocabulary_size_is_made() -> None:
    model = wrapped(tiny("llama"), WRAPS["lora with dropout"]())
    with hand_over_logits(model), Peak(*model.parameters()) as measured:
        model(**batch()).loss.backward()
    assert measured.largest < B * T * V


def test_merged_switched_off_and_unloaded_adapters() -> None:
    model = wrapped(tiny("llama"), WRAPS["lora"]())
    hand_over_logits(model)
    with model.disable_adapter():
        assert isinstance(model(**batch()).logits, HeadLogits)
    with torch.no_grad():
        expected = model(**batch()).loss
        model.merge_adapter()
        assert_close(model(**batch()).loss, expected.double(), size=B * T)
    plain = model.unload()
    HandOver(plain).undo()
    assert type(plain.lm_head) is nn.Linear


def test_what_peft_evaluates_has_its_logits() -> None:
    model = wrapped(tiny("llama"), WRAPS["lora"]()).eval()
    given = batch()
    with torch.no_grad():
        expected = model(**given)
        hand_over_logits(model, evaluation=True)
        came = model(given["input_ids"])
        assert torch.equal(came.logits, expected.logits)
        assert_close(model(**given).loss, expected.loss.double(), size=B * T)


def test_the_advice_where_an_adapter_is_refused() -> None:
    config = peft.LoraConfig(target_modules=["lm_head"], r=4, use_dora=True, init_lora_weights=False)
    model = wrapped(tiny("llama"), config)
    hand_over_logits(model)
    with pytest.raises(UnmadeLogitsError, match=r"or let the model make them: HandOver\(model\)\.undo\(\)\."):
        trained(model)
    HandOver(model).undo()
    outputs, gradients = trained(model)
    assert isinstance(outputs.logits, Tensor)
    assert len(gradients) == 3
