"""What real and fake pictures go through before the discriminator (DiffAugment, Zhao et al. 2020).

The generator's gradient passes through it, so that no transformed color leaks into what it makes.
Of the paper's three policies, color is left out: it would hide what is to be judged.
"""

import torch
from torch import Tensor
from torch.nn import functional

_TRANSLATION = 8
"""A picture is moved by up to its side over this."""
_CUTOUT = 2
"""The hole's side is the picture's over this."""


def augment(view: Tensor, policy: str) -> Tensor:
    """Transform each picture at random, all of its channels alike.

    Args:
        view: (N, C, H, W).
        policy: `none`, `translation` or `translation_cutout`.
    """
    if policy == "none":
        return view
    view = translate(view)
    return cut_out(view) if policy == "translation_cutout" else view


def translate(view: Tensor) -> Tensor:
    """Move each picture by whole pixels, up to an eighth of its side; zeros come in."""
    height, width = view.shape[-2:]
    down, right = height // _TRANSLATION, width // _TRANSLATION
    # Zhao et al. 2020: shifts are drawn from all whole pixels within [-1/8, 1/8] of the side.
    padded = functional.pad(view, (right, right, down, down))
    rows = _places(view, 2 * down + 1) + torch.arange(height, device=view.device)
    columns = _places(view, 2 * right + 1) + torch.arange(width, device=view.device)
    shape = (*view.shape[:3], padded.shape[3])
    moved = padded.gather(2, rows[:, None, :, None].expand(shape))
    return moved.gather(3, columns[:, None, None, :].expand(view.shape))


def cut_out(view: Tensor) -> Tensor:
    """Set a square of half the picture's side to 0, around any point; it may reach beyond."""
    height, width = view.shape[-2:]
    rows = _hole(view, height)[:, None, :, None]
    columns = _hole(view, width)[:, None, None, :]
    return view * ~(rows & columns)


def _hole(view: Tensor, side: int) -> Tensor:
    """Whether a row (or column) is in the hole, (N, side)."""
    # The hole's center may be any pixel, so that half of it may lie outside.
    size = side // _CUTOUT
    begin = _places(view, side + 1 - size % 2) - size // 2
    index = torch.arange(side, device=view.device)
    return (index >= begin) & (index < begin + size)


def _places(view: Tensor, count: int) -> Tensor:
    """A whole number in 0 .. count - 1 for each picture, (N, 1)."""
    return torch.randint(count, (len(view), 1), device=view.device)
