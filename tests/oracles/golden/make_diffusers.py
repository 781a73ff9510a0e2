"""Write diffusers.json: what the schedulers and training utilities of diffusers answer, in float64.

Install `diffusers==0.42.1` beside torch, then run

    python tests/oracles/golden/make_diffusers.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import diffusers
import torch
from diffusers import DDPMScheduler
from diffusers.training_utils import compute_density_for_timestep_sampling, compute_loss_weighting_for_sd3, compute_snr
from record import torch_case, write
from torch import Tensor

CASES: Final[list[dict[str, Any]]] = []
STEPS: Final = torch.tensor([0, 250, 600, 999])
SCHEDULER: Final = DDPMScheduler()
SCHEDULER.alphas_cumprod = SCHEDULER.alphas_cumprod.double()


def normal(seed: int) -> Tensor:
    return torch.randn(4, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def levels() -> dict[str, Tensor]:
    kept = SCHEDULER.alphas_cumprod[STEPS]
    return {"alpha": kept.sqrt(), "sigma": (1 - kept).sqrt()}


def targets() -> None:
    given = {"sample": normal(0), "noise": normal(1)}
    by = ("sample", "noise")
    for name, method in (("noised", SCHEDULER.add_noise), ("velocity", SCHEDULER.get_velocity)):
        call = f"DDPMScheduler().{method.__name__}(sample, noise, steps)"

        def compute(sample: Tensor, noise: Tensor, method: Callable[..., Tensor] = method) -> Tensor:
            return method(sample, noise, STEPS)

        case = torch_case("targets", name, call, compute, given, by=by)
        CASES.append(case | {"inputs": given | levels()})


def min_snr() -> None:
    """As in train_text_to_image.py with --snr_gamma: of each sample the mean; its ratios are float32."""
    given = {"predictions": normal(2), "targets": normal(3)}
    for kind in ("epsilon", "velocity"):

        def compute(predictions: Tensor, targets: Tensor, kind: str = kind) -> Tensor:
            snr = compute_snr(SCHEDULER, STEPS)
            capped = torch.stack([snr, 5.0 * torch.ones_like(snr)], 1).min(1)[0]
            weights = capped / (snr if kind == "epsilon" else snr + 1)
            return (torch.nn.functional.mse_loss(predictions, targets, reduction="none").mean(1) * weights).mean()

        call = "train_text_to_image.py --snr_gamma 5"
        case = torch_case(
            "min_snr", kind, call, compute, given, by=("predictions",), options={"kind": kind}, precision="float32"
        )
        CASES.append(case | {"inputs": given | levels()})


def flows() -> None:
    given = {"velocities": normal(4), "sample": normal(5), "noise": normal(6)}
    t = torch.tensor([0.03125, 0.25, 0.5, 1.0], dtype=torch.float64)  # whose squares float32 holds: one weight is cast
    for scheme in ("none", "sigma_sqrt", "cosmap"):

        def compute(velocities: Tensor, sample: Tensor, noise: Tensor, scheme: str = scheme) -> Tensor:
            weights = compute_loss_weighting_for_sd3(scheme, t).double().unsqueeze(-1)
            return weights * (velocities - (noise - sample)) ** 2

        call = f"compute_loss_weighting_for_sd3({scheme!r}, t) * (velocities - (noise - sample)) ** 2"
        options = {"weighting": scheme}
        case = torch_case("flow", scheme, call, compute, given, by=("velocities",), options=options)
        CASES.append(case | {"inputs": given | {"t": t}})


def times() -> None:
    for scheme in ("uniform", "logit_normal", "mode"):
        dice = torch.Generator().manual_seed(7)
        value = compute_density_for_timestep_sampling(scheme, 16, 0.5, 0.75, 1.29, generator=dice)
        call = f"compute_density_for_timestep_sampling({scheme!r}, 16, 0.5, 0.75, 1.29, generator=dice)"
        entry = {"function": "times", "name": scheme, "call": call, "precision": "float32", "options": {"kind": scheme}}
        CASES.append(entry | {"inputs": {}, "value": value, "gradients": {}})


if __name__ == "__main__":
    targets()
    min_snr()
    flows()
    times()
    write("diffusers", {"diffusers": diffusers.__version__, "torch": torch.__version__}, CASES)
