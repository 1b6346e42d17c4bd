"""Metrics against scikit-image and known values."""

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from colornet.color import split_lab
from colornet.config import METRICS
from colornet.metrics import (
    PER_PICTURE,
    Pair,
    ab_mae,
    colorfulness_of,
    colorfulness_ratio,
    psnr,
    rgb_mae,
    ssim,
    strong_ab_mae,
)


def pair_of(true: np.ndarray, predicted_ab: torch.Tensor | None = None, shift: float = 0.0) -> Pair:
    """True pictures (N, S, S, 3) uint8 with a prediction, by default theirs plus `shift`."""
    rgb = torch.from_numpy(true)
    lightness, ab = split_lab(rgb)
    predicted = ab + shift / 110 if predicted_ab is None else predicted_ab
    return Pair(lightness, predicted, ab, rgb.permute(0, 3, 1, 2).float())


def noise(count: int = 3, size: int = 24) -> np.ndarray:
    return np.random.default_rng(0).integers(60, 200, (count, size, size, 3), dtype=np.uint8)


def plain(color: tuple[int, int, int], size: int = 16) -> np.ndarray:
    return np.full((1, size, size, 3), color, dtype=np.uint8)


def test_names_are_those_of_the_config() -> None:
    assert {*PER_PICTURE, colorfulness_ratio.__name__} == set(METRICS)


@pytest.mark.parametrize("name", sorted(PER_PICTURE))
def test_one_finite_value_per_picture(name: str) -> None:
    rgb = noise()
    rgb[:, :4, :4] = (255, 0, 0)
    value = PER_PICTURE[name](pair_of(rgb, shift=5.0))
    assert value.shape == (3,)
    assert value.isfinite().all()


def test_ab_mae_is_in_lab_units() -> None:
    assert ab_mae(pair_of(noise(), shift=7.0)).tolist() == pytest.approx([7.0] * 3, rel=1e-4)


def test_rgb_metrics_see_the_picture_as_shown() -> None:
    pair = pair_of(noise(), shift=9.0)
    shown = pair.predicted_rgb.permute(0, 2, 3, 1).byte().numpy()
    expected = np.abs(shown.astype(int) - noise()).mean((1, 2, 3))
    assert rgb_mae(pair).tolist() == pytest.approx(expected.tolist(), rel=1e-5)
    oracle = [peak_signal_noise_ratio(t, p) for t, p in zip(noise(), shown, strict=True)]
    assert psnr(pair).tolist() == pytest.approx(oracle, rel=1e-5)


def test_equal_pictures_have_no_psnr_and_full_ssim() -> None:
    pair = pair_of(noise())
    assert psnr(pair).isnan().all()
    assert ssim(pair).tolist() == pytest.approx([1.0] * 3)
    assert ab_mae(pair).tolist() == [0.0] * 3


def test_ssim_is_that_of_scikit_image() -> None:
    pair = pair_of(noise(), shift=20.0)
    shown = pair.predicted_rgb.permute(0, 2, 3, 1).numpy() / 255
    oracle = [
        structural_similarity(
            true / 255,
            predicted.astype(np.float64),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1,
            channel_axis=-1,
        )
        for true, predicted in zip(noise(), shown, strict=True)
    ]
    assert ssim(pair).tolist() == pytest.approx(oracle, abs=1e-4)
    assert max(oracle) < 0.99


def test_ssim_needs_its_window() -> None:
    assert ssim(pair_of(noise(size=8))).isnan().all()


@pytest.mark.parametrize(
    ("left", "right", "value"),
    [
        ((255, 0, 0), (255, 0, 0), 85.5296),
        ((128, 128, 128), (128, 128, 128), 0.0),
        ((255, 0, 0), (0, 255, 0), 293.25),
    ],
)
def test_colorfulness_of_known_pictures(
    left: tuple[int, int, int], right: tuple[int, int, int], value: float
) -> None:
    picture = plain(left)
    picture[:, :, 8:] = right
    planes = torch.from_numpy(picture).permute(0, 3, 1, 2).float()
    assert colorfulness_of(planes).item() == pytest.approx(value, abs=1e-3)


def test_colorfulness_gap_has_no_sign() -> None:
    pair = pair_of(noise(), torch.zeros(3, 2, 24, 24))
    gap = PER_PICTURE["colorfulness_gap"](pair)
    assert PER_PICTURE["colorfulness"](pair).max() < 1
    assert (gap > 10).all()


def test_colorfulness_ratio() -> None:
    assert colorfulness_ratio(torch.tensor([1.0, 3.0]), torch.tensor([4.0, 4.0])) == 0.5
    assert np.isnan(colorfulness_ratio(torch.zeros(2), torch.zeros(2)))


def test_strong_colors_alone_count() -> None:
    picture = plain((120, 120, 120))
    picture[0, :2] = (255, 0, 0)
    found = strong_ab_mae(pair_of(picture, torch.zeros(1, 2, 16, 16)))
    assert found.item() == pytest.approx((80.0923 + 67.2028) / 2, rel=1e-4)
    assert strong_ab_mae(pair_of(plain((120, 120, 120)))).isnan().all()
