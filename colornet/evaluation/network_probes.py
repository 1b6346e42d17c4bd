"""Looking at networks without leaving a trace in them, or in the training's chance."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn import functional

_ITERATIONS = 10
"""Of the power method: at worst a few percent too low."""


@contextmanager
def unchanged(networks: Sequence[nn.Module], device: torch.device) -> Generator[None, None, None]:
    """Freeze networks meanwhile; afterwards modes, frozen weights and chance are as they were.

    A frozen layer keeps no statistics in training mode either (`colornet.networks.layers`), so
    that any mode may be set meanwhile.
    """
    modules = [module for network in networks for module in network.modules()]
    weights = [weight for network in networks for weight in network.parameters()]
    modes = [module.training for module in modules]
    learned = [weight.requires_grad for weight in weights]
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        for weight in weights:
            weight.requires_grad_(False)
        try:
            yield
        finally:
            for weight, is_learned in zip(weights, learned, strict=True):
                weight.requires_grad_(is_learned)
            for module, mode in zip(modules, modes, strict=True):
                module.training = mode


@torch.no_grad()
def top_singular_value(network: nn.Module) -> float:
    """The greatest singular value of any of a network's weights, each as a matrix (outputs, rest).

    Its sudden growth announces a collapse (Brock et al. 2018, section 4.1). Spectral normalisation
    keeps it at 1. Estimated by the power method.
    """
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    values = [_norm(layer.weight.float().flatten(1)) for layer in layers]
    return float(torch.stack(values).max())


def _norm(matrix: torch.Tensor) -> torch.Tensor:
    stream = torch.Generator().manual_seed(0)
    right = torch.randn(matrix.shape[1], generator=stream).to(matrix.device)
    for _ in range(_ITERATIONS):
        left = functional.normalize(matrix @ right, dim=0)
        right = matrix.T @ left
    return right.norm()
