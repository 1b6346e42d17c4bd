"""The patch discriminator's shapes, condition and statelessness."""

import pytest
import torch

from colornet.config import Patch
from colornet.discriminators.patch import build
from colornet.errors import InputError


@pytest.mark.parametrize(("layers", "side"), [(1, 16), (2, 8), (3, 4), (5, 1)])
def test_one_logit_per_patch(layers: int, side: int) -> None:
    network = build(Patch(width=2, layers=layers), 32)
    logits = network(torch.rand(3, 1, 32, 32), torch.rand(3, 2, 32, 32))
    assert logits.shape == (3, 1, side, side)


def test_more_layers_than_the_picture_has_halvings_are_refused() -> None:
    with pytest.raises(InputError, match=r"discriminator.layers: 6: .*\n.*at most 5"):
        build(Patch(layers=6), 32)


def test_it_judges_color_given_lightness() -> None:
    network = build(Patch(width=4), 32)
    lightness = torch.rand(4, 1, 32, 32, requires_grad=True)
    ab = torch.rand(4, 2, 32, 32, requires_grad=True)
    network(lightness, ab).square().mean().backward()
    assert lightness.grad is not None and lightness.grad.abs().max() > 0
    assert ab.grad is not None and ab.grad.abs().max() > 0


def test_it_keeps_nothing_of_what_it_saw() -> None:
    network = build(Patch(width=4, layers=4), 32)
    assert not list(network.buffers())


def test_dropout() -> None:
    network = build(Patch(width=4, dropout=0.5), 32)
    picture = torch.rand(4, 1, 32, 32), torch.rand(4, 2, 32, 32)
    assert not torch.equal(network(*picture), network(*picture))
    network.eval()
    assert torch.equal(network(*picture), network(*picture))
