from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

import pytest
import torch
from tests.accuracy import assert_close, assert_close_to_scale
from tests.each import each
from torch import Tensor, nn

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes._core.errors import DtypeError, OptionError, ShapeError, ValuesError
from slopes.recipes.large_vocabulary.heads import AdaptiveSoftmax, SampledSoftmax, expected_draws
from slopes.recipes.large_vocabulary.hierarchical import HierarchicalSoftmax
from slopes.recipes.large_vocabulary.label_tree import LabelTree

FEATURES: Final = 8
COUNTS: Final = torch.tensor([3, 50, 0, 7, 7, 200, 1, 20, 2, 90, 4, 11])  # in no order, with ties and an absent class
CLASSES: Final = len(COUNTS)
# Wide branchings (9 and more children), narrow ones of several widths, one with a single child.
MIXED: Final = [*((n,) for n in "abcdefgh"), ("i", "only"), ("j", "x", "1"), ("j", "x", "2"), ("j", "y")]

Head = AdaptiveSoftmax | SampledSoftmax | HierarchicalSoftmax
HEADS: Final[dict[str, Callable[[], Head]]] = {
    "adaptive": lambda: AdaptiveSoftmax(FEATURES, COUNTS, cutoffs=[3, 7], div_value=2.0),
    "adaptive with bias": lambda: AdaptiveSoftmax(FEATURES, COUNTS, div_value=2.0, bias=True),
    "sampled, all": lambda: SampledSoftmax(FEATURES, CLASSES, samples=CLASSES, counts=COUNTS),
    "huffman": lambda: HierarchicalSoftmax(FEATURES, LabelTree.huffman(COUNTS)),
    "tree": lambda: HierarchicalSoftmax(FEATURES, LabelTree.from_paths(MIXED)),
    "tree without bias": lambda: HierarchicalSoftmax(FEATURES, LabelTree.from_paths(MIXED), bias=False),
}
every_head = each("name", HEADS)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def made(name: str, dtype: torch.dtype = torch.float64) -> Head:
    torch.manual_seed(3)
    return HEADS[name]().to(dtype)


def classes(*shape: int, seed: int = 5) -> Tensor:
    return torch.randint(CLASSES, shape, generator=torch.Generator().manual_seed(seed))


def gradients(loss: Tensor, head: nn.Module, hidden: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss.sum(), [hidden, *head.parameters()], retain_graph=True))


