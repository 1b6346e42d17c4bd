"""FID and LPIPS with extractors whose features can be computed by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from torch import Tensor, nn

from colornet.errors import InputError
from colornet.evaluation.perceptual import fid, frechet_distance, lpips, map_distance


class Averages(nn.Module):
    """Each picture's mean red, green and blue: (N, 3)."""

    def forward(self, rgb: Tensor) -> Tensor:
        assert rgb.dtype == torch.float32
        assert not self.training
        return rgb.mean((2, 3))


class Pyramid(nn.Module):
    """Two maps: the picture, and four random channels at half its size."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3, 2, 1)

    def forward(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        return rgb, self.layer(rgb)


def pictures(count: int, seed: int, high: int = 256) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, high, (count, 6, 8, 3), dtype=np.uint8)


def features(count: int, dimensions: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(dimensions, dimensions))
    return rng.normal(size=(count, dimensions)) @ mixed + rng.normal(size=dimensions)


def test_frechet_distance_is_that_of_the_formula() -> None:
    first, second = features(60, 5, 0), features(80, 5, 1)
    one, two = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    root = sqrtm(one @ two).real
    expected = np.square(first.mean(0) - second.mean(0)).sum() + np.trace(one + two - 2 * root)
    assert frechet_distance(first, second) == pytest.approx(expected)
    assert frechet_distance(second, torch.from_numpy(first)) == pytest.approx(expected)


def test_one_dimension_by_hand() -> None:
    # Means 1 and 5, variances 2 and 8: 16 + (sqrt 2 - sqrt 8)².
    first = np.array([[0.0], [2.0]])
    second = np.array([[3.0], [7.0]])
    assert frechet_distance(first, second) == pytest.approx(16 + 2)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 9999), scale=st.floats(0, 1e3), dimensions=st.integers(1, 6))
def test_what_a_distance_is(seed: int, scale: float, dimensions: int) -> None:
    first = features(12, dimensions, seed) * scale
    second = features(12, dimensions, seed + 1)
    there, back = frechet_distance(first, second), frechet_distance(second, first)
    assert 0 <= there < math.inf
    assert there == pytest.approx(back, rel=1e-6, abs=1e-6)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-6 * (1 + scale**2))


def test_features_that_never_vary() -> None:
    same = np.ones((5, 3))
    assert frechet_distance(same, same) == 0
    assert frechet_distance(same, same + 2) == pytest.approx(12)


@pytest.mark.parametrize(
    ("first", "second", "wrong"),
    [
        (features(3, 3, 0), features(9, 3, 1), "3 pictures for 3 features: are too few"),
        (features(9, 3, 0), features(2, 3, 1), "2 pictures for 3 features: are too few"),
        (np.empty((0, 2048)), np.empty((0, 2048)), "0 pictures for 2,048 features: are too few"),
        (features(9, 3, 0), features(9, 2, 1), "3 and 2 a picture: cannot be compared"),
        (np.zeros((9, 2, 4, 4)), features(9, 2, 1), "is not \\(pictures, features\\)"),
        (np.full((9, 2), np.nan), features(9, 2, 1), "are not finite"),
    ],
)
def test_features_that_cannot_be_compared(
    first: np.ndarray, second: np.ndarray, wrong: str
) -> None:
    with pytest.raises(InputError, match=wrong) as caught:
        frechet_distance(first, second)
    assert len(str(caught.value).splitlines()) == 2


def test_fid_takes_pictures_in_batches() -> None:
    first, second = pictures(10, 0), pictures(8, 1, 200)
    extractor = Averages().train()
    whole = fid(extractor, [first], [second])
    parts = fid(extractor, iter([first[:3], first[3:]]), (torch.from_numpy(second),))
    assert whole == pytest.approx(parts)
    expected = frechet_distance(first.mean((1, 2)) / 255, second.mean((1, 2)) / 255)
    assert whole == pytest.approx(expected, rel=1e-3)
    assert fid(extractor, [first], [first[::-1].copy()]) == pytest.approx(0, abs=1e-9)
    assert extractor.training


def test_fid_of_too_few_pictures_is_refused() -> None:
    with pytest.raises(InputError, match="3 pictures for 3 features"):
        fid(Averages(), [pictures(3, 0)], [pictures(3, 1)])
    with pytest.raises(InputError, match="0 pictures"):
        fid(Averages(), [], [])


@pytest.mark.parametrize(
    "batch", [pictures(2, 0).astype(np.float32), pictures(2, 0)[0], pictures(2, 0)[..., :2]]
)
def test_what_is_no_batch_of_pictures(batch: np.ndarray) -> None:
    with pytest.raises(InputError, match="is no batch of pictures"):
        fid(Averages(), [batch], [batch])


def test_lpips_is_that_of_the_formula() -> None:
    torch.manual_seed(0)
    extractor, first, second = Pyramid(), pictures(3, 0), pictures(3, 1)
    weights = [torch.rand(3), torch.rand(4)]
    expected = []
    with torch.no_grad():
        planes = [torch.from_numpy(p).permute(0, 3, 1, 2).float() / 255 for p in (first, second)]
        for picture in range(3):
            total = 0.0
            for one, two, weight in zip(*map(extractor, planes), weights, strict=True):
                height, width = one.shape[2:]
                for y in range(height):
                    for x in range(width):
                        u, v = one[picture, :, y, x], two[picture, :, y, x]
                        square = (u / u.norm() - v / v.norm()).square()
                        total += float((weight * square).sum()) / (height * width)
            expected.append(total)
    found = lpips(extractor, [first[:1], first[1:]], [second[:1], second[1:]], weights)
    assert found.tolist() == pytest.approx(expected, rel=1e-4)


def test_lpips_sees_direction_alone() -> None:
    first = torch.rand(2, 5, 3, 3)
    assert map_distance([(first, 7 * first)]).tolist() == pytest.approx([0, 0], abs=1e-9)
    assert map_distance([(first, -first)]).tolist() == pytest.approx([4, 4], rel=1e-4)
    nothing = torch.zeros(2, 5, 3, 3)
    assert map_distance([(nothing, nothing)]).tolist() == [0, 0]
    assert map_distance([(nothing, first)]).tolist() == pytest.approx([1, 1], rel=1e-4)


def test_maps_add_up() -> None:
    one, two = torch.rand(2, 1, 3, 4, 4), torch.rand(2, 1, 5, 2, 2)
    both = map_distance([tuple(one), tuple(two)])
    assert both.item() == pytest.approx(
        map_distance([tuple(one)]).item() + map_distance([tuple(two)]).item()
    )


def test_equal_pictures_are_at_no_distance() -> None:
    extractor = Pyramid().train()
    assert lpips(extractor, [pictures(2, 0)], [pictures(2, 0)]).tolist() == [0, 0]
    assert extractor.training
    assert lpips(extractor, [], []).shape == (0,)


@pytest.mark.parametrize(
    ("predicted", "true"),
    [
        ([pictures(2, 0)], [pictures(3, 0)]),
        ([pictures(2, 0)], []),
        ([], [pictures(2, 0)]),
        ([pictures(2, 0)], [pictures(2, 0), pictures(2, 0)]),
    ],
)
def test_pictures_that_do_not_pair_up(predicted: list[np.ndarray], true: list[np.ndarray]) -> None:
    with pytest.raises(InputError):
        lpips(Pyramid(), predicted, true)


@pytest.mark.parametrize("weights", [[torch.ones(3)], [torch.ones(4), torch.ones(3)], []])
def test_weights_that_do_not_fit(weights: list[Tensor]) -> None:
    with pytest.raises(InputError, match=r"the maps have \[3, 4\]"):
        lpips(Pyramid(), [pictures(1, 0)], [pictures(1, 1)], weights)
