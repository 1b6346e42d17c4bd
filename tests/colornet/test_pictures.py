"""Colors of a batch in every space, true and predicted."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2lab

from colornet.color import to_rgb8
from colornet.pictures import CHANNELS, Pictures, Prediction, Space, colors


@pytest.fixture
def pictures() -> Pictures:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    return Pictures(torch.from_numpy(pixels))


def test_the_truth_in_every_space(pictures: Pictures) -> None:
    lab = torch.from_numpy(rgb2lab(pictures.pixels.numpy())).permute(0, 3, 1, 2)
    assert torch.allclose((pictures.lab[:, :1] + 1) * 50, lab[:, :1].float(), atol=1e-2)
    assert torch.allclose(pictures.ab * 110, lab[:, 1:].float(), atol=1e-2)
    assert torch.equal(pictures.lab[:, 1:], pictures.ab)
    assert torch.equal((pictures.rgb * 255).round().byte().permute(0, 2, 3, 1), pictures.pixels)


def test_luma_is_what_pillow_calls_grey(pictures: Pictures) -> None:
    for picture, luma in zip(pictures.pixels.numpy(), pictures.luma, strict=True):
        grey = np.asarray(Image.fromarray(picture).convert("L"), dtype=np.float32)
        assert np.abs((luma[0].numpy() + 1) / 2 * 255 - grey).max() <= 1.0


@pytest.mark.parametrize("space", CHANNELS)
def test_a_perfect_prediction_is_the_truth_in_every_space(pictures: Pictures, space: Space) -> None:
    prediction = Prediction(space, colors(pictures, space), pictures.lightness)
    for other in CHANNELS:
        assert torch.allclose(colors(prediction, other), colors(pictures, other), atol=2e-3)


@pytest.mark.parametrize("space", ["lab", "rgb"])
def test_a_lightness_of_its_own_is_replaced_by_the_pictures(
    pictures: Pictures, space: Space
) -> None:
    values = colors(pictures, space) * 0.5
    prediction = Prediction(space, values, pictures.lightness)
    own = prediction.predicted_lightness
    assert own is not None
    assert (own - pictures.lightness).abs().mean() > 0.05
    shown = Pictures(to_rgb8(pictures.lightness, prediction.ab * 0.3).byte().permute(0, 2, 3, 1))
    off = (shown.lightness - pictures.lightness).abs() * 50
    assert off.median() < 0.5


def test_ab_alone_has_no_lightness_of_its_own(pictures: Pictures) -> None:
    assert Prediction("ab", pictures.ab, pictures.lightness).predicted_lightness is None


@pytest.mark.parametrize("space", CHANNELS)
@pytest.mark.parametrize("other", CHANNELS)
def test_gradients_reach_the_prediction_through_every_space(
    pictures: Pictures, space: Space, other: Space
) -> None:
    values = colors(pictures, space).clone().requires_grad_()
    colors(Prediction(space, values, pictures.lightness), other).square().sum().backward()
    assert values.grad is not None
    assert values.grad.isfinite().all()
    assert values.grad.abs().sum() > 0


@pytest.mark.parametrize("space", CHANNELS)
def test_wild_numbers_have_finite_colors_and_gradients(space: Space) -> None:
    wild = torch.tensor([-50.0, -1.0, 0.0, 1e-8, 1.0, 50.0])
    values = wild.view(1, 1, 1, 6).repeat(1, CHANNELS[space], 6, 1).requires_grad_()
    prediction = Prediction(
        space, values, torch.linspace(-1, 1, 6).view(1, 1, 6, 1).expand(1, 1, 6, 6)
    )
    for other in CHANNELS:
        color = colors(prediction, other)
        assert color.isfinite().all()
        (gradient,) = torch.autograd.grad(color.sum(), values, retain_graph=True)
        assert gradient.isfinite().all()


def test_detached_is_the_same_without_a_graph(pictures: Pictures) -> None:
    values = pictures.ab.clone().requires_grad_()
    detached = Prediction("ab", values, pictures.lightness).detached()
    assert torch.equal(detached.ab, values)
    assert not detached.ab.requires_grad
