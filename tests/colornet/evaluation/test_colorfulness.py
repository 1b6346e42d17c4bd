"""Colorfulness of pictures that can be computed by hand."""

import numpy as np
import pytest
import torch

from colornet.evaluation.colorfulness import colorfulness_of, opponents_of

RED, GREEN, GREY = (255, 0, 0), (0, 255, 0), (128, 128, 128)


def halves(left: tuple[int, int, int], right: tuple[int, int, int]) -> torch.Tensor:
    """One picture (1, 3, 8, 8), its left half of one color, its right half of another."""
    picture = torch.empty(1, 3, 8, 8)
    picture[..., :4] = torch.tensor(left).float().view(1, 3, 1, 1)
    picture[..., 4:] = torch.tensor(right).float().view(1, 3, 1, 1)
    return picture


@pytest.mark.parametrize(
    ("left", "right", "signed", "absolute"),
    [
        (RED, RED, 85.5296, 85.5296),
        (GREY, GREY, 0.0, 0.0),
        (RED, GREEN, 293.25, 85.5296),
        # rg 255 and 0, yb 127.5 and 0: deviations 127.5 and 63.75, means the same.
        (RED, GREY, 1.3 * np.hypot(127.5, 63.75), 1.3 * np.hypot(127.5, 63.75)),
    ],
)
def test_known_pictures(
    left: tuple[int, int, int], right: tuple[int, int, int], signed: float, absolute: float
) -> None:
    opponents = opponents_of(halves(left, right))
    assert colorfulness_of(opponents).item() == pytest.approx(signed, abs=1e-3)
    assert colorfulness_of(opponents.abs()).item() == pytest.approx(absolute, abs=1e-3)


def test_noise_is_that_of_numpy() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (3, 64, 64)).astype(float)
    rg, yb = rgb[0] - rgb[1], (rgb[0] + rgb[1]) / 2 - rgb[2]
    expected = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    found = colorfulness_of(opponents_of(torch.from_numpy(rgb).float()[None]))
    assert found.item() == pytest.approx(expected, rel=1e-5)
    assert expected == pytest.approx(138.5, abs=3)


def test_pictures_do_not_mix() -> None:
    both = torch.cat((halves(RED, GREEN), halves(GREY, GREY)))
    assert colorfulness_of(opponents_of(both)).tolist() == pytest.approx([293.25, 0], abs=1e-3)
