"""Write metric_learning.json: what pytorch-metric-learning answers, in float64.

Install, in an environment of its own, `torch==2.13.0 pytorch-metric-learning==2.9.0`, then run

    python tests/oracles/golden/make_metric_learning.py

Its distances normalise embeddings unless told otherwise, and its reducers average what is above zero unless
told otherwise; each case says in its call what was told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import torch
from pytorch_metric_learning import distances, losses, miners, reducers
from record import torch_case, write
from torch import Tensor

RANDOM = torch.Generator().manual_seed(20240607)
CASES: list[dict[str, Any]] = []


def normal(*shape: int) -> Tensor:
    """Return numbers of a normal distribution."""
    return torch.randn(*shape, generator=RANDOM, dtype=torch.float64)


def add(
    function: str,
    name: str,
    call: str,
    compute: Callable[..., Tensor],
    inputs: dict[str, Tensor],
    *,
    by: Sequence[str],
    **options: object,
) -> None:
    """Record one case."""
    CASES.append(torch_case(function, name, call, compute, inputs, by=by, options=options))


def batch() -> dict[str, Tensor]:
    """Return embeddings of three labels, some of them near-duplicates, and a label that stands alone."""
    embeddings = normal(10, 4)
    embeddings[3] = embeddings[0] + 1e-6
    embeddings[9] *= 20
    return {"embeddings": embeddings, "labels": torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 2, 3])}


def contrastive() -> None:
    """Record the two halves of the contrastive loss, pair by pair: a[i] against b[i]."""
    a, b = normal(6, 4), normal(6, 4) * 0.4
    b[0] = a[0] + 1e-3
    b[1] = a[1] + 0.1
    b[2] = a[2] + torch.tensor([0.3, -0.4, 0.0, 0.0])
    own = torch.arange(6)

    def pairs(a: Tensor, b: Tensor, similar: bool, margin: float, power: int) -> Tensor:  # noqa: FBT001
        loss = losses.ContrastiveLoss(
            pos_margin=0,
            neg_margin=margin,
            distance=distances.LpDistance(normalize_embeddings=False),
            reducer=reducers.DoNothingReducer(),
        )
        none = own[:0]
        chosen = (own, own, none, none) if similar else (none, none, own, own)
        parts = loss(a, own, chosen, ref_emb=b, ref_labels=own)
        part = parts["pos_loss" if similar else "neg_loss"]["losses"]
        return part**power

    for similar in (True, False):
        for power in (1, 2):
            for margin in (1.0, 2.5):
                half = "pos_loss" if similar else "neg_loss"
                add(
                    "ContrastiveLoss",
                    f"{half} to the power {power}, margin {margin}",
                    f"ContrastiveLoss(pos_margin=0, neg_margin={margin}, distance=LpDistance("
                    "normalize_embeddings=False), reducer=DoNothingReducer())"
                    f"(a, own, pairs, ref_emb=b, ref_labels=own)['{half}']['losses'] ** {power}",
                    lambda a, b, similar=similar, margin=margin, power=power: pairs(a, b, similar, margin, power),
                    {"a": a, "b": b},
                    by=["a", "b"],
                    similar=similar,
                    margin=margin,
                    power=power,
                )


def triplet() -> None:
    """Record the triplet loss over all triplets of a batch, and over mined ones."""
    kinds: dict[str, tuple[str, Callable[[], Any]]] = {
        "euclidean": (
            "LpDistance(normalize_embeddings=False)",
            lambda: distances.LpDistance(normalize_embeddings=False),
        ),
        "squared": (
            "LpDistance(normalize_embeddings=False, power=2)",
            lambda: distances.LpDistance(normalize_embeddings=False, power=2),
        ),
        "cosine": ("CosineSimilarity()", distances.CosineSimilarity),
    }
    inputs = batch()
    own = torch.arange(5)
    averages: dict[str, Callable[[], Any]] = {
        "MeanReducer": reducers.MeanReducer,
        "AvgNonZeroReducer": reducers.AvgNonZeroReducer,
    }
    for distance, (text, make) in kinds.items():
        for reducer, average in averages.items():
            loss = losses.TripletMarginLoss(margin=0.2, distance=make(), reducer=average())
            add(
                "TripletMarginLoss",
                f"all triplets, {distance}, {reducer}",
                f"TripletMarginLoss(margin=0.2, distance={text}, reducer={reducer}())(embeddings, labels)",
                lambda embeddings, labels, loss=loss: loss(embeddings, labels),
                inputs,
                by=["embeddings"],
                distance=distance,
                margin=0.2,
                reducer=reducer,
            )
        for mining, miner in (
            ("hard", miners.BatchHardMiner(distance=make())),
            ("semihard", miners.TripletMarginMiner(margin=0.2, type_of_triplets="semihard", distance=make())),
        ):
            said = f"TripletMarginMiner(margin=0.2, type_of_triplets='semihard', distance={text})"
            said = f"BatchHardMiner(distance={text})" if mining == "hard" else said
            loss = losses.TripletMarginLoss(margin=0.2, distance=make(), reducer=reducers.MeanReducer())
            add(
                "TripletMarginLoss",
                f"{mining} triplets, {distance}",
                f"TripletMarginLoss(margin=0.2, distance={text}, reducer=MeanReducer())"
                f"(embeddings, labels, {said}(embeddings, labels))",
                lambda embeddings, labels, loss=loss, miner=miner: loss(embeddings, labels, miner(embeddings, labels)),
                inputs,
                by=["embeddings"],
                distance=distance,
                margin=0.2,
                mining=mining,
            )
        anchor, positive, negative = normal(5, 4), normal(5, 4), normal(5, 4)
        negative[0] = anchor[0] + 1e-5
        loss = losses.TripletMarginLoss(margin=0.2, distance=make(), reducer=reducers.DoNothingReducer())
        add(
            "TripletMarginLoss",
            f"given triplets, {distance}",
            f"TripletMarginLoss(margin=0.2, distance={text}, reducer=DoNothingReducer())"
            "(anchor, own, (own, own, 5 + own), ref_emb=cat(positive, negative), ref_labels=cat(own, own))"
            "['loss']['losses']",
            lambda anchor, positive, negative, loss=loss: loss(
                anchor,
                own,
                (own, own, 5 + own),
                ref_emb=torch.cat([positive, negative]),
                ref_labels=torch.cat([own, own]),
            )["loss"]["losses"],
            {"anchor": anchor, "positive": positive, "negative": negative},
            by=["anchor", "positive", "negative"],
            distance=distance,
            margin=0.2,
        )


def line_ups() -> None:
    """Record the losses that pick one key out of many."""
    first, second = normal(6, 5), normal(6, 5)
    second[0] = 3 * first[0]
    second[1] = -first[1]
    first[2] *= 100
    both = {"first": first, "second": second}
    for temperature in (0.5, 0.1, 0.07):
        nt_xent = losses.SelfSupervisedLoss(losses.NTXentLoss(temperature=temperature, reducer=reducers.MeanReducer()))
        add(
            "NTXentLoss",
            f"two views, temperature {temperature}",
            f"SelfSupervisedLoss(NTXentLoss(temperature={temperature}, reducer=MeanReducer()))(first, second)",
            lambda first, second, loss=nt_xent: loss(first, second),
            both,
            by=["first", "second"],
            temperature=temperature,
        )
        info_nce = losses.SelfSupervisedLoss(
            losses.NTXentLoss(temperature=temperature, reducer=reducers.MeanReducer()),
            symmetric=False,
        )
        add(
            "NTXentLoss, symmetric=False",
            f"query against keys, temperature {temperature}",
            f"SelfSupervisedLoss(NTXentLoss(temperature={temperature}, reducer=MeanReducer()), "
            "symmetric=False)(query, keys)",
            lambda query, keys, loss=info_nce: loss(query, keys),
            {"query": first, "keys": second},
            by=["query", "keys"],
            temperature=temperature,
        )
        add(
            "NTXentLoss, both directions",
            f"images and texts, temperature {temperature}",
            "(loss(images, texts) + loss(texts, images)) / 2 with loss = SelfSupervisedLoss("
            f"NTXentLoss(temperature={temperature}, reducer=MeanReducer()), symmetric=False)",
            lambda images, texts, loss=info_nce: (loss(images, texts) + loss(texts, images)) / 2,
            {"images": first, "texts": second},
            by=["images", "texts"],
            temperature=temperature,
        )
    supervised = losses.SelfSupervisedLoss(losses.SupConLoss(temperature=0.1, reducer=reducers.MeanReducer()))
    add(
        "SupConLoss",
        "two views, temperature 0.1",
        "SelfSupervisedLoss(SupConLoss(temperature=0.1, reducer=MeanReducer()))(first, second)",
        lambda first, second: supervised(embeddings=first, ref_emb=second),
        both,
        by=["first", "second"],
        temperature=0.1,
    )


if __name__ == "__main__":
    for family in (contrastive, triplet, line_ups):
        family()
    versions = {name: version(name) for name in ("pytorch-metric-learning", "torch")}
    write("metric_learning", versions, CASES)
