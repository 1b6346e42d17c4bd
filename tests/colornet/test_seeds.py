"""Three streams that nothing else can shift."""

import numpy as np
import torch

from colornet.seeds import PictureOrder, derive, noise_seed, weights_generator


def test_streams_differ_by_name_and_seed() -> None:
    seeds = {derive(0, "weights", "generator"), derive(0, "weights", "discriminator")}
    seeds |= {derive(1, "weights", "generator"), noise_seed(0), noise_seed(1)}
    assert len(seeds) == 5
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_seeds_are_the_same_everywhere() -> None:
    """A sweep continued on another machine, or by a later version, pairs with itself."""
    assert derive(0, "order", 0) == 3955691223199900983
    positions, mirrored = PictureOrder(10, 0).take(0, 10)
    assert positions.tolist() == [3, 7, 9, 8, 0, 1, 2, 5, 6, 4]
    assert mirrored.nonzero()[0].tolist() == [2, 4, 6, 8]


def test_weights_stream_repeats() -> None:
    first, second = (torch.rand(3, generator=weights_generator(7, "generator")) for _ in range(2))
    assert torch.equal(first, second)


def test_every_epoch_holds_every_picture_once() -> None:
    positions, mirrored = PictureOrder(10, 3).take(0, 40)
    epochs = positions.reshape(4, 10)
    assert (np.sort(epochs) == np.arange(10)).all()
    assert len({tuple(epoch) for epoch in epochs}) == 4
    assert mirrored.dtype == bool
    assert 5 < mirrored.sum() < 35


def test_batches_of_any_size_cut_one_sequence() -> None:
    whole = PictureOrder(7, 5).take(0, 60)
    for size in (1, 4, 7, 20):
        order = PictureOrder(7, 5)
        parts = [order.take(start, size) for start in range(0, 60, size)]
        for together, pieces in zip(whole, zip(*parts, strict=True), strict=True):
            assert (np.concatenate(pieces)[:60] == together).all()


def test_any_place_can_be_entered() -> None:
    whole, _ = PictureOrder(9, 2).take(0, 50)
    later, _ = PictureOrder(9, 2).take(31, 10)
    assert (later == whole[31:41]).all()
