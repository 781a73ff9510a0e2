"""Padding leaves no trace: a batch gives what its rows give one by one, wherever the pads stand and whatever they are.

Dimension names: L is a row's own length, T that of the batch, V the vocabulary, D the width of a hidden state.
"""

from __future__ import annotations

import inspect
import math
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import torch
from tests.each import each
from tests.laws.samples import assert_near
from torch import Tensor

import slopes
from slopes import LinearLogits, recipes
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes._core.spec import Spec
from slopes.catalog import CATALOG

V, D, T = 7, 3, 6
ROOT: Final = Path(__file__).parents[2]
# Of rows of these lengths, from one that is whole to one of which nothing is predicted.
LENGTHS: Final = (6, 2, 4, 1, 5)
SIDES: Final[Mapping[str, Callable[[int], int]]] = {
    "left": lambda length: T - length,
    "right": lambda length: 0 * length,
    "both": lambda length: (T - length) // 2,
}
# What stands at a pad: its id, of a token that occurs or of none, and what the model makes of it.
PADS: Final = ((0, math.nan), (-100, math.inf), (V, -math.inf), (3, 1e30))

OF_TOKENS: Final = [spec for spec in CATALOG if {"logits", "token_ids"} <= {of.name for of in spec.inputs}]
every_spec = each("spec", OF_TOKENS, ids=lambda spec: spec.name)


class Row(NamedTuple):
    """A text, `[L]`: what the model makes of it, which tokens are to be predicted, and what the results weigh."""

    hidden: Tensor
    ids: Tensor
    asked: Tensor
    upstream: Tensor

    @property
    def counted(self) -> int:
        return int(self.asked[1:].sum())


class Head(NamedTuple):
    """What makes logits, and whether it makes them."""

    weight: Tensor
    bias: Tensor
    made: bool

    def __call__(self, hidden: Tensor) -> Tensor | LinearLogits:
        logits = LinearLogits(hidden, self.weight, self.bias)
        return logits.materialize() if self.made else logits


def texts(*, asked: bool) -> list[Row]:
    """Return texts of several lengths; of the tokens some are asked for, or all."""
    dice = torch.Generator().manual_seed(0)

    def row(length: int) -> Row:
        some = torch.rand(length, generator=dice) < 0.7
        return Row(
            torch.randn(length, D, generator=dice, dtype=torch.float64),
            torch.randint(1, V, (length,), generator=dice),
            some if asked else torch.ones_like(some),
            torch.rand(max(length - 1, 0), generator=dice, dtype=torch.float64),
        )

    return [row(length) for length in LENGTHS]


def padded(rows: list[Row], side: str, pad: int, strange: float) -> tuple[Row, Tensor]:
    """Return the texts as a batch, and its attention mask; every pad is asked for and weighs 1."""
    batch = Row(
        torch.full((len(rows), T, D), strange, dtype=torch.float64),
        torch.full((len(rows), T), pad),
        torch.ones(len(rows), T, dtype=torch.bool),
        torch.ones(len(rows), T - 1, dtype=torch.float64),
    )
    real = torch.zeros(len(rows), T, dtype=torch.bool)
    for place, row in enumerate(rows):
        start, length = SIDES[side](len(row.ids)), len(row.ids)
        for whole, part in zip(batch, row, strict=True):
            whole[place, start : start + len(part)] = part
        real[place, start : start + length] = True
    return batch, real


def result(spec: Spec, logits: Tensor | LinearLogits, batch: Row, **masks: Tensor) -> Tensor:
    """Return what a function of tokens says of a batch, one entry for each prediction or row, or for all."""
    if "response_mask" in inspect.signature(spec.function).parameters:
        masks["response_mask"] = masks.pop("mask", torch.ones_like(batch.asked))
    came = spec.function(logits, batch.ids, **masks, **({"reduction": "none"} if spec.reduces else {}))
    return came if isinstance(came, Tensor) else torch.stack([part.double() for part in came], -1)


def total(spec: Spec, came: Tensor, batch: Row, counted: int) -> Tensor:
    """Return one number to differentiate: the weighted sum of what came; of a perplexity the sum of its logarithms."""
    if spec.output == ():
        return came.log() * counted if counted else torch.zeros_like(came)
    if spec.output == ("B",):
        return came.sum()
    return (came * batch.upstream.reshape(batch.upstream.shape + (1,) * (came.dim() - 2))).sum()


