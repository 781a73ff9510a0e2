"""Agreement with diffusers, whose answers stand in `golden/diffusers.json`, and with what torch says of two players."""

from __future__ import annotations

import torch
from tests.each import each
from tests.oracles.peers import Case, answer, assert_agrees, normal, of
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  torch's own name for it

from slopes import losses as L  # noqa: N812  the name that users give it


class TestDiffusers:
    """Its schedulers, its weights, its times."""

    @each("case", of("diffusers", "targets"))
    def test_noised_samples_and_velocities(self, case: Case) -> None:
        def ours(sample: Tensor, noise: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
            found = L.diffusion_targets(sample, noise, alpha, sigma, kind="velocity")
            return found.noised if case.name == "noised" else found.targets

        assert_agrees(case, answer(ours, case.inputs, ["sample", "noise"]), scale=4.0)

    @each("case", of("diffusers", "min_snr"))
    def test_min_snr_as_its_training_script_has_it(self, case: Case) -> None:
        """It averages each sample first, which is the same mean where all are as large; its ratios are float32."""

        def ours(predictions: Tensor, targets: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
            kind = case.options["kind"]
            return L.diffusion_loss(predictions, targets, alpha, sigma, kind=kind, weighting="min_snr")

        given = {name: value.double() for name, value in case.inputs.items()}
        found = answer(ours, given, ["predictions"])
        for came, theirs in (
            (found.value, case.value),
            (found.gradients["predictions"], case.gradients["predictions"]),
        ):
            torch.testing.assert_close(came.float(), theirs.float())

    @each("case", of("diffusers", "flow"))
    def test_flow_weights(self, case: Case) -> None:
        def ours(velocities: Tensor, sample: Tensor, noise: Tensor, t: Tensor) -> Tensor:
            weighting = case.options["weighting"]
            return L.flow_matching(velocities, sample, noise, t, weighting=weighting, reduction="none")

        assert_agrees(case, answer(ours, case.inputs, ["velocities"]), size=12)

    @each("case", of("diffusers", "times"))
    def test_times_of_the_same_generator(self, case: Case) -> None:
        dice = torch.Generator().manual_seed(7)
        like = torch.zeros(16, 1)
        found = L.flow_times(like, kind=case.options["kind"], mean=0.5, std=0.75, generator=dice)
        torch.testing.assert_close(found, case.value.float(), rtol=1e-6, atol=1e-7)


class TestTorch:
    def test_players_are_its_cross_entropies(self) -> None:
        real, fake = normal(9, seed=0, scale=5.0), normal(9, seed=1, scale=5.0)
        told = F.binary_cross_entropy_with_logits
        ones, zeros = torch.ones_like(real), torch.zeros_like(real)
        torch.testing.assert_close(L.adversarial(real, fake), told(real, ones) + told(fake, zeros))
        torch.testing.assert_close(L.adversarial(None, fake, role="generator"), told(fake, ones))
        torch.testing.assert_close(L.adversarial(None, fake, role="generator", kind="saturating"), -told(fake, zeros))

    def test_its_nearest_codes_by_products_are_wrong_far_from_the_origin(self) -> None:
        """From 26 rows on torch.cdist subtracts squares, which are alike here to all digits of float32."""
        codebook = 4096 + torch.arange(32.0).unsqueeze(-1).repeat(1, 2) / 64
        latents = codebook.flip(0) + 0.001
        wanted = torch.arange(31, -1, -1)
        assert torch.equal(L.nearest_codes(latents, codebook).codes, wanted)
        assert not torch.equal(torch.cdist(latents, codebook).argmin(-1), wanted)
