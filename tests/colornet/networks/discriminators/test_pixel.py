"""The pixel discriminator sees single pixels."""

import torch

from colornet.config.sections.discriminators import Pixel
from colornet.networks.discriminators.pixel import build


def test_a_judgment_is_of_its_pixel_alone() -> None:
    network = build(Pixel(kind="pixel", width=4, norm="none"), 3, 8)
    picture = torch.rand(2, 3, 8, 8)
    changed = picture.clone()
    changed[:, :, 2, 5] = 1 - changed[:, :, 2, 5]
    before, after = network(picture), network(changed)
    assert before.shape == (2, 1, 8, 8)
    moved = (after != before).nonzero()[:, 2:].unique(dim=0)
    assert moved.tolist() == [[2, 5]]


def test_any_size_will_do() -> None:
    network = build(Pixel(kind="pixel", width=2), 1, 1)
    assert network(torch.rand(4, 1, 1, 1)).shape == (4, 1, 1, 1)
