"""What the trainer costs beside a bare loop of the same networks, pictures and evaluations.

    python -m pytest tests/benchmarks/test_trainer_overhead.py -m slow -s

Both train the demo's GAN on one thread, in alternate rounds; CPU seconds count, and the median of
the paired ratios is the figure. The trainer's side holds everything that `train` does: baselines,
loss sums, gradient norms, checkpoints, reports, the pictures for the records. Diagnosis has a limit
of its own, in test_diagnostics_cost.py; its seconds are printed and left out of the ratio.
"""

import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from colornet.color import split_lab
from colornet.config.config import Config, parse_config
from colornet.data.packed import open_pack
from colornet.evaluation.evaluation import evaluate
from colornet.networks.build import build_discriminator, build_generator
from colornet.training.loop import train

ROUNDS = 5
STEPS = 160
BATCH = 32
TICKS = 20
CPU = torch.device("cpu")


def demo_like() -> Config:
    return parse_config(
        {
            "data": {"source": "scenes", "pictures": 2560},
            "generator": {"kind": "unet", "width": 8},
            "discriminator": {"kind": "patch", "width": 16},
            "loss": {"method": "gan", "label_smoothing": 0.1},
            "schedule": {"kind": "constant", "warmup": 0.0},
            "training": {"images": STEPS * BATCH, "ticks": TICKS, "batch_size": BATCH},
        },
        "benchmark",
    )


def bare_loop(config: Config) -> None:
    """The same training as a script would have it."""
    pack = open_pack(config.data)
    pictures, indices = np.asarray(pack.pictures), pack.indices("train")
    rng = np.random.default_rng(0)
    assert config.discriminator is not None
    generator = build_generator(config.generator, 0, CPU)
    discriminator = build_discriminator(config.discriminator, 32, 0, CPU)
    generator_adam = torch.optim.Adam(generator.parameters(), 1e-3, (0.5, 0.999), fused=True)
    discriminator_adam = torch.optim.Adam(
        discriminator.parameters(), 2.5e-4, (0.5, 0.999), fused=True
    )
    bce = functional.binary_cross_entropy_with_logits
    for step in range(STEPS):
        rgb = pictures[rng.choice(indices, BATCH, replace=False)]
        lightness, ab = split_lab(torch.from_numpy(rgb))
        predicted = generator(lightness)
        real = discriminator(torch.cat((lightness, ab), 1))
        fake = discriminator(torch.cat((lightness, predicted.detach()), 1))
        loss = (bce(real, torch.full_like(real, 0.9)) + bce(fake, torch.zeros_like(fake))) / 2
        discriminator_adam.zero_grad()
        loss.backward()
        discriminator_adam.step()
        discriminator.requires_grad_(False)
        logits = discriminator(torch.cat((lightness, predicted), 1))
        l1 = functional.l1_loss(predicted, ab)
        generator_adam.zero_grad()
        (bce(logits, torch.ones_like(logits)) + 100 * l1).backward()
        generator_adam.step()
        discriminator.requires_grad_(True)
        if (step + 1) % (STEPS // TICKS) == 0:
            evaluate(generator, pack, "val", CPU).means()


def trained(config: Config, folder: Path) -> float:
    """Train with checkpoints. Returns the seconds that diagnosis took."""
    seconds: list[Any] = []
    train(config, lambda row, _: seconds.append(row["cost_diagnosis_seconds"]), folder=folder)
    return sum(seconds)


@pytest.mark.slow
def test_trainer_overhead(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    config = demo_like()
    bare_loop(config)
    ratios = []
    for number in range(ROUNDS):
        seconds, diagnosis = {}, 0.0
        for side in ("bare", "trainer") if number % 2 else ("trainer", "bare"):
            start = time.process_time()
            if side == "bare":
                bare_loop(config)
            else:
                diagnosis = trained(config, tmp_path / f"attempt-{number}")
            seconds[side] = time.process_time() - start
        ratios.append((seconds["trainer"] - diagnosis) / seconds["bare"])
        print(
            f"round {number + 1}: bare {seconds['bare']:.2f} s, "
            f"diagnosis {diagnosis:.2f} s, ratio without it {ratios[-1]:.3f}"
        )
    print(f"trainer / bare loop: {statistics.median(ratios):.3f}")
    assert statistics.median(ratios) <= 1.05