class TestEveryHead:
    @every_head
    def test_probabilities_sum_to_1(self, name: str) -> None:
        log_p = made(name)(5 * normal(2, 3, FEATURES))
        assert log_p.shape == (2, 3, CLASSES)
        assert_close(log_p.exp().sum(-1), torch.ones(2, 3), size=CLASSES)

    @every_head
    def test_loss_is_the_log_probability_of_the_target(self, name: str) -> None:
        head, hidden, targets = made(name), normal(4, 5, FEATURES), classes(4, 5)
        targets[0] = torch.arange(5)
        targets[1, :3] = torch.arange(9, 12)  # every class once
        expected = -head(hidden).gather(-1, targets[..., None]).squeeze(-1)
        assert_close(head.loss(hidden, targets, reduction="none"), expected, size=CLASSES)
        assert_close(head.loss(hidden, targets), expected.mean(), size=20 * CLASSES)

    @every_head
    @each("reduction", ["mean", "none"])
    def test_gradients_are_those_of_finite_differences(self, name: str, reduction: Any) -> None:  # noqa: ANN401
        head, hidden, targets = made(name), normal(5, FEATURES).requires_grad_(), torch.tensor([0, 5, 9, 10, 8])
        inputs = (hidden, *head.parameters())
        assert torch.autograd.gradcheck(
            lambda *_: head.loss(hidden, targets, reduction=reduction), inputs, fast_mode=True
        )

    @every_head
    def test_both_reductions_have_one_gradient(self, name: str) -> None:
        head, hidden, targets = made(name), normal(6, FEATURES).requires_grad_(), classes(6)
        weight = torch.linspace(0, 2, 6, dtype=torch.float64)
        at_once = gradients(head.loss(hidden, targets, weight=weight, reduction="sum"), head, hidden)
        by_rows = gradients(head.loss(hidden, targets, weight=weight, reduction="none"), head, hidden)
        for ours, theirs in zip(at_once, by_rows, strict=True):
            assert_close_to_scale(ours, theirs, float(theirs.abs().max()) or 1.0, size=6)

    @every_head
    @each("reduction", ["mean", "none"])
    def test_what_does_not_count_leaves_no_trace(self, name: str, reduction: Any) -> None:  # noqa: ANN401
        head, targets = made(name), torch.tensor([1, -100, 2, 99, 5])
        hidden = normal(5, FEATURES)
        hidden[1:4:2] = math.nan
        hidden.requires_grad_()
        mask = torch.tensor([True, True, True, False, True])
        weight = torch.tensor([1.0, 1.0, 0.0, 1.0, 3.0], dtype=torch.float64)
        loss = head.loss(hidden, targets, mask=mask, weight=weight, reduction=reduction)
        of_two = head.loss(hidden[[0, 4]], targets[[0, 4]], weight=weight[[0, 4]], reduction=reduction)
        assert_close(loss.sum(), of_two.sum(), size=2)
        found = gradients(loss, head, hidden)
        assert all(t.isfinite().all() for t in found)
        assert not found[0][1:4].any()

    @every_head
    def test_micro_batches_add_up(self, name: str) -> None:
        head, hidden, targets = made(name), normal(7, FEATURES), classes(7)
        parts = [head.loss(hidden[r], targets[r], denominator=7) for r in torch.arange(7).split([1, 4, 2])]
        assert_close(torch.stack(parts).sum(), head.loss(hidden, targets), size=7)

    @every_head
    @each("reduction", ["mean", "sum", "none"])
    def test_nothing_gives_0_with_a_graph(self, name: str, reduction: Any) -> None:  # noqa: ANN401
        head = made(name)
        for hidden, targets in (
            (normal(0, FEATURES), classes(0)),
            (normal(2, FEATURES), torch.tensor([-100, -100])),
        ):
            hidden.requires_grad_()
            loss = head.loss(hidden, targets, reduction=reduction)
            assert not loss.any()
            assert not any(t.any() for t in gradients(loss, head, hidden))

    @every_head
    @each("dtype", [torch.float16, torch.bfloat16])
    def test_16_bits_are_computed_in_float32(self, name: str, dtype: torch.dtype) -> None:
        head, hidden, targets = made(name, dtype), normal(6, FEATURES, dtype=dtype), classes(6)
        loss, log_p = head.loss(hidden, targets), head(hidden)
        assert loss.dtype == log_p.dtype == torch.float32
        exact = made(name, dtype).double().loss(hidden.double(), targets).detach()
        assert_close_to_scale(loss.to(dtype), exact, 4.0)  # products are rounded to 16 bits, once each

    @every_head
    def test_prediction_is_the_most_probable_class(self, name: str) -> None:
        head, hidden = made(name), normal(2, 3, FEATURES)
        assert torch.equal(head.predict(hidden), head(hidden).argmax(-1))

    @every_head
    def test_training_learns(self, name: str) -> None:
        head, hidden = made(name, torch.float32), normal(CLASSES, FEATURES, dtype=torch.float32)
        optimizer = torch.optim.Adam(head.parameters(), lr=0.1)
        targets = torch.arange(CLASSES)
        for _ in range(60):
            optimizer.zero_grad()
            head.loss(hidden, targets).backward()
            optimizer.step()
        assert (head.predict(hidden) == targets).float().mean() > 0.8

    @every_head
    def test_state_is_saved_and_loaded(self, name: str) -> None:
        head, other, hidden = made(name), HEADS[name]().double(), normal(3, FEATURES)
        other.load_state_dict(head.state_dict())
        assert torch.equal(head(hidden), other(hidden))

    @every_head
    def test_reasons_have_the_numbers(self, name: str) -> None:
        assert str(CLASSES) in made(name).reasons[0].because


