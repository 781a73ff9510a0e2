"""Hierarchical softmax: a class is reached by one decision after another down a tree, each a small softmax.

Dimension names: `...` is any shape, D the width of a hidden state, C the number of classes; nodes are those of the tree
without its root, B its branchings.
"""

from __future__ import annotations

import math
from typing import Final, cast

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from slopes._core import check
from slopes._core.errors import DtypeError
from slopes._core.linear_logits import LinearLogits
from slopes._core.tensors import wide
from slopes.recipes.large_vocabulary.factored import Rows, Term, check_hidden, factored_loss
from slopes.recipes.large_vocabulary.label_tree import LabelTree
from slopes.recipes.recipe import Reason

# Up to here a decision's vectors are gathered for each row; above, rows are gathered for each branching.
NARROW: Final = 8


class HierarchicalSoftmax(nn.Module):
    """Softmax over a tree of labels: p(class) is the product of the decisions on the way to it.

    Each node has a vector, `linear.weight[node]`; at a branching the softmax is over its children alone. The
    probabilities of all classes sum to 1 exactly as the decisions do, without a product with all classes: training
    touches the children along one path a row. A tree of a single branching is the plain softmax.

    Args:
        features: D.
        tree: `LabelTree.huffman(counts)` for speed, or `LabelTree.from_paths(...)` where the labels have a hierarchy
            that the model should know: what lies near in the tree shares decisions.
        bias: Whether each node has one.

    Raises:
        OptionError: `features` is not an integer of at least 1, or `bias` not a bool.
        DtypeError: `tree` is no `LabelTree`.

    Notes:
        Which classes share a branching is part of the model: Huffman's tree is the fastest one, and says nothing of
        meaning. The most probable class needs all of them, as in a plain softmax; training does not. Sources: Morin,
        Bengio 2005, Hierarchical Probabilistic Neural Network Language Model; Mikolov et al. 2013, Distributed
        Representations of Words and Phrases and their Compositionality, section 2.1.

    Examples:
        >>> head = HierarchicalSoftmax(4, LabelTree.huffman(torch.tensor([4, 2, 1, 1])))
        >>> torch.nn.init.zeros_(head.linear.weight), torch.nn.init.zeros_(head.linear.bias)
        (...)
        >>> head(torch.zeros(1, 4)).exp().tolist()  # every decision is even
        [[0.5, 0.25, 0.125, 0.125]]
    """

    paths: Tensor
    parents: Tensor
    first: Tensor
    widths: Tensor

    def __init__(self, features: int, tree: LabelTree, *, bias: bool = True) -> None:
        super().__init__()
        check.count("HierarchicalSoftmax", "features", features)
        check.flag("HierarchicalSoftmax", "bias", bias)
        if not isinstance(tree, LabelTree):
            message = (
                f"HierarchicalSoftmax: `tree` is {type(tree).__name__}, expected a LabelTree; make one with "
                f"LabelTree.huffman(counts) or LabelTree.from_paths(paths)."
            )
            raise DtypeError(message)
        self.features, self.classes = features, len(tree.paths)
        self.linear = nn.Linear(features, tree.nodes, bias=bias)
        narrow = tree.widths[tree.widths <= NARROW]
        self.most_children = int(narrow.max()) if len(narrow) else 1  # of a branching whose vectors are gathered
        for name in ("paths", "parents", "first", "widths"):
            self.register_buffer(name, getattr(tree, name))

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why it is as it is."""
        depths = (self.paths >= 0).sum(1)
        because = (
            f"{len(self.paths):,} classes hang from {len(self.widths):,} branchings, between {int(depths.min())} and "
            f"{int(depths.max())} decisions deep, the widest of {int(self.widths.max()):,}: training touches these "
            f"alone, and the probabilities still sum to 1."
        )
        return (Reason("hierarchical softmax", because),)

    loss = factored_loss

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the log-probabilities of all classes, `[..., C]`."""
        check_hidden("HierarchicalSoftmax", hidden, self.features)
        steps = self._decisions(self.linear(hidden).to(wide(hidden.dtype)))
        steps = F.pad(steps, (0, 1))  # what a path of -1 adds
        total = steps.new_zeros(*hidden.shape[:-1], len(self.paths))
        for level in self.paths.unbind(1):
            total = total + steps[..., level]
        return total

    @torch.no_grad()
    def predict(self, hidden: Tensor) -> Tensor:
        """Return the most probable class of each row, `[...]` int64; not always the best decision at each branching."""
        return cast("Tensor", self(hidden)).argmax(-1)

    def _decisions(self, logits: Tensor) -> Tensor:
        """Return the log-probability of each node among its siblings, `[..., nodes]`."""
        at = self.parents.expand_as(logits)
        like = logits.new_zeros(*logits.shape[:-1], len(self.widths))
        top = like.scatter_reduce(-1, at, logits.detach(), "amax", include_self=False)
        shifted = logits - top[..., self.parents]
        return shifted - like.scatter_add(-1, at, shifted.exp()).log()[..., self.parents]

    def terms(self, rows: Rows) -> list[Term]:
        """Return the cross-entropies of the decisions on each row's path: the narrow ones at once, each wide one."""
        path = self.paths[rows.targets]
        row, level = (path >= 0).nonzero(as_tuple=True)
        node = path[row, level]
        branching = self.parents[node]
        choice = node - self.first[branching]
        narrow = self.widths[branching] <= NARROW
        few = narrow.nonzero().squeeze(-1)
        terms = [Term(self._narrow(rows.hidden, row[few], branching[few]), choice[few], row[few])]
        if not narrow.all():
            # Split once: the gradient of a slice would be as large as the whole weight, for each branching.
            sizes = self.widths.tolist()
            weights = torch.split(self.linear.weight, sizes)
            biases = None if self.linear.bias is None else torch.split(self.linear.bias, sizes)
            for many in torch.unique(branching[~narrow]).tolist():
                here = (branching == many).nonzero().squeeze(-1)
                bias = None if biases is None else biases[many]
                terms.append(Term(LinearLogits(rows.hidden[row[here]], weights[many], bias), choice[here], row[here]))
        return terms

    def _narrow(self, hidden: Tensor, row: Tensor, branching: Tensor) -> Tensor:
        """Return the logits of the children of each row's branching, -∞ where there are fewer than the most."""
        places = torch.arange(self.most_children, device=row.device)
        there = places < self.widths[branching, None]
        children = torch.where(there, self.first[branching, None] + places, 0)
        vectors = F.embedding(children, self.linear.weight)
        logits = (vectors @ hidden[row, :, None]).squeeze(-1).to(wide(hidden.dtype))
        if self.linear.bias is not None:
            logits = logits + self.linear.bias[children]
        return logits.masked_fill(~there, -math.inf)
