"""Every generator and method learns four pictures by heart.

With COLORSWEEP_TEST_DATA they are photos, else drawn ones. The bound is a quarter of what
predicting grey costs on the same pictures.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from colornet.color import AB_RANGE
from colornet.config.config import parse_config
from colornet.config.paths import TAGS
from colornet.config.sections.losses import AdversarialOptions
from colornet.data.packed import open_pack
from colornet.pictures import Pictures
from colornet.training.loop import train

BOUND = 0.25
SIZE, STEPS = 32, 400
SMALL: dict[str, dict[str, Any]] = {
    "unet": {"width": 16, "depth": 3},
    "pix2pix_unet": {"width": 16, "depth": 5, "activation": "leaky_relu"},
    "deconv_unet": {"widths": [16, 32, 64, 64]},
    "pooled_unet": {"width": 12, "depth": 3},
    "upsampling_unet": {"width": 16, "depth": 3},
    "encoder_decoder": {"width": 32, "depth": 2},
    "valid_unet": {"width": 8, "norm": "none", "init": "glorot"},
}
"""Options of generators; those that are not here learn with their defaults."""
GENERATORS = {name: {"kind": name, **SMALL.get(name, {})} for name in TAGS["generator"][1]}
METHODS: dict[str, dict[str, Any]] = {
    name: {
        "loss": {"method": name},
        "discriminator": {"kind": "patch"} if issubclass(options, AdversarialOptions) else None,
    }
    for name, options in TAGS["loss"][1].items()
    if name != "cyclegan"  # which has a test of its own
}
HEADS: dict[str, dict[str, Any]] = {
    "sigmoid": {"head": "sigmoid"},
    "linear": {"head": "linear", "init": "glorot"},
    "tanh_128": {"head": "tanh_128"},
    "lab": {"predicts": "lab", "head": "tanh_110"},
    "rgb": {"predicts": "rgb", "head": "sigmoid", "input": "luma"},
}


def pictures() -> dict[str, Any]:
    """Data of which four pictures are learned."""
    data = {"image_size": SIZE, "train_pictures": 4, "horizontal_flip": False}
    if folder := os.environ.get("COLORSWEEP_TEST_DATA"):
        root = Path(folder) / "scenes150"
        return {"source": "folder", "root": str(root), "classes": ["forest", "sea"], **data}
    return {"source": "scenes", "pictures": 40, **data}


def learned(**sections: Any) -> float:
    """ab MAE on the four pictures / that of predicting grey."""
    torch.set_num_threads(1)
    config = parse_config(
        {
            "data": pictures(),
            "optimizer": {"generator_lr": 2e-3},
            "training": {"images": 4 * STEPS, "ticks": 1, "batch_size": 4},
            **sections,
        },
        "overfitting",
    )
    rows: list[dict[str, Any]] = []
    train(config, lambda metrics, _path: rows.append(metrics))
    error = rows[-1]["val_ab_mae"] - rows[-1]["diag_train_val_gap"]
    pack = open_pack(config.data)
    truth = Pictures(torch.from_numpy(np.array(pack.pictures[pack.indices("train")])))
    assert len(truth) == 4
    ratio = error / float(truth.ab.abs().mean() * AB_RANGE)
    print(f"{config.loss.method} {config.generator.kind} {config.generator.head}: {ratio:.3f}")
    return ratio


def test_options_are_those_of_generators() -> None:
    assert set(SMALL) <= set(TAGS["generator"][1])


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", GENERATORS)
def test_every_generator_learns_four_pictures_by_heart(kind: str, method: str) -> None:
    assert learned(generator=GENERATORS[kind], **METHODS[method]) < BOUND


@pytest.mark.slow
@pytest.mark.parametrize("head", HEADS)
def test_every_head_learns_four_pictures_by_heart(head: str) -> None:
    generator = {**GENERATORS["unet"], **HEADS[head]}
    # Lab units as they come are large numbers: a long way for weights that begin near 0.
    rate = 1e-2 if head == "linear" else 2e-3
    optimizer = {"generator_lr": rate}
    assert learned(generator=generator, optimizer=optimizer, **METHODS["regression"]) < BOUND


@pytest.mark.slow
def test_cyclegan_with_identity_learns_four_pictures_by_heart() -> None:
    """The identity term pairs them; the rest of the game asks for some colors, not for these."""
    loss = {"method": "cyclegan", "adversarial": "lsgan", "identity_weight": 50.0}
    judge = {"kind": "patch", "conditional": False, "input": "lab"}
    assert learned(generator=GENERATORS["unet"], loss=loss, discriminator=judge) < BOUND
