from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import pytest
import torch
from tests.accuracy import assert_close, assert_close_to_scale
from tests.each import each
from tests.peak import Peak
from torch import Tensor

from slopes import LinearLogits
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes._core.errors import DtypeError, OptionError, ShapeError, ValuesError
from slopes.recipes.language import predicting
from slopes.recipes.language.masked_token import MaskedToken
from slopes.recipes.language.next_token import NextToken
from slopes.recipes.recipe import Recipe

VOCABULARY: Final = 11
TEXT: Final = torch.tensor([[0, 3, 3, 1, 10], [2, 3, 0, 0, 0]])
SEEN: Final = torch.tensor([[True] * 5, [True, True, True, False, False]])
# Bytes that each token stands for.
BYTES: Final = torch.tensor([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0])


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def surprises(logits: Tensor, ids: Tensor, mask: Tensor) -> list[tuple[float, int, bool]]:
    """Return -log p of each token that counts, the token, and whether it was the most probable one; in plain Python."""
    found = []
    for row, tokens, counts in zip(logits.tolist(), ids.tolist(), mask.tolist(), strict=True):
        for i in range(1, len(tokens)):
            if counts[i]:
                total = math.fsum(math.exp(z) for z in row[i - 1])
                found.append(
                    (math.log(total) - row[i - 1][tokens[i]], tokens[i], max(row[i - 1]) == row[i - 1][tokens[i]])
                )
    return found


def as_tensors(score: dict[str, float]) -> Tensor:
    return torch.tensor(list(score.values()), dtype=torch.float64)


def linear(*shape: int, dtype: torch.dtype = torch.float32) -> LinearLogits:
    return LinearLogits(
        normal(*shape, 6, seed=3, dtype=dtype),
        normal(VOCABULARY, 6, seed=4, dtype=dtype),
        normal(VOCABULARY, seed=5, dtype=dtype),
    )


