"""Losses of models that generate: values by hand, what converts into what, edges, and what a wrong call is told."""

from __future__ import annotations

import math

import pytest
import torch
from tests.each import each
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  torch's own name for it

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses

KINDS = ("epsilon", "sample", "velocity")
WEIGHTINGS = ("snr", "min_snr", "edm", "p2")


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def levels(rows: int) -> tuple[Tensor, Tensor]:
    """Return shares of signal and noise from nearly clean to nearly drowned, whose squares do not sum to 1."""
    return torch.linspace(0.98, 0.1, rows, dtype=torch.float64), torch.linspace(0.05, 1.7, rows, dtype=torch.float64)


def predicted(guess: Tensor, noised: Tensor, alpha: Tensor, sigma: Tensor, kind: str) -> Tensor:
    """Return what a network says that has this guess of the sample, in the terms of a kind."""
    a, s = (level.reshape(-1, 1, 1) for level in (alpha, sigma))
    noise = (noised - a * guess) / s
    return {"epsilon": noise, "sample": guess, "velocity": a * noise - s * guess}[kind]


def mode_before(t: float) -> float:
    """Return the uniform number that mode makes this time of: the time falls as the number grows."""
    low, high = 0.0, 1.0
    for _ in range(60):
        u = (low + high) / 2
        later = 1 - u - 1.29 * (math.cos(math.pi / 2 * u) ** 2 - 1 + u) > t
        low, high = (u, high) if later else (low, u)
    return low


