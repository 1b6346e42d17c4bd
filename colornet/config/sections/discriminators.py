"""Discriminators: one options class per architecture, chosen by `kind`.

An architecture's file in `colornet/networks/discriminators/` has the name of its kind.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from colornet.config.sections.base import Rate, Section
from colornet.config.sections.generators import Activation, Init, Norm, Width, Widths

Kernels = Annotated[
    tuple[Annotated[int, Field(ge=1, le=15)], ...], Field(strict=False, min_length=1, max_length=64)
]


class Discriminator(Section):
    """What every discriminator has."""

    input: Literal["ab", "lab", "rgb"] = "ab"
    """The color that is judged."""
    conditional: bool = True
    """Judged beside the grey picture that the generator saw, in the same range; always false for
    cyclegan, whose pictures have no partner."""
    input_range: Literal["signed", "signed_127", "signed_128", "unit", "raw"] = "signed"
    """The color's range: ab / 110 (or 127, 128), L / 50 - 1 and rgb in [-1, 1]; unit: (ab + 128) /
    255, L / 100 and rgb in [0, 1]; raw: Lab units and rgb in [0, 255]."""
    norm: Norm = "batch"
    """Where the architecture has one. Batch normalization always uses the batch at hand: a
    discriminator judges batches of one kind."""
    activation: Activation = "leaky_relu"
    dropout: Rate = 0.0
    """Share of features that is set to 0, while training."""
    init: Init = "normal"
    """First weights: as a generator's."""


class Patch(Discriminator):
    """Judges overlapping patches (Isola et al. 2017)."""

    kind: Literal["patch"] = "patch"
    width: int = Field(16, ge=1)
    """Channels of the first layer; doubled at each layer up to eight times."""
    layers: int = Field(3, ge=1, le=6)
    """Stride-2 layers."""
    flat_layers: int = Field(0, ge=0, le=2)
    """Stride-1 layers after them: 1 in the 70-pixel discriminator of pix2pix."""
    last_kernel: Literal[3, 4] = 3
    """Kernel of the layer that gives the logits: 4 in pix2pix."""
    keep_size: bool = False
    """Pad stride-1 layers of kernel 4 so that they keep the size (TensorFlow's `same`), instead of
    losing a pixel in each."""
    bias: bool = False
    """Biases also where a normalization follows."""


class Pixel(Discriminator):
    """Judges each pixel by itself (Isola et al. 2017)."""

    kind: Literal["pixel"]
    width: int = Field(64, ge=1)
    """Channels of the first layer; the second has twice as many."""


class Dense(Discriminator):
    """Blocks of convolutions and pooling, then dense layers: one judgment a picture."""

    kind: Literal["dense"]
    widths: Widths = (32, 64)
    """Channels of the blocks."""
    convolutions: int = Field(2, ge=1, le=4)
    """Per block."""
    kernels: Kernels = (3,)
    """Kernel sizes of the blocks, or one for all."""
    padding: Literal["same", "valid"] = "same"
    """Convolutions keep the size, or have no padding."""
    pool_last: bool = True
    """Max pooling after the last block, as after all others."""
    dropout_before_pool: bool = False
    """A block's dropout comes before its pooling, not after."""
    hidden: Annotated[tuple[Width, ...], Field(strict=False, max_length=64)] = (512,)
    """Widths of the dense layers before the logit."""
    hidden_activation: Activation = "leaky_relu"
    hidden_dropout: Rate = 0.0

    @model_validator(mode="after")
    def _kernels_fit(self) -> "Dense":
        if len(self.kernels) not in (1, len(self.widths)):
            raise ValueError(
                f"kernels has {len(self.kernels)} sizes for the {len(self.widths)} blocks of "
                "widths: give one for all, or one for each"
            )
        return self


class StridedDense(Discriminator):
    """Strided convolutions and average pooling, then one dense layer (README 000 at 256 pixels)."""

    kind: Literal["strided_dense"]
    width: int = Field(32, ge=1)
    """Channels of the first convolution; doubled at each."""
    last_dropout: Rate = 0.0
    """Dropout before the dense layer, which `dropout` does not reach."""


class Whole(Discriminator):
    """Strided 4x4 convolutions down to one judgment a picture (the CIFAR variants in PyTorch).

    The picture is first enlarged by 3 pixels, for a first convolution without padding.
    """

    kind: Literal["whole"]
    widths: Widths = (64, 128, 256, 512)
    """Channels of the layers; all but the first halve the picture."""


DISCRIMINATORS = Patch | Pixel | Dense | StridedDense | Whole
DiscriminatorConfig = Annotated[DISCRIMINATORS, Field(discriminator="kind")]