class TestNextToken:
    def test_it_is_a_recipe(self) -> None:
        recipe = NextToken(VOCABULARY)
        assert isinstance(recipe, Recipe)
        assert recipe.name == "next token"
        assert recipe.calibrated(normal(2, 5, VOCABULARY), TEXT) is recipe

    def test_metrics_against_a_count_by_hand(self) -> None:
        logits = normal(2, 5, VOCABULARY)
        score = NextToken(VOCABULARY, token_bytes=BYTES).score(logits, TEXT, mask=SEEN)
        found = surprises(logits, TEXT, SEEN)
        assert len(found) == 6
        nats = math.fsum(nats for nats, _, _ in found)
        length = sum(BYTES.tolist()[token] for _, token, _ in found)
        expected = {
            "perplexity": math.exp(nats / 6),
            "cross_entropy": nats / 6,
            "accuracy": sum(hit for _, _, hit in found) / 6,
            "bits_per_byte": nats / length / math.log(2),
        }
        assert score.keys() == expected.keys()
        assert_close(as_tensors(score), [expected[name] for name in score], size=6)

    def test_accuracy_counts_tokens(self) -> None:
        logits = 5.0 * torch.nn.functional.one_hot(torch.tensor([[3, 3, 0, 10, 5]]), VOCABULARY)
        assert NextToken(VOCABULARY).score(logits, TEXT[:1])["accuracy"] == 0.75

    @each("cuts", [[], [1], [3, 4], [1, 2, 3, 4, 5, 6, 7]], ids=str)
    def test_no_split_of_the_text_changes_the_metrics(self, cuts: Sequence[int]) -> None:
        ids = torch.randint(VOCABULARY, (8, 12), generator=torch.Generator().manual_seed(1))
        logits = normal(8, 12, VOCABULARY) * torch.arange(1.0, 9)[:, None, None]  # batches of unequal perplexity
        mask = torch.arange(12) < torch.arange(4, 12)[:, None]  # and of unequal length
        recipe = NextToken(VOCABULARY, token_bytes=BYTES)
        whole, metrics = recipe.score(logits, ids, mask=mask), recipe.metrics()
        for rows in torch.arange(8).tensor_split(list(cuts)):
            recipe.observe(metrics, logits[rows], ids[rows], mask=mask[rows])
        parts = {name: float(value) for name, value in metrics.compute().items()}
        assert_close(as_tensors(parts), list(whole.values()), size=len(ids))
        mean_of_means = (
            sum(
                math.exp(float(recipe.loss(z[None], i[None], mask=m[None])))
                for z, i, m in zip(logits, ids, mask, strict=True)
            )
            / 8
        )
        assert mean_of_means > 1.1 * whole["perplexity"]

    def test_a_first_batch_of_single_bytes_does_not_make_tokens_and_bytes_one(self) -> None:
        recipe = NextToken(VOCABULARY, token_bytes=BYTES)
        ids, logits = torch.tensor([[0, 0, 0], [0, 9, 9]]), normal(2, 3, VOCABULARY)
        metrics = recipe.metrics()
        for row in range(2):
            recipe.observe(metrics, logits[row : row + 1], ids[row : row + 1])
        found = {name: float(value) for name, value in metrics.compute().items()}
        assert_close(as_tensors(found), list(recipe.score(logits, ids).values()), size=4)

    def test_what_does_not_count_leaves_no_trace(self) -> None:
        logits, ids = normal(2, 5, VOCABULARY), TEXT.clone()
        expected = NextToken(VOCABULARY, token_bytes=BYTES).score(logits, ids, mask=SEEN)
        logits[1, 2:] = math.nan
        logits[:, -1] = math.inf
        ids[1, 3:] = -100
        assert NextToken(VOCABULARY, token_bytes=BYTES).score(logits, ids, mask=SEEN) == expected

    def test_logits_that_are_never_made(self) -> None:
        raw, recipe = linear(2, 5, dtype=torch.float64), NextToken(VOCABULARY, token_bytes=BYTES)
        made = raw.materialize()
        assert_close(recipe.loss(raw, TEXT, mask=SEEN), recipe.loss(made, TEXT, mask=SEEN), size=6)
        lazily, plainly = (recipe.score(z, TEXT, mask=SEEN) for z in (raw, made))
        assert_close(as_tensors(lazily), list(plainly.values()), size=6)
        for ours, theirs in zip(recipe.predict(raw), recipe.predict(made), strict=True):
            torch.testing.assert_close(ours, theirs)

    def test_the_head_gives_what_linear_logits_take(self) -> None:
        recipe = NextToken.from_targets(TEXT, vocabulary=VOCABULARY)
        head, hidden = recipe.head(6), normal(2, 5, 6, dtype=torch.float32).requires_grad_()
        loss = recipe.loss(LinearLogits(hidden, head.weight, head.bias), TEXT)
        loss.backward()
        assert all(t.grad is not None and t.grad.any() for t in (hidden, head.weight, head.bias))
        assert_close(loss, recipe.loss(head(hidden), TEXT).double(), size=6)

    def test_metrics_and_predictions_make_a_chunk_of_logits_at_a_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(predicting, "CHUNK_BYTES", 16 * 500 * 8)
        raw = LinearLogits(normal(64, 32, 6), normal(500, 6))
        with Peak(raw.hidden, raw.weight) as seen:
            said = NextToken(500).predict(raw)
        assert seen.largest <= 16 * 500 < said.token.numel() * 500
        torch.testing.assert_close(said.token, raw.materialize().argmax(-1))

    def test_training_starts_from_the_frequencies(self) -> None:
        text = torch.cat([torch.zeros(300, dtype=torch.int64), torch.arange(VOCABULARY)])[None]
        recipe = NextToken.from_targets(text, vocabulary=VOCABULARY)
        torch.manual_seed(0)
        start = recipe.loss(recipe.head(6)(normal(1, text.shape[1], 6, dtype=torch.float32)), text)
        shares = torch.bincount(text[0]) / text.numel()
        entropy = float(-(shares * shares.log()).sum())
        assert abs(start.item() - entropy) < 0.2 < math.log(VOCABULARY) - entropy
        assert NextToken(VOCABULARY).head(6).bias is None

    def test_counts_are_those_of_the_mask(self) -> None:
        counts = NextToken.from_targets(TEXT, vocabulary=VOCABULARY, mask=SEEN).counts
        assert counts is not None
        assert counts.tolist() == [2, 1, 1, 3, 0, 0, 0, 0, 0, 0, 1]

    def test_prediction_by_hand(self) -> None:
        raw = torch.tensor([[[0.0, math.log(3.0)], [0.0, 0.0]]], dtype=torch.float64)
        said = NextToken(2).predict(raw)
        assert said.token[0, 0] == 1
        assert_close(said.probability, [[0.75, 0.5]])
        assert_close(said.entropy, [[2 * math.log(2) - 0.75 * math.log(3), math.log(2)]])
        assert not said.entropy.requires_grad

    @each("dtype", [torch.float16, torch.bfloat16])
    def test_16_bits_are_computed_in_float32(self, dtype: torch.dtype) -> None:
        raw, recipe = normal(2, 5, VOCABULARY, dtype=dtype), NextToken(VOCABULARY)
        assert recipe.predict(raw).probability.dtype == torch.float32
        assert_close_to_scale(
            as_tensors(recipe.score(raw, TEXT)).float(), as_tensors(recipe.score(raw.double(), TEXT)), 50
        )

    def test_one_position_without_a_batch(self) -> None:
        assert NextToken(2).predict(torch.tensor([0.0, 1.0])).token.shape == ()

    def test_reasons_have_the_numbers(self) -> None:
        said = " ".join(
            f"{r.choice}: {r.because}"
            for r in NextToken.from_targets(TEXT, vocabulary=50_257, token_bytes=None).reasons
        )
        assert "log 50,257 = 10.82 nats" in said
        assert "10 tokens were counted" in said
        assert "bits per byte" in " ".join(r.choice for r in NextToken(VOCABULARY, token_bytes=BYTES).reasons)


