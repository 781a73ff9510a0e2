"""What the README shows runs, and prints what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
import torch

from slopes import ShapeError

README: Final = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS: Final = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def words(text: str) -> str:
    return " ".join(text.replace("#", " ").split())


def test_every_block_runs_in_turn(tmp_path: Path) -> None:
    """Run them in one namespace, as a reader would, beside a model and a trainer's arguments of the reader's own."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    shape = {"vocab_size": 32, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 1, "num_key_value_heads": 1}
    names: dict[str, Any] = {
        "Trainer": transformers.Trainer,
        "model": transformers.LlamaForCausalLM(transformers.LlamaConfig(**shape, **heads)),
        "arguments": transformers.TrainingArguments(output_dir=str(tmp_path), report_to=[], use_cpu=True),
        "data": [{"input_ids": [1, 2, 3], "labels": [1, 2, 3]}],
    }
    assert len(BLOCKS) >= 5
    for block in BLOCKS:
        shown = words(block.partition("# ShapeError:")[2])
        if not shown:
            exec(block, names)  # noqa: S102  the README's own code
            continue
        with pytest.raises(ShapeError) as error:
            exec(block, names)  # noqa: S102  likewise
        assert words(str(error.value)) == shown


def test_every_link_and_file_is_there() -> None:
    root = Path(__file__).parent.parent
    linked = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    named = re.findall(r"\b(?:docs|examples|bench|tests)/[\w/.-]+\w", README)
    assert linked
    assert [path for path in {*linked, *named} if not (root / path).exists()] == []
