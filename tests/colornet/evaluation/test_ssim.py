"""SSIM beside scikit-image's."""

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity as oracle

from colornet.evaluation.ssim import structural_similarity


def pictures(seed: int, height: int = 24, width: int = 20) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(0, 256, (3, 3, height, width)).astype(np.float32))


@pytest.mark.parametrize("share", [0.0, 0.2, 0.9])
def test_it_is_that_of_scikit_image(share: float) -> None:
    first = pictures(0)
    second = (1 - share) * first + share * pictures(1)
    expected = [
        oracle(
            one.permute(1, 2, 0).double().numpy(),
            two.permute(1, 2, 0).double().numpy(),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
            channel_axis=-1,
        )
        for one, two in zip(first, second, strict=True)
    ]
    found = structural_similarity(first, second)
    assert found.tolist() == pytest.approx(expected, abs=1e-4)


def test_the_pictures_are_left_alone() -> None:
    first, second = pictures(0), pictures(1)
    structural_similarity(first, second)
    assert torch.equal(first, pictures(0))
    assert torch.equal(second, pictures(1))


@pytest.mark.parametrize("size", [(10, 30), (30, 10)])
def test_it_needs_its_window(size: tuple[int, int]) -> None:
    assert structural_similarity(pictures(0, *size), pictures(1, *size)).isnan().all()


@pytest.mark.parametrize("level", [0.0, 128.0, 255.0])
def test_one_color_all_over(level: float) -> None:
    flat = torch.full((1, 3, 16, 16), level)
    assert structural_similarity(flat, flat).item() == pytest.approx(1, abs=1e-4)


def test_a_window_fits_once() -> None:
    assert structural_similarity(pictures(0, 11, 11), pictures(1, 11, 11)).isfinite().all()
