from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, Final

import pytest
import torch
from mpmath import mp, mpf
from tests.accuracy import assert_close, assert_close_to_scale, assert_exact
from tests.each import each
from tests.oracles import losses as oracles
from tests.oracles.precision import exact, remembered_gradient, weighted_mean
from tests.peak import peak
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.kernels.blocks import blockwise

NARROW: Final = (torch.float16, torch.bfloat16)
EVERY: Final = (*NARROW, torch.float32, torch.float64)
E: Final = mp.e

every_dtype = each("dtype", EVERY, ids=lambda dtype: str(dtype).removeprefix("torch."))

AXES: Final = [[1.0, 0.0], [0.0, 1.0]]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every block have two rows."""
    monkeypatch.setattr(blockwise, "BLOCK_BYTES", 1)
    monkeypatch.setattr(blockwise, "LEAST_ROWS", 2)


def normal(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 7) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()


def gradients(loss: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss.sum(), inputs)


POSITIVES: Final = torch.tensor([3, 0, 8, 8, 1])
Loss = Callable[..., Tensor]
# By name: the loss of two sides in float64, with as many rows as the second number says.
SIDES: Final[dict[str, tuple[Loss, int, int]]] = {
    "info_nce": (lambda a, b, **o: L.info_nce(a, b, temperature=0.5, **o), 5, 9),
    "info_nce with positives": (lambda a, b, **o: L.info_nce(a, b, POSITIVES, temperature=0.5, **o), 5, 9),
    "info_nce of products": (lambda a, b, **o: L.info_nce(a, b, temperature=0.5, normalize=False, **o), 5, 9),
    "clip": (lambda a, b, **o: L.clip(a, b, 2.5, **o), 5, 5),
    "clip of products": (lambda a, b, **o: L.clip(a, b, 2.5, normalize=False, **o), 5, 5),
    "nt_xent": (lambda a, b, **o: L.nt_xent(a, b, temperature=0.5, **o), 5, 5),
}
every_loss = each("name", SIDES)


def sides(name: str, dtype: torch.dtype = torch.float64) -> tuple[Loss, Tensor, Tensor]:
    loss, rows, columns = SIDES[name]
    return loss, normal(rows, 4, dtype=dtype, seed=1), normal(columns, 4, dtype=dtype, seed=2)


class TestByHand:
    @every_dtype
    def test_info_nce(self, dtype: torch.dtype) -> None:
        keys = torch.tensor([*AXES, [-1.0, 0.0]], dtype=dtype)
        loss = L.info_nce(keys[:1], keys, temperature=1.0)
        assert_close(loss, mp.log(1 + 1 / E + 1 / E**2))
        assert loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
        other = L.info_nce(keys[:1], keys, torch.tensor([2]), temperature=0.5)
        assert_close(other, mp.log(1 + E**2 + E**4))

    @every_dtype
    def test_clip_scales_and_averages_both_directions(self, dtype: torch.dtype) -> None:
        images, texts = torch.tensor(AXES, dtype=dtype), torch.tensor([[1.0, 0.0], [1.0, 0.0]], dtype=dtype)
        loss = L.clip(images, texts, 2.0, reduction="none")
        first = (mp.log(2) + mp.log(1 + E**-2)) / 2
        second = (mp.log(2) + mp.log(1 + E**2)) / 2
        assert_close(loss, [first, second])

    @every_dtype
    def test_nt_xent_leaves_a_view_out_of_its_own_line_up(self, dtype: torch.dtype) -> None:
        views = torch.tensor(AXES, dtype=dtype)
        assert_close(L.nt_xent(views, views, temperature=1.0, reduction="none"), [mp.log(1 + 2 / E)] * 4)

    def test_chance_level(self) -> None:
        same = torch.ones(8, 4, dtype=torch.float64)
        assert_close(L.info_nce(same[:2], same), mp.log(8))
        assert_close(L.clip(same, same, 14.0), mp.log(8))
        assert_close(L.nt_xent(same, same), mp.log(15))

    def test_nobody_to_confuse_it_with(self) -> None:
        for loss in (L.info_nce, lambda a, b: L.clip(a, b, 2.0), L.nt_xent):
            a, b = normal(1, 4), normal(1, 4, seed=8)
            value = loss(a, b)
            assert value == 0
            for slope in gradients(value, a, b):
                assert torch.equal(slope, torch.zeros_like(slope))
            torch.autograd.gradgradcheck(loss, (a, b))


@pytest.mark.usefixtures("small_blocks")
class TestGradients:
    @every_loss
    @each("reduction", ["mean", "sum", "none"])
    def test_first_and_second_derivative(self, name: str, reduction: str) -> None:
        loss, a, b = sides(name)
        torch.autograd.gradcheck(lambda a, b: loss(a, b, reduction=reduction), (a, b))
        torch.autograd.gradgradcheck(lambda a, b: loss(a, b, reduction=reduction), (a, b))

    @every_loss
    @each("reduction", ["mean", "none"])
    def test_a_gradient_with_a_graph_is_the_same(self, name: str, reduction: str) -> None:
        loss, a, b = sides(name)
        value = loss(a, b, reduction=reduction).sum()
        graph = torch.autograd.grad(value, (a, b), create_graph=True)
        for slope, other in zip(graph, torch.autograd.grad(value, (a, b)), strict=True):
            assert_close_to_scale(slope, other, float(other.abs().max()), size=4)

    @every_loss
    def test_masked_and_weighted(self, name: str) -> None:
        loss, a, b = sides(name)
        count = len(loss(a, b, reduction="none"))
        weight = torch.linspace(0.0, 2.0, count, dtype=torch.float64)
        mask = torch.arange(count) != count - 1
        torch.autograd.gradcheck(lambda a, b: loss(a, b, mask=mask, weight=weight), (a, b))
        torch.autograd.gradgradcheck(lambda a, b: loss(a, b, mask=mask, weight=weight), (a, b))

    @every_loss
    def test_by_the_weight(self, name: str) -> None:
        loss, a, b = sides(name)
        weight = torch.linspace(0.5, 2.0, len(loss(a, b, reduction="none")), dtype=torch.float64).requires_grad_()
        torch.autograd.gradcheck(lambda w: loss(a, b, weight=w), (weight,))

    @each("reduction", ["mean", "none"])
    def test_by_the_logit_scale(self, reduction: Any) -> None:  # noqa: ANN401  a literal
        _, a, b = sides("clip")
        scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
        mask = torch.tensor([True, False, True, True, True])
        for options in ({}, {"mask": mask}):
            call = lambda a, b, s: L.clip(a, b, s, reduction=reduction, **options)  # noqa: B023, E731
            torch.autograd.gradcheck(call, (a, b, scale))
            torch.autograd.gradgradcheck(call, (a, b, scale))

    def test_by_the_logarithm_of_the_scale_in_half_precision(self) -> None:
        images, texts = normal(6, 4, dtype=torch.bfloat16), normal(6, 4, dtype=torch.bfloat16, seed=8)
        log_scale = torch.tensor(2.0, requires_grad=True)
        (slope,) = gradients(L.clip(images, texts, log_scale.exp()), log_scale)
        rows = exact(images), exact(texts)
        wanted = mp.diff(lambda s: weighted_mean(oracles.clip(*rows, mp.exp(s))), mpf(2))
        assert_close_to_scale(slope, wanted, math.exp(2), size=6)

    @every_loss
    @each("wanted", [(True, False), (False, True)])
    def test_one_side_frozen(self, name: str, wanted: tuple[bool, bool]) -> None:
        loss, a, b = sides(name)
        both = gradients(loss(a, b), a, b)
        frozen = [side.detach().requires_grad_(w) for side, w in zip((a, b), wanted, strict=True)]
        moved = [side for side in frozen if side.requires_grad]
        for slope, same in zip(gradients(loss(*frozen), *moved), [both[wanted.index(True)]], strict=True):
            assert torch.equal(slope, same)

    @every_loss
    def test_nothing_wanted(self, name: str) -> None:
        loss, a, b = sides(name)
        assert torch.equal(loss(a.detach(), b.detach()), loss(a, b).detach())
        with torch.no_grad():
            assert not loss(a, b).requires_grad

    @every_loss
    def test_a_second_backward_and_another_upstream(self, name: str) -> None:
        loss, a, b = sides(name)
        value = loss(a, b)
        first = torch.autograd.grad(value, (a, b), retain_graph=True)
        first = [slope.clone() for slope in first]
        for slope, again in zip(first, torch.autograd.grad(3 * value, (a, b)), strict=True):
            assert_close_to_scale(again, 3 * slope, float(slope.abs().max()))

    @every_loss
    def test_accumulation_equals_the_batch(self, name: str) -> None:
        loss, a, b = sides(name)
        rows = loss(a, b, reduction="none")
        assert_close(loss(a, b, reduction="sum"), rows.sum())
        assert_close(loss(a, b), rows.mean())
        assert_close(loss(a, b, denominator=8.0), rows.sum() / 8)
        assert_close(loss(a, b, denominator=torch.tensor(8.0, dtype=torch.float64)), rows.sum() / 8)

    @every_loss
    def test_blocks_give_what_one_block_gives(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        loss, a, b = sides(name)
        some = loss(a, b)
        slopes_ = gradients(some, a, b)
        monkeypatch.setattr(blockwise, "LEAST_ROWS", 1000)
        whole = loss(a, b)
        assert_close(some, whole.detach())
        for slope, other in zip(slopes_, gradients(whole, a, b), strict=True):
            assert_close_to_scale(slope, other, float(other.abs().max()), size=4)


def shared(rows: int, dtype: torch.dtype, seed: int) -> Tensor:
    """Return the same numbers for both 16-bit types, and for both wide ones, so that they are differentiated once."""
    numbers = normal(rows, 3, seed=seed).detach()
    both = (numbers * 64).round() / 64 if dtype.itemsize == 2 else numbers.float()
    return both.to(dtype).requires_grad_()


@functools.cache
def mean_over_a_batch(name: str, temperature: float) -> Callable[..., mpf]:
    """Return the definition's mean, the same function each time: by it the gradients are remembered."""
    scale = 1 / temperature if name == "clip" else temperature
    option = {"logit_scale" if name == "clip" else "temperature": scale}
    return lambda a, b: weighted_mean(getattr(oracles, name)(a, b, **option))