class TestMaskedToken:
    LABELS: Final = torch.tensor([[-100, 3, -100, 1, -100], [-100, -100, 10, -100, -100]])

    def test_it_is_a_recipe(self) -> None:
        recipe = MaskedToken(VOCABULARY)
        assert isinstance(recipe, Recipe)
        assert recipe.name == "masked token"
        assert recipe.calibrated(normal(2, 5, VOCABULARY), self.LABELS) is recipe

    def test_metrics_over_the_masked_tokens(self) -> None:
        logits = normal(2, 5, VOCABULARY)
        masked = [(logits[0, 1].tolist(), 3), (logits[0, 3].tolist(), 1), (logits[1, 2].tolist(), 10)]
        nats = [math.log(math.fsum(math.exp(z) for z in row)) - row[token] for row, token in masked]
        hits = [row[token] == max(row) for row, token in masked]
        score = MaskedToken(VOCABULARY).score(logits, self.LABELS)
        mean = math.fsum(nats) / 3
        assert list(score) == ["accuracy", "cross_entropy", "perplexity"]
        assert_close(as_tensors(score), [sum(hits) / 3, mean, math.exp(mean)], size=3)

    def test_no_split_of_the_text_changes_the_metrics(self) -> None:
        logits = normal(2, 5, VOCABULARY) * torch.tensor([1.0, 9.0])[:, None, None]
        recipe = MaskedToken(VOCABULARY)
        metrics = recipe.metrics()
        for i in range(2):
            recipe.observe(metrics, logits[i], self.LABELS[i])
        parts = {name: float(value) for name, value in metrics.compute().items()}
        assert_close(as_tensors(parts), list(recipe.score(logits, self.LABELS).values()), size=3)

    def test_loss_and_head(self) -> None:
        recipe = MaskedToken.from_targets(self.LABELS, vocabulary=VOCABULARY)
        assert recipe.counts is not None
        assert recipe.counts.tolist() == [0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1]
        raw = linear(2, 5)
        assert torch.equal(recipe.loss(raw, self.LABELS), L.masked_lm(raw, self.LABELS))
        assert recipe.head(6)(normal(2, 5, 6, dtype=torch.float32)).shape == (2, 5, VOCABULARY)

    def test_another_label_may_be_ignored_and_a_mask_may_leave_out_more(self) -> None:
        logits, recipe = normal(2, 5, VOCABULARY), MaskedToken(VOCABULARY, ignore_index=-1)
        labels = torch.where(self.LABELS == -100, -1, self.LABELS)
        first = torch.tensor([[True] * 5, [False] * 5])
        theirs = MaskedToken(VOCABULARY).score(logits[:1], self.LABELS[:1])
        assert recipe.score(logits, labels, mask=first) == theirs


def test_training_needs_no_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slopes.recipes.recipe.find_spec", lambda _: None)
    recipe = NextToken(VOCABULARY)
    recipe.loss(normal(2, 5, VOCABULARY), TEXT)
    with pytest.raises(ImportError, match=r"NextToken.metrics: needs torchmetrics, .*pip install 'slopes\[recipes\]'"):
        recipe.metrics()


@each(
    ("call", "error", "sentence"),
    [
        (lambda: NextToken(0), OptionError, "NextToken: `vocabulary` is 0, expected an integer of at least 1"),
        (
            lambda: NextToken(3, counts=torch.ones(4, dtype=torch.int64)),
            ShapeError,
            "NextToken: `counts` has shape [4], expected [3] ([V], a number for each token of the vocabulary)",
        ),
        (
            lambda: NextToken(3, token_bytes=torch.ones(3)),
            DtypeError,
            "NextToken: `token_bytes` has dtype torch.float32",
        ),
        (
            lambda: NextToken(2, counts=torch.tensor([1, -4])),
            ValuesError,
            "NextToken: `counts` holds -4, expected numbers of at least 0; count again",
        ),
        (
            lambda: NextToken.from_targets(TEXT, vocabulary=10),
            ValuesError,
            "NextToken.from_targets: `token_ids` holds 10, expected values in [0, 10); mask what does not count",
        ),
        (
            lambda: NextToken.from_targets(TEXT, vocabulary=11, mask=torch.zeros_like(SEEN)),
            ValuesError,
            "NextToken.from_targets: nothing in `token_ids` counts, expected at least one class",
        ),
        (
            lambda: NextToken(10).loss(normal(2, 5, 11), TEXT),
            ShapeError,
            "NextToken.loss: `raw` has shape [2, 5, 11], expected [..., 10], a logit for each token",
        ),
        (
            lambda: NextToken(11).observe(NextToken(11).metrics(), normal(2, 4, 11), TEXT),
            ShapeError,
            "NextToken.observe: `token_ids` has shape [2, 5], expected [2, 4]",
        ),
        (
            lambda: NextToken(11).score(normal(2, 1, 11), TEXT[:, :1]),
            ValuesError,
            "metrics: no tokens were counted, expected at least one; check the mask",
        ),
        (lambda: NextToken(11).head(0), OptionError, "NextToken.head: `features` is 0"),
        (lambda: MaskedToken(11, ignore_index=0.5), OptionError, "MaskedToken: `ignore_index` is 0.5"),  # type: ignore[arg-type]
    ],
)
def test_errors_say_what_came_and_what_to_do(call: Any, error: type[Exception], sentence: str) -> None:  # noqa: ANN401
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith(sentence)
