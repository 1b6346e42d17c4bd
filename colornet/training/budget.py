"""Whether pictures and budget make a training; known before any process is started."""

from math import ceil

from colornet.cli_result import count_text
from colornet.config.config import Config
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
            f"training.batch_size: {options.batch_size}: there are only "
            f"{count_text(pictures, 'training picture')}.\n"
            f"Take a batch of at most {pictures}, or more pictures."
        )
    assert options.images is not None
    if (steps := ceil(options.images / options.batch_size)) < options.ticks:
        raise InputError(
            f"training.ticks: {options.ticks}: {count_text(options.images, 'image')} in batches of "
            f"{options.batch_size} are only {count_text(steps, 'step')}.\nTake at most "
            f"{count_text(steps, 'tick')}, or at least {options.ticks * options.batch_size} images."
        )