class TestNumerics:
    @every_dtype
    @each("temperature", [0.5, 0.0625])
    def test_against_the_definition(self, dtype: torch.dtype, temperature: float) -> None:
        a, b = shared(4, dtype, seed=3), shared(6, dtype, seed=4)
        fewer = b[:4].detach().requires_grad_()
        cases: list[tuple[str, Loss, Tensor]] = [
            ("info_nce", lambda a, b: L.info_nce(a, b, temperature=temperature), b),
            ("clip", lambda a, b: L.clip(a, b, 1 / temperature), fewer),
            ("nt_xent", lambda a, b: L.nt_xent(a, b, temperature=temperature), fewer),
        ]
        for name, loss, other in cases:
            rows, mean = (exact(a), exact(other)), mean_over_a_batch(name, temperature)
            value = loss(a, other)
            assert_close_to_scale(value, mean(*rows), 1 / temperature)
            for at, slope in enumerate(gradients(value, a, other)):
                wanted = remembered_gradient(mean, *rows, argument=at)
                assert_close_to_scale(slope, wanted, 1 / temperature)

    @each("dtype", [torch.float32, torch.float64])
    @each("gap", [12.0, 16.75, 32.0, 64.0])
    def test_a_positive_that_leads_by_far(self, dtype: torch.dtype, gap: float) -> None:
        query = torch.tensor([[1.0]], dtype=dtype, requires_grad=True)
        keys = torch.tensor([[gap], [0.0], [-1.0]], dtype=dtype, requires_grad=True)
        loss = L.info_nce(query, keys, temperature=1.0, normalize=False)
        rest = mp.exp(-gap) + mp.exp(-gap - 1)
        assert_close(loss, mp.log1p(rest))
        _, by_keys = gradients(loss, query, keys)
        total = 1 + rest
        assert_close(by_keys, [[-rest / total], [mp.exp(-gap) / total], [mp.exp(-gap - 1) / total]])

    @each("dtype", [torch.float32, torch.float64])
    def test_pairs_that_lead_by_far_both_ways(self, dtype: torch.dtype) -> None:
        images = torch.eye(2, dtype=dtype, requires_grad=True)
        texts = torch.eye(2, dtype=dtype, requires_grad=True)
        scale = torch.tensor(32.0, dtype=dtype, requires_grad=True)
        loss = L.clip(images, texts, scale, normalize=False)
        assert_close(loss, mp.log1p(mp.exp(-32)))
        by_images, _, by_scale = gradients(loss, images, texts, scale)
        p = mp.exp(-32) / (1 + mp.exp(-32))
        assert_close(by_images, [[-16 * p, 16 * p], [16 * p, -16 * p]])
        assert_close(by_scale, -p)

    def test_similarities_beyond_the_exponential(self) -> None:
        query = torch.tensor([[1000.0], [-1000.0]], requires_grad=True)
        keys = torch.tensor([[1000.0], [2000.0]], requires_grad=True)
        for loss in (
            L.info_nce(query, keys, temperature=1.0, normalize=False, reduction="none"),
            L.clip(query, keys, 1.0, normalize=False),
        ):
            assert bool(loss.isfinite().all())
            for slope in gradients(loss, query, keys):
                assert bool(slope.isfinite().all())

    @each("dtype", NARROW)
    def test_half_precision_multiplies_in_float32(self, dtype: torch.dtype) -> None:
        a, b = normal(4, 64, dtype=dtype), normal(4, 64, dtype=dtype, seed=8)
        for loss in (L.info_nce, lambda a, b: L.clip(a, b, 10.0), L.nt_xent):
            plain = loss(a, b)
            assert plain.dtype == torch.float32
            with torch.autocast("cpu", dtype=torch.bfloat16):
                assert torch.equal(loss(a, b), plain)
            wide = [side.detach().float().requires_grad_() for side in (a, b)]
            assert torch.equal(loss(*wide), plain)
            for slope, same in zip(gradients(plain, a, b), gradients(loss(*wide), *wide), strict=True):
                assert torch.equal(slope, same.to(dtype))


