"""Train a language model with Hugging Face's Trainer, once with its own loss and once without making any logits.

    python examples/train_with_trainer.py
    python examples/train_with_trainer.py --vocabulary 131072
    python examples/train_with_trainer.py --rows 64

Two lines make the difference:

    hand_over_logits(model)
    Trainer(model, ..., compute_loss_func=next_token_loss(model))

Both runs start from the same weights and see the same texts in the same order, so that their losses agree in float32.
What differs is memory: the built-in loss makes the logits of all tokens at once, and two more tensors of that size on
the way to their gradient. The model is a small LLaMA with random weights, its text numbers that count up in steps.
Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import LlamaConfig, LlamaForCausalLM, ProgressCallback, Trainer, TrainingArguments

import slopes
from slopes.integrations.transformers import hand_over_logits, next_token_loss

LONGEST_STRIDE: Final = 8
LARGEST_START: Final = 64
MEGABYTE: Final = 1e6


@dataclass(frozen=True)
class Run:
    """What a training left behind: the loss of every step, and the most bytes that its tensors took at once."""

    losses: list[float]
    peak: int


@dataclass(frozen=True)
class Report:
    """The two trainings."""

    built_in: Run
    handed_over: Run

    @property
    def farthest(self) -> float:
        """The largest difference between the two curves, as a share of the loss."""
        pairs = zip(self.built_in.losses, self.handed_over.losses, strict=True)
        return max(abs(theirs - ours) / theirs for theirs, ours in pairs)


class Memory(TorchDispatchMode):
    """Count the bytes of every tensor that is made while it is active, for as long as its storage lives."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = self._now = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        arguments: tuple[Any, ...] = (),
        options: Mapping[str, Any] | None = None,
    ) -> object:
        """Run a function of torch and count what it returns."""
        del types
        before = {t.untyped_storage().data_ptr() for t in tree_leaves((arguments, options)) if isinstance(t, Tensor)}
        made = function(*arguments, **(options or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor) and tensor.untyped_storage().data_ptr() not in self._seen | before:
                self._count(tensor.untyped_storage())
        return made

    def _count(self, storage: torch.UntypedStorage) -> None:
        self._seen.add(storage.data_ptr())
        self._now += storage.nbytes()
        self.peak = max(self.peak, self._now)
        weakref.finalize(storage, self._drop, storage.data_ptr(), storage.nbytes())

    def _drop(self, address: int, size: int) -> None:
        self._seen.discard(address)
        self._now -= size


class Bar(ProgressCallback):
    """The Trainer's progress bar, without a line for every step."""

    def on_log(self, *_: object, **__: object) -> None:
        """Say nothing: the losses are printed side by side at the end."""


def make_texts(count: int, length: int, vocabulary: int, seed: int) -> list[dict[str, Tensor]]:
    """Return rows of token ids that count up, each from a small number and in a stride of its own."""
    generator = torch.Generator().manual_seed(seed)
    starts = torch.randint(LARGEST_START, (count, 1), generator=generator)
    strides = torch.randint(1, LONGEST_STRIDE + 1, (count, 1), generator=generator)
    ids = (starts + strides * torch.arange(length)) % vocabulary
    return [{"input_ids": row, "labels": row} for row in ids]


def make_model(vocabulary: int, length: int, seed: int) -> LlamaForCausalLM:
    """Return a LLaMA of two layers with random weights."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=length,
        bos_token_id=None,
        eos_token_id=None,
    )
    return LlamaForCausalLM(config)


def train(options: argparse.Namespace, *, handing_over: bool) -> Run:
    """Train a new model, with the built-in loss or with logits that are never made."""
    texts = make_texts(options.steps * options.batch * 2, options.length, options.vocabulary, options.seed)
    model = make_model(options.vocabulary, options.length, options.seed)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        if handing_over:
            stack.enter_context(hand_over_logits(model))
        trainer = Trainer(
            model,
            arguments(options, folder),
            train_dataset=texts,
            compute_loss_func=next_token_loss(model) if handing_over else None,
        )
        trainer.remove_callback(ProgressCallback)
        trainer.add_callback(Bar)
        memory = stack.enter_context(Memory())
        trainer.train()
    return Run([entry["loss"] for entry in trainer.state.log_history if "loss" in entry], memory.peak)


def arguments(options: argparse.Namespace, folder: str) -> TrainingArguments:
    """Return how to train: every step takes two batches, whose tokens are counted together."""
    return TrainingArguments(
        output_dir=folder,
        max_steps=options.steps,
        per_device_train_batch_size=options.batch,
        gradient_accumulation_steps=2,
        learning_rate=3e-3,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        seed=options.seed,
        use_cpu=True,
        dataloader_pin_memory=False,
    )


def report_lines(report: Report) -> Iterator[str]:
    """Yield what is printed: the curves side by side, and what they cost."""
    yield "step   built-in   handed over"
    curves = zip(report.built_in.losses, report.handed_over.losses, strict=True)
    for step, (theirs, ours) in enumerate(curves, start=1):
        yield f"{step:>4}   {theirs:8.5f}      {ours:8.5f}"
    yield f"The curves differ by {report.farthest:.1e} of the loss at most."
    theirs, ours = report.built_in.peak / MEGABYTE, report.handed_over.peak / MEGABYTE
    yield f"Peak memory beyond the model: {theirs:,.0f} MB built-in, {ours:,.0f} MB handed over: 1/{theirs / ours:.1f}."


def main(given: Sequence[str] | None = None) -> Report:
    """Train twice, print both curves and both peaks, and return them."""
    options = parse(given)
    with slopes.chunks(rows=options.rows):
        report = Report(train(options, handing_over=False), train(options, handing_over=True))
    print("\n".join(report_lines(report)))
    return report


def parse(given: Sequence[str] | None) -> argparse.Namespace:
    """Return the options, checked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--steps", type=int, default=10, help="optimiser steps (10)")
    parser.add_argument("--vocabulary", type=int, default=16_384, help="number of tokens that there are (16384)")
    parser.add_argument("--length", type=int, default=128, help="tokens of a text (128)")
    parser.add_argument("--batch", type=int, default=8, help="texts of a batch; a step takes two batches (8)")
    parser.add_argument("--rows", type=int, default=256, help="tokens whose logits are made at a time (256)")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights, texts and order (0)")
    parser.add_argument("--small", action="store_true", help="a run of a few seconds")
    options = parser.parse_args(given)
    if options.small:
        options.steps, options.vocabulary, options.length, options.batch, options.rows = 5, 4096, 32, 4, 16
    for name in ("steps", "vocabulary", "length", "batch", "rows"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} is {getattr(options, name)}, expected a number of at least 1")
    return options


if __name__ == "__main__":
    main()