class TestDiffusion:
    @each("weighting", WEIGHTINGS)
    def test_the_three_kinds_cost_and_pull_the_same(self, weighting: str) -> None:
        """One network, whose guess of the sample is read as each of the three."""
        alpha, sigma = levels(6)
        clean, noise = drawn(6, 2, 3), drawn(6, 2, 3, seed=1)
        losses, slopes_by_guess = [], []
        for kind in KINDS:
            guess = drawn(6, 2, 3, seed=2).requires_grad_()
            noised, targets = L.diffusion_targets(clean, noise, alpha, sigma, kind=kind)
            said = predicted(guess, noised, alpha, sigma, kind)
            loss = L.diffusion_loss(
                said, targets, alpha, sigma, kind=kind, weighting=weighting, gamma=1.5, reduction="none"
            )
            losses.append(loss.detach())
            slopes_by_guess.append(torch.autograd.grad(loss.sum(), guess)[0])
        for found in (losses, slopes_by_guess):
            for other in found[1:]:
                torch.testing.assert_close(other, found[0], rtol=1e-11, atol=1e-11)

    def test_a_plain_mean_is_snr_for_epsilon_and_edm_of_one_for_velocity(self) -> None:
        angle = torch.tensor([0.1, 0.8, 1.5], dtype=torch.float64)
        given = drawn(3, 4), drawn(3, 4, seed=1), angle.cos(), angle.sin()
        plain = L.diffusion_loss(*given)
        torch.testing.assert_close(L.diffusion_loss(*given, weighting="snr"), plain)
        torch.testing.assert_close(
            L.diffusion_loss(*given, kind="velocity", weighting="edm", sigma_data=1.0), plain, rtol=1e-12, atol=0
        )

    def test_targets_by_hand(self) -> None:
        given = torch.tensor([[2.0]]), torch.tensor([[-1.0]]), torch.tensor([0.5]), torch.tensor([0.25])
        for kind, wanted in (("epsilon", -1.0), ("sample", 2.0), ("velocity", -0.5 - 0.5)):
            noised, target = L.diffusion_targets(*given, kind=kind)  # type: ignore[arg-type]
            assert (noised.item(), target.item()) == (0.75, wanted)

    def test_weights_by_hand(self) -> None:
        """A ratio of 16, an error of 1."""
        alpha, sigma = torch.tensor([0.8]), torch.tensor([0.2])
        wanted = {
            "snr": (1.0, 16.0, 0.8**2 / 0.68**2),
            "min_snr": (5 / 16, 5.0, 5 * 0.04 / 0.68**2),
            "edm": (20 / 16, 20.0, 20 * 0.04 / 0.68**2),
            "p2": (1 / 17, 16 / 17, 16 / 17 * 0.04 / 0.68**2),
        }
        for weighting, row in wanted.items():
            for kind, weight in zip(KINDS, row, strict=True):
                loss = L.diffusion_loss(
                    torch.ones(1, 2),
                    torch.zeros(1, 2),
                    alpha,
                    sigma,
                    kind=kind,
                    weighting=weighting,  # type: ignore[arg-type]
                )
                assert loss.item() == pytest.approx(weight, rel=1e-6)

    def test_min_snr_of_the_velocity_is_0_where_nothing_is_left_of_the_sample(self) -> None:
        ends = torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0])
        loss = L.diffusion_loss(
            torch.ones(2, 1), torch.zeros(2, 1), *ends, kind="velocity", weighting="min_snr", reduction="none"
        )
        assert loss.tolist() == [[0.0], [0.0]]

    def test_a_level_that_says_nothing_is_told_and_may_be_masked(self) -> None:
        off, target = torch.ones(2, 3), torch.zeros(2, 3)
        alpha, sigma = torch.tensor([0.5, 0.0]), torch.tensor([0.5, 1.0])
        with pytest.raises(slopes.ValuesError, match=r"`alpha` holds 0, expected values in \[1e-09"):
            L.diffusion_loss(off, target, alpha, sigma, weighting="snr")
        keep = torch.tensor([[True] * 3, [False] * 3])
        assert L.diffusion_loss(off, target, alpha, sigma, weighting="snr", mask=keep).item() == 1.0
        with pytest.raises(slopes.ValuesError, match=r"`sigma` holds 0"):
            L.diffusion_loss(off, target, sigma, alpha, kind="sample", weighting="snr")
        with pytest.raises(slopes.ValuesError, match=r"`alpha \+ sigma` holds 0"):
            L.diffusion_loss(off, target, 0 * alpha, 0 * alpha, kind="velocity", weighting="edm")
        assert L.diffusion_loss(off, target, 0 * alpha, sigma).item() == 1.0

    def test_a_level_meets_its_sample_and_no_other_dimension(self) -> None:
        images = torch.ones(2, 2, 2)
        alpha, sigma = torch.tensor([0.5, 1.0]), torch.tensor([0.5, 0.25])
        loss = L.diffusion_loss(images, 0 * images, alpha, sigma, kind="sample", weighting="snr", reduction="none")
        assert loss[0].unique().tolist() == [1.0]
        assert loss[1].unique().tolist() == [16.0]
        one = torch.tensor(0.5)
        assert L.diffusion_loss(images, 0 * images, one, one, weighting="edm").item() == 5.0
        with pytest.raises(slopes.ShapeError, match="the first dimensions of the samples"):
            L.diffusion_loss(images, 0 * images, torch.ones(3), torch.ones(3))
        with pytest.raises(slopes.ShapeError, match=r"`alpha` .* and `sigma`"):
            L.diffusion_targets(images, images, alpha, one)

    def test_no_gradient_goes_to_the_schedule(self) -> None:
        alpha = torch.tensor([0.5], requires_grad=True)
        p = torch.ones(1, 2, requires_grad=True)
        L.diffusion_loss(p, torch.zeros(1, 2), alpha, alpha, weighting="edm").backward()
        assert alpha.grad is None
        assert p.grad is not None


