"""Layers that architectures share: activations, normalizations, dropout, and their first weights.

While one player learns, the other is frozen: its weights need no gradient. A frozen layer leaves no
trace in itself, neither in running statistics nor in the spectral norm's vectors, so that a turn
changes nothing but the player whose turn it is.
"""

from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrize import register_parametrization

from colornet.color import full_precision
from colornet.ranks import batch_statistics

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "leaky_relu_0.3": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}
_SLOPES = {"leaky_relu": 0.2, "leaky_relu_0.3": 0.3}
"""DCGAN's slope, and the default of Keras."""
_DEVIATION = 0.02
"""DCGAN's and pix2pix's initial standard deviation."""
_FIRST_ITERATIONS = 15
"""Power iterations before a spectral norm is first used, as torch's own has them."""

Part = Literal["encoder", "bottleneck", "decoder"]
"""Of a generator."""


def activation(name: str) -> nn.Module:
    """A fresh activation layer by the config's name."""
    if name in _SLOPES:
        return nn.LeakyReLU(_SLOPES[name])
    return ACTIVATIONS[name]()


class Dropout(nn.Dropout):
    """Sets a share of all values to 0.

    Args:
        at_evaluation: in evaluation, too.
    """

    def __init__(self, rate: float, at_evaluation: bool = False) -> None:
        super().__init__(rate)
        self.at_evaluation = at_evaluation

    def forward(self, input: Tensor) -> Tensor:
        """Drop, and scale up what is left."""
        return functional.dropout(input, self.p, self.training or self.at_evaluation)


class BatchNorm(nn.BatchNorm2d):
    """Batch normalization that keeps running statistics only while it learns itself.

    A batch of a single value per channel has no statistics of its own: it takes the running ones.
    Where a training spans ranks, the batch is a rank's own part of it, unless `synchronize` was
    called; in evaluation mode it always is.

    Args:
        batch_statistics: normalize by the batch at hand in evaluation, too.
    """

    def __init__(self, channels: int, batch_statistics: bool = False) -> None:
        super().__init__(channels)
        self.batch_statistics = batch_statistics
        self.synchronized = False

    def forward(self, input: Tensor) -> Tensor:
        """Normalize (N, C, H, W)."""
        if self.synchronized and self.training:
            return self._over_ranks(input)
        by_batch = (self.training or self.batch_statistics) and input.numel() > self.num_features
        if by_batch and self.training and self.weight.requires_grad:
            return super().forward(input)
        mean, variance = (None, None) if by_batch else (self.running_mean, self.running_var)
        return functional.batch_norm(
            input, mean, variance, self.weight, self.bias, by_batch, 0.0, self.eps
        )

    def _over_ranks(self, input: Tensor) -> Tensor:
        """Normalize by the batch of all ranks. torch's own layer for that is for GPUs alone."""
        values = input.float()
        mean, variance, count = batch_statistics(values)
        if self.weight.requires_grad:
            with torch.no_grad():
                assert self.running_mean is not None and self.running_var is not None
                assert self.num_batches_tracked is not None and self.momentum is not None
                self.running_mean.lerp_(mean, self.momentum)
                # The running variance is corrected by n / (n - 1), as torch's own.
                self.running_var.lerp_(variance * count / (count - 1), self.momentum)
                self.num_batches_tracked += 1
        # w (x - mean) / sqrt(variance + eps) + b as x * scale + shift: one pass over the pixels.
        scale = self.weight * (variance + self.eps).rsqrt()
        shift = self.bias - mean * scale
        return (values * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)).to(input.dtype)


def synchronize_batch_norm(network: nn.Module) -> None:
    """Let batch normalizations learn by the batch of all ranks; there must be several."""
    for module in network.modules():
        if isinstance(module, BatchNorm):
            module.synchronized = True


def running_statistics(network: nn.Module) -> list[Tensor]:
    """Running means and variances of batch normalizations that each rank keeps for itself."""
    norms = [m for m in network.modules() if isinstance(m, BatchNorm) and not m.synchronized]
    statistics = [statistic for m in norms for statistic in (m.running_mean, m.running_var)]
    return [statistic for statistic in statistics if statistic is not None]


class InstanceNorm(nn.InstanceNorm2d):
    """Instance normalization without scale and shift, as in pix2pix.

    A map of one value would become 0 whatever it is; it is left as it is.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalize (N, C, H, W)."""
        return input if input.shape[2] * input.shape[3] == 1 else super().forward(input)


