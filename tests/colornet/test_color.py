"""Colors against scikit-image and kornia, and the promise that lightness is left alone."""

import numpy as np
import pytest
import torch
from kornia.color import rgb_to_lab
from skimage.color import rgb2lab

from colornet.color import AB_RANGE, fit_gamut, join_lab, split_lab, to_rgb8


@pytest.fixture
def noise() -> torch.Tensor:
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.integers(0, 256, (5, 24, 16, 3), dtype=np.uint8))


def to_lab(rgb: torch.Tensor) -> torch.Tensor:
    return join_lab(*split_lab(rgb))


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((255, 0, 0), (53.2406, 80.0923, 67.2028)),
        ((0, 255, 0), (87.7351, -86.1830, 83.1797)),
        ((0, 0, 255), (32.2957, 79.1856, -107.8573)),
        ((255, 255, 255), (100.0, -0.0025, 0.0047)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
    ],
)
def test_golden_colors(rgb: tuple[int, ...], lab: tuple[float, ...]) -> None:
    found = to_lab(torch.tensor(rgb, dtype=torch.uint8).view(1, 1, 1, 3))
    assert found.flatten().tolist() == pytest.approx(lab, abs=1e-3)


def test_lab_is_that_of_scikit_image_and_kornia(noise: torch.Tensor) -> None:
    found = to_lab(noise)
    oracle = np.moveaxis(rgb2lab(noise.numpy()), -1, 1)
    assert np.abs(found.numpy() - oracle).max() < 1e-3
    planes = noise.permute(0, 3, 1, 2).float() / 255
    torch.testing.assert_close(found, rgb_to_lab(planes), atol=1e-3, rtol=0)


def test_shapes_types_and_ranges() -> None:
    levels = torch.arange(0, 256, 15, dtype=torch.uint8)
    cube = torch.cartesian_prod(levels, levels, levels).view(1, -1, 18, 3)
    lightness, ab = split_lab(cube)
    assert lightness.shape == (1, 1, 324, 18)
    assert ab.shape == (1, 2, 324, 18)
    assert lightness.dtype == ab.dtype == torch.float32
    assert -1 - 1e-5 <= lightness.min() < lightness.max() <= 1 + 1e-5
    assert ab.abs().max() <= 1


def test_every_8_bit_color_comes_back(noise: torch.Tensor) -> None:
    back = to_rgb8(*split_lab(noise))
    assert torch.equal(back, noise.permute(0, 3, 1, 2).float())


def test_lightness_and_ab_stay_together(noise: torch.Tensor) -> None:
    """The first color GANs shuffled the two apart: each picture keeps its own."""
    order = torch.tensor([3, 0, 4, 1, 2])
    lightness, ab = split_lab(noise)
    shuffled_lightness, shuffled_ab = split_lab(noise[order])
    assert torch.equal(shuffled_lightness, lightness[order])
    assert torch.equal(shuffled_ab, ab[order])


def test_autocast_does_not_reach_colors(noise: torch.Tensor) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        lightness, ab = split_lab(noise)
        rgb = to_rgb8(lightness, ab)
    assert torch.equal(lightness, split_lab(noise)[0])
    assert torch.equal(rgb, noise.permute(0, 3, 1, 2).float())


def test_gamut_colors_are_left_alone(noise: torch.Tensor) -> None:
    lightness, ab = split_lab(noise)
    assert torch.equal(fit_gamut(lightness, ab), ab)


def test_colors_beyond_the_gamut_pale_at_equal_lightness_and_hue() -> None:
    stream = torch.Generator().manual_seed(0)
    lightness = torch.rand(2, 1, 32, 32, generator=stream) * 2 - 1
    ab = torch.rand(2, 2, 32, 32, generator=stream) * 2 - 1
    fitted = fit_gamut(lightness, ab)
    factor = fitted / ab
    torch.testing.assert_close(factor[:, 0], factor[:, 1], atol=1e-4, rtol=1e-4)
    assert factor.min() >= 0 and factor.max() <= 1
    assert (factor[:, 0] == 1).any() and (factor[:, 0] < 0.5).any()
    shown = to_rgb8(lightness, fitted).permute(0, 2, 3, 1).byte()
    change = (split_lab(shown)[0] - lightness).abs() * 50
    assert change.max() < 0.5
    clipped = to_rgb8(lightness, ab).permute(0, 2, 3, 1).byte()
    assert ((split_lab(clipped)[0] - lightness).abs() * 50).max() > 5


def test_fitted_colors_reach_the_edge_of_the_gamut() -> None:
    """Of pure blue times two, pure blue is what sRGB can show."""
    blue = torch.tensor((0, 0, 255), dtype=torch.uint8).view(1, 1, 1, 3)
    lightness, ab = split_lab(blue)
    torch.testing.assert_close(fit_gamut(lightness, 2 * ab), ab, atol=0.1 / AB_RANGE, rtol=0)
