"""Generators: one options class per architecture, chosen by `kind`.

An architecture's file in `colornet/networks/generators/` has the name of its kind.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from colornet.config.sections.base import Rate, Section

Activation = Literal["relu", "leaky_relu", "leaky_relu_0.3", "elu", "gelu", "silu"]
Norm = Literal["none", "batch", "instance", "spectral"]
Init = Literal["normal", "glorot", "he", "lecun", "pytorch"]
Width = Annotated[int, Field(ge=1)]
Widths = Annotated[tuple[Width, ...], Field(strict=False, min_length=2, max_length=64)]

_LAB_HEADS = ("tanh_110", "tanh_127", "tanh_128", "sigmoid", "linear")
_RGB_HEADS = ("tanh", "sigmoid", "relu", "linear")


class Generator(Section):
    """What every generator has; its network reads one grey channel."""

    predicts: Literal["ab", "lab", "rgb"] = "ab"
    """Color channels that the network gives. An L or RGB of its own is replaced by the input's
    lightness before anything is measured or shown."""
    head: Literal["tanh_110", "tanh_127", "tanh_128", "tanh", "sigmoid", "linear", "relu"] = (
        "tanh_110"
    )
    """Last activation. For ab and lab: tanh_N gives a and b up to N Lab units, sigmoid spreads
    [-128, 127] over [0, 1], linear gives Lab units as they come. For rgb: tanh, sigmoid, linear or
    relu, as [0, 1] (tanh: [-1, 1])."""
    input: Literal["lightness", "luma"] = "lightness"
    """The grey picture: CIE L, or luma (0.299 R + 0.587 G + 0.114 B)."""
    input_range: Literal["signed", "unit", "byte"] = "signed"
    """The grey picture's range: [-1, 1], [0, 1] or [0, 255]."""
    norm: Norm = "batch"
    """Where the architecture has one: batch or instance normalization, or the spectral norm of the
    layer before it."""
    batch_statistics: bool = False
    """Batch normalization uses the batch at hand also when pictures are colorized, not the running
    statistics."""
    activation: Activation = "relu"
    decoder_activation: Activation | None = None
    """null: as `activation`."""
    dropout: Rate = 0.0
    """Share of features that is set to 0, while training."""
    dropout_place: Literal["bottleneck", "inner", "decoder", "everywhere"] = "inner"
    """Where: after the innermost level, in the decoder's inner levels (the architecture says
    which), in all of the decoder, or everywhere but before the first and after the last layer."""
    dropout_at_evaluation: bool = False
    """Drop when pictures are colorized, too: the noise of Isola et al. 2017."""
    init: Init = "normal"
    """First weights: N(0, 0.02) (DCGAN), Glorot's uniform (Keras), He's normal, LeCun's normal
    (TensorFlow's variance scaling), or PyTorch's uniform."""

    @model_validator(mode="after")
    def _head_fits(self) -> "Generator":
        heads = _RGB_HEADS if self.predicts == "rgb" else _LAB_HEADS
        if self.head not in heads:
            why = " (it cannot reach a negative a or b)" if self.head == "relu" else ""
            raise ValueError(
                f"head {self.head} does not give {self.predicts}{why}: take {', '.join(heads)}"
            )
        return self

    LEAST: ClassVar[int] = 1
    """The least side of a picture where the architecture has one, pixels."""

    @property
    def stride(self) -> int:
        """Height and width of a picture are multiples of this: each level of depth halves them."""
        return 2 ** getattr(self, "depth", 0)

    @property
    def smallest(self) -> int:
        """The least side of a picture, pixels."""
        return max(self.LEAST, self.stride)


class UNet(Generator):
    """U-Net with `depth` stride-2 levels, full-resolution skips and a smooth last step up.

    Inner levels: the decoder's first half.
    """

    kind: Literal["unet"] = "unet"
    width: int = Field(16, ge=1)
    """Channels of the first level; doubled at each level up to eight times."""
    depth: int = Field(4, ge=1, le=8)


class Pix2PixUNet(Generator):
    """The U-Net of pix2pix: `depth` strided 4x4 convolutions down and as many up (README 003).

    Inner levels: those of full width after the decoder's first; of depth 8 the three that pix2pix
    has.
    """

    kind: Literal["pix2pix_unet"]
    width: int = Field(64, ge=1)
    """Channels of the first level; doubled at each level up to eight times."""
    depth: int = Field(8, ge=2, le=10)


class DeconvUNet(Generator):
    """U-Net of 4x4 convolutions whose first level keeps the full size (README 001, TensorFlow).

    Inner levels: the decoder's first two.
    """

    kind: Literal["deconv_unet"]
    widths: Widths = (64, 128, 256, 512, 512)
    """Channels of the encoder's levels; all but the first halve the picture."""
    enlarge: bool = False
    """The picture is enlarged by 3 pixels for a first convolution without padding, instead of
    being padded (the CIFAR variants in PyTorch)."""

    @property
    def stride(self) -> int:
        """The first level keeps the full size."""
        return 2 ** (len(self.widths) - 1)


class PooledUNet(Generator):
    """U-Net of paired 3x3 convolutions and max pooling (README 001, Keras).

    Inner levels: the decoder's first half.
    """

    kind: Literal["pooled_unet"]
    width: int = Field(64, ge=1)
    """Channels of the first level; doubled at each level."""
    depth: int = Field(4, ge=1, le=8)


class UpsamplingUNet(Generator):
    """Strided 3x3 convolutions down, enlargement and convolution up (README 000 at 256 pixels).

    Inner levels: the decoder's first half.
    """

    kind: Literal["upsampling_unet"]
    width: int = Field(64, ge=1)
    """Channels of the first level; doubled at each level."""
    depth: int = Field(3, ge=2, le=8)


class EncoderDecoder(Generator):
    """Convolutions, pooling and enlargement without skips (README 000 at 32 pixels).

    Inner levels: the decoder's first half.
    """

    kind: Literal["encoder_decoder"]
    width: int = Field(32, ge=1)
    """Channels of the first level; doubled at each level."""
    depth: int = Field(2, ge=1, le=8)


class ValidUNet(Generator):
    """Unpadded convolutions at full resolution, with skips (README 002).

    Inner levels: the first of the decoder's three.
    """

    kind: Literal["valid_unet"]
    width: int = Field(16, ge=1)
    """Channels of the first convolution."""
    LEAST = 32


GENERATORS = (
    UNet | Pix2PixUNet | DeconvUNet | PooledUNet | UpsamplingUNet | EncoderDecoder | ValidUNet
)
GeneratorConfig = Annotated[GENERATORS, Field(discriminator="kind")]
