from __future__ import annotations

import math
from functools import cache
from typing import Any, Final

import pytest
import torch
from tests.each import each

from slopes._core.errors import DtypeError, OptionError, ShapeError, ValuesError
from slopes.recipes.large_vocabulary.label_tree import LabelTree

ANIMALS: Final = [("animal", "cat"), ("plant", "tree", "oak"), ("animal", "dog"), ("stone",), ("plant", "tree", "elm")]


def least_cost(counts: list[int]) -> int:
    """Return the least sum of count times depth of any binary tree, by trying every split of every subset."""

    @cache
    def cost(chosen: frozenset[int]) -> int:
        if len(chosen) == 1:
            return 0
        first, *others = sorted(chosen)
        parts = [
            frozenset([first, *(o for i, o in enumerate(others) if bits >> i & 1)])
            for bits in range(2 ** len(others) - 1)
        ]
        return sum(counts[i] for i in chosen) + min(cost(part) + cost(chosen - part) for part in parts)

    return cost(frozenset(range(len(counts))))


class TestHuffman:
    @each(
        "counts",
        [[1, 1], [5, 1, 1], [1, 2, 3, 4, 5, 6, 7], [1, 1, 2, 3, 5, 8, 13], [7, 7, 7, 7, 7], [0, 0, 0, 9]],
        ids=str,
    )
    def test_no_binary_tree_is_shorter(self, counts: list[int]) -> None:
        tree = LabelTree.huffman(torch.tensor(counts))
        assert int((tree.depths * torch.tensor(counts)).sum()) == least_cost(counts)
        assert sum(2.0**-depth for depth in tree.depths.tolist()) == 1  # Kraft: every branch is used
        assert tree.nodes == 2 * len(counts) - 2
        assert tree.widths.unique().tolist() == [2]

    def test_mean_depth_lies_within_a_bit_of_the_entropy(self) -> None:
        counts = torch.tensor([100_000 // rank for rank in range(1, 2001)])
        share = counts.double() / counts.sum()
        entropy = float(-(share * share.log2()).sum())
        assert entropy <= LabelTree.huffman(counts).expected_depth(counts) < entropy + 1 < math.log2(2000)

    def test_classes_that_never_came_do_not_hang_in_a_chain(self) -> None:
        assert LabelTree.huffman(torch.zeros(64, dtype=torch.int64)).depths.unique().tolist() == [6]


class TestPaths:
    def test_nodes_and_branchings(self) -> None:
        tree = LabelTree.from_paths(ANIMALS)
        assert (tree.classes, tree.nodes) == (5, 8)  # animal plant stone, cat dog, tree, oak elm
        assert sorted(tree.widths.tolist()) == [1, 2, 2, 3]
        assert tree.depths.tolist() == [2, 3, 2, 1, 3]
        paths = [[node for node in path if node >= 0] for path in tree.paths.tolist()]
        assert paths[0][0] == paths[2][0]
        assert paths[1][:2] == paths[4][:2]
        assert len({path[-1] for path in paths}) == 5
        for branching, (start, width) in enumerate(zip(tree.first.tolist(), tree.widths.tolist(), strict=True)):
            assert tree.parents[start : start + width].tolist() == [branching] * width

    def test_classes_under_a_node(self) -> None:
        tree = LabelTree.from_paths(ANIMALS)
        assert tree.under("animal").tolist() == [0, 2]
        assert tree.under("plant", "tree").tolist() == [1, 4]
        assert tree.under().tolist() == [0, 1, 2, 3, 4]


@each(
    ("call", "error", "sentence"),
    [
        (
            lambda: LabelTree.from_paths([("a",)]),
            ShapeError,
            "LabelTree.from_paths: `paths` has 1 entries, expected at least 2; one path for each class.",
        ),
        (
            lambda: LabelTree.from_paths([("a",), ()]),
            OptionError,
            "LabelTree.from_paths: `paths[1]` is (), expected the steps from the root to the class; pass a tuple",
        ),
        (
            lambda: LabelTree.from_paths(["cat", "dog"]),
            OptionError,
            "LabelTree.from_paths: `paths[0]` is 'cat', expected",
        ),
        (
            lambda: LabelTree.from_paths([("a", "b"), ("c",), ("a", "b")]),
            OptionError,
            "LabelTree.from_paths: `paths[2]` is ('a', 'b'), which is `paths[0]` too, expected a path of its own",
        ),
        (
            lambda: LabelTree.from_paths([("a", "b"), ("c",), ("a",)]),
            OptionError,
            "LabelTree.from_paths: `paths[2]` is ('a',), on the way to ('a', 'b'), expected every class at the end",
        ),
        (
            lambda: LabelTree.from_paths(ANIMALS).under("mineral"),
            OptionError,
            "LabelTree.under: `prefix` is ('mineral',), expected the beginning of a path, such as ('animal',)",
        ),
        (
            lambda: LabelTree.huffman(torch.tensor([1, 2])).under("a"),
            OptionError,
            "LabelTree.under: `prefix` is ('a',), expected the beginning of a path, and the tree has none; make one",
        ),
        (
            lambda: LabelTree.huffman(torch.tensor([[1, 2]])),
            ShapeError,
            "LabelTree.huffman: `counts` has shape [1, 2], expected [C], C at least 2; count the targets.",
        ),
        (lambda: LabelTree.huffman(torch.ones(3)), DtypeError, "LabelTree.huffman: `counts` has dtype torch.float32"),
        (lambda: LabelTree.huffman(torch.tensor([1, -1])), ValuesError, "LabelTree.huffman: `counts` holds -1"),
    ],
)
def test_errors_say_what_came_and_what_to_do(call: Any, error: type[Exception], sentence: str) -> None:  # noqa: ANN401
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith(sentence)
