"""The feed of batches, a step of all players, and the sums of what it measures."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from colornet.color import to_rgb8
from colornet.config.config import Config
from colornet.pictures import Pictures
from colornet.seeds import PictureOrder
from colornet.training.methods import gan
from colornet.training.methods.player import Batch
from colornet.training.steps import PictureFeed, StepOptions, Totals, train_step

CPU = torch.device("cpu")


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)


def test_a_batch_is_pairs_of_lightness_and_color(pictures: np.ndarray) -> None:
    indices = np.arange(5, 15)
    feed = PictureFeed(pictures, indices, PictureOrder(10, 0), False, CPU)
    batch = feed.batch(4, 6)
    positions, _ = PictureOrder(10, 0).take(4, 6)
    assert (batch.pixels.numpy() == pictures[indices[positions]]).all()
    shown = to_rgb8(batch.lightness, batch.ab).permute(0, 2, 3, 1).byte().numpy()
    assert (shown == pictures[indices[positions]]).all()


def test_lightness_and_color_are_mirrored_together(pictures: np.ndarray) -> None:
    feed = PictureFeed(pictures, np.arange(20), PictureOrder(20, 0), True, CPU)
    batch = feed.batch(0, 20)
    shown = to_rgb8(batch.lightness, batch.ab).permute(0, 2, 3, 1).byte().numpy()
    positions, mirrored = PictureOrder(20, 0).take(0, 20)
    assert 0 < mirrored.sum() < 20
    for picture, position, mirror in zip(shown, positions, mirrored, strict=True):
        original = pictures[position]
        assert (picture == (original[:, ::-1] if mirror else original)).all()


def test_the_pack_is_never_written(pictures: np.ndarray) -> None:
    before = pictures.copy()
    pictures.flags.writeable = False
    PictureFeed(pictures, np.arange(20), PictureOrder(20, 0), True, CPU).batch(0, 20)
    assert (pictures == before).all()


def test_mirroring_does_not_change_the_order(pictures: np.ndarray) -> None:
    plain, mirrored = (
        PictureFeed(pictures, np.arange(20), PictureOrder(20, 0), mirror, CPU)
        .batch(3, 10)
        .lightness
        for mirror in (False, True)
    )
    assert torch.equal(plain.sort(-1).values, mirrored.sort(-1).values)


def batch_of(count: int, step: int = 0, progress: float = 0.0) -> Batch:
    pixels = torch.randint(0, 256, (count, 16, 16, 3), dtype=torch.uint8)
    return Batch(Pictures(pixels), None, step, progress)


def test_a_step_moves_both_players_and_measures_their_gradients(
    tiny: Callable[..., Config],
) -> None:
    method, totals = gan.build(tiny(), CPU), Totals()
    before = [
        [weight.clone() for weight in player.network.parameters()] for player in method.players
    ]
    train_step(method, batch_of(4), StepOptions(1.0), totals)
    for player, weights in zip(method.players, before, strict=True):
        after = list(player.network.parameters())
        assert not all(torch.equal(one, two) for one, two in zip(weights, after, strict=True))
        assert totals.means()[f"grad_norm_{player.name}"] > 0


def test_a_rate_of_nothing_moves_nothing(tiny: Callable[..., Config]) -> None:
    method = gan.build(tiny(), CPU)
    before = [weight.clone() for weight in method.generator.parameters()]
    train_step(method, batch_of(4), StepOptions(0.0), Totals())
    after = list(method.generator.parameters())
    assert all(torch.equal(one, two) for one, two in zip(before, after, strict=True))


def test_clipping_bounds_what_is_learned_and_not_what_is_measured(
    tiny: Callable[..., Config],
) -> None:
    norms = []
    for clip in (None, 0.5):
        torch.manual_seed(0)
        method, totals = gan.build(tiny(), CPU), Totals()
        train_step(method, batch_of(4), StepOptions(1.0, clip), totals)
        norms.append(totals.means()["grad_norm_generator"])
        left = torch.nn.utils.get_total_norm(
            [weight.grad for weight in method.generator.parameters() if weight.grad is not None]
        )
        assert left == pytest.approx(norms[-1] if clip is None else clip, rel=1e-3)
    assert norms[0] == norms[1] > 0.5


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_generator_of_several_turns_predicts_anew(
    tiny: Callable[..., Config], turns: int
) -> None:
    """Were the first prediction used twice, its graph would be gone: an error."""
    method, totals = gan.build(tiny(loss={"generator_steps": turns}), CPU), Totals()
    train_step(method, batch_of(4), StepOptions(1.0), totals)
    assert totals.counts["loss_generator"] == turns
    assert totals.counts["loss_discriminator"] == 1


def test_means_of_no_steps_are_empty() -> None:
    assert Totals().means() == {}


def test_means_count_each_loss_by_itself() -> None:
    totals = Totals()
    totals.add({"loss_generator": torch.tensor(1.0), "loss_l1": torch.tensor(4.0)})
    totals.add({"loss_generator": torch.tensor(2.0)})
    assert totals.means() == {"loss_generator": 1.5, "loss_l1": 4.0}
