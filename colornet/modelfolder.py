"""The files of a model folder, without torch.

`model.safetensors` holds the generator's weights, `config.yaml` the complete config it was trained
with, `card.md` what people should know.
"""

from pathlib import Path

from colornet.catalog import to_yaml
from colornet.config import Config
from colornet.errors import InputError
from colornet.storage import write_atomic

WEIGHTS, CONFIG, CARD = "model.safetensors", "config.yaml", "card.md"


def write_model(folder: Path, weights: bytes, config: Config, card: str) -> None:
    """Write a model folder; files of the same names are replaced, the weights last.

    Args:
        weights: a safetensors file of the generator's `state_dict()`.
        config: what it was trained with.
        card: Markdown for people.
    """
    write_atomic(folder / CONFIG, to_yaml(config.to_dict()).encode())
    write_atomic(folder / CARD, card.encode())
    write_atomic(folder / WEIGHTS, weights)


def check_model(folder: Path) -> None:
    """Raise InputError when a folder lacks what a model consists of."""
    for name in (WEIGHTS, CONFIG):
        if not (folder / name).is_file():
            raise InputError(
                f"{folder}: not a model folder: it has no {name}.\n"
                "Give the folder that `colorsweep train` or `best --model` wrote."
            )