def one_by_one(spec: Spec, rows: list[Row], *, made: bool, masked: bool) -> tuple[list[Tensor], Tensor, list[Tensor]]:
    """Return results, their total, and its gradients: by each row's hidden states, and by weight and bias."""
    hidden = [row.hidden.clone().requires_grad_() for row in rows]
    head = fresh_head(made=made)
    results, totals = [], []
    for states, row in zip(hidden, rows, strict=True):
        alone = Row(states[None], row.ids[None], row.asked[None], row.upstream[None])
        results.append(result(spec, head(alone.hidden), alone, **({"mask": alone.asked} if masked else {})))
        totals.append(total(spec, results[-1], alone, row.counted))
    everything = torch.stack(totals).sum()
    found = torch.autograd.grad(everything, [*hidden, head.weight, head.bias], materialize_grads=True)
    return [came.detach() for came in results], everything.detach(), list(found)


def fresh_head(*, made: bool) -> Head:
    dice = torch.Generator().manual_seed(1)
    weight, bias = (torch.randn(*shape, generator=dice, dtype=torch.float64) for shape in ((V, D), (V,)))
    return Head(weight.requires_grad_(), bias.requires_grad_(), made)


def assert_no_trace(
    spec: Spec,
    rows: list[Row],
    alone: tuple[list[Tensor], Tensor, list[Tensor]],
    side: str,
    pad: tuple[int, float],
    *,
    made: bool,
    masked: bool,
) -> None:
    """Assert that a padded batch has the results of its rows, and gradients that are theirs, 0 at the pads."""
    results, everything, wanted = alone
    batch, real = padded(rows, side, *pad)
    hidden, head = batch.hidden.requires_grad_(), fresh_head(made=made)
    # Where logits are made it is those of a pad that are strange, not the product that makes them.
    logits = head(torch.where(real[..., None], hidden, 0.0) if made else hidden)
    if isinstance(logits, Tensor):
        logits = torch.where(real[..., None], logits, pad[1])
    came = result(spec, logits, batch, attention_mask=real, **({"mask": batch.asked} if masked else {}))
    if spec.output == ("B", "T - 1"):
        expected = torch.zeros_like(came)
        for place, entries in enumerate(results):
            start = SIDES[side](len(rows[place].ids))
            expected[place, start : start + entries.shape[1]] = entries[0]
        assert_near(came, expected)
        assert not came[expected == 0].any()
    elif spec.output == ("B",):
        assert_near(came, torch.cat(results), size=T)
    together = total(spec, came, batch, sum(row.counted for row in rows))
    assert_near(together, everything, terms=torch.stack([entries.sum() for entries in results]), size=T * len(rows))
    by_hidden, *by_head = torch.autograd.grad(together, [hidden, head.weight, head.bias])
    for place, row in enumerate(rows):
        start = SIDES[side](len(row.ids))
        assert_near(by_hidden[place, start : start + len(row.ids)], wanted[place], size=V)
    assert not by_hidden[~real].any(), "a pad has a gradient"
    for ours, theirs in zip(by_head, wanted[len(rows) :], strict=True):
        assert_near(ours, theirs, size=T * len(rows))


def test_the_functions_of_tokens_are_found() -> None:
    assert {"next_token", "sft", "perplexity", "token_log_probs", "token_scores", "sequence_log_prob"} == {
        spec.name for spec in OF_TOKENS
    }


@every_spec
def test_both_masks_are_taken_and_told_apart(spec: Spec) -> None:
    signature = inspect.signature(spec.function).parameters
    assert {"mask", "attention_mask"} <= signature.keys()
    assert "attention_mask" in {of.name for of in spec.inputs}
    said = inspect.getdoc(spec.function) or ""
    assert (
        "attention_mask: `[B, T]` boolean over the tokens, True where one is real and False where it is padding" in said
    )


