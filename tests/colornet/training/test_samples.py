"""Sheets of fixed pictures."""

import io

import numpy as np
import pytest
from PIL import Image

from colornet.training.samples import grid


@pytest.mark.parametrize(
    ("count", "side", "scale"), [(1, 16, 6), (8, 32, 3), (3, 96, 1), (2, 256, 1)]
)
def test_grey_prediction_and_truth_side_by_side(count: int, side: int, scale: int) -> None:
    true = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)
    predicted = np.full_like(true, 7)
    sheet = np.array(Image.open(io.BytesIO(grid(predicted, true))))
    cell = side * scale + 2
    assert sheet.shape == (count * cell, 3 * cell, 3)
    for row in range(count):
        grey, middle, right = (
            sheet[row * cell : (row + 1) * cell - 2 : scale, left : left + cell - 2 : scale]
            for left in (0, cell, 2 * cell)
        )
        assert (grey[..., 0] == grey[..., 1]).mean() > 0.9 and grey.std() > 10
        assert (middle == 7).all()
        assert (right == true[row]).all()
    assert (sheet[:, cell - 2 : cell] == 255).all()
