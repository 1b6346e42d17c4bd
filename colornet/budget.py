"""Whether pictures and budget make a training; known before any process is started."""

from math import ceil

from colornet.config import Config
from colornet.data.packed import Pack
from colornet.errors import InputError


def check_budget(config: Config, pack: Pack) -> None:
    """Whether these pictures and this budget make a training.

    Raises:
        InputError: an empty split, a batch larger than the training set, a tick without a step.
    """
    options = config.training
    pictures = len(pack.indices("train"))
    for split in ("train", "val"):
        if not len(pack.indices(split)):
            raise InputError(f"data: the {split} split has no pictures.\nGive it more pictures.")
    if options.batch_size > pictures:
        raise InputError(
            f"training.batch_size: {options.batch_size}: there are only {pictures} training "
            f"pictures.\nTake a batch of at most {pictures}, or more pictures."
        )
    assert options.images is not None
    if (steps := ceil(options.images / options.batch_size)) < options.ticks:
        raise InputError(
            f"training.ticks: {options.ticks}: {options.images} images in batches of "
            f"{options.batch_size} are only {steps} steps.\n"
            f"Take at most {steps} ticks, or at least {options.ticks * options.batch_size} images."
        )