@every_spec
@each("made", [True, False], ids=["made", "unmade"])
def test_a_padded_batch_is_its_rows(spec: Spec, made: bool) -> None:  # noqa: FBT001
    for masked in (False, True):
        rows = texts(asked=masked)
        alone = one_by_one(spec, rows, made=made, masked=masked)
        for side in SIDES:
            for pad in PADS:
                assert_no_trace(spec, rows, alone, side, pad, made=made, masked=masked)


@each("side", SIDES)
def test_means_scores_and_metrics_count_real_tokens(side: str) -> None:
    rows = texts(asked=True)
    batch, real = padded(rows, side, -100, math.nan)
    logits, head = (
        torch.where(real[..., None], fresh_head(made=True)(batch.hidden.nan_to_num()), math.nan),
        fresh_head(made=True),
    )
    nats = [L.next_token(head(r.hidden[None]), r.ids[None], mask=r.asked[None], reduction="sum") for r in rows]
    mean = torch.stack(nats).sum() / sum(row.counted for row in rows)
    masks = {"mask": batch.asked, "attention_mask": real}
    recipe, metric = recipes.NextToken(V, token_bytes=torch.arange(V)), L.Perplexity()
    length = sum(int(row.ids[1:][row.asked[1:]].sum()) for row in rows)
    for came in (
        L.next_token(logits, batch.ids, **masks),
        L.sft(logits, batch.ids, batch.asked, attention_mask=real),
        L.NextToken()(logits, batch.ids, **masks),
        L.SFT()(logits, batch.ids, batch.asked, attention_mask=real),
        L.perplexity(logits, batch.ids, **masks).log(),
        metric(logits, batch.ids, **masks).log(),
        recipe.loss(logits, batch.ids, **masks),
    ):
        assert_near(came, mean, size=T * len(rows))
    score = recipe.score(logits, batch.ids, **masks)
    assert_near(torch.tensor(score["cross_entropy"], dtype=torch.float64), mean, size=T * len(rows))
    bits = torch.stack(nats).sum() / length / math.log(2)
    assert_near(torch.tensor(score["bits_per_byte"], dtype=torch.float64), bits, size=T * len(rows))
    averages = L.sequence_log_prob(logits, batch.ids, average=True, **masks)
    assert 0 in [row.counted for row in rows]
    for average, row, cost in zip(averages, rows, nats, strict=True):
        if row.counted == 0:
            assert average.isnan()
        else:
            assert_near(average, -cost / row.counted, size=T)


def test_nothing_is_not_certain() -> None:
    logits = torch.randn(2, 3, V, dtype=torch.float64, requires_grad=True)
    ids = torch.ones(2, 3, dtype=torch.int64)
    pads, metric = torch.zeros(2, 3, dtype=torch.bool), L.Perplexity()
    assert metric.compute().isnan()
    for came in (
        L.perplexity(logits, ids, attention_mask=pads),
        L.sequence_log_prob(logits, ids, mask=pads, average=True),
    ):
        assert came.isnan().all()
        (slope,) = torch.autograd.grad(came, logits, torch.full_like(came, math.nan))
        assert not slope.any()
    assert metric(logits, ids, attention_mask=pads).isnan()
    assert_near(metric(logits, ids), L.perplexity(logits, ids), size=ids.numel())


def test_perplexity_by_hand() -> None:
    torch.manual_seed(0)
    logits, ids = torch.randn(1, 5, 40), torch.tensor([[0, 0, 7, 8, 9]])
    real = torch.tensor([[False, False, True, True, True]])
    log_p = torch.log_softmax(logits[0].double(), -1)
    by_hand = float(torch.exp(-(log_p[2, 8] + log_p[3, 9]) / 2))
    assert f"{by_hand:.2f}" == "79.75"
    assert f"{L.perplexity(logits, ids, attention_mask=real).item():.2f}" == "79.75"
    with pytest.warns(slopes.SuspiciousInputWarning, match="perplexity: `mask` leaves out the first 2 tokens of row 0"):
        assert f"{L.perplexity(logits, ids, mask=real).item():.2f}" == "148.92"


