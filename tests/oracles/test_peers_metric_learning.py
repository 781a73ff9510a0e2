"""Agreement with pytorch-metric-learning in float64, whose answers stand in `golden/metric_learning.json`.

Each test calls ours so that it means what the peer's call in `case.call` means: the conversion is the test.
"""

from __future__ import annotations

import torch
from tests.each import each
from tests.oracles.peers import Answer, Case, answer, assert_agrees, of, one
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that users give it

LIBRARY = "metric_learning"
# Its distances are roots of sums of squares of numbers up to 60, its cosines divided by a temperature: what
# cancels in it is as large as these.
DISTANCE = 16.0
TRIPLETS = 500  # valid ones in the batch of ten, at most


class TestContrastive:
    @each("case", of(LIBRARY, "ContrastiveLoss", named="power 2"))
    def test_it_squares_both_halves_of_theirs(self, case: Case) -> None:
        """Theirs is linear in the distance; squared, pair by pair, it is ours (no factor of ½ in either)."""
        similar = torch.full((6,), case.options["similar"])
        ours = answer(
            lambda a, b: L.contrastive(a, b, similar, margin=case.options["margin"], reduction="none"),
            case.inputs,
            ["a", "b"],
        )
        assert_agrees(case, ours, scale=DISTANCE, slope_scale=DISTANCE)

    @each("case", of(LIBRARY, "ContrastiveLoss", named="power 1"))
    def test_theirs_is_its_root(self, case: Case) -> None:
        similar = torch.full((6,), case.options["similar"])
        ours = L.contrastive(
            case.inputs["a"], case.inputs["b"], similar, margin=case.options["margin"], reduction="none"
        )
        assert_agrees(Answer(case.value), Answer(ours.sqrt()), scale=DISTANCE)


class TestTriplet:
    @each("case", of(LIBRARY, "TripletMarginLoss", named="given"))
    def test_given_triplets(self, case: Case) -> None:
        """Its LpDistance normalises embeddings unless told otherwise, ours never does; its margin is 0.05."""
        ours = answer(
            lambda anchor, positive, negative: L.triplet(
                anchor,
                positive,
                negative,
                margin=case.options["margin"],
                distance=case.options["distance"],
                reduction="none",
            ),
            case.inputs,
            list(case.inputs),
        )
        assert_agrees(case, ours, scale=DISTANCE, slope_scale=DISTANCE)

    @each("case", of(LIBRARY, "TripletMarginLoss", named="MeanReducer"))
    def test_all_triplets_of_a_batch_with_its_mean_reducer(self, case: Case) -> None:
        _assert_batch_agrees(case, answer(lambda **given: _batch(case, "all", **given), case.inputs, ["embeddings"]))

    @each("case", of(LIBRARY, "TripletMarginLoss", named="AvgNonZeroReducer"))
    def test_its_default_reducer_averages_over_the_triplets_above_zero(self, case: Case) -> None:
        ours = answer(lambda **given: _batch(case, "all", average_over="active", **given), case.inputs, ["embeddings"])
        _assert_batch_agrees(case, ours)

    @each("distance", ["euclidean", "squared", "cosine"])
    def test_batch_hard(self, distance: str) -> None:
        case = one(LIBRARY, "TripletMarginLoss", f"hard triplets, {distance}", excluding="semihard")
        _assert_batch_agrees(case, answer(lambda **given: _batch(case, "hard", **given), case.inputs, ["embeddings"]))

    @each("case", of(LIBRARY, "TripletMarginLoss", named="semihard"))
    def test_its_semihard_keeps_every_negative_within_the_margin_beyond_the_positive(self, case: Case) -> None:
        """Ours takes one negative for each anchor and positive, the nearest beyond; theirs all up to the margin."""
        anchors, positives, negatives = _semihard(case)
        ours = answer(
            lambda embeddings, labels: L.triplet(  # noqa: ARG005  they chose the rows
                embeddings[anchors],
                embeddings[positives],
                embeddings[negatives],
                margin=case.options["margin"],
                distance=case.options["distance"],
            ),
            case.inputs,
            ["embeddings"],
        )
        _assert_batch_agrees(case, ours)
        fewer = _batch(case, "semihard", **case.inputs)
        assert abs(float(fewer / case.value) - 1) > 0.1


class TestLineUps:
    @each("case", of(LIBRARY, "NTXentLoss", "SupConLoss"))
    def test_nt_xent_is_its_ntxent_and_its_supcon_over_two_views(self, case: Case) -> None:
        ours = answer(
            lambda first, second: L.nt_xent(first, second, temperature=case.options["temperature"]),
            case.inputs,
            ["first", "second"],
        )
        _assert_line_up_agrees(case, ours)

    @each("case", of(LIBRARY, "NTXentLoss, symmetric=False"))
    def test_info_nce_is_its_ntxent_against_keys(self, case: Case) -> None:
        ours = answer(
            lambda query, keys: L.info_nce(query, keys, temperature=case.options["temperature"]),
            case.inputs,
            ["query", "keys"],
        )
        _assert_line_up_agrees(case, ours)

    @each("case", of(LIBRARY, "NTXentLoss, both directions"))
    def test_clip_is_the_mean_of_both_directions_with_a_scale_of_1_over_temperature(self, case: Case) -> None:
        ours = answer(
            lambda images, texts: L.clip(images, texts, 1 / case.options["temperature"]),
            case.inputs,
            ["images", "texts"],
        )
        _assert_line_up_agrees(case, ours)


def _batch(case: Case, mining: str, *, embeddings: Tensor, labels: Tensor, average_over: str = "valid") -> Tensor:
    return L.batch_triplet(
        embeddings,
        labels,
        mining=mining,
        margin=case.options["margin"],
        distance=case.options["distance"],
        average_over=average_over,
    )


def _semihard(case: Case) -> tuple[Tensor, ...]:
    """Return the rows of anchors, positives and negatives that TripletMarginMiner calls semihard."""
    embeddings, labels = case.inputs["embeddings"], case.inputs["labels"]
    distance = (embeddings[:, None] - embeddings[None]).norm(dim=-1)
    if case.options["distance"] == "squared":
        distance = distance**2
    if case.options["distance"] == "cosine":
        rows = torch.nn.functional.normalize(embeddings)
        distance = 1 - rows @ rows.T
    same = labels[:, None] == labels[None]
    positive = same & ~torch.eye(len(labels), dtype=torch.bool)
    beyond = distance[:, None, :] - distance[:, :, None]
    chosen = positive[:, :, None] & ~same[:, None, :] & (beyond > 0) & (beyond <= case.options["margin"])
    return chosen.nonzero(as_tuple=True)


def _assert_batch_agrees(case: Case, ours: Answer) -> None:
    scale = float(case.inputs["embeddings"].norm(dim=-1).max())
    scale = {"euclidean": scale, "squared": scale**2, "cosine": 1.0}[case.options["distance"]]
    assert_agrees(case, ours, scale=scale, slope_scale=scale, size=TRIPLETS)


def _assert_line_up_agrees(case: Case, ours: Answer) -> None:
    scale = 1 / case.options["temperature"]
    assert_agrees(case, ours, scale=scale, slope_scale=scale, size=8)