class TestFlow:
    def test_it_is_the_speed_of_the_line(self) -> None:
        x, noise, t = drawn(4, 3), drawn(4, 3, seed=1), torch.rand(4, dtype=torch.float64)

        def line(t: Tensor) -> Tensor:
            return (1 - t).unsqueeze(-1) * x + t.unsqueeze(-1) * noise

        step = 2.0**-10
        speed = (line(t + step) - line(t)) / step
        assert L.flow_matching(speed, x, noise, t).item() < 1e-20
        assert L.flow_matching(-speed, x, noise, t).item() > 1

    def test_a_nearly_right_velocity_keeps_its_error(self) -> None:
        """Of 2^25 and 1 float32 holds no difference; the error is 1 all the same."""
        x, noise, t = torch.tensor([[1.0]]), torch.tensor([[2.0**25]]), torch.tensor([0.5])
        assert L.flow_matching(torch.tensor([[2.0**25]]), x, noise, t).item() == 1.0

    def test_weights_by_hand(self) -> None:
        given = torch.tensor([[3.0]]), torch.tensor([[1.0]]), torch.tensor([[2.0]]), torch.tensor([0.25])
        for weighting, weight in (("none", 1.0), ("sigma_sqrt", 16.0), ("cosmap", 2 / math.pi / 0.625)):
            loss = L.flow_matching(*given, weighting=weighting).item()  # type: ignore[arg-type]
            assert loss == pytest.approx(4 * weight, rel=1e-6)

    def test_a_time_outside_is_told(self) -> None:
        rows = torch.zeros(1, 2)
        with pytest.raises(slopes.ValuesError, match=r"`t` holds 999, expected values in \[0, 1\]"):
            L.flow_matching(rows, rows, rows, torch.tensor([999.0]))
        with pytest.raises(slopes.ValuesError, match=r"`t` holds 0, expected values in \[1e-09, 1\]"):
            L.flow_matching(rows, rows, rows, torch.tensor([0.0]), weighting="sigma_sqrt")
        assert L.flow_matching(rows, rows, rows, torch.tensor([0.0])).item() == 0.0

    @each(
        ("kind", "share"),
        [
            ("uniform", 0.5),
            ("logit_normal", math.erf(math.log(3) / math.sqrt(2))),  # |n| < log 3
            ("mode", mode_before(0.25) - mode_before(0.75)),
        ],
    )
    def test_times_have_their_density(self, kind: str, share: float) -> None:
        t = L.flow_times(torch.zeros(100_000, 1), kind=kind, generator=torch.Generator().manual_seed(1))  # type: ignore[arg-type]
        assert 0 <= t.min() < 0.5 < t.max() <= 1
        assert ((t > 0.25) & (t < 0.75)).float().mean().item() == pytest.approx(share, abs=0.006)
        assert t.mean().item() == pytest.approx(0.5, abs=0.005)

    def test_times_follow_generator_dtype_and_options(self) -> None:
        def draw(**more: object) -> Tensor:
            return L.flow_times(torch.zeros(9, 2), generator=torch.Generator().manual_seed(3), **more)  # type: ignore[arg-type]

        assert torch.equal(draw(), draw())
        assert L.flow_times(torch.zeros(5, dtype=torch.bfloat16)).dtype == torch.float32
        assert L.flow_times(torch.zeros(5, dtype=torch.float64)).dtype == torch.float64
        bare = torch.logit(draw(kind="logit_normal"))
        torch.testing.assert_close(torch.logit(draw(kind="logit_normal", mean=1.0, std=0.5)), 1 + bare / 2)
        torch.testing.assert_close(draw(kind="mode", scale=0.0), 1 - draw())
        with pytest.raises(slopes.OptionError, match=r"torch\.Generator"):
            L.flow_times(torch.zeros(2), generator=0)  # type: ignore[arg-type]
        with pytest.raises(slopes.OptionError, match=r"`scale` is 1\.8"):
            L.flow_times(torch.zeros(2), kind="mode", scale=1.8)


class TestTwoPlayers:
    def test_values_by_hand(self) -> None:
        real, fake = torch.tensor([2.0, 0.25]), torch.tensor([-3.0, 0.5])
        for kind, wanted in (("hinge", [0.0, 2.25]), ("least_squares", [10.0, 0.8125]), ("wasserstein", [-5.0, 0.25])):
            assert L.adversarial(real, fake, kind=kind, reduction="none").tolist() == wanted  # type: ignore[arg-type]
        for kind, wanted in (("hinge", [3.0, -0.5]), ("least_squares", [16.0, 0.25]), ("wasserstein", [3.0, -0.5])):
            found = L.adversarial(None, fake, role="generator", kind=kind, reduction="none")  # type: ignore[arg-type]
            assert found.tolist() == wanted

    def test_tails_that_a_logarithm_of_a_sigmoid_loses(self) -> None:
        fake = torch.tensor([-200.0, 200.0], requires_grad=True)
        loss = L.adversarial(None, fake, role="generator", reduction="none")
        assert loss.tolist() == [200.0, 0.0]
        assert torch.autograd.grad(loss.sum(), fake)[0].tolist() == [-1.0, 0.0]
        loss = L.adversarial(None, fake, role="generator", kind="saturating", reduction="none")
        assert loss.tolist() == [0.0, -200.0]
        assert torch.autograd.grad(loss.sum(), fake)[0].tolist() == [0.0, -1.0]

    def test_the_generator_does_not_see_the_real_ones(self) -> None:
        real, fake = (torch.ones(2, requires_grad=True) for _ in range(2))
        with_them = L.adversarial(real, fake, role="generator")
        assert with_them.item() == L.adversarial(None, fake, role="generator").item()
        with_them.backward()
        assert real.grad is None
        with pytest.raises(slopes.ShapeError, match="`real`"):
            L.adversarial(real[:1], fake, role="generator")

    def test_the_discriminator_needs_both(self) -> None:
        with pytest.raises(slopes.DtypeError, match="`real` is None"):
            L.adversarial(None, torch.ones(2))
        with pytest.raises(slopes.OptionError, match="'generator'"):
            L.adversarial(None, torch.ones(2), role="critic")  # type: ignore[arg-type]

    def test_no_gradient_at_the_kinks_of_the_hinge(self) -> None:
        real, fake = torch.tensor([1.0], requires_grad=True), torch.tensor([-1.0], requires_grad=True)
        L.adversarial(real, fake, kind="hinge").backward()
        assert (real.grad, fake.grad) == (torch.zeros(1), torch.zeros(1))