class Enlarge(nn.Module):
    """Bilinear enlargement by a number of pixels, in place of padding."""

    def __init__(self, pixels: int) -> None:
        super().__init__()
        self.pixels = pixels

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H + pixels, W + pixels)."""
        size = (x.shape[2] + self.pixels, x.shape[3] + self.pixels)
        return functional.interpolate(x, size, mode="bilinear", align_corners=False)


class _Spectral(nn.Module):
    """A weight divided by its greatest singular value, estimated as it learns (Miyato 2018).

    torch's own goes on estimating while the weight is frozen, which is a trace.
    """

    def __init__(self, weight: Tensor, outputs_at: int) -> None:
        super().__init__()
        self.outputs_at = outputs_at
        self.register_buffer("u", functional.normalize(torch.ones(weight.shape[outputs_at]), dim=0))

    def begin(self, weight: Tensor, stream: torch.Generator) -> None:
        """Estimate the norm of first weights, from a random vector."""
        self.u = functional.normalize(torch.randn(len(self.u), generator=stream), dim=0)
        with torch.no_grad():
            for _ in range(_FIRST_ITERATIONS):
                self._iterate(weight.transpose(0, self.outputs_at).flatten(1))

    def forward(self, weight: Tensor) -> Tensor:
        """The weight with norm 1."""
        with full_precision(weight.device):
            matrix = weight.transpose(0, self.outputs_at).flatten(1)
            with torch.no_grad():
                if self.training and weight.requires_grad:
                    self._iterate(matrix)
                # A copy: the next batch moves u before this one's gradient is computed.
                u = self.u.clone()
                v = functional.normalize(matrix.T @ u, dim=0)
            # sigma = u^T W v (Miyato et al. 2018, appendix A); u and v are constants to it.
            return weight / u.dot(matrix.mv(v))

    def _iterate(self, matrix: Tensor) -> None:
        # One round of the power method (Miyato et al. 2018, appendix A).
        v = functional.normalize(matrix.T @ self.u, dim=0)
        self.u.copy_(functional.normalize(matrix @ v, dim=0))


def same_padding(convolution: nn.Conv2d) -> list[nn.Module]:
    """A convolution that keeps the size (halves it, with stride 2), padded as TensorFlow does.

    Its `same` puts the odd pixel of padding at the right and at the bottom.
    """
    # A picture whose side the stride divides keeps side / stride with kernel - stride of padding.
    lost = convolution.kernel_size[0] - convolution.stride[0]
    if lost % 2 == 0:
        convolution.padding = (lost // 2, lost // 2)
        return [convolution]
    before, after = lost // 2, lost - lost // 2
    return [nn.ZeroPad2d((before, after, before, after)), convolution]


def encode(levels: Iterable[nn.Module], x: Tensor) -> list[Tensor]:
    """What each level of an encoder makes of a batch, the outermost first."""
    outputs = []
    for level in levels:
        x = level(x)
        outputs.append(x)
    return outputs


def has_bias(norm: str) -> bool:
    """Whether a bias before a normalization has an effect that its mean does not take away."""
    return norm in ("none", "spectral")


def with_norm(
    layer: nn.Module, norm: str, channels: int, batch_statistics: bool = False
) -> list[nn.Module]:
    """A convolution with the normalization that follows it or is in it.

    Args:
        norm: `none`, `batch`, `instance` or `spectral`.
        channels: what the layer gives.
    """
    if norm == "batch":
        return [layer, BatchNorm(channels, batch_statistics)]
    if norm == "instance":
        return [layer, InstanceNorm(channels)]
    if norm == "spectral":
        return [spectral_norm(layer)]
    return [layer]


def spectral_norm(layer: nn.Module) -> nn.Module:
    """A convolution or dense layer with spectral normalization."""
    weight = layer.weight
    assert isinstance(weight, Tensor)
    outputs_at = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
    register_parametrization(layer, "weight", _Spectral(weight, outputs_at))
    return layer


def conv_block(
    options: Any, part: Part, layer: nn.Module, channels: int, inner: bool = False
) -> list[nn.Module]:
    """A generator's convolution with what follows it: normalization, activation, dropout.

    Args:
        options: the config's generator section.
        channels: what the layer gives.
        inner: whether it is at the architecture's own place of dropout.
    """
    return [
        *with_norm(layer, options.norm, channels, options.batch_statistics),
        part_activation(options, part),
        *part_dropout(options, part, inner),
    ]


def part_activation(options: Any, part: Part) -> nn.Module:
    """The activation of a part of a generator."""
    decoding = part == "decoder" and options.decoder_activation
    return activation(decoding or options.activation)


def dropout(rate: float, at_evaluation: bool = False) -> list[nn.Module]:
    """A layer of dropout, or none at rate 0."""
    return [Dropout(rate, at_evaluation)] if rate else []


def part_dropout(options: Any, part: Part, inner: bool = False) -> list[nn.Module]:
    """A generator's dropout, where its options have one."""
    place = options.dropout_place
    drops = {"inner": inner, "everywhere": True}.get(place, place == part)
    return dropout(options.dropout if drops else 0.0, options.dropout_at_evaluation)


def initialize(network: nn.Module, init: str, stream: torch.Generator) -> None:
    """Draw all weights from `stream`, in the order of the modules.

    Args:
        init: `normal`: N(0, 0.02), normalization scales N(1, 0.02) (Radford et al. 2015, pix2pix);
            `glorot`: uniform (Glorot & Bengio 2010), Keras' default; `he`: normal (He et al. 2015);
            `lecun`: normal of variance 1 / inputs (LeCun et al. 1998); `pytorch`: uniform of
            variance 1 / (3 inputs), and biases like it, which begin at 0 in all others.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            _draw(module, init, stream)
        elif isinstance(module, nn.BatchNorm2d) and init == "normal":
            nn.init.normal_(module.weight, 1.0, _DEVIATION, generator=stream)


def _draw(layer: Any, init: str, stream: torch.Generator) -> None:
    parametrized = hasattr(layer, "parametrizations")
    weight = layer.parametrizations.weight.original if parametrized else layer.weight
    if init == "normal":
        nn.init.normal_(weight, 0.0, _DEVIATION, generator=stream)
    elif init == "glorot":
        nn.init.xavier_uniform_(weight, generator=stream)
    elif init == "he":
        nn.init.kaiming_normal_(weight, generator=stream)
    elif init == "lecun":
        nn.init.kaiming_normal_(weight, nonlinearity="linear", generator=stream)
    else:
        # As torch's layers draw: a = sqrt(5) makes the bound sqrt(6 / ((1 + a^2) n)) 1 / sqrt(n).
        nn.init.kaiming_uniform_(weight, a=5**0.5, generator=stream)
    if layer.bias is not None and init == "pytorch":
        reach = weight[0].numel() ** -0.5
        nn.init.uniform_(layer.bias, -reach, reach, generator=stream)
    elif layer.bias is not None:
        nn.init.zeros_(layer.bias)
    if parametrized:
        layer.parametrizations.weight[0].begin(weight, stream)
