"""The loop that the documentation shows, as it stands there, on padded texts."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import Any, Final

import pytest
import torch
from tests.accuracy import assert_close, assert_close_to_scale
from tests.integrations.tiny_models import T, V, gradients, tiny
from torch import Tensor

import slopes
from slopes import losses
from slopes.integrations import transformers as room

LENGTHS: Final = (T, 5, 9)
POSITIONS: Final = "position_ids=(attention_mask.cumsum(-1) - 1).clamp(min=0)"


def texts() -> list[Tensor]:
    generator = torch.Generator().manual_seed(2)
    return [torch.randint(3, V, (length,), generator=generator) for length in LENGTHS]


def padded(side: str) -> tuple[Tensor, Tensor]:
    """Return ids and an attention mask as a tokenizer returns them: int64."""
    ids = torch.zeros(len(LENGTHS), T, dtype=torch.int64)
    attention_mask = torch.zeros_like(ids)
    for row, text in enumerate(texts()):
        at = slice(T - len(text), T) if side == "left" else slice(0, len(text))
        ids[row, at], attention_mask[row, at] = text, 1
    return ids, attention_mask


def the_loop() -> str:
    """Return the lines of code that the docstring begins with."""
    found = re.search(r"it is (\w+) lines:\n\n((?:    .*\n)+)", room.__doc__ or "")
    assert found
    assert len(found[2].splitlines()) == {"three": 3, "four": 4}[found[1]]
    return dedent(found[2])


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_a_padded_batch_learns_what_its_texts_teach(name: str, side: str) -> None:
    alone = tiny(name)
    nats = sum(losses.next_token(alone(text[None]).logits, text[None], reduction="sum") for text in texts())
    expected = nats / (sum(LENGTHS) - len(LENGTHS))
    slopes_ = gradients(alone, expected)
    model = tiny(name)
    ids, attention_mask = padded(side)
    code = the_loop()
    if name == "gpt2":
        assert POSITIONS in (room.__doc__ or "")
        code = code.replace("attention_mask=attention_mask)", f"attention_mask=attention_mask, {POSITIONS})")
    names: dict[str, Any] = {
        "slopes": slopes,
        "hand_over_logits": room.hand_over_logits,
        "model": model,
        "input_ids": ids,
        "attention_mask": attention_mask,
    }
    exec(code, names)  # noqa: S102  our own text, as a reader would run it
    assert_close(names["loss"].detach(), expected.detach().double(), size=sum(LENGTHS))
    scale = max(float(slope.abs().max()) for slope in slopes_.values())
    for which, weight in model.named_parameters():
        assert weight.grad is not None
        assert_close_to_scale(weight.grad, slopes_[which].double(), scale, size=sum(LENGTHS), what=which)