class TestPenalties:
    def test_the_penalty_reaches_the_critic(self) -> None:
        """D(x) = a x² / 2 has the slope a x; the derivative of (|a x| - 1)² by a is 2 (|a x| - 1) |x|."""
        a = torch.tensor(3.0, requires_grad=True)
        x = torch.tensor([[1.0, 0.0], [0.0, -2.0]], requires_grad=True)
        (g,) = torch.autograd.grad((a * x.square() / 2).sum(), x, create_graph=True)
        L.gradient_penalty(g, reduction="sum").backward()
        assert a.grad is not None
        assert a.grad.item() == 2 * 2 * 1 + 2 * 5 * 2
        a.grad = None
        (g,) = torch.autograd.grad((a * x.square() / 2).sum(), x, create_graph=True)
        L.r1(g, reduction="sum").backward()  # ½ (3² + 6²)
        assert a.grad.item() == 3 * (1 + 4)

    def test_all_dimensions_of_a_sample_are_one_vector(self) -> None:
        g = torch.zeros(2, 2, 1, 2)
        g[0] = 0.5
        assert L.gradient_penalty(g, norm=3.0, reduction="none").tolist() == [4.0, 9.0]
        assert L.r1(g, reduction="none").tolist() == [0.5, 0.0]
        with pytest.raises(slopes.ShapeError, match=r"\[N, ...\]"):
            L.r1(torch.zeros(3))

    def test_a_critic_without_a_slope_has_a_finite_one(self) -> None:
        g = torch.zeros(1, 3, requires_grad=True)
        loss = L.gradient_penalty(g)
        loss.backward()
        assert loss.item() == 1.0
        assert g.grad is not None
        assert g.grad.tolist() == [[0.0, 0.0, 0.0]]

    def test_lengths_neither_overflow_nor_vanish(self) -> None:
        g = torch.tensor([[3e-30, 4e-30]], requires_grad=True)
        (slope,) = torch.autograd.grad(L.gradient_penalty(g), g)
        torch.testing.assert_close(slope, torch.tensor([[-1.2, -1.6]]))

    def test_one_side_lets_short_ones_be(self) -> None:
        g = torch.tensor([[0.5], [2.0]], requires_grad=True)
        loss = L.gradient_penalty(g, one_sided=True, reduction="none")
        assert loss.tolist() == [0.0, 1.0]
        assert torch.autograd.grad(loss.sum(), g)[0].tolist() == [[0.0], [2.0]]