class TestAdaptive:
    def test_it_is_torchs(self) -> None:
        head, hidden, targets = made("adaptive"), normal(9, FEATURES).requires_grad_(), classes(9)
        assert isinstance(head, AdaptiveSoftmax)
        by_count = sorted(range(CLASSES), key=lambda c: -int(COUNTS[c]))
        rank = torch.tensor([by_count.index(c) for c in targets.tolist()])
        theirs = head.softmax(hidden, rank)
        ours = head.loss(hidden, targets)
        assert_close(ours, theirs.loss, size=9)
        assert_close(head.loss(hidden, targets, reduction="none"), -theirs.output, size=CLASSES)
        for a, b in zip(gradients(ours, head, hidden), gradients(theirs.loss, head, hidden), strict=True):
            assert_close_to_scale(a, b, float(b.abs().max()) or 1.0, size=9)
        full = head.softmax.log_prob(hidden)
        assert_close(head(hidden), full[:, [by_count.index(c) for c in range(CLASSES)]].detach(), size=CLASSES)

    def test_cutoffs_from_counts(self) -> None:
        # 395 in all, sorted 200 90 50 20 11 7 7 4 3 2 1 0: 80 % is 316, within the third; 95 % is 375.25, in the sixth.
        head = AdaptiveSoftmax(64, COUNTS)
        assert head.softmax.cutoffs == [3, 6, CLASSES]
        assert head.shares == pytest.approx((340 / 395, 378 / 395))
        assert AdaptiveSoftmax(64, torch.tensor([1, 10_000])).softmax.cutoffs == [1, 2]
        assert AdaptiveSoftmax(64, torch.zeros(4, dtype=torch.int64)).softmax.cutoffs[-1] == 4