class TestWhoCounts:
    @every_loss
    def test_empty(self, name: str) -> None:
        loss, a, b = sides(name)
        if "positives" in name:
            return
        a, b = a[:0].detach().requires_grad_(), b[:0].detach().requires_grad_()
        for reduction in ("mean", "sum"):
            value = loss(a, b, reduction=reduction)
            assert value == 0
            assert all(slope.shape == (0, 4) for slope in gradients(value, a, b))
        assert loss(a, b, reduction="none").shape == (0,)

    @each("strange", [math.nan, math.inf, -math.inf])
    @each("reduction", ["mean", "none"])
    @each("how", ["mask", "weight"])
    @each("name", ["clip", "nt_xent"])
    def test_who_does_not_leaves_the_line_ups(self, name: str, how: str, reduction: str, strange: float) -> None:
        loss, a, b = sides(name)
        mask = torch.ones(len(loss(a, b, reduction="none")), dtype=torch.bool)
        mask[1] = False
        options = {how: mask if how == "mask" else mask.double(), "reduction": reduction}
        spoilt = [side.detach().clone() for side in (a, b)]
        for side in spoilt:
            side[1] = strange
        spoilt = [side.requires_grad_() for side in spoilt]
        left = [torch.cat([side[:1], side[2:]]).detach().requires_grad_() for side in (a, b)]
        came, wanted = loss(*spoilt, **options), loss(*left, reduction=reduction)
        assert_close(came.sum(), wanted.detach().sum(), size=8)
        for slope, other in zip(gradients(came, *spoilt), gradients(wanted, *left), strict=True):
            assert torch.equal(slope[1], torch.zeros(4, dtype=torch.float64))
            assert_close_to_scale(torch.cat([slope[:1], slope[2:]]), other, float(other.abs().max()), size=8)

    def test_the_key_of_a_masked_query_stays(self) -> None:
        loss, a, b = sides("info_nce")
        mask = torch.tensor([True, False, True, True, True])
        rows = loss(a, b, reduction="none")
        assert_close(loss(a, b, mask=mask), rows[mask].mean())

    @every_loss
    def test_nobody(self, name: str) -> None:
        loss, a, b = sides(name)
        count = len(loss(a, b, reduction="none"))
        value = loss(a, b, mask=torch.zeros(count, dtype=torch.bool))
        assert value == 0
        for slope in gradients(value, a, b):
            assert torch.equal(slope, torch.zeros_like(slope))

    @every_loss
    def test_layout_does_not_matter(self, name: str) -> None:
        loss, a, b = sides(name)
        turned = [side.detach().T.contiguous().T.requires_grad_() for side in (a, b)]
        assert not turned[0].is_contiguous()
        strided = [torch.stack([side.detach()] * 2, -1)[..., 0].requires_grad_() for side in (a, b)]
        wanted = gradients(loss(a, b), a, b)
        for other in (turned, strided):
            assert_close(loss(*other), loss(a, b).detach(), size=4)
            for slope, same in zip(gradients(loss(*other), *other), wanted, strict=True):
                assert_close_to_scale(slope, same, float(same.abs().max()), size=4)

    @every_loss
    def test_the_callers_tensors_stay(self, name: str) -> None:
        loss, a, b = sides(name)
        before = a.detach().clone(), b.detach().clone()
        gradients(loss(a, b), a, b)
        assert torch.equal(a, before[0])
        assert torch.equal(b, before[1])


