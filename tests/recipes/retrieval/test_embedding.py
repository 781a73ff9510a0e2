from __future__ import annotations

import math
from typing import Any, Final

import pytest
import torch
from tests.accuracy import assert_close, assert_close_to_scale
from tests.each import each
from tests.later import Later
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes._core.errors import DtypeError, OptionError, ShapeError, ValuesError
from slopes.recipes.recipe import Recipe
from slopes.recipes.retrieval import embedding as retrieval
from slopes.recipes.retrieval.embedding import Embedding

retrieval_metrics = Later("slopes.recipes.retrieval.metrics")  # it imports torchmetrics

LABELS: Final = torch.tensor([0, 0, 1, 1, 1, 2])
# Degrees on the unit circle, so that every neighbour can be counted by hand.
DEGREES: Final = [0.0, 50.0, 20.0, 65.0, 90.0, 45.0]


def at(degrees: list[float], lengths: float = 1.0) -> Tensor:
    angle = torch.tensor(degrees, dtype=torch.float64).deg2rad()
    return lengths * torch.stack([angle.cos(), angle.sin()], -1)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def counted(queries: Tensor, keys: Tensor, wanted: list[set[int]], own: list[int | None], top: int) -> dict[str, float]:
    """Return recall, hit rate, MRR and mAP in plain Python, from the definitions."""
    recall, hit, reciprocal, precision = [], [], [], []
    for i, query in enumerate(queries.tolist()):
        others = [j for j in range(len(keys)) if j != own[i]]

        def cosine(j: int, query: list[float] = query) -> float:
            key = keys[j].tolist()
            return sum(a * b for a, b in zip(query, key, strict=True)) / (math.hypot(*query) * math.hypot(*key))

        order = sorted(others, key=cosine, reverse=True)
        places = [place for place, j in enumerate(order, 1) if j in wanted[i]]
        if places:
            recall.append(sum(place <= top for place in places) / len(places))
            hit.append(float(places[0] <= top))
            reciprocal.append(1 / places[0])
            precision.append(sum(found / place for found, place in enumerate(places, 1)) / len(places))
    means = (sum(values) / len(values) for values in (recall, hit, reciprocal, precision))
    return dict(zip((f"recall@{top}", f"hit_rate@{top}", "mrr", "map"), means, strict=True))


def assert_agree(score: dict[str, float], expected: dict[str, float]) -> None:
    """Assert that the numbers are the expected ones; torchmetrics computes each query's in float32."""
    names = sorted(expected)
    came = torch.tensor([score[name] for name in names], dtype=torch.float64).float()
    assert_close_to_scale(came, [expected[name] for name in names], 1.0)


