from __future__ import annotations

import math
from typing import Final

import pytest
import torch
from tests.accuracy import assert_close, assert_close_to_scale
from tests.each import each
from tests.peak import Peak
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes._core.errors import DtypeError
from slopes.recipes.large_vocabulary.hierarchical import HierarchicalSoftmax
from slopes.recipes.large_vocabulary.label_tree import LabelTree

FEATURES: Final = 6
KINDS: Final = [("animal", "cat"), ("plant", "tree", "oak"), ("animal", "dog"), ("stone",), ("plant", "tree", "elm")]
WIDE: Final = [(kind, item) for kind in range(12) for item in range(10)]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_definition(head: HierarchicalSoftmax, paths: list[list[int]], hidden: Tensor) -> list[list[float]]:
    """Return the log-probability of each class: at each step, a softmax over the nodes that share the way there."""
    weight, bias = head.linear.weight.tolist(), head.linear.bias.tolist()
    rows = []
    for h in hidden.tolist():
        score = [
            math.exp(math.fsum(a * b for a, b in zip(w, h, strict=True)) + c) for w, c in zip(weight, bias, strict=True)
        ]
        rows.append(
            [
                math.fsum(
                    math.log(
                        score[node]
                        / math.fsum(score[n] for n in {p[i] for p in paths if p[:i] == path[:i] and len(p) > i})
                    )
                    for i, node in enumerate(path)
                )
                for path in paths
            ]
        )
    return rows


@each("tree", [LabelTree.from_paths(KINDS), LabelTree.huffman(torch.tensor([5, 1, 9, 2, 2]))], ids=["kinds", "huffman"])
def test_log_probabilities_by_the_definition(tree: LabelTree) -> None:
    torch.manual_seed(0)
    head, hidden = HierarchicalSoftmax(FEATURES, tree).double(), 3 * normal(4, FEATURES)
    paths = [[node for node in path if node >= 0] for path in tree.paths.tolist()]
    expected = by_definition(head, paths, hidden)
    assert_close_to_scale(head(hidden), expected, 10.0, size=FEATURES)
    targets = torch.tensor([0, 4, 3, 1])
    wanted = [-row[target] for row, target in zip(expected, targets.tolist(), strict=True)]
    assert_close_to_scale(head.loss(hidden, targets, reduction="none"), wanted, 10.0, size=FEATURES)


@each("classes", [2, 8, 9, 40])
def test_one_branching_is_the_plain_softmax(classes: int) -> None:
    """A narrow branching and a wide one take different ways to it."""
    torch.manual_seed(0)
    head = HierarchicalSoftmax(FEATURES, LabelTree.from_paths([(i,) for i in range(classes)])).double()
    hidden, targets = normal(10, FEATURES).requires_grad_(), torch.arange(10) % classes
    ours, theirs = head.loss(hidden, targets), L.cross_entropy(head.linear(hidden), targets)
    assert_close(ours, theirs.detach(), size=classes)
    inputs = [hidden, *head.parameters()]
    for a, b in zip(torch.autograd.grad(ours, inputs), torch.autograd.grad(theirs, inputs), strict=True):
        assert_close_to_scale(a, b, float(b.abs().max()), size=classes)
    assert_close(head(hidden), head.linear(hidden).log_softmax(-1).detach(), size=classes)


def test_a_group_has_the_probability_of_its_classes() -> None:
    torch.manual_seed(0)
    tree = LabelTree.from_paths(KINDS)
    head = HierarchicalSoftmax(FEATURES, tree).double()
    hidden = normal(3, FEATURES)
    log_p = head(hidden)
    kinds = torch.stack([log_p[:, tree.under(kind)].logsumexp(-1) for kind in ("animal", "plant", "stone")], -1)
    roots = tree.paths[[0, 1, 3], 0]
    assert_close(kinds, head.linear(hidden)[:, roots].log_softmax(-1).detach(), size=FEATURES)


def test_a_sure_decision_is_not_rounded_away() -> None:
    head = HierarchicalSoftmax(1, LabelTree.from_paths([("a",), ("b",)]), bias=False)
    with torch.no_grad():
        head.linear.weight.copy_(torch.tensor([[40.0], [0.0]]))
    hidden = torch.ones(1, 1, requires_grad=True)
    loss = head.loss(hidden, torch.tensor([0]))
    assert_close(loss, math.exp(-40))
    assert_close(torch.autograd.grad(loss, hidden)[0], [[-40 * math.exp(-40)]])


def test_training_touches_a_path_and_not_all_classes() -> None:
    counts = torch.tensor([100_000 // rank for rank in range(1, 5001)])
    head = HierarchicalSoftmax(FEATURES, LabelTree.huffman(counts))
    hidden, targets = normal(8, FEATURES).float(), torch.arange(8)
    with torch.no_grad(), Peak(*head.parameters(), *head.buffers()) as seen:
        head.loss(hidden, targets)
    steps = int((head.paths[targets] >= 0).sum())
    assert seen.largest <= 2 * steps * FEATURES < 5000


def test_wide_branchings_and_wide_trees_agree_with_the_whole() -> None:
    torch.manual_seed(0)
    head = HierarchicalSoftmax(FEATURES, LabelTree.from_paths(WIDE)).double()
    hidden, targets = normal(50, FEATURES), torch.arange(50) * 7 % 120
    expected = -head(hidden).gather(1, targets[:, None]).squeeze(1)
    assert_close(head.loss(hidden, targets, reduction="none"), expected, size=22)


def test_a_tree_that_is_none() -> None:
    with pytest.raises(DtypeError) as caught:
        HierarchicalSoftmax(FEATURES, [("a",), ("b",)])  # type: ignore[arg-type]
    assert str(caught.value).startswith("HierarchicalSoftmax: `tree` is list, expected a LabelTree; make one with")
