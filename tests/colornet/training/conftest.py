"""Methods on a batch of eight small pictures."""

from collections.abc import Callable
from importlib import import_module

import pytest
import torch
from torch import Tensor

from colornet.config.config import Config
from colornet.pictures import Pictures
from colornet.training.methods.player import Batch, Method

SIZE = 16
CPU = torch.device("cpu")


@pytest.fixture
def method(tiny: Callable[..., Config]) -> Callable[..., Method]:
    """A function of overrides per section that gives a method."""

    def build(device: torch.device = CPU, **sections: dict[str, object]) -> Method:
        config = tiny(**sections)
        module = import_module(f"colornet.training.methods.{config.loss.method}")
        return module.build(config, device)

    return build


@pytest.fixture
def batch() -> Callable[..., Batch]:
    """A function of step and progress that gives a batch, other pictures at every step."""

    def build(step: int = 0, progress: float = 0.0) -> Batch:
        return Batch(pictures(step), pictures(step + 1000), step, progress)

    return build


def pictures(seed: int) -> Pictures:
    """Eight smooth pictures in which color follows lightness."""
    stream = torch.Generator().manual_seed(seed)
    slope = torch.rand(8, 2, 1, 1, generator=stream) * 4 - 2
    y, x = torch.meshgrid(*[torch.linspace(0, 1, SIZE)] * 2, indexing="ij")
    light = 0.5 + 0.4 * torch.sin(slope[:, 0] * x + slope[:, 1] * y + 3 * slope[:, 1])
    rgb = torch.stack((0.3 * light, 0.6 - 0.3 * light, light), -1)
    return Pictures((rgb * 255).round().byte())


class Linear(torch.nn.Module):
    """A judge of views (N, 3, S, S) whose four logits are means of quarters, scaled."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(0.5))
        self.seen: list[Tensor] = []

    def forward(self, view: Tensor) -> Tensor:
        self.seen.append(view.detach().clone())
        quarters = torch.nn.functional.avg_pool2d(view, view.shape[-1] // 2)
        return self.scale * quarters.sum(1, keepdim=True)


@pytest.fixture
def discriminator() -> Linear:
    """The simplest of judges, which keeps what it was shown."""
    return Linear()
