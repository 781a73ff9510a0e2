"""The Trainer of transformers, with its own loss and with ours: what it does with labels and counts, and the curves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import pytest
import torch
from tests.accuracy import assert_close, assert_close_to_scale
from tests.integrations.tiny_models import B, T, V, batch, tiny
from tests.later import Later
from torch import Tensor, nn

import slopes
from slopes import DtypeError, OptionError, SuspiciousInputWarning
from slopes.integrations.transformers import (
    HeadLogits,
    hand_over_logits,
    masked_lm_loss,
    next_token_loss,
    with_decoder_inputs,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel, Trainer

transformers = Later("transformers")

STEPS: Final = 3
ACCUMULATED: Final = 3


@pytest.fixture(autouse=True)
def _small_chunks() -> Iterator[None]:
    with slopes.chunks(rows=5):
        yield


def texts(count: int) -> list[dict[str, Tensor]]:
    """Return rows of token ids, with fewer labels in each than in the one before."""
    generator = torch.Generator().manual_seed(3)
    rows = []
    for index in range(count):
        ids = torch.randint(3, V, (T,), generator=generator)
        ignored = torch.rand(T, generator=generator) < index / count
        rows.append({"input_ids": ids, "labels": ids.masked_fill(ignored, -100)})
    return rows


def trainer(
    model: PreTrainedModel,
    folder: Path,
    loss: Any = None,  # noqa: ANN401  whatever the Trainer takes
    rows: list[dict[str, Tensor]] | None = None,
    collator: Any = None,  # noqa: ANN401  likewise
    **options: Any,  # noqa: ANN401  likewise
) -> Trainer:
    """Return a Trainer of plain gradient descent, whose weights tell every gradient."""
    arguments = {
        "output_dir": str(folder),
        "max_steps": STEPS,
        "per_device_train_batch_size": 2,
        "per_device_eval_batch_size": 3,
        "gradient_accumulation_steps": ACCUMULATED,
        "optim": "sgd",
        "learning_rate": 0.05,
        "lr_scheduler_type": "constant",
        "max_grad_norm": 0.0,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": [],
        "use_cpu": True,
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
    }
    rows = texts(STEPS * 2 * ACCUMULATED) if rows is None else rows
    return transformers.Trainer(
        model=model,
        args=transformers.TrainingArguments(**(arguments | options)),
        train_dataset=rows,
        eval_dataset=rows[:5],
        compute_loss_func=loss,
        data_collator=collator,
    )


def trained(training: Trainer) -> list[float]:
    """Return the loss of every step."""
    training.train()
    return [entry["loss"] for entry in training.state.log_history if "loss" in entry]


def assert_same_weights(came: PreTrainedModel, expected: PreTrainedModel) -> None:
    scale = max(float(p.detach().abs().max()) for p in expected.parameters())
    for (name, mine), theirs in zip(came.named_parameters(), expected.parameters(), strict=True):
        assert_close_to_scale(mine, theirs.detach().double(), scale, size=STEPS * B * T, what=name)


@pytest.mark.parametrize("name", ["llama", "gpt2", "qwen3_moe"])
def test_training_is_what_it_is_with_the_models_own_loss(name: str, tmp_path: Path) -> None:
    plain, handing = tiny(name), tiny(name)
    expected = trained(trainer(plain, tmp_path))
    hand_over_logits(handing)
    came = trained(trainer(handing, tmp_path, next_token_loss(handing)))
    assert len(came) == STEPS
    assert_close(torch.tensor(came), torch.tensor(expected, dtype=torch.float64), size=STEPS * B * T)
    assert_same_weights(handing, plain)


def test_without_a_loss_of_ours_the_models_own_takes_the_logits_that_are_handed_over(tmp_path: Path) -> None:
    plain, handing = tiny("llama"), tiny("llama")
    expected = trained(trainer(plain, tmp_path))
    hand_over_logits(handing)
    assert_close(
        torch.tensor(trained(trainer(handing, tmp_path))),
        torch.tensor(expected, dtype=torch.float64),
        size=STEPS * B * T,
    )


@pytest.mark.parametrize("name", ["llama", "bert"])
def test_accumulated_batches_are_one_large_batch(name: str, tmp_path: Path) -> None:
    made = masked_lm_loss if name == "bert" else next_token_loss
    small, large = tiny(name), tiny(name)
    for model, options in (
        (small, {}),
        (large, {"per_device_train_batch_size": 2 * ACCUMULATED, "gradient_accumulation_steps": 1}),
    ):
        hand_over_logits(model)
        trained(trainer(model, tmp_path, made(model), max_steps=1, **options))
    assert_same_weights(small, large)


@pytest.mark.parametrize(("name", "first"), [("llama", 1), ("gpt2", 0), ("bert", 0)])
def test_which_labels_the_trainer_counts(name: str, first: int, tmp_path: Path) -> None:
    counted: list[float] = []

    def loss(outputs: Any, labels: Tensor, num_items_in_batch: Tensor) -> Tensor:  # noqa: ANN401
        counted.append(float(num_items_in_batch))
        made = masked_lm_loss if name == "bert" else next_token_loss
        return made(model)(outputs, labels, num_items_in_batch)

    model, rows = tiny(name), texts(2 * ACCUMULATED)
    trainer(model, tmp_path, loss, rows, max_steps=1).train()
    # A causal model's first label is no prediction, which the Trainer knows by the ending of the class's name.
    assert counted == [sum(int((row["labels"][first:] != -100).sum()) for row in rows)] * ACCUMULATED


def test_labels_are_kept_from_the_model_and_the_loss_is_multiplied_by_the_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, given = tiny("llama"), batch()
    seen: dict[str, Any] = {}
    model.register_forward_pre_hook(lambda _, __, inputs: seen.update(inputs), with_kwargs=True)
    hand_over_logits(model)
    training = trainer(model, tmp_path, next_token_loss(model))
    count = (given["labels"][:, 1:] != -100).sum()
    alone = training.compute_loss(model, dict(given), num_items_in_batch=count)
    assert "labels" not in seen
    monkeypatch.setattr(type(training.accelerator), "num_processes", property(lambda _: 3))
    # Three processes' gradients are averaged, and `count` is that of all three.
    assert_close(
        training.compute_loss(model, dict(given), num_items_in_batch=count * 3), alone.detach().double(), size=B * T
    )


def test_evaluation_and_prediction_have_logits(tmp_path: Path) -> None:
    plain, handing = tiny("gemma2"), tiny("gemma2")
    hand_over_logits(handing)
    expected, came = trainer(plain, tmp_path), trainer(handing, tmp_path, next_token_loss(handing))
    came.train()
    plain.load_state_dict(handing.state_dict())
    assert isinstance(handing.train()(**batch()).logits, HeadLogits)
    assert_close(
        torch.tensor(came.evaluate()["eval_loss"]),
        torch.tensor(expected.evaluate()["eval_loss"], dtype=torch.float64),
        size=B * T,
    )
    predicted, wanted = came.predict(came.eval_dataset), expected.predict(expected.eval_dataset)
    assert predicted.predictions.shape == (5, T, V)
    assert (predicted.predictions == wanted.predictions).all()


def test_a_checkpoint_of_the_trainer_goes_on_where_it_was(tmp_path: Path) -> None:
    options = {"save_strategy": "steps", "save_steps": 2}
    whole, stopped, resumed = tiny("gpt2"), tiny("gpt2"), tiny("gpt2")
    for model in (whole, stopped, resumed):
        hand_over_logits(model)
    trained(trainer(whole, tmp_path / "whole", next_token_loss(whole)))
    trained(trainer(stopped, tmp_path / "stopped", next_token_loss(stopped), max_steps=2, **options))
    training = trainer(resumed, tmp_path / "stopped", next_token_loss(resumed), **options)
    training.train(resume_from_checkpoint=str(tmp_path / "stopped" / "checkpoint-2"))
    assert_same_weights(resumed, whole)


def test_the_trainers_own_label_smoothing_is_refused(tmp_path: Path) -> None:
    model = tiny("llama")
    hand_over_logits(model)
    with pytest.raises(DtypeError, match=r"asks for `.*log_softmax` of logits .* are not made"):
        trainer(model, tmp_path, label_smoothing_factor=0.1).train()


# Terms of the model's own


@pytest.mark.parametrize(("name", "having"), [("qwen3_moe", " with `aux_loss`"), ("llama", "")])
def test_terms_of_a_models_own_want_the_model(name: str, having: str, tmp_path: Path) -> None:
    model = tiny(name)
    said = rf"`model` is None and `outputs` is \w+{having}, expected the model.* next_token_loss\(model\)"
    with pytest.raises(OptionError, match=said):
        trainer(model, tmp_path, next_token_loss(None)).train()


def test_a_term_without_a_coefficient_is_told() -> None:
    model = tiny("llama")
    outputs = SimpleNamespace(logits=torch.zeros(1, 2, V), aux_loss=torch.tensor(1.0))
    said = r"the outputs of LlamaForCausalLM have `aux_loss`.* leave compute_loss_func"
    with pytest.raises(OptionError, match=said):
        next_token_loss(model)(outputs, torch.zeros(1, 2, dtype=torch.int64))


def test_a_wrapped_model_has_the_terms_of_the_one_within() -> None:
    model, given = tiny("qwen3_moe"), batch()
    expected = model(**given).loss.detach()
    labels = given.pop("labels")
    wrapped = nn.DataParallel(model)
    compiled = torch.compile(model, backend="eager")
    for outer in (wrapped, compiled):
        came = next_token_loss(outer)(model(**given), labels)
        assert_close(came.detach(), expected.double(), size=B * T)


def test_a_model_is_a_module() -> None:
    for made in (next_token_loss, masked_lm_loss):
        with pytest.raises(DtypeError, match=f"{made.__name__}: `model` is str, expected the model that is trained"):
            made("llama")


# Encoder-decoders


def pairs(count: int) -> list[dict[str, Tensor]]:
    """Return sources and targets, of which each ends earlier than the one before."""
    generator = torch.Generator().manual_seed(4)
    rows = []
    for index in range(count):
        source, target = torch.randint(3, V, (2, T), generator=generator)
        target[T - index % (T - 2) :] = -100
        rows.append({"input_ids": source, "labels": target})
    return rows


@pytest.mark.parametrize("name", ["bart", "mbart", "t5", "blenderbot"])
def test_an_encoder_decoder_learns_its_targets(name: str, tmp_path: Path) -> None:
    plain, handing = tiny(name), tiny(name)
    options = {"rows": pairs(STEPS * 2), "gradient_accumulation_steps": 1}
    expected = trained(trainer(plain, tmp_path, **options))
    hand_over_logits(handing)
    collator = with_decoder_inputs(handing, transformers.default_data_collator)
    came = trained(trainer(handing, tmp_path, masked_lm_loss(handing), collator=collator, **options))
    assert_close(torch.tensor(came), torch.tensor(expected, dtype=torch.float64), size=STEPS * B * T)
    assert_same_weights(handing, plain)


@pytest.mark.parametrize("name", ["bart", "mbart", "t5", "blenderbot"])
def test_an_encoder_decoder_without_decoder_inputs_refuses(name: str, tmp_path: Path) -> None:
    model = tiny(name)
    said = r"is called without `decoder_input_ids`.* data_collator=with_decoder_inputs\(model, collator\)"
    masked_lm_loss(model)
    loss = masked_lm_loss(model)
    assert len(model._forward_pre_hooks) == 1  # a second loss is no second hook
    with pytest.raises(OptionError, match=said):
        trainer(model, tmp_path, loss, rows=pairs(6)).train()
    ids = pairs(2)[0]["input_ids"][None]
    model.eval()
    assert model(ids, labels=ids).loss.isfinite()
    assert model(ids, None, ids).logits.isfinite().all()  # by position
    assert model.generate(ids, max_new_tokens=2).shape[0] == 1


def test_decoder_inputs_are_those_that_there_are_and_leave_labels_alone() -> None:
    model, row = tiny("bart"), pairs(3)[2]
    collate = with_decoder_inputs(model, transformers.default_data_collator)
    made = collate([row])
    assert made["labels"].tolist() == [row["labels"].tolist()]
    assert made["decoder_input_ids"][0, 0] == model.config.decoder_start_token_id
    assert made["decoder_input_ids"][0, -1] == model.config.pad_token_id
    given = torch.arange(T)
    assert collate([row | {"decoder_input_ids": given}])["decoder_input_ids"].tolist() == [given.tolist()]
    assert "decoder_input_ids" not in collate([{"input_ids": row["input_ids"]}])


def test_decoder_inputs_say_what_is_wrong() -> None:
    with pytest.raises(OptionError, match="`model` is LlamaForCausalLM, expected an encoder-decoder"):
        with_decoder_inputs(tiny("llama"), transformers.default_data_collator)
    model = tiny("blenderbot")
    model.config.pad_token_id = None
    with pytest.raises(OptionError, match="decoder_start_token_id 2 and pad_token_id None, expected two token ids"):
        with_decoder_inputs(model, transformers.default_data_collator)(pairs(1))


# The kind of output


def test_the_loss_of_another_kind_of_model_is_told(tmp_path: Path) -> None:
    for name, made, other in (
        ("llama", masked_lm_loss, "next_token_loss"),
        ("bert", next_token_loss, "masked_lm_loss"),
    ):
        model = tiny(name)
        with pytest.warns(SuspiciousInputWarning, match=rf"of a model whose logits predict .* {other}\(model\)"):
            trainer(model, tmp_path, made(model), max_steps=1).train()
