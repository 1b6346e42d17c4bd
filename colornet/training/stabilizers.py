"""What keeps the two players in balance: labels, noise, gradient penalties, running means, pools.

All random numbers are drawn from torch's own generators, the training's stream of noise, and only
where the option is on. Augmentation is in `augment`.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from colornet.config.sections.losses import AdversarialOptions

Network = TypeVar("Network", bound=nn.Module)


def labels(options: AdversarialOptions, count: int, real: bool, device: torch.device) -> Tensor:
    """The discriminator's targets for pictures of one kind, (N, 1, 1, 1).

    Smoothing on either side (Salimans et al. 2016, section 3.4: on the real side), noise and flips
    (Chintala et al. 2016, github.com/soumith/ganhacks, item 6). A flipped picture gets the target
    of the other kind.
    """
    called_real = torch.full((count, 1, 1, 1), real, device=device)
    if options.label_flips:
        called_real ^= torch.rand((count, 1, 1, 1), device=device) < options.label_flips
    off = torch.where(called_real, options.label_smoothing, options.fake_label_smoothing)
    if options.label_noise:
        # Not beyond 0.5, where a label would turn into its opposite.
        off = (off + options.label_noise * torch.rand_like(off)).clamp_max(0.5)
    return torch.where(called_real, 1 - off, off)


def add_noise(view: Tensor, options: AdversarialOptions, progress: float) -> Tensor:
    """A view behind Gaussian noise that falls to 0 along a line (Sonderby et al. 2017, section 3).

    Args:
        progress: share of the budget that is spent.
    """
    # Noise gives real and fake pictures overlapping supports while they are easily told apart.
    sigma = options.instance_noise * max(0.0, 1 - progress / options.instance_noise_until)
    return view + sigma * torch.randn_like(view) if sigma else view


def r1(views: Tensor, logits: Tensor) -> Tensor:
    """E |grad D|^2 at real pictures (Mescheder et al. 2018, equation 9, without gamma / 2).

    D is a picture's mean logit, so that the number of patches does not matter.

    Args:
        views: (N, C, H, W), what the discriminator was shown; must require a gradient.
        logits: what it made of them, with its graph.
    """
    # The gradient is per picture: with a sum over the batch, the derivative at one picture contains
    # no other (but for batch normalization, which ties them).
    return _gradients(views, logits).square().sum(1).mean()


def gradient_penalty(discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """E (|grad D| - 1)^2 between real and fake (Gulrajani et al. 2017, equation 3, without lambda).

    At one random point on the line between each real picture and a fake one; D is a picture's mean
    logit. Batch normalization makes the discriminator a function of the whole batch, which the
    paper advises against (section 4).

    Args:
        real, fake: (N, C, H, W), views of the discriminator.
    """
    # Algorithm 1, lines 4 to 7: x = e real + (1 - e) fake with e from U[0, 1] for each pair.
    share = torch.rand((len(real), 1, 1, 1), device=real.device)
    between = torch.lerp(real.detach(), fake.detach(), share).requires_grad_()
    norms = _gradients(between, discriminator(between)).norm(dim=1)
    return (norms - 1).square().mean()


def _gradients(views: Tensor, logits: Tensor) -> Tensor:
    """Of each picture's mean logit, (N, C * H * W), with a graph of their own."""
    total = logits.flatten(1).mean(1).sum()
    # create_graph: the penalty is itself followed down to the discriminator's weights.
    (gradient,) = torch.autograd.grad(total, views, create_graph=True)
    return gradient.float().flatten(1)


# torch's AveragedModel is as fast, but gives the number of updates as a tensor on the network's
# device, for which this mean would wait at every step; checkpoints would hold other names.
class WeightAverage(Generic[Network]):
    """The running mean of a network's weights; its buffers are the network's latest.

    After n updates it is the mean of the n weights that it was shown, each counting `decay` times
    as much as the next. It needs no start of its own: the first update takes the weights as they
    are, and the untrained ones never count (Adam's correction of bias, Kingma & Ba 2015, section
    3, in place of a start after so many steps).

    Args:
        network: copied; the copy is `network`, which needs no gradient.
        decay: in [0, 1); 0.999 remembers about 1,000 steps.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.network: Network = deepcopy(network).requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, network: Network) -> None:
        """Count a network's weights in."""
        self.updates += 1
        # m_n = d m_(n-1) + (1 - d) w_n divided by its sum of weights 1 - d^n, as one step from the
        # corrected mean before: lerp by (1 - d) / (1 - d^n), which is 1 at the first.
        weight = (1 - self.decay) / (1 - self.decay**self.updates)
        averaged = tuple(self.network.parameters())
        torch._foreach_lerp_(averaged, tuple(network.parameters()), weight)
        self.follow(network)

    @torch.no_grad()
    def follow(self, network: Network) -> None:
        """Take over a network's buffers."""
        for averaged, latest in zip(self.network.buffers(), network.buffers(), strict=True):
            averaged.copy_(latest)

    def state_dict(self) -> dict[str, Any]:
        """Weights, buffers and how often they were updated."""
        return {"network": self.network.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from `state_dict()`."""
        self.network.load_state_dict(state["network"])
        self.updates = state["updates"]


class FakePool:
    """Past fakes, which the discriminator is shown half of the time (Shrivastava et al. 2017).

    As in CycleGAN (Zhu et al. 2017, section 4): once it is full, a new fake is shown itself, or
    changes places with a random one that is shown instead, each with probability 1/2.

    Args:
        size: how many it holds; 0 shows all fakes themselves.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.held: list[Tensor] = []

    def exchange(self, fakes: Tensor) -> Tensor:
        """Take in a batch of new fakes (N, C, H, W) and give as many to show."""
        if not self.size:
            return fakes
        # Drawn on the CPU: where a fake goes is known without waiting for the device.
        output = []
        for fake in fakes.detach():
            if len(self.held) < self.size:
                self.held.append(fake.clone())
            elif torch.rand((), device="cpu") < 0.5:
                index = int(torch.randint(self.size, (), device="cpu"))
                # A copy: a view would keep its whole batch in memory.
                fake, self.held[index] = self.held[index].to(fake.device), fake.clone()
            output.append(fake)
        return torch.stack(output)

    def state_dict(self) -> dict[str, Any]:
        """The fakes it holds."""
        return {"held": torch.stack(self.held) if self.held else None}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from `state_dict()`, on the device of the next batch."""
        self.held = [] if state["held"] is None else list(state["held"][: self.size])