class TestMemory:
    @each("name", ["info_nce", "clip", "nt_xent"])
    @each("reduction", ["mean", "none"])
    def test_the_matrix_is_never_made(self, name: str, reduction: str) -> None:
        loss = {
            "info_nce": lambda a, b: L.info_nce(a, b, reduction=reduction).sum(),
            "clip": lambda a, b: L.clip(a, b, 10.0, reduction=reduction).sum(),
            "nt_xent": lambda a, b: L.nt_xent(a, b, reduction=reduction).sum(),
        }[name]
        count = 4096
        a, b = normal(count, 8, dtype=torch.float32), normal(count, 8, dtype=torch.float32, seed=8)
        measured = peak(loss, a, b)
        assert measured.largest <= blockwise.BLOCK_BYTES // 4
        matrix = 4 * count * count
        assert measured.bytes < matrix / 2

    def test_twice_the_rows_take_twice_the_memory_beyond_a_block(self) -> None:
        taken = []
        for count in (4096, 8192):
            a, b = normal(count, 8, dtype=torch.float32), normal(count, 8, dtype=torch.float32, seed=8)
            taken.append(peak(L.info_nce, a, b).bytes - blockwise.BLOCK_BYTES)
        assert taken[1] < 2.1 * taken[0]


class TestTransforms:
    @every_loss
    def test_compiled(self, name: str) -> None:
        loss, a, b = sides(name)
        compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
        assert_close(compiled(a, b), loss(a, b).detach(), size=8)
        for slope, other in zip(gradients(compiled(a, b), a, b), gradients(loss(a, b), a, b), strict=True):
            assert_close_to_scale(slope, other, float(other.abs().max()), size=8)

    @every_loss
    def test_functional_transforms(self, name: str) -> None:
        loss, a, b = sides(name)
        wanted = gradients(loss(a, b), a, b)
        found = torch.func.grad(loss, argnums=(0, 1))(a.detach(), b.detach())
        for slope, other in zip(found, wanted, strict=True):
            assert_close_to_scale(slope, other, float(other.abs().max()), size=8)
        batch = torch.stack([a.detach(), 2 + a.detach()])
        each = torch.func.vmap(lambda side: loss(side, b.detach()))(batch)
        assert_close(each, torch.stack([loss(side, b.detach()) for side in batch]), size=8)


