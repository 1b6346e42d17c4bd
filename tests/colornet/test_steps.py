"""The feed of batches, the schedule and the sums of losses."""

from math import cos, pi

import numpy as np
import pytest
import torch

from colornet.color import split_lab, to_rgb8
from colornet.config import Optimizer
from colornet.seeds import Order
from colornet.steps import Feed, Totals, rate_factor

CPU = torch.device("cpu")


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)


def test_a_batch_is_pairs_of_lightness_and_color(pictures: np.ndarray) -> None:
    indices = np.arange(5, 15)
    feed = Feed(pictures, indices, Order(10, 0), False, CPU)
    lightness, ab = feed.batch(4, 6)
    positions, _ = Order(10, 0).take(4, 6)
    shown = to_rgb8(lightness, ab).permute(0, 2, 3, 1).byte().numpy()
    assert (shown == pictures[indices[positions]]).all()


def test_lightness_and_color_are_mirrored_together(pictures: np.ndarray) -> None:
    feed = Feed(pictures, np.arange(20), Order(20, 0), True, CPU)
    shown = to_rgb8(*feed.batch(0, 20)).permute(0, 2, 3, 1).byte().numpy()
    positions, mirrored = Order(20, 0).take(0, 20)
    assert 0 < mirrored.sum() < 20
    for picture, position, mirror in zip(shown, positions, mirrored, strict=True):
        original = pictures[position]
        assert (picture == (original[:, ::-1] if mirror else original)).all()


def test_the_pack_is_never_written(pictures: np.ndarray) -> None:
    before = pictures.copy()
    pictures.flags.writeable = False
    Feed(pictures, np.arange(20), Order(20, 0), True, CPU).batch(0, 20)
    assert (pictures == before).all()


def test_mirroring_does_not_change_the_order(pictures: np.ndarray) -> None:
    plain, mirrored = (
        Feed(pictures, np.arange(20), Order(20, 0), mirror, CPU).batch(3, 10)[0]
        for mirror in (False, True)
    )
    assert torch.equal(plain.sort(-1).values, mirrored.sort(-1).values)


def test_feed_is_what_the_colors_module_says(pictures: np.ndarray) -> None:
    feed = Feed(pictures, np.arange(20), Order(20, 1), False, CPU)
    positions, _ = Order(20, 1).take(0, 4)
    expected = split_lab(torch.from_numpy(pictures[positions]))
    for one, two in zip(feed.batch(0, 4), expected, strict=True):
        assert torch.equal(one, two)


def test_constant_rate_after_the_warmup() -> None:
    options = Optimizer(schedule="constant", warmup=0.1)
    factors = [rate_factor(options, seen, 1000) for seen in range(0, 1000, 10)]
    assert 0 < factors[0] < 0.02
    assert factors[:10] == sorted(factors[:10])
    assert factors[10:] == [1.0] * 90


def test_cosine_falls_to_zero() -> None:
    options = Optimizer(schedule="cosine", warmup=0.0)
    assert rate_factor(options, 0, 1000) == 1.0
    assert rate_factor(options, 250, 1000) == pytest.approx((1 + cos(pi / 4)) / 2)
    assert rate_factor(options, 1000, 1000) == pytest.approx(0)


def test_warmup_and_cosine_meet_at_the_full_rate() -> None:
    options = Optimizer(warmup=0.2)
    assert rate_factor(options, 199, 1000) == pytest.approx(1, abs=0.01)
    assert rate_factor(options, 200, 1000) == 1.0


def test_means_of_no_steps_are_empty() -> None:
    assert Totals().means() == {}


def test_means_count_each_loss_by_itself() -> None:
    totals = Totals()
    totals.add({"loss_generator": torch.tensor(1.0), "loss_l1": torch.tensor(4.0)})
    totals.add({"loss_generator": torch.tensor(2.0)})
    assert totals.means() == {"loss_generator": 1.5, "loss_l1": 4.0}
