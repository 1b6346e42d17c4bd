"""Pictures are moved and cut, all channels alike, and gradients follow."""

import pytest
import torch
from torch import Tensor

from colornet.training.augment import augment, cut_out, translate

SIDE = 16


def numbered(count: int = 64, channels: int = 3) -> Tensor:
    """Pictures whose every pixel is unlike the others, and never 0."""
    pixels = torch.arange(1, SIDE * SIDE + 1.0).view(1, 1, SIDE, SIDE)
    return pixels.expand(count, channels, SIDE, SIDE) * torch.arange(1, channels + 1.0).view(
        1, -1, 1, 1
    )


def shifted(picture: Tensor, down: int, right: int) -> Tensor:
    """By a slow and obvious way."""
    result = torch.zeros_like(picture)
    for y in range(SIDE):
        for x in range(SIDE):
            if 0 <= y - down < SIDE and 0 <= x - right < SIDE:
                result[:, y, x] = picture[:, y - down, x - right]
    return result


def test_none_is_the_same_picture() -> None:
    view = numbered()
    assert augment(view, "none") is view


def test_translation_moves_by_up_to_an_eighth() -> None:
    view = numbered(200, 1)
    moved = translate(view)
    possible = {
        shifted(view[0], down, right).numpy().tobytes(): (down, right)
        for down in range(-2, 3)
        for right in range(-2, 3)
    }
    found = {possible[one.contiguous().numpy().tobytes()] for one in moved}
    assert {down for down, _ in found} == {right for _, right in found} == set(range(-2, 3))
    assert len(found) > 15


def test_cutout_clears_half_the_side_anywhere() -> None:
    view = numbered(400, 1)
    cut = cut_out(view)
    holes = (cut == 0)[:, 0]
    sizes = holes.sum((1, 2))
    assert sizes.max() == (SIDE // 2) ** 2
    assert sizes.min() <= (SIDE // 4 + 1) ** 2
    assert holes.any(0).all() and not holes.all(0).any()
    assert torch.equal(cut, view * ~holes[:, None])
    assert torch.equal(holes, holes.any(2)[:, :, None] & holes.any(1)[:, None])


@pytest.mark.parametrize("policy", ["translation", "translation_cutout"])
def test_all_channels_alike_and_pictures_apart(policy: str) -> None:
    out = augment(numbered(), policy)
    for channel in (1, 2):
        assert torch.equal(out[:, channel], out[:, 0] * (channel + 1))
    assert len({one.numpy().tobytes() for one in out.contiguous()}) > 10


def test_gradients_reach_what_is_shown_and_nothing_else() -> None:
    view = numbered().clone().requires_grad_()
    out = augment(view, "translation_cutout")
    (gradient,) = torch.autograd.grad(out.sum(), view)
    assert set(gradient.unique().tolist()) == {0.0, 1.0}
    assert gradient.sum() == (out != 0).sum()


@pytest.mark.parametrize("side", [1, 7, 9])
def test_small_and_odd_pictures_keep_their_shape(side: int) -> None:
    view = torch.ones(3, 2, side, side + 2)
    assert augment(view, "translation_cutout").shape == view.shape