class TestCodes:
    def test_each_side_is_pulled_as_if_the_other_stood_still(self) -> None:
        z, book = drawn(5, 3).requires_grad_(), drawn(4, 3, seed=1).requires_grad_()
        codes = torch.tensor([0, 3, 3, 1, 0])
        loss = L.vector_quantization(z, book, codes, commitment=0.5)
        e = book[codes]
        wanted = F.mse_loss(e, z.detach()) + 0.5 * F.mse_loss(z, e.detach())
        torch.testing.assert_close(loss, wanted)
        for found, right in zip(
            torch.autograd.grad(loss, (z, book)), torch.autograd.grad(wanted, (z, book)), strict=True
        ):
            torch.testing.assert_close(found, right)

    def test_codes_nearby_and_far_from_the_origin(self) -> None:
        """|z|² - 2ze + |e|² is the same for all of these in float32."""
        book = torch.tensor([[4096.0, 0.0], [4096.0, 0.25], [4096.0, 0.5]])
        z = torch.tensor([[4096.0, 0.3], [4096.0, 0.05], [4096.0, 0.4], [4096.0, 0.375]]).repeat(10, 1)
        codes, quantized = L.nearest_codes(z, book)
        assert codes.tolist() == [1, 0, 2, 1] * 10  # the last is as far from both
        assert torch.equal(quantized, book[codes])

    def test_the_gradient_goes_straight_through_and_the_value_is_the_code(self) -> None:
        z = torch.tensor([[1e8, 0.1]], requires_grad=True)
        book = torch.tensor([[0.1, 0.2]], requires_grad=True)
        codes, quantized = L.nearest_codes(z, book)
        assert torch.equal(quantized, book)  # z + (e - z) would be 0 in its first entry
        upstream = torch.tensor([[3.0, -5.0]])
        assert torch.equal(torch.autograd.grad(quantized, z, upstream, retain_graph=True)[0], upstream)
        assert torch.autograd.grad(quantized, book, upstream, allow_unused=True) == (None,)
        assert codes.dtype == torch.int64

    def test_chunks_and_shapes_make_no_difference(self, monkeypatch: pytest.MonkeyPatch) -> None:
        z, book = drawn(4, 5, 3), drawn(7, 3, seed=1)
        whole = L.nearest_codes(z, book)
        by_hand = (z.unsqueeze(-2) - book).square().sum(-1).argmin(-1)
        assert torch.equal(whole.codes, by_hand)
        monkeypatch.setattr("slopes.losses.generation.codes._DISTANCES", 15)
        assert torch.equal(L.nearest_codes(z, book).codes, by_hand)
        empty = L.nearest_codes(z[:0], book)
        assert (empty.codes.shape, empty.quantized.shape) == ((0, 5), (0, 5, 3))

    def test_narrow_latents_meet_a_wide_codebook(self) -> None:
        codes, quantized = L.nearest_codes(torch.tensor([[0.9]], dtype=torch.bfloat16), torch.tensor([[0.0], [1.0]]))
        assert (codes.tolist(), quantized.dtype) == ([1], torch.bfloat16)

    def test_wrong_codebooks_and_codes_are_told(self) -> None:
        z, book = torch.zeros(2, 3), torch.zeros(4, 3)
        with pytest.raises(slopes.ShapeError, match="`codebook` has shape"):
            L.nearest_codes(z, book[:, :2])
        with pytest.raises(slopes.ShapeError, match="C of at least 1"):
            L.nearest_codes(z, book[:0])
        with pytest.raises(slopes.ValuesError, match="`codes` holds 4"):
            L.vector_quantization(z, book, torch.tensor([0, 4]))
        with pytest.raises(slopes.DtypeError, match="`codes` has dtype"):
            L.vector_quantization(z, book, torch.zeros(2))

    def test_the_bound_is_its_two_halves(self) -> None:
        mean, log_variance, nll = drawn(4, 3), drawn(4, 3, seed=1), drawn(4, seed=2)
        found = L.evidence_lower_bound(mean, log_variance, nll, beta=3.0, reduction="none")
        torch.testing.assert_close(found, nll + 3 * L.gaussian_kl(mean, log_variance, reduction="none"))
        q = torch.distributions.Normal(mean, (log_variance / 2).exp())
        whole = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum(-1)
        torch.testing.assert_close(L.evidence_lower_bound(mean, log_variance, nll, reduction="none"), nll + whole)

    def test_it_bounds_the_surprise_of_a_model_whose_posterior_is_known(self) -> None:
        """Z ~ N(0, 1), x | z ~ N(z, 1): x ~ N(0, 2), and the posterior N(x/2, 1/2) makes the bound tight."""
        x = 1.5
        surprise = 0.5 * math.log(2 * math.pi * 2) + x * x / 4

        def bound(mean: float, variance: float) -> float:
            nll = 0.5 * math.log(2 * math.pi) + 0.5 * ((x - mean) ** 2 + variance)  # its mean under q
            given = [[mean]], [[math.log(variance)]], [nll]
            return L.evidence_lower_bound(*(torch.tensor(v, dtype=torch.float64) for v in given)).item()

        assert bound(0.75, 0.5) == pytest.approx(surprise, rel=1e-12)
        assert bound(0.9, 0.5) > surprise
        assert bound(0.75, 0.3) > surprise
        with pytest.raises(slopes.ShapeError, match="`reconstruction` has shape"):
            L.evidence_lower_bound(torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(2, 3))