class TestModules:
    def test_each_is_its_function(self) -> None:
        a, b = normal(3, 4), normal(5, 4, seed=8)
        c = b[:3]
        mask = torch.tensor([True, True, False])
        positives = torch.tensor([4, 0, 2])
        assert torch.equal(
            L.InfoNCE(temperature=0.5, normalize=False)(a, b, positives, mask=mask),
            L.info_nce(a, b, positives, temperature=0.5, normalize=False, mask=mask),
        )
        assert torch.equal(L.CLIP(reduction="sum")(a, c, 3.0, mask=mask), L.clip(a, c, 3.0, mask=mask, reduction="sum"))
        assert torch.equal(L.NTXent(temperature=0.5)(a, c, denominator=2.0), L.nt_xent(a, c, temperature=0.5) * 3)


def assert_says(kind: type[Exception], call: Callable[[], object], *fragments: str) -> None:
    """Assert an error whose text has each fragment."""
    with pytest.raises(kind) as caught:
        call()
    for fragment in fragments:
        assert fragment in str(caught.value), str(caught.value)


class TestErrors:
    a, b = torch.ones(3, 4), torch.ones(5, 4)

    def test_shapes(self) -> None:
        a, b = self.a, self.b
        assert_says(
            slopes.ShapeError, lambda: L.info_nce(a[0], b), "info_nce: `query` has shape [4]", "query.reshape(1, -1)"
        )
        assert_says(slopes.ShapeError, lambda: L.info_nce(a, b[:, :2]), "`query` [3, 4] and `keys` [5, 2]", "lengths")
        assert_says(slopes.ShapeError, lambda: L.info_nce(b, a), "`keys` [3, 4] has fewer rows", "pass `positives`")
        assert_says(slopes.ShapeError, lambda: L.info_nce(a, b, torch.zeros(2, dtype=torch.int64)), "[2]", "[3]")
        assert_says(slopes.ShapeError, lambda: L.clip(a, b, 1.0), "clip: `images` [3, 4] and `texts` [5, 4]")
        assert_says(slopes.ShapeError, lambda: L.clip(a, a, torch.ones(1)), "`logit_scale` has shape [1]", "[]")
        assert_says(slopes.ShapeError, lambda: L.nt_xent(a[0], a[0]), "nt_xent: `first` has shape [4]")
        assert_says(slopes.ShapeError, lambda: L.info_nce(a[:, :0], b[:, :0]), "`query` has shape [3, 0]")

    def test_values(self) -> None:
        for wrong in (-1, 5):
            positives = torch.tensor([0, wrong, 1])
            call = lambda: L.info_nce(self.a, self.b, positives)  # noqa: B023, E731
            assert_says(slopes.ValuesError, call, f"`positives` holds {wrong}", "[0, 5)")
        for value in (0.0, -1.0, math.nan, math.inf):
            scale = torch.tensor(value)
            call = lambda: L.clip(self.a, self.a, scale)  # noqa: B023, E731
            fix = ".isnan()" if math.isnan(value) else ".exp()"
            assert_says(slopes.ValuesError, call, "clip: `logit_scale` holds", "in (0, 9.22337e+18]", fix)

    def test_dtypes(self) -> None:
        call = lambda: L.info_nce(self.a, self.b, torch.zeros(3))  # noqa: E731
        assert_says(slopes.DtypeError, call, "`positives` has dtype torch.float32", ".long()")
        call = lambda: L.info_nce(self.a, self.b.double())  # noqa: E731
        assert_says(slopes.DtypeError, call, "float64", "one precision")
        call = lambda: L.nt_xent(self.a.long(), self.a.long())  # noqa: E731
        assert_says(slopes.DtypeError, call, "`first` has dtype torch.int64")

    def test_options(self) -> None:
        for wrong in (0.0, -1.0, math.nan, math.inf):
            for name, call in {
                "info_nce": lambda: L.info_nce(self.a, self.b, temperature=wrong),  # noqa: B023
                "nt_xent": lambda: L.nt_xent(self.a, self.a, temperature=wrong),  # noqa: B023
            }.items():
                assert_says(slopes.OptionError, call, f"{name}: `temperature` is {wrong!r}", "[1.0842e-19, ∞)")
        call = lambda: L.info_nce(self.a, self.b, normalize=1)  # type: ignore[arg-type]  # noqa: E731
        assert_says(slopes.OptionError, call, "`normalize` is 1", "True or False")


class TestHalfPrecisionGradients:
    def test_rounded_once(self) -> None:
        query = torch.tensor([[3.0, 4.0]], dtype=torch.float16, requires_grad=True)
        keys = torch.tensor([[3.0, 4.0]], dtype=torch.float16, requires_grad=True)
        loss = L.info_nce(query, keys)
        assert_exact(loss, mpf(0))
        assert gradients(loss, query)[0].dtype == torch.float16
