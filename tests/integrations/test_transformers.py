from __future__ import annotations

import copy
import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import pytest
import torch
import torch.distributed as dist
from tests.accuracy import assert_close, assert_close_to_scale
from tests.each import each
from tests.integrations.tiny_models import CAUSAL, OTHERS, B, D, T, V, batch, gradients, tiny
from tests.later import Later
from tests.peak import Peak
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

import slopes
from slopes import DtypeError, OptionError, ShapeError, ValuesError, losses
from slopes.integrations.transformers import (
    HandOver,
    HeadLogits,
    TrainerLoss,
    hand_over_logits,
    masked_lm_loss,
    next_token_loss,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel

transformers = Later("transformers")


@pytest.fixture(autouse=True)
def _small_chunks() -> Any:  # noqa: ANN401  a fixture's iterator
    with slopes.chunks(rows=5):
        yield


def assert_same_gradients(came: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Assert that all gradients agree, in units of the largest of them: some are sums that cancel to nothing."""
    assert came.keys() == expected.keys()
    scale = max(float(g.abs().max()) for g in expected.values())
    for name, gradient in came.items():
        assert_close_to_scale(gradient, expected[name].double(), scale, size=B * T, what=name)


def loss_and_gradients(model: PreTrainedModel, given: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    loss = model(**given).loss
    return loss.detach(), gradients(model, loss)


# The same numbers


@each("name", [*CAUSAL, *OTHERS])
def test_the_models_own_loss_stays_the_same(name: str) -> None:
    model = tiny(name)
    expected_loss, expected = loss_and_gradients(model, batch())
    with hand_over_logits(model):
        came_loss, came = loss_and_gradients(model, batch())
    assert_close(came_loss, expected_loss.double(), size=B * T)
    assert_same_gradients(came, expected)


@each("name", [*CAUSAL, *OTHERS])
@each("count", [None, 17, torch.tensor(17), torch.tensor(17.0)])
def test_the_losses_for_the_trainer_are_the_models_own(name: str, count: Tensor | float | None) -> None:
    model, given = tiny(name), batch()
    loss = model(**given).loss
    labels = given["labels"] if name in OTHERS else given["labels"][:, 1:]
    share = 1.0 if count is None else float((labels != -100).sum()) / 17
    expected_loss, expected = loss.detach().double() * share, gradients(model, loss * share)
    with hand_over_logits(model):
        loss = trained_by(name, model)(outputs_without_labels(model, given), given["labels"], num_items_in_batch=count)
    assert_close(loss.detach(), expected_loss, size=B * T)
    assert_same_gradients(gradients(model, loss), expected)


@each("name", CAUSAL)
def test_a_causal_model_divides_by_the_number_of_items_as_ours_does(name: str) -> None:
    model, given = tiny(name), batch()
    expected = model(**given, num_items_in_batch=torch.tensor(17)).loss
    came = next_token_loss(model)(outputs_without_labels(model, given), given["labels"], torch.tensor(17))
    assert_close(came.detach(), expected.detach().double(), size=B * T)


def trained_by(name: str, model: PreTrainedModel) -> TrainerLoss:
    return masked_lm_loss(model) if name in OTHERS else next_token_loss(model)


def outputs_without_labels(model: PreTrainedModel, given: dict[str, Tensor]) -> Any:  # noqa: ANN401  a class per model
    """Return what the Trainer has of the model, which gets no labels where a `compute_loss_func` takes them."""
    inputs = {"input_ids": given["input_ids"]}
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = model.prepare_decoder_input_ids_from_labels(labels=given["labels"])
    return model(**inputs)


def test_label_smoothing_and_z_loss_are_those_of_their_definitions() -> None:
    model, given = tiny("gemma2"), batch()
    logits = model(given["input_ids"]).logits[:, :-1].flatten(0, 1).double()
    labels = given["labels"][:, 1:].flatten()
    smoothed = nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)
    expected = smoothed + 0.01 * (logits[labels != -100].exp().sum(-1).log() ** 2).mean()
    with hand_over_logits(model):
        came = next_token_loss(model, label_smoothing=0.1, z_loss=0.01)(model(given["input_ids"]), given["labels"])
    assert_close(came.detach(), expected.detach(), size=B * T)


def test_a_loop_of_three_lines() -> None:
    model, ids = tiny("llama"), batch()["input_ids"]
    expected = model(ids, labels=ids).loss
    hand_over_logits(model)
    loss = losses.next_token(model(ids).logits, ids)
    loss.backward()
    assert_close(loss.detach(), expected.detach().double(), size=B * T)


def test_other_losses_take_the_logits_as_well() -> None:
    model, ids = tiny("gemma2"), batch()["input_ids"]
    expected = losses.token_log_probs(model(ids).logits, ids)
    with hand_over_logits(model):
        came = losses.token_log_probs(model(ids).logits, ids)
    assert_close(came.detach(), expected.detach().double(), size=V)


@each("name", ["llama", "gpt2"])
def test_under_autocast_the_product_has_16_bits_as_the_models_own(name: str) -> None:
    model, given = tiny(name), batch()
    with torch.autocast("cpu", torch.bfloat16):
        expected = model(**given).loss
        with hand_over_logits(model):
            outputs = model(given["input_ids"])
            inside = model(**given).loss
    outside = next_token_loss(model)(outputs, given["labels"])
    assert outputs.logits.hidden.dtype == outputs.logits.weight.dtype == torch.bfloat16
    # The logits are the same to the last bit, and all after them is float32.
    assert_close(inside.detach(), expected.detach().double(), size=B * T)
    assert_close(outside.detach(), expected.detach().double(), size=B * T)


def test_under_autocast_a_bias_has_16_bits_too() -> None:
    model, given = tiny("bert"), batch()
    with torch.autocast("cpu", torch.bfloat16):
        expected = model(given["input_ids"]).logits
        with hand_over_logits(model):
            came = model(given["input_ids"]).logits
    assert came.bias.dtype == torch.bfloat16
    assert_close_to_scale(expected.detach(), came.materialize().detach(), float(expected.detach().abs().max()))


# Memory


@each("name", ["llama", "gpt2", "gemma2", "bert", "t5", "bart"])
def test_nothing_of_vocabulary_size_is_made(name: str) -> None:
    model, given = tiny(name), batch()

    def largest() -> int:
        with Peak(*model.parameters()) as measured:
            model(**given).loss.backward()
        return measured.largest

    assert largest() >= B * T * V
    with hand_over_logits(model):
        assert largest() <= V * D < B * T * V  # the gradient of the head's weight


# What stays as it is


def test_evaluation_generation_and_no_grad_are_unharmed() -> None:
    model, given = tiny("gemma2").eval(), batch()
    prompt = given["input_ids"][:, :4]
    with torch.no_grad():
        expected = model(**given)
        said = model.generate(prompt, max_new_tokens=5, do_sample=False)
    hand_over_logits(model)
    came = model(**given)
    assert type(came.logits) is Tensor
    assert torch.equal(came.logits, expected.logits)
    assert torch.equal(came.loss, expected.loss)
    assert torch.equal(model.generate(prompt, max_new_tokens=5, do_sample=False), said)
    model.train()
    assert torch.equal(model.generate(prompt, max_new_tokens=5, do_sample=False), said)
    with torch.no_grad():
        assert torch.equal(model(**given).logits, expected.logits)
    assert isinstance(model(**given).logits, HeadLogits)


@each("name", ["llama", "gpt2"])
def test_saving_and_loading_are_unharmed(name: str, tmp_path: Path) -> None:
    model, given = tiny(name), batch()
    names = list(model.state_dict())
    hand_over_logits(model)
    assert list(model.state_dict()) == names
    model.save_pretrained(tmp_path)
    loaded = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    assert type(loaded) is type(model)
    assert type(loaded.lm_head) is nn.Linear
    assert loaded.config.tie_word_embeddings == model.config.tie_word_embeddings
    assert torch.equal(loaded.eval()(**given).logits, model.eval()(**given).logits)
    plain = tiny(name)
    assert plain.load_state_dict(model.state_dict()).missing_keys == []


def test_tied_weights_stay_tied() -> None:
    model = tiny("gpt2")
    hand_over_logits(model)
    model(**batch()).loss.backward()
    assert model.lm_head.weight is model.transformer.wte.weight
    model.tie_weights()
    assert model.lm_head.weight is model.transformer.wte.weight


@each("name", ["llama", "gpt2", "bert"])
def test_a_resized_head_hands_over_again(name: str) -> None:
    model, given = tiny(name), batch()
    hand_over_logits(model)
    model.resize_token_embeddings(V + 9, mean_resizing=False)
    logits = model(given["input_ids"]).logits
    assert isinstance(logits, HeadLogits)
    assert logits.shape[-1] == V + 9
    came_loss, came = loss_and_gradients(model, given)
    hand_over_logits(model).undo()
    expected_loss, expected = loss_and_gradients(model, given)
    assert_close(came_loss, expected_loss.double(), size=B * T)
    assert_same_gradients(came, expected)


@each("reentrant", [False, True])
def test_gradient_checkpointing(reentrant: bool) -> None:  # noqa: FBT001
    model, given = tiny("llama"), batch()
    expected_loss, expected = loss_and_gradients(model, given)
    model.activation_checkpointing_enable({"use_reentrant": reentrant})
    with hand_over_logits(model):
        came_loss, came = _backward(model, given) if reentrant else loss_and_gradients(model, given)
    assert_close(came_loss, expected_loss.double(), size=B * T)
    assert_same_gradients(came, expected)


def _backward(model: PreTrainedModel, given: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """Return loss and gradients by `backward`, which reentrant checkpoints insist on."""
    loss = model(**given).loss
    loss.backward()
    return loss.detach(), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def test_a_checkpoint_around_the_whole_model() -> None:
    model, given = tiny("llama"), batch()
    expected_loss, expected = loss_and_gradients(model, given)
    with hand_over_logits(model):
        logits = checkpoint(lambda ids: model(ids).logits, given["input_ids"], use_reentrant=False)
        loss = next_token_loss(model)(SimpleNamespace(logits=logits), given["labels"])
        came = gradients(model, loss)
    assert_close(loss.detach(), expected_loss.double(), size=B * T)
    assert_same_gradients(came, expected)


def _saved(model: PreTrainedModel) -> PreTrainedModel:
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    loaded: PreTrainedModel = torch.load(file, weights_only=False)
    return loaded


@each("copied", [copy.deepcopy, _saved])
def test_a_copy_hands_over_its_own_weights_until_it_is_told_to_stop(
    copied: Callable[[PreTrainedModel], PreTrainedModel],
) -> None:
    model, ids = tiny("llama"), batch()["input_ids"]
    hand_over_logits(model)
    twin = copied(model)
    logits = twin(ids).logits
    assert isinstance(logits, HeadLogits)
    assert logits.weight.data_ptr() == twin.lm_head.weight.data_ptr() != model.lm_head.weight.data_ptr()
    hand_over_logits(twin).undo()
    assert isinstance(twin(ids).logits, Tensor)
    assert isinstance(model(ids).logits, HeadLogits)


def test_undone_the_model_is_what_it_was() -> None:
    model, ids = tiny("llama"), batch()["input_ids"]
    expected = model(ids).logits
    before = dict(vars(model.lm_head))
    handed = hand_over_logits(model)
    hand_over_logits(model)  # twice is once
    assert len(model._forward_pre_hooks) == 1
    handed.undo()
    handed.undo()
    assert torch.equal(model(ids).logits, expected)
    assert type(model.lm_head) is nn.Linear
    assert vars(model.lm_head).keys() == before.keys()
    assert not model._forward_pre_hooks


def test_an_error_in_the_block_undoes_it_too() -> None:
    model = tiny("llama")
    with pytest.raises(ZeroDivisionError), hand_over_logits(model):
        raise ZeroDivisionError
    assert type(model.lm_head) is nn.Linear


def test_frozen_heads_and_frozen_bodies() -> None:
    model, given = tiny("llama"), batch()
    model.lm_head.requires_grad_(False)
    _, expected = loss_and_gradients_of_the_rest(model, given)
    with hand_over_logits(model):
        _, came = loss_and_gradients_of_the_rest(model, given)
    assert "lm_head.weight" not in came
    assert_same_gradients(came, expected)


def loss_and_gradients_of_the_rest(
    model: PreTrainedModel, given: dict[str, Tensor]
) -> tuple[Tensor, dict[str, Tensor]]:
    model.zero_grad()
    return _backward(model, given)


@each("options", [{}, {"static_graph": True}, {"find_unused_parameters": True}], ids=str)
def test_data_parallel_processes_reduce_every_step(options: dict[str, bool]) -> None:
    model, given = tiny("llama"), batch()
    _, expected = loss_and_gradients(model, given)
    labels = given.pop("labels")
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        hand_over_logits(model)
        wrapped = DistributedDataParallel(model, **options)
        reduced = []
        wrapped.register_comm_hook(None, lambda _, bucket: _counted(reduced, bucket))
        for step in range(3):
            model.zero_grad()
            next_token_loss(model)(wrapped(**given), labels).backward()
            assert sum(reduced) == (step + 1) * sum(p.numel() for p in model.parameters())
        assert_same_gradients({name: p.grad for name, p in model.named_parameters()}, expected)
    finally:
        dist.destroy_process_group()


def _counted(reduced: list[int], bucket: dist.GradBucket) -> torch.futures.Future[Tensor]:
    reduced.append(bucket.buffer().numel())
    done: torch.futures.Future[Tensor] = torch.futures.Future()
    done.set_result(bucket.buffer())
    return done


def test_compiled() -> None:
    model, given = tiny("gemma2"), batch()
    expected, expected_gradients = loss_and_gradients(model, given)
    labels = given.pop("labels")
    hand_over_logits(model)
    loss = next_token_loss(model)(torch.compile(model, backend="eager")(**given), labels)
    assert_close(loss.detach(), expected.double(), size=B * T)
    assert_same_gradients(gradients(model, loss), expected_gradients)


def test_a_model_that_does_not_call_its_head_makes_its_logits() -> None:
    config = transformers.MobileBertConfig(
        vocab_size=V, hidden_size=D, embedding_size=8, num_hidden_layers=1, intra_bottleneck_size=8, true_hidden_size=8
    )
    model = transformers.MobileBertForMaskedLM(config).train()
    hand_over_logits(model)
    assert isinstance(model(batch()["input_ids"]).logits, Tensor)


# Errors, read aloud


def said_by(function: Callable[[], object], kind: type[Exception]) -> str:
    with pytest.raises(kind) as caught:
        function()
    return str(caught.value)


def test_a_module_without_an_output_head() -> None:
    assert said_by(lambda: hand_over_logits(nn.Linear(2, 3)), DtypeError) == (
        "hand_over_logits: `model` is Linear, expected a model of transformers with get_output_embeddings(); pass the "
        "model itself, before it is wrapped for training."
    )


def test_a_model_with_another_output() -> None:
    model = transformers.BertForSequenceClassification(
        transformers.BertConfig(
            vocab_size=9, hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4
        )
    )
    assert said_by(lambda: hand_over_logits(model), DtypeError) == (
        "hand_over_logits: BertForSequenceClassification has no output head over the vocabulary, expected a language "
        "model with a plain nn.Linear; give its logits to a loss as they are, they are small."
    )


def test_a_head_that_another_tool_wraps() -> None:
    model = tiny("llama")
    model.lm_head = nn.Sequential(model.lm_head)
    assert said_by(lambda: hand_over_logits(model), DtypeError) == (
        "hand_over_logits: the output head of LlamaForCausalLM is Sequential, expected a plain nn.Linear, or one in "
        "wrappers of PEFT or FSDP; train this model on the logits that it makes, after HandOver(model).undo()."
    )
    model = tiny("llama")
    model.lm_head.forward = lambda hidden: hidden
    assert "is an nn.Linear whose forward another tool replaced" in said_by(lambda: hand_over_logits(model), DtypeError)


def sequential(head: nn.Module) -> nn.Module:
    return nn.Sequential(head)


def forwarded(head: nn.Module) -> nn.Module:
    head.forward = head.forward  # as accelerate's hooks do
    return head


def cast_to_32_bits(head: nn.Module) -> nn.Module:
    made = head.forward
    head.forward = lambda hidden: made(hidden.float())
    return head


def larger(head: nn.Module) -> nn.Module:
    return nn.Linear(head.in_features, V + 9)


@each("change", [sequential, forwarded, cast_to_32_bits, larger])
def test_whatever_becomes_of_the_head_it_is_undone(change: Callable[[nn.Module], nn.Module]) -> None:
    for handed in (hand_over_logits, lambda model: (hand_over_logits(model), HandOver(model))[1]):
        model, given = tiny("llama"), batch()
        undo, first = handed(model), model.lm_head
        model.set_output_embeddings(change(first))
        if change is sequential:
            assert "expected a plain nn.Linear" in said_by(lambda: model(**given), DtypeError)  # noqa: B023  called at once
        else:
            assert isinstance(model(given["input_ids"]).logits, HeadLogits)
        undo.undo()
        assert isinstance(model(given["input_ids"]).logits, Tensor)
        assert not model._forward_pre_hooks
        assert not model._forward_hooks
        assert type(first) is nn.Linear  # also where the model has it no longer
        assert type(model.lm_head) in {nn.Linear, nn.Sequential}


def test_a_block_ends_what_another_tool_wrapped() -> None:
    model = tiny("llama")
    with hand_over_logits(model):
        model.lm_head = nn.Sequential(model.lm_head)
    assert type(model.lm_head[0]) is nn.Linear
    assert isinstance(model(**batch()).logits, Tensor)


ADVICE: Final = {
    "_is_replica": ("a replica of nn.DataParallel", "use DistributedDataParallel"),
    "ds_id": ("partitioned by stage 3 of ZeRO", "use stage 2, or FSDP"),  # how DeepSpeed marks what it has partitioned
    "device_mesh": (
        "sharded over processes",
        "leave the head out of tensor parallelism, or call a model of FSDP's itself and not its `forward`",
    ),
}


@each("mark", ADVICE)
def test_a_weight_that_is_not_whole_and_what_helps(mark: str) -> None:
    model, (came, fix) = tiny("llama"), ADVICE[mark]
    hand_over_logits(model)
    setattr(model.lm_head if mark == "_is_replica" else model.lm_head.weight, mark, True)
    assert said_by(lambda: model(**batch()), OptionError) == (
        f"hand_over_logits: the output head's weight is {came}, expected the whole weight on its device until the loss "
        f"is computed; {fix}, or let the model make its logits: HandOver(model).undo()."
    )
    with torch.no_grad():  # where nothing is learned the model makes its logits, whatever holds its weight
        assert isinstance(model(**batch()).logits, Tensor)
    HandOver(model).undo()
    assert isinstance(model(**batch()).logits, Tensor)


def test_a_model_that_does_more_with_its_logits() -> None:
    model = tiny("llama")
    hand_over_logits(model)
    model.lm_head.register_forward_hook(lambda _, __, logits: logits.clamp(max=3.0))
    assert "asks for `clamp` of logits [4, 16, 331]" in said_by(lambda: model(**batch()), DtypeError)


def outputs() -> SimpleNamespace:
    return SimpleNamespace(logits=torch.zeros(2, 3, 5))


@each("made", [next_token_loss, masked_lm_loss])
def test_losses_for_the_trainer_say_what_is_wrong(made: Callable[..., TrainerLoss]) -> None:
    name, loss = made.__name__, made(None)
    labels = torch.zeros(2, 3, dtype=torch.int64)
    assert said_by(lambda: loss(outputs(), None), DtypeError) == (
        f"{name}: `labels` is None, expected token ids [B, T]; let the data collator add labels."
    )
    assert said_by(lambda: loss(SimpleNamespace(logits=None), labels), DtypeError) == (
        f"{name}: `outputs` is SimpleNamespace with logits of type NoneType, expected the output of a language model; "
        f"leave return_dict as it is, and use no other tool that takes the logits out."
    )
    assert "tuple with logits of type NoneType" in said_by(lambda: loss((torch.zeros(2, 3, 5),), labels), DtypeError)
    assert f"{name}: `labels` has shape [2, 4], expected [2, 3]" in said_by(
        lambda: loss(outputs(), torch.zeros(2, 4, dtype=torch.int64)), ShapeError
    )
    assert f"{name}: `labels` has dtype torch.int32" in said_by(lambda: loss(outputs(), labels.int()), DtypeError)
    assert f"{name}: `labels` has shape [3], expected [B, T]" in said_by(
        lambda: loss(SimpleNamespace(logits=torch.zeros(3, 5)), labels[0]), ShapeError
    )
    assert "holds 5, expected class indices in [0, 5)" in said_by(lambda: loss(outputs(), labels + 5), ValuesError)
    assert f"{name}: `label_smoothing` is 1.5" in said_by(lambda: made(None, label_smoothing=1.5), OptionError)
    assert f"{name}: `z_loss` is -1" in said_by(lambda: made(None, z_loss=-1), OptionError)
