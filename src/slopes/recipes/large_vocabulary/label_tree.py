"""A tree whose leaves are the classes: Huffman's, from how often each class is, or one that the labels come with.

Dimension names: C classes; nodes are all but the root, L is the length of the longest path from the root to a class.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple, Self

import torch
from torch import Tensor

from slopes._core import check
from slopes._core.errors import OptionError, ShapeError
from slopes.recipes.frequencies import check_counts


@dataclass(frozen=True, eq=False)
class LabelTree:
    """A tree of labels, made by `huffman` or `from_paths`; the children of a node have neighbouring numbers.

    Attributes:
        paths: `[C, L]` int64, the nodes on the way to each class, the class's own last; -1 beyond it.
        parents: `[nodes]` int64, the branching that each node hangs from; 0 is the root.
        first: `[branchings]` int64, the first child of each branching.
        widths: `[branchings]` int64, how many children each has.
        names: The path of each class as it was given; none for Huffman's tree.
    """

    paths: Tensor
    parents: Tensor
    first: Tensor
    widths: Tensor
    names: tuple[tuple[Hashable, ...], ...] = ()

    @classmethod
    def from_paths(cls, paths: Sequence[Sequence[Hashable]]) -> Self:
        """Return the tree in which class i hangs at the end of `paths[i]`, a path from the root: ("animal", "cat").

        Raises:
            OptionError: A path is empty or a string, stands twice, or ends on the way to another one.
            ShapeError: There are fewer than two paths.

        Examples:
            >>> tree = LabelTree.from_paths([("animal", "cat"), ("animal", "dog"), ("plant",)])
            >>> tree.depths.tolist(), tree.under("animal").tolist()
            ([2, 2, 1], [0, 1])
        """
        _check_paths(paths)
        names = tuple(tuple(path) for path in paths)
        return cls(*_tables(names), names=names)

    @classmethod
    def huffman(cls, counts: Tensor) -> Self:
        """Return the binary tree of the shortest mean path when class i is drawn `counts[i]` times.

        Args:
            counts: `[C]` int64, at least 0; C at least 2.

        Raises:
            ShapeError: `counts` is not `[C]`, or has fewer than two classes.
            DtypeError: `counts` is not int64.
            ValuesError: `counts` holds a negative number.

        Notes:
            The mean path is between the entropy of the counts in bits and one more. Source: Huffman 1952, A Method for
            the Construction of Minimum-Redundancy Codes.

        Examples:
            >>> LabelTree.huffman(torch.tensor([4, 2, 1, 1])).depths.tolist()
            [1, 2, 3, 3]
        """
        _check_counts("LabelTree.huffman", counts)
        return cls(*_tables(_huffman_codes(counts.tolist())))

    @property
    def classes(self) -> int:
        """C."""
        return len(self.paths)

    @property
    def nodes(self) -> int:
        """The number of nodes without the root: one vector each in a head."""
        return len(self.parents)

    @property
    def depths(self) -> Tensor:
        """How many decisions lead to each class, `[C]` int64."""
        return (self.paths >= 0).sum(1)

    def expected_depth(self, counts: Tensor) -> float:
        """Return the mean number of decisions when class i is drawn `counts[i]` times."""
        check_counts("LabelTree.expected_depth", "counts", counts, self.classes, "[C], one for each class")
        return float((self.depths * counts).sum() / counts.sum())

    def under(self, *prefix: Hashable) -> Tensor:
        """Return the classes below a node of a given tree, `[k]` int64: `tree.under("animal")`.

        The probability of the node is the sum of theirs: `log_p[..., tree.under("animal")].logsumexp(-1)`.

        Raises:
            OptionError: No class has such a path.
        """
        found = [i for i, name in enumerate(self.names) if name[: len(prefix)] == prefix]
        if not found:
            such = (
                f"such as {self.names[0][:1]}; check its spelling."
                if self.names
                else ("and the tree has none; make one with LabelTree.from_paths(paths).")
            )
            message = f"LabelTree.under: `prefix` is {prefix!r}, expected the beginning of a path, {such}"
            raise OptionError(message)
        return torch.tensor(found, device=self.paths.device)


class _Tables(NamedTuple):
    paths: Tensor
    parents: Tensor
    first: Tensor
    widths: Tensor


def _tables(paths: Sequence[tuple[Hashable, ...]]) -> _Tables:
    """Number the nodes branching by branching, so that children are neighbours."""
    children: list[dict[Hashable, int]] = [{}]  # of each node of the trie; 0 is the root
    ways = []
    for path in paths:
        at, way = 0, []
        for step in path:
            if step not in children[at]:
                children[at][step] = len(children)
                children.append({})
            at = children[at][step]
            way.append(at)
        ways.append(way)
    branchings = [node for node, below in enumerate(children) if below]
    number: dict[int, int] = {}
    parents: list[int] = []
    first: list[int] = []
    for branching, node in enumerate(branchings):
        first.append(len(parents))
        for child in children[node].values():
            number[child] = len(parents)
            parents.append(branching)
    longest = max(map(len, ways))
    table = torch.tensor([[number[node] for node in way] + [-1] * (longest - len(way)) for way in ways])
    widths = torch.tensor([len(children[node]) for node in branchings])
    return _Tables(table, torch.tensor(parents), torch.tensor(first), widths)


def _huffman_codes(counts: Sequence[int]) -> list[tuple[int, ...]]:
    order = count()  # among equals the oldest first, which keeps the tree flat
    heap: list[tuple[int, int]] = [(number, next(order)) for number in counts]
    heapq.heapify(heap)
    above: dict[int, tuple[int, int]] = {}
    while len(heap) > 1:
        (low, first), (high, second) = heapq.heappop(heap), heapq.heappop(heap)
        joined = next(order)
        above[first], above[second] = (joined, 0), (joined, 1)
        heapq.heappush(heap, (low + high, joined))
    codes = []
    for leaf in range(len(counts)):
        node, bits = leaf, []
        while node in above:
            node, bit = above[node]
            bits.append(bit)
        codes.append(tuple(reversed(bits)))
    return codes


def _check_counts(function: str, counts: Tensor) -> None:
    check.tensor(function, counts=counts)
    if counts.dim() != 1 or len(counts) < 2:  # noqa: PLR2004  a choice
        message = (
            f"{function}: `counts` has shape {check.shape_of(counts)}, expected [C], C at least 2; count the targets."
        )
        raise ShapeError(message)
    check_counts(function, "counts", counts, len(counts), "[C], how often each class is in the targets")


def _check_paths(paths: Sequence[Sequence[Hashable]]) -> None:
    if len(paths) < 2:  # noqa: PLR2004  a choice
        message = (
            f"LabelTree.from_paths: `paths` has {len(paths)} entries, expected at least 2; one path for each class."
        )
        raise ShapeError(message)
    seen: dict[tuple[Hashable, ...], int] = {}
    for label, given in enumerate(paths):
        if isinstance(given, str) or not len(given):
            message = (
                f"LabelTree.from_paths: `paths[{label}]` is {given!r}, expected the steps from the root to the class; "
                f'pass a tuple such as ("animal", "cat").'
            )
            raise OptionError(message)
        path = tuple(given)
        if path in seen:
            message = (
                f"LabelTree.from_paths: `paths[{label}]` is {path!r}, which is `paths[{seen[path]}]` too, expected a "
                f"path of its own for each class; add a last step that tells them apart."
            )
            raise OptionError(message)
        seen[path] = label
    for whole, start in [(path, path[:length]) for path in seen for length in range(1, len(path))]:
        if start in seen:
            step = next(s for s in ("other", *range(len(paths))) if (*start, s) not in seen)
            message = (
                f"LabelTree.from_paths: `paths[{seen[start]}]` is {start!r}, on the way to {whole!r}, expected every "
                f"class at the end of its branch; add a step such as {(*start, step)!r}."
            )
            raise OptionError(message)
