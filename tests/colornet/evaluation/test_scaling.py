"""Pictures of another size than the network's: what it sees, and what becomes of its colors."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from colornet.color import AB_RANGE
from colornet.config.config import Config
from colornet.config.sections.generators import UNet
from colornet.evaluation.scaling import colorize_at, scale_pixels
from colornet.model.model import Model
from colornet.networks.build import build_generator
from colornet.networks.heads import Colorizer
from colornet.pictures import Pictures

CPU = torch.device("cpu")
SIZES = [(64, 32), (48, 20), (32, 48), (17, 16), (256, 32)]


class Painter(nn.Module):
    """Gives these colors, and remembers what it was shown."""

    def __init__(self, raw: Tensor) -> None:
        super().__init__()
        self.raw = raw
        self.seen: list[Tensor] = []

    def forward(self, grey: Tensor) -> Tensor:
        self.seen.append(grey)
        return self.raw.expand(len(grey), -1, -1, -1)


def smooth(count: int, size: int) -> np.ndarray:
    """Pictures (count, size, size, 3) uint8 with edges and slopes."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (count, 6, 6, 3), dtype=np.uint8)
    pictures = [Image.fromarray(one).resize((size, size), Image.Resampling.BOX) for one in coarse]
    fine = rng.integers(-9, 10, (count, size, size, 3))
    return (
        (np.stack([np.array(one) for one in pictures]).astype(int) + fine)
        .clip(0, 255)
        .astype(np.uint8)
    )


@pytest.mark.parametrize(("full", "size"), SIZES)
def test_pixels_are_scaled_as_pillow_scales_them(full: int, size: int) -> None:
    pictures = smooth(3, full)
    scaled = scale_pixels(torch.from_numpy(pictures), size).numpy().astype(int)
    expected = np.stack(
        [
            np.array(Image.fromarray(one).resize((size, size), Image.Resampling.LANCZOS))
            for one in pictures
        ]
    )
    assert scaled.shape == expected.shape
    assert np.abs(scaled - expected).max() <= 1


def test_one_color_stays_that_color() -> None:
    pixels = torch.tensor([0, 255, 37], dtype=torch.uint8).expand(1, 40, 40, 3)
    assert torch.equal(scale_pixels(pixels, 16), pixels[:, :16, :16])


def test_by_hand() -> None:
    """Two halves: the network sees the picture at half the size, its colors are doubled."""
    pixels = torch.zeros(1, 8, 8, 3, dtype=torch.uint8)
    pixels[:, :, 4:] = 255
    raw = torch.zeros(1, 2, 4, 4)
    raw[:, 0, :2], raw[:, 0, 2:] = 11.0, -22.0
    painter = Painter(raw)
    generator = Colorizer(painter, UNet(head="linear"))
    prediction = colorize_at(generator, Pictures(pixels), 4)
    (seen,) = painter.seen
    assert seen.shape == (1, 1, 4, 4)
    assert torch.allclose(seen[..., 0], torch.tensor(-1.0), atol=0.1)
    assert torch.allclose(seen[..., 3], torch.tensor(1.0), atol=0.1)
    # Bicubic with a = -0.5: at distances 1/4 and 3/4 from the middles of the coarse rows.
    weights = {0.25: 0.8671875, 0.75: 0.2265625, 1.25: -0.0703125, 1.75: -0.0234375}
    assert sum(weights.values()) == pytest.approx(1)
    a = prediction.ab[0, 0, :, 0] * AB_RANGE
    fourth = 11 * (weights[0.25] + weights[1.25]) - 22 * (weights[0.75] + weights[1.75])
    assert a[3].item() == pytest.approx(fourth, abs=1e-3)
    assert a[0].item() == pytest.approx(11, abs=1e-3)
    assert a[7].item() == pytest.approx(-22, abs=1e-3)
    assert not prediction.ab[0, 1].any()
    assert torch.equal(prediction.lightness, Pictures(pixels).lightness)


@pytest.mark.parametrize(("full", "size"), SIZES)
def test_colors_are_scaled_as_pillow_scales_them(full: int, size: int) -> None:
    raw = torch.randn(1, 2, size, size) * 30
    generator = Colorizer(Painter(raw), UNet(head="linear"))
    ab = colorize_at(generator, Pictures(torch.from_numpy(smooth(1, full))), size).ab
    for plane, found in zip(raw[0].numpy(), ab[0] * AB_RANGE, strict=True):
        expected = Image.fromarray(plane).resize((full, full), Image.Resampling.BICUBIC)
        np.testing.assert_allclose(found.numpy(), np.array(expected), atol=1e-3)


@pytest.mark.parametrize("predicts", ["ab", "lab", "rgb"])
def test_equal_sizes_change_nothing(predicts: str, tiny: Callable[..., Config]) -> None:
    head = "sigmoid" if predicts == "rgb" else "tanh_110"
    options = tiny(generator={"predicts": predicts, "head": head}).generator
    generator = build_generator(options, 0, CPU).eval()
    pictures = Pictures(torch.from_numpy(smooth(3, 16)))
    plain, scaled = generator.colorize(pictures), colorize_at(generator, pictures, 16)
    assert torch.equal(plain.ab, scaled.ab)
    assert (
        (plain.predicted_lightness is None)
        is (scaled.predicted_lightness is None)
        is (predicts == "ab")
    )


@pytest.mark.parametrize("predicts", ["ab", "lab", "rgb"])
def test_it_is_what_a_model_in_use_does(predicts: str, tiny: Callable[..., Config]) -> None:
    head = "sigmoid" if predicts == "rgb" else "tanh_110"
    config = tiny(generator={"predicts": predicts, "head": head, "norm": "none"})
    generator = build_generator(config.generator, 0, CPU).eval()
    picture = smooth(1, 40)
    with torch.inference_mode():
        ab = colorize_at(generator, Pictures(torch.from_numpy(picture)), 16).ab[0]
    planes = Model(generator, config, CPU)._predict(Image.fromarray(picture[0]))
    for plane, found in zip(planes, ab, strict=True):
        expected = np.array(plane.resize((40, 40), Image.Resampling.BICUBIC))
        np.testing.assert_allclose(found.numpy(), expected, atol=0.5 / AB_RANGE)


def test_the_lightness_of_its_own_is_left_out_at_another_size() -> None:
    raw = torch.zeros(1, 3, 8, 8)
    generator = Colorizer(Painter(raw), UNet(predicts="lab", head="linear"))
    prediction = colorize_at(generator, Pictures(torch.from_numpy(smooth(2, 16))), 8)
    assert prediction.predicted_lightness is None
    assert prediction.ab.shape == (2, 2, 16, 16)
