"""What repairs the errors of the plug-in for transformers and its Trainer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
import torch
from tests.laws.fixes.law import Fix
from torch import nn

ELSEWHERE: Final[Mapping[str, str]] = {}
IDS: Final = torch.tensor([[5, 6, 7, 2]])


Given = Callable[[Path, pytest.MonkeyPatch], Mapping[str, Any]]


def names() -> Mapping[str, Any]:
    import transformers  # noqa: PLC0415  it takes a while
    from tests.integrations.tiny_models import tiny  # noqa: PLC0415  likewise

    from slopes.integrations import transformers as ours  # noqa: PLC0415  likewise
    from slopes.integrations.deferred import DeferredLogits  # noqa: PLC0415  likewise

    kept = {name: getattr(ours, name) for name in ours.__all__}
    kept |= {"tiny": tiny, "default": transformers.default_data_collator, "DeferredLogits": DeferredLogits}
    return {**kept, "F": nn.functional, "IDS": IDS}


def model(name: str, *changes: Callable[[Any], object], **others: Any) -> Given:  # noqa: ANN401
    """Return what makes a tiny model, changes it, and gives it beside others."""

    def given(_: Path, __: pytest.MonkeyPatch) -> Mapping[str, Any]:
        from tests.integrations.tiny_models import tiny  # noqa: PLC0415  it takes a while

        made = tiny(name)
        for change in changes:
            change(made)
        return {"model": made, **others}

    return given


def handed(made: Any) -> None:  # noqa: ANN401  a model
    names()["hand_over_logits"](made)


def marked(mark: str) -> Given:
    """Return what hands a model over and marks its head as a tool does that leaves it no whole weight."""

    def change(made: Any) -> None:  # noqa: ANN401  a model
        setattr(made.lm_head if mark == "_is_replica" else made.lm_head.weight, mark, True)

    return model("llama", handed, change)


def wrapped(made: Any) -> None:  # noqa: ANN401  a model
    made.lm_head = nn.Sequential(made.lm_head)


def unmade(_: Path, __: pytest.MonkeyPatch) -> Mapping[str, Any]:
    """Return logits that are not made."""
    made = model("llama", handed)(_, __)["model"]
    return {"model": made, "logits": made(IDS).logits, "read": lambda z: z.softmax(-1)}


def classifier(_: Path, __: pytest.MonkeyPatch) -> Mapping[str, Any]:
    """Return a model whose logits are few."""
    import transformers  # noqa: PLC0415  it takes a while

    config = transformers.BertConfig(
        vocab_size=9, hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4
    )
    return {"model": transformers.BertForSequenceClassification(config), "over": True}


def no_pad(made: Any) -> None:  # noqa: ANN401  a model
    made.config.pad_token_id = None


COLLATED: Final = "with_decoder_inputs(model, default)([{'input_ids': [5, 6], 'labels': [7, 8]}])"
Z: Final = torch.randn(1, 4, 9)

TRIED: Final[Mapping[str, Sequence[Fix]]] = {
    "integrations/deferred.py _guarded.made": [
        Fix(
            "(logits := copy(DeferredLogits(torch.ones(2, 3), weight)), weight.add_(1.0), logits.argmax(-1))",
            {"weight": torch.ones(4, 3), "copy": lambda logits: logits},
            words={"copy": "lambda logits: eval(code)"},
            typed={"code": "logits.clone()"},
        ),
    ],
    "integrations/hand_over.py _head": [
        Fix("hand_over_logits(model)", {"model": nn.Linear(2, 3)}, words={"model": "tiny('llama')"}),
    ],
    "integrations/hand_over.py _hand_over": [
        Fix(
            "hand_over_logits(model) if over else L.cross_entropy(model(IDS).logits, torch.tensor([1]))",
            classifier,
            words={"over": "False"},
        ),
        Fix(
            "hand_over_logits(model) if over else next_token_loss(model)(model(IDS), IDS)",
            model("llama", wrapped, over=True),
            {"undone": "HandOver(model).undo()"},
            {"over": "False"},
        ),
    ],
    "integrations/head_logits.py _cross_entropy": [
        Fix(
            "F.cross_entropy(x, y)",
            lambda _, __: {"x": IDS[0], "y": unmade(_, __)["logits"][0]},
            words={"x": "y", "y": "x"},
        ),
    ],
    "integrations/unmade.py refuse": [
        Fix("read(logits)", unmade, {"logits": "logits.materialize()"}),
        Fix(
            "read(logits)",
            unmade,
            words={"read": "lambda z: F.cross_entropy(z.flatten(0, 1), IDS[0])"},
            check="'F.cross_entropy' in error",
        ),
        Fix("read(model(IDS).logits)", unmade, {"undone": "HandOver(model).undo()"}),
    ],
    "integrations/model_kinds.py with_decoder_inputs": [
        Fix(
            "collated([{'input_ids': [5]}]) if collated else with_decoder_inputs(model, default)",
            model("llama", collated=None),
            words={"collated": "default"},
        ),
    ],
    "integrations/model_kinds.py _moved_on": [
        Fix(COLLATED, model("blenderbot", no_pad), words={"_": "setattr(model.config, 'pad_token_id', 0)"}),
    ],
    "integrations/model_kinds.py DecoderInputs.__call__": [
        Fix(
            "(masked_lm_loss(model), model(**(data_collator or collator)(ROWS) | {'labels': None}))",
            lambda _, __: {
                **model("t5")(_, __),
                "ROWS": [{"input_ids": [5, 6], "labels": [7, 8]}],
                "collator": names()["default"],
                "data_collator": None,
            },
            {"data_collator": "with_decoder_inputs(model, collator)"},
        ),
    ],
    "integrations/model_terms.py _ask_for_the_model": [
        Fix(
            "loss(model(IDS), IDS)",
            lambda _, __: {**model("qwen3_moe")(_, __), "loss": names()["next_token_loss"](None)},
            {"loss": "next_token_loss(model)"},
        ),
    ],
    "integrations/model_terms.py _refuse": [
        Fix(
            "loss(outputs, IDS) if loss else model(IDS, labels=IDS).loss",
            lambda _, __: {
                **(given := model("llama")(_, __)),
                "outputs": SimpleNamespace(logits=torch.zeros(1, 4, 9), aux_loss=torch.tensor(1.0)),
                "loss": names()["next_token_loss"](given["model"]),
            },
            words={"loss": "None"},
        ),
    ],
    "integrations/output_head.py _check_whole": [
        Fix("model(IDS)", marked("_is_replica"), {"undone": "HandOver(model).undo()"}),
        Fix("model(IDS)", marked("ds_id"), {"undone": "HandOver(model).undo()"}),
        Fix("model(IDS)", marked("device_mesh"), {"undone": "HandOver(model).undo()"}),
    ],
    "integrations/trainer_losses.py _trainer_loss": [
        Fix("next_token_loss(model)", {"model": "llama"}, words={"model": "tiny(model)"}),
    ],
    "integrations/trainer_losses.py _logits_of": [
        Fix(
            "next_token_loss(model)(model(IDS, return_dict=kept), IDS)",
            model("llama", kept=False),
            words={"kept": "True"},
        ),
    ],
    "integrations/trainer_losses.py TrainerLoss.__call__": [
        Fix("next_token_loss(model)(model(IDS), labels)", model("llama", labels=None), words={"labels": "IDS"}),
        Fix(
            "next_token_loss(None)({'logits': logits}, labels)",
            {"logits": Z[0], "labels": IDS[0]},
            {"logits": "logits.unsqueeze(0)", "labels": "labels.unsqueeze(0)"},
        ),
        Fix(
            "next_token_loss(None)({'logits': logits}, labels)",
            {"logits": Z[None], "labels": IDS[None]},
            {"logits": "logits.reshape(1, -1, logits.shape[-1])", "labels": "labels.reshape(1, -1)"},
        ),
    ],
}