class TestSampled:
    def test_with_all_classes_it_is_the_full_softmax(self) -> None:
        head, hidden, targets = made("sampled, all"), normal(9, FEATURES).requires_grad_(), classes(9)
        assert isinstance(head, SampledSoftmax)
        full = L.cross_entropy(head.linear(hidden), targets)
        ours = head.loss(hidden, targets)
        assert_close(ours, full.detach(), size=CLASSES)
        assert_close(head.exact_loss(hidden, targets), full.detach(), size=CLASSES)
        for a, b in zip(gradients(ours, head, hidden), gradients(full, head, hidden), strict=True):
            assert_close_to_scale(a, b, float(b.abs().max()), size=9 * CLASSES)

    def test_normaliser_and_its_gradient_are_right_on_average(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Integrate over chance: the draw is constant between the fractions of the edges, so that a sum is exact."""
        torch.manual_seed(1)
        head = SampledSoftmax(FEATURES, 40, samples=7, counts=torch.randint(1, 99, (40,))).double()
        hidden, targets = normal(3, FEATURES).requires_grad_(), torch.tensor([0, 13, 39])
        scores = head.linear(hidden)
        own = scores.gather(1, targets[:, None]).squeeze(1)
        whole = scores.exp().sum(1)
        breaks = [0.0, *sorted(float(e) % 1 for e in head.edges), 1.0]
        mean, slopes = torch.zeros(3, dtype=torch.float64), [torch.zeros_like(t) for t in (hidden, *head.parameters())]
        for low, high in pairwise(breaks):
            if high - low < 1e-12:
                continue
            at = torch.full((7,), (low + high) / 2, dtype=torch.float64)
            with monkeypatch.context() as patched:
                patched.setattr(torch, "rand", lambda *_, at=at, **__: at)
                sampled = (head.loss(hidden, targets, reduction="none") + own).exp()
            mean += (high - low) * sampled.detach()
            slopes = [s + (high - low) * g for s, g in zip(slopes, gradients(sampled, head, hidden), strict=True)]
        assert_close_to_scale(mean, whole.detach(), whole.max().item(), size=40 * 40)
        for slope, exact in zip(slopes, gradients(whole, head, hidden), strict=True):
            assert_close_to_scale(slope, exact, float(exact.abs().max()), size=40 * 40)

    def test_the_gradient_of_the_loss_nears_the_full_one_as_samples_are_added(self) -> None:
        def bias(samples: int) -> float:
            torch.manual_seed(2)
            head = SampledSoftmax(FEATURES, 60, samples=samples).double()
            hidden, targets = normal(16, FEATURES).requires_grad_(), torch.arange(16) * 3
            generator = torch.Generator().manual_seed(0)
            losses = [head.loss(hidden, targets, generator=generator) for _ in range(100)]
            mean, exact = (
                torch.autograd.grad(loss, hidden)[0]
                for loss in (torch.stack(losses).mean(), head.exact_loss(hidden, targets))
            )
            return ((mean - exact).norm() / exact.norm()).item()

        few, more, most = bias(2), bias(30), bias(60)
        assert most < 1e-9 < more < few / 3 < 0.1

    def test_draws_come_as_often_as_expected(self) -> None:
        head = SampledSoftmax(2, 30, samples=9, counts=torch.arange(30))
        generator = torch.Generator().manual_seed(0)
        draws = 4000
        seen = torch.stack([torch.bincount(head.draw(generator), minlength=30) for _ in range(draws)])
        assert seen.sum(1).unique().tolist() == [9]
        frequency = seen.double().mean(0)
        assert ((frequency - head.expected).abs() < 5 * (head.expected.sqrt() / math.sqrt(draws))).all()
        assert head.expected.argsort(descending=True).tolist()[0] == 29  # the commonest class
        certain = head.expected == 1
        assert certain.any()
        assert (seen[:, certain] == 1).all()

    @each(("classes", "samples"), [(5, 1), (5, 4), (5, 5), (1000, 3), (1000, 700), (1, 1)])
    def test_expected_draws(self, classes: int, samples: int) -> None:
        share = torch.tensor([math.log((r + 2) / (r + 1)) for r in range(classes)], dtype=torch.float64)
        expected = expected_draws(share, samples)
        assert_close(expected.sum(), float(samples), size=classes)
        assert expected.max() <= 1
        below = expected < 1
        ratio = expected[below] / share[below]
        assert_close(ratio, torch.full_like(ratio, float(ratio.max()) if len(ratio) else 0.0))
        if below.any():  # nobody who is certain would fall below 1 by the same ratio
            assert (share[~below] * ratio.max() >= 1 - 1e-12).all()

    def test_a_draw_of_the_target_itself_is_removed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        head = SampledSoftmax(FEATURES, 10, samples=3).double()
        monkeypatch.setattr(head, "draw", lambda _: torch.tensor([4, 7, 4]))
        hidden = normal(1, FEATURES)
        scores = head.linear(hidden)[0] - head.expected.log()
        alone = head.loss(hidden, torch.tensor([4]))
        own = head.linear(hidden)[0, 4]
        assert_close(alone, torch.log1p((scores[7] - own).exp()).detach(), size=FEATURES)

    def test_one_seed_one_loss(self) -> None:
        head = SampledSoftmax(FEATURES, 100, samples=5)
        hidden, targets = normal(3, FEATURES, dtype=torch.float32), torch.tensor([1, 50, 99])
        values = [head.loss(hidden, targets, generator=torch.Generator().manual_seed(s)) for s in (0, 0, 1)]
        assert torch.equal(values[0], values[1])
        assert not torch.equal(values[0], values[2])

    def test_sparse_gradients_hold_what_was_drawn(self) -> None:
        torch.manual_seed(0)
        heads = [SampledSoftmax(FEATURES, 100, samples=5, sparse=sparse) for sparse in (False, True)]
        heads[1].load_state_dict(heads[0].state_dict())
        for head in heads:
            head.loss(
                normal(2, FEATURES, dtype=torch.float32),
                torch.tensor([3, 70]),
                generator=torch.Generator().manual_seed(0),
            ).backward()
        dense, sparse = (head.linear.weight.grad for head in heads)
        assert dense is not None
        assert sparse is not None
        assert sparse.is_sparse
        torch.testing.assert_close(sparse.to_dense(), dense)
        assert len(sparse.coalesce().indices()[0]) <= 7


@each(
    ("call", "error", "sentence"),
    [
        (
            lambda: AdaptiveSoftmax(8, torch.tensor([1])),
            ShapeError,
            "AdaptiveSoftmax: `counts` has shape [1], expected [C] with at least 2 classes; count the targets",
        ),
        (lambda: AdaptiveSoftmax(8, COUNTS.float()), DtypeError, "AdaptiveSoftmax: `counts` has dtype torch.float32"),
        (lambda: AdaptiveSoftmax(8, -COUNTS), ValuesError, "AdaptiveSoftmax: `counts` holds -200, expected numbers"),
        (
            lambda: AdaptiveSoftmax(8, COUNTS, cutoffs=[4, 4]),
            OptionError,
            "AdaptiveSoftmax: `cutoffs` is [4, 4], expected rising integers in [1, 11], at least one; leave them out",
        ),
        (lambda: AdaptiveSoftmax(8, COUNTS, cutoffs=[12]), OptionError, "AdaptiveSoftmax: `cutoffs` is [12]"),
        (lambda: AdaptiveSoftmax(8, COUNTS, cutoffs=[]), OptionError, "AdaptiveSoftmax: `cutoffs` is []"),
        (
            lambda: AdaptiveSoftmax(8, COUNTS, cutoffs=[2, 4]),
            OptionError,
            "AdaptiveSoftmax: `div_value` is 4.0 with 2 clusters and 8 features, expected at least one dimension",
        ),
        (
            lambda: SampledSoftmax(8, 10, samples=11),
            OptionError,
            "SampledSoftmax: `samples` is 11, expected at most 10",
        ),
        (lambda: SampledSoftmax(8, 10, samples=0), OptionError, "SampledSoftmax: `samples` is 0"),
        (
            lambda: SampledSoftmax(8, 10, samples=2, counts=COUNTS),
            ShapeError,
            "SampledSoftmax: `counts` has shape [12], expected [10] ([C], how often each class is in the targets)",
        ),
        (
            lambda: made("huffman").loss(normal(3, 9), classes(3)),
            ShapeError,
            "HierarchicalSoftmax.loss: `hidden` has shape [3, 9], expected [..., 8], what goes into the last layer",
        ),
        (
            lambda: made("adaptive").loss(normal(3, 8), classes(4)),
            ShapeError,
            "AdaptiveSoftmax.loss: `targets` has shape [4], expected [3] (a class for each row of `hidden`)",
        ),
        (
            lambda: made("adaptive").loss(normal(3, 8), torch.tensor([0, 12, 1])),
            ValuesError,
            "AdaptiveSoftmax.loss: `targets` holds 12, expected class indices in [0, 12), or -100 to ignore a row",
        ),
        (
            lambda: made("sampled, all").loss(normal(3, 8), classes(3).float()),
            DtypeError,
            "SampledSoftmax.loss: `targets` has dtype torch.float32, expected torch.int64",
        ),
        (lambda: made("sampled, all")(normal(3, 9)), ShapeError, "SampledSoftmax: `hidden` has shape [3, 9]"),
    ],
)
def test_errors_say_what_came_and_what_to_do(call: Any, error: type[Exception], sentence: str) -> None:  # noqa: ANN401
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith(sentence)
