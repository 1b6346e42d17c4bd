"""`colorsweep demo`: the whole path in small, by the commands that a user would type."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from colornet.cli_result import CliResult, align_columns, require_training_libraries
from colornet.errors import ColorsweepError, InputError
from search.run.create import check_room, check_writable

PICTURES = 6
SIZE = 256
"""Pixels of a side: larger than what is trained on, as a user's pictures are."""
SEED = 7_000
"""Of the pictures that are colorized: no training has seen them."""


def demo(*, out: Path = Path("demo")) -> CliResult:
    """Run the whole path in small, on built-in pictures: sweep, report, best, train, colorize.

    Parameters
    ----------
    out
        Folder for all of it; it must not be there yet.
    """
    require_training_libraries("demo")
    if os.path.lexists(out):
        raise InputError(f"{out}: is there already.\nGive --out another folder, or delete it.")
    check_writable(str(out))
    check_room(str(out))
    sweep, model, grey = out / "sweep", out / "model", out / "grey"
    _call("run", "demo", "--out", str(sweep))
    _call("report", str(sweep), "-o", str(out / "report.html"))
    _call("best", str(sweep), "-o", str(out / "best.yaml"))
    _call("train", str(out / "best.yaml"), "--out", str(model))
    truths = _draw(grey)
    _call("colorize", str(model), str(grey), "-o", str(out / "colorized"))
    sheet = _contact_sheet(grey, out / "colorized", truths, out / "colorized.png")
    files = {
        "report": str(out / "report.html"),
        "best": str(out / "best.yaml"),
        "model": str(model),
        "pictures": str(sheet),
    }
    notes = {"report": "open it in a browser", "model": "card.md says how good it is"}
    notes["pictures"] = "grey, colorized, truth"
    rows = [
        (name.capitalize(), f"{path}  ({notes[name]})" if name in notes else path)
        for name, path in files.items()
    ]
    rows.append(("Next", "colorsweep run learning-rate-balance --quick --data YOUR_PICTURES"))
    return CliResult("\n" + align_columns(rows), files)


def _call(*words: str) -> None:
    """Run one command as its own line of the demo."""
    from search.cli import main

    print(f"\n$ {shlex.join(['colorsweep', *words])}", file=sys.stderr, flush=True)
    try:
        main(words)
    except SystemExit as ended:
        if ended.code:
            raise ColorsweepError(
                f"demo: `colorsweep {words[0]}` ended with {ended.code}"
            ) from None


def _draw(folder: Path) -> list[np.ndarray]:
    """Draw landscapes that no training has seen, and write them in grey."""
    from colornet.data.scenery.compositions import draw_scene

    folder.mkdir(parents=True)
    truths = [draw_scene(SEED, index, SIZE) for index in range(PICTURES)]
    for index, truth in enumerate(truths):
        Image.fromarray(truth).convert("L").save(folder / f"landscape-{index + 1}.png")
    return truths


def _contact_sheet(grey: Path, colorized: Path, truths: Sequence[np.ndarray], target: Path) -> Path:
    """Rows of grey, colorized, truth, one column a picture."""
    gap = SIZE // 32
    size = (len(truths) * (SIZE + gap) - gap, 3 * (SIZE + gap) - gap)
    sheet = Image.new("RGB", size, "white")
    for column, truth in enumerate(truths):
        name = f"landscape-{column + 1}.png"
        tiles = [Image.open(grey / name), Image.open(colorized / name), Image.fromarray(truth)]
        for row, tile in enumerate(tiles):
            sheet.paste(tile.convert("RGB"), (column * (SIZE + gap), row * (SIZE + gap)))
    sheet.save(target)
    return target