class TestMetrics:
    def test_labels_against_a_count_by_hand(self) -> None:
        recipe = Embedding(2, objective="triplet", neighbors=(1, 2))
        score = recipe.score(at(DEGREES, lengths=3.0), LABELS)
        # Neighbours, nearest first, with the ranks of those of the same label:
        #   0° (0): 20 45 50 65 90 -> 50° is 3rd        50° (0): 45 65 20 90 0 -> 0° is 5th
        #   20° (1): 0 45 50 65 90 -> 65°, 90°: 4, 5     65° (1): 50 45 90 20 0 (50 at 15°) -> 90°, 20°: 3, 4
        #   90° (1): 65 50 45 20 0 -> 65°, 20°: 1, 4     45° (2): alone, left out
        ranks = [[3], [5], [4, 5], [3, 4], [1, 4]]
        precision = [sum(n / place for n, place in enumerate(places, 1)) / len(places) for places in ranks]
        expected = {
            "recall@1": 0.5 / 5,
            "recall@2": 0.5 / 5,
            "hit_rate@1": 1 / 5,
            "hit_rate@2": 1 / 5,
            "mrr": sum(1 / places[0] for places in ranks) / 5,
            "map": sum(precision) / 5,
        }
        assert score.keys() == {*expected, "alignment", "uniformity"}
        assert_agree(score, expected)

    @each("block_bytes", [1, 1 << 25])
    def test_labels_against_the_definitions(self, block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("slopes.recipes.retrieval.metrics.BLOCK_BYTES", block_bytes)
        embeddings = normal(40, 5)
        labels = torch.randint(8, (40,), generator=torch.Generator().manual_seed(2))
        names = labels.tolist()
        alike = [{j for j in range(40) if names[j] == names[i] and j != i} for i in range(40)]
        score = Embedding(5, objective="triplet", neighbors=(4,)).score(embeddings, labels)
        assert_agree(score, counted(embeddings, embeddings, alike, list(range(40)), 4))

    @each("objective", ["info_nce", "clip", "nt_xent"])
    def test_partners_against_the_definitions(self, objective: Any) -> None:  # noqa: ANN401  a literal
        queries = normal(30, 5)
        keys = queries + normal(30, 5, seed=1)
        score = Embedding(5, objective=objective, neighbors=(3,)).score(queries, keys)
        expected = counted(queries, keys, [{i} for i in range(30)], [None] * 30, 3)
        assert expected["recall@3"] == expected.pop("hit_rate@3")  # one thing to find: the two are one
        assert 0.3 < expected["recall@3"] < 0.95
        assert_agree(score, expected)
        assert score["map"] == score["mrr"]

    def test_negative_cosines_are_ranked_too(self) -> None:
        score = Embedding(2, objective="clip", neighbors=(1,)).score(at([0.0, 90.0]), at([120.0, 215.0]))
        # 0°: 120° lies nearer than 215°; 90°: 120° lies nearer than its own, 215°.
        assert (score["recall@1"], score["mrr"]) == (0.5, 0.75)

    def test_embeddings_that_collapsed_are_last_and_not_first(self) -> None:
        score = Embedding(2, objective="clip", neighbors=(1,)).score(torch.ones(5, 2), torch.ones(5, 2))
        assert (score["recall@1"], round(score["mrr"], 6)) == (0.0, 0.2)
        labelled = Embedding(2, objective="triplet", neighbors=(1,)).score(torch.ones(6, 2), LABELS)
        assert labelled["hit_rate@1"] == 0

    @each("objective", ["clip", "triplet"])
    def test_no_split_of_the_data_changes_the_metrics(self, objective: Any) -> None:  # noqa: ANN401  a literal
        raw = normal(20, 4, dtype=torch.float32)
        targets = torch.arange(20) % 4 if objective == "triplet" else normal(20, 4, seed=1, dtype=torch.float32)
        recipe = Embedding(4, objective=objective)
        metrics = recipe.metrics()
        for rows in torch.arange(20).tensor_split([1, 7, 8]):
            recipe.observe(metrics, raw[rows], targets[rows])
        assert {name: float(value) for name, value in metrics.compute().items()} == recipe.score(raw, targets)

    def test_alignment_and_uniformity_by_hand(self) -> None:
        score = Embedding(2, objective="clip").score(at([0.0, 90.0], 5.0), at([60.0, 90.0], 0.1))
        # |u - v|² = 2 - 2 cos: 1 and 0; 2 between the queries, 2 - √3 between the keys.
        assert_close(torch.tensor(score["alignment"], dtype=torch.float64), 0.5)
        uniform = (-2 * 2 - 2 * (2 - math.sqrt(3))) / 2
        assert_close(torch.tensor(score["uniformity"], dtype=torch.float64), uniform)

    def test_alignment_and_uniformity_of_labels_by_hand(self) -> None:
        score = Embedding(2, objective="triplet").score(at([0.0, 60.0, 180.0]), torch.tensor([4, 4, 9]))
        assert_close_to_scale(torch.tensor(score["alignment"], dtype=torch.float64), 1.0, 2.0)
        # Squared distances of the three pairs: 1, 4 and 2 - 2 cos 120° = 3.
        uniform = math.log((math.exp(-2) + math.exp(-8) + math.exp(-6)) / 3)
        assert_close(torch.tensor(score["uniformity"], dtype=torch.float64), uniform)

    def test_a_spread_that_is_even_is_more_uniform(self) -> None:
        even, bunched = at([0.0, 90.0, 180.0, 270.0]), at([0.0, 5.0, 10.0, 15.0])
        assert retrieval_metrics.uniformity(even) < -2 < retrieval_metrics.uniformity(bunched) < 0


class TestLoss:
    def test_each_objective_is_its_loss(self) -> None:
        a, b = normal(6, 4), normal(6, 4, seed=1)
        assert torch.equal(Embedding(4).loss(a, b), L.info_nce(a, b, temperature=0.07))
        assert torch.equal(Embedding(4, "clip", 0.5).loss(a, b), L.clip(a, b, 2.0))
        views = torch.arange(12) != 3
        assert torch.equal(
            Embedding(4, "nt_xent", 0.5).loss(a, b, mask=views), L.nt_xent(a, b, temperature=0.5, mask=views)
        )
        unit = a / a.norm(dim=-1, keepdim=True)
        triplet = Embedding(4, "triplet", margin=0.5, mining="hard").loss(3 * a, LABELS)
        assert_close(triplet, L.batch_triplet(unit, LABELS, margin=0.5, mining="hard"), size=4)

    def test_a_scale_learns(self) -> None:
        recipe, a = Embedding(4, objective="clip"), normal(6, 4, dtype=torch.float32)
        scale = recipe.scale()
        assert_close(scale(), 1 / 0.07)
        recipe.loss(a, a + normal(6, 4, seed=1, dtype=torch.float32), logit_scale=scale()).backward()
        assert scale.log_scale.grad is not None
        assert scale.log_scale.grad != 0
        torch.nn.init.constant_(scale.log_scale, 9.0)
        assert_close(scale(), 100.0, size=16)

    @each("left_out", [{"mask": LABELS != 2}, {"weight": (LABELS != 2).double()}], ids=["mask", "weight"])
    def test_what_does_not_count_leaves_no_trace(self, left_out: dict[str, Tensor]) -> None:
        raw = normal(6, 4)
        raw[5] = math.nan
        raw.requires_grad_()
        recipe = Embedding(4, objective="triplet")
        loss = recipe.loss(raw, LABELS, **left_out)  # type: ignore[arg-type]
        loss.backward()
        assert torch.equal(loss.detach(), recipe.loss(raw[:5].detach(), LABELS[:5]))
        assert raw.grad is not None
        assert raw.grad[:5].isfinite().all()
        assert not raw.grad[5].any()

    def test_training_pulls_partners_together(self) -> None:
        recipe = Embedding(4)
        torch.manual_seed(0)
        items, head = normal(16, 12, dtype=torch.float32), recipe.head(12)
        keys = recipe.predict(normal(16, 4, seed=1, dtype=torch.float32)).embedding
        optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
        before = recipe.score(head(items), keys)
        for _ in range(60):
            optimizer.zero_grad()
            recipe.loss(head(items), keys).backward()
            optimizer.step()
        after = recipe.score(head(items), keys)
        assert after["alignment"] < before["alignment"] / 2
        assert after["recall@1"] > before["recall@1"] + 0.4


class TestPrediction:
    def test_head_and_prediction_have_unit_length(self) -> None:
        head = Embedding(4).head(6)
        made = head(1e3 * normal(2, 5, 6, dtype=torch.float32))
        assert made.shape == (2, 5, 4)
        assert_close(made.norm(dim=-1), torch.ones(2, 5, dtype=torch.float64), size=4)
        half = Embedding(4).predict(normal(3, 4, dtype=torch.bfloat16)).embedding
        assert half.dtype == torch.float32
        assert_close(half.norm(dim=-1), torch.ones(3, dtype=torch.float64), size=4)
        assert not Embedding(4).predict(torch.zeros(1, 4)).embedding.any()

    @each("block_bytes", [1, 1 << 25])
    def test_nearest(self, block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(retrieval, "BLOCK_BYTES", block_bytes)
        near = Embedding(2).nearest(at([10.0, 80.0], 7.0), at([0.0, 60.0, 90.0, 200.0], 0.5), 2)
        assert near.row.tolist() == [[0, 1], [2, 1]]
        cosines = [[math.cos(math.radians(d)) for d in row] for row in ([10, 50], [10, 20])]
        assert_close(near.cosine, cosines)


class TestRecipe:
    def test_it_is_a_recipe(self) -> None:
        recipe = Embedding(4)
        assert isinstance(recipe, Recipe)
        assert recipe.name == "embeddings"
        assert recipe.calibrated(normal(3, 4), normal(3, 4)) is recipe

    def test_labels_give_triplets(self) -> None:
        recipe = Embedding.from_targets(LABELS, size=8)
        assert (recipe.objective, recipe.size) == ("triplet", 8)
        assert recipe.reasons[0].because.startswith("6 items carry 3 labels, 1 of which appear once")

    def test_partners_ask_which_loss(self) -> None:
        recipe = Embedding.from_targets(normal(6, 4))
        assert recipe.objective == "info_nce"
        assert "for want of an answer" in recipe.reasons[0].choice
        asked = Embedding.from_targets(normal(6, 4), objective="clip")
        assert asked.objective == "clip"
        assert "log 6 = 1.79 nats" in asked.reasons[0].because


@each(
    ("call", "error", "sentence"),
    [
        (lambda: Embedding(0), OptionError, "Embedding: `size` is 0"),
        (
            lambda: Embedding(4, "softmax"),
            OptionError,
            "Embedding: `objective` is 'softmax', expected one of 'info_nce'",
        ),  # type: ignore[arg-type]
        (lambda: Embedding(temperature=0.0), OptionError, "Embedding: `temperature` is 0.0"),
        (lambda: Embedding(neighbors=(1, 0)), OptionError, "Embedding: `neighbors` is 0"),
        (
            lambda: Embedding(4).loss(normal(6, 4), LABELS),
            DtypeError,
            "Embedding.loss: `targets` has dtype torch.int64, expected the partners' embeddings (floating, [N, D]) for",
        ),
        (
            lambda: Embedding(4, "triplet").loss(normal(6, 4), normal(6, 4)),
            DtypeError,
            "Embedding.loss: `targets` has dtype torch.float64, expected torch.int64 ([N], a label for each embedding)",
        ),
        (
            lambda: Embedding(4).loss(normal(2, 3, 4), normal(2, 3, 4)),
            ShapeError,
            "Embedding.loss: `raw` has shape [2, 3, 4], expected [N, D] with D of at least 1, one embedding a row",
        ),
        (
            lambda: Embedding(4).loss(normal(6, 4), normal(6, 4), logit_scale=torch.tensor(2.0)),
            OptionError,
            "Embedding.loss: `logit_scale` came with 'info_nce', expected it with 'clip'",
        ),
        (lambda: Embedding(4).scale(), OptionError, "Embedding.scale: `objective` is 'info_nce', expected 'clip'"),
        (
            lambda: Embedding.from_targets(torch.arange(6)),
            ValuesError,
            "Embedding.from_targets: `targets` holds different labels: 6, the commonest 1 times; expected at least",
        ),
        (
            lambda: Embedding.from_targets(torch.zeros(6, dtype=torch.int64)),
            ValuesError,
            "Embedding.from_targets: `targets` holds different labels: 1, the commonest 6 times",
        ),
        (
            lambda: Embedding.from_targets(LABELS, objective="clip"),
            OptionError,
            "Embedding.from_targets: `objective` is 'clip' beside targets that are labels (int64), expected one of",
        ),
        (
            lambda: Embedding(2).nearest(normal(3, 2), normal(4, 2), 5),
            OptionError,
            "Embedding.nearest: `count` is 5, expected at most 4, the number of keys; ask for fewer.",
        ),
        (
            lambda: Embedding(2).nearest(normal(3, 2), normal(4, 3), 1),
            ShapeError,
            "Embedding.nearest: `keys` has shape [4, 3], expected [4, 2]",
        ),
        (
            lambda: Embedding(2).score(normal(1, 2), normal(1, 2)),
            ValuesError,
            "metrics: fewer than two embeddings were observed",
        ),
        (
            lambda: Embedding(2, "triplet").score(normal(3, 2), torch.arange(3)),
            ValuesError,
            "metrics: no label was observed twice, expected one that was",
        ),
    ],
)
def test_errors_say_what_came_and_what_to_do(call: Any, error: type[Exception], sentence: str) -> None:  # noqa: ANN401
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith(sentence)
