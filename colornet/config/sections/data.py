"""Where pictures come from, and which of them are used."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from colornet.config.sections.base import Section, Share

Location = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""A path or URI; no system takes one with a NUL in it."""


class _Data(Section):
    image_size: int = Field(32, ge=8, le=2048)
    """Side of the square pictures, pixels."""
    classes: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = None
    """Only these classes; null takes all."""
    fraction: Share = 1.0
    """Share of the training pictures that is used."""
    train_pictures: int | None = Field(None, ge=1)
    """Number of training pictures that is used; not together with `fraction`."""
    skip_grey: bool = True
    """Leave out pictures without color."""
    horizontal_flip: bool = True
    """Mirror training pictures at random."""

    @model_validator(mode="after")
    def _one_way_to_shrink(self) -> "_Data":
        if self.train_pictures is not None and self.fraction < 1:
            raise ValueError("fraction and train_pictures both shrink the set: give one of them")
        return self


class ScenesData(_Data):
    """Procedural landscapes, drawn on the spot; classes mountains, sea, meadow, village."""

    source: Literal["scenes"] = "scenes"
    pictures: int = Field(2560, ge=20)
    """Pictures drawn in all, before they are split 80/10/10."""
    seed: int = Field(0, ge=0)
    """Another seed draws other pictures."""


class _Collected(_Data):
    split: Literal["appearance", "content"] = "appearance"
    """What keeps pictures in one split: `appearance` that they are near duplicates, such as one
    photo in two formats; `content` only that they are equal."""


class _Files(_Collected):
    max_bad_fraction: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Share of unreadable pictures above which nothing is trained."""
    max_pixels: int = Field(100_000_000, ge=1)
    """Pictures that take more pixels in memory are not decoded; most JPEGs take a fraction."""
    rules: Literal[1, 2] = 2
    """How files are read; 1 is how it was done for configs of version 1, whose sweeps go on so."""


class FolderData(_Files):
    """A tree of picture files.

    Folders named train, val and test (or as Places365 and colornet have them) are the official
    splits (val alone is the test split); otherwise the first level of folders are the classes.
    `colorsweep data check` says what it finds in a folder.
    """

    source: Literal["folder"]
    root: Location
    """The folder, or one that `colorsweep data pack` made."""
    layout: Literal["auto", "splits", "classes"] = "auto"
    """Whether folders named after splits are splits, or classes as others; auto decides."""
    list: Location | None = None
    """File that lists the pictures to take, one path under `root` a line; a label may follow."""


class Cifar10Data(_Collected):
    """CIFAR-10 as it is published, python or binary version; the test batch is the test split."""

    source: Literal["cifar10"]
    root: Location
    """Folder of the batches (cifar-10-batches-py, cifar-10-batches-bin), or the one it lies in."""


class ParquetData(_Files):
    """Encoded pictures in a column of Parquet files, as Hugging Face data sets have them.

    A file named after train, validation or test, or a column `split`, gives the official splits.
    """

    source: Literal["parquet"]
    root: Location
    """A file, or a folder of `*.parquet` files."""
    column: str | None = None
    """Column of the encoded pictures, such as `image` or `jpeg`; null finds the only one."""
    label: str | None = None
    """Column of the classes; null takes `label`, `fine_label`, `class`, … where there is one."""


DATA = ScenesData | FolderData | Cifar10Data | ParquetData
DataConfig = Annotated[DATA, Field(discriminator="source")]


def splits_by_appearance(data: DATA) -> bool:
    """Whether near duplicates are looked for: drawn landscapes have none."""
    return getattr(data, "split", "content") == "appearance"