def calls() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield everything that takes logits, token ids and masks, by the name that its messages begin with."""
    for spec in OF_TOKENS:
        if spec.name != "sft":
            yield spec.name, spec.function
    yield "sft", lambda z, ids, mask=None, **more: L.sft(z, ids, ids > -1000 if mask is None else mask, **more)
    yield "Perplexity.update", L.Perplexity().update
    yield "next_token", L.NextToken()
    yield "next_token", recipes.NextToken(V).loss
    recipe = recipes.NextToken(V)
    yield "next_token", lambda z, ids, **masks: recipe.observe(recipe.metrics(), z, ids, **masks)


@each(("name", "call"), [pytest.param(*c, id=f"{i}-{c[0]}") for i, c in enumerate(calls())])
def test_a_mask_that_is_padding_is_told_and_a_prompt_is_none(name: str, call: Callable[..., Any]) -> None:
    rows = texts(asked=False)
    logits = torch.zeros(len(rows), T, V)
    batch, real = padded(rows, "left", 0, 0.0)
    said = rf"^{name}: `(response_)?mask` leaves out the first 5 tokens of row 3, each of them 0, .*padding on the left"
    with pytest.warns(slopes.SuspiciousInputWarning, match=said) as caught:
        call(logits, batch.ids, mask=real)
    text = str(caught[0].message)
    assert "attention_mask=attention_mask.bool()" in text
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call(logits, batch.ids, attention_mask=real)
        call(logits, batch.ids, mask=real, attention_mask=real)  # as it says
        right, real_on_the_right = padded(rows, "right", 0, 0.0)
        call(logits, right.ids, mask=real_on_the_right)
        prompts = (torch.arange(T) >= 3).expand(len(rows), T)
        call(logits, right.ids, mask=prompts)
        after_one = (torch.arange(T) >= 1).expand(len(rows), T)
        call(logits, torch.zeros_like(batch.ids), mask=after_one)  # what a text begins with
        # Pads, and then what a text begins with, or a prompt, which differ from row to row.
        few, ids, begun = logits[1:4], batch.ids[1:4], real[1:4] & real[1:4].roll(1, 1)
        call(few, ids, mask=begun)
        call(few, torch.zeros_like(ids), mask=torch.zeros_like(begun))  # nothing is to be predicted
        call(few, torch.zeros_like(ids), mask=(torch.arange(T) >= 1) & torch.tensor([[True], [False], [True]]))
        with slopes.checks(values=False):
            call(logits, batch.ids, mask=real)


@each(("name", "call"), [pytest.param(*c, id=f"{i}-{c[0]}") for i, c in enumerate(calls())])
def test_what_a_tokenizer_returns_is_refused_with_a_fix_that_works(name: str, call: Callable[..., Any]) -> None:
    batch, real = padded(texts(asked=False), "left", -100, 0.0)
    logits, attention_mask = torch.zeros(len(LENGTHS), T, V), real.long()
    with pytest.raises(slopes.DtypeError) as caught:
        call(logits, batch.ids, attention_mask=attention_mask)
    text = str(caught.value)
    assert text.startswith(
        f"{name}: `attention_mask` has dtype torch.int64, expected torch.bool (over the tokens; True"
    )
    fix = re.search(r"pass (attention_mask\S+)\.$", text)
    assert fix
    call(logits, batch.ids, attention_mask=eval(fix[1]))  # noqa: S307  the library's own text
    for wrong in (attention_mask.float(), real[:, 1:], real[None], real.to("meta")):
        with pytest.raises(slopes.SlopesError, match=f"^{name}: .*`attention_mask`"):
            call(logits, batch.ids, attention_mask=wrong)
    with pytest.raises(slopes.ValuesError, match=rf"^{name}: `token_ids` holds -100, .* attention_mask=attention_mask"):
        call(logits, batch.ids)


def test_no_text_takes_an_attention_mask_for_a_mask() -> None:
    texts_ = [
        path
        for folder, kinds in (("src", ("py", "md", "js")), ("examples", ("py",)), ("docs", ("md",)), (".", ("md",)))
        for kind in kinds
        for path in (ROOT / folder).glob(f"{'' if folder == '.' else '**/'}*.{kind}")
    ]
    wrong = re.compile(r"(?<![\w`])mask\s*=\s*(attention_mask|\w+\[.attention_mask.\]|\w+\.attention_mask)\b")
    assert len(texts_) > 300
    found = [(path.name, match[0]) for path in texts_ for match in wrong.finditer(path.read_text(encoding="utf-8"))]
    assert found == []
