"""Built-in procedural landscapes: nothing to download, any size, any number.

Colors can be inferred from shape, texture and brightness (`colornet.data.scenery`), but for a few
vivid ones. Picture `i` depends on the seed, `i` and the size only, and shows the same scene at
every size.
"""

import ast
import hashlib
from functools import cache
from itertools import count, islice
from pathlib import Path

from colornet.config.sections.data import ScenesData
from colornet.data import scenery
from colornet.data.scenery.compositions import CLASSES, draw_scene
from colornet.data.source import Decoded, Entry, Source
from colornet.errors import InputError, did_you_mean


class ScenesSource(Source):
    """`data.pictures` landscapes of the chosen classes."""

    where = "scenes"
    layout = "procedural landscapes"

    def __init__(self, data: ScenesData) -> None:
        for name in data.classes or ():
            if name not in CLASSES:
                hint = did_you_mean(name, CLASSES)
                raise InputError(f"data.classes: '{name}': scenes have no such class.\n{hint}")
        self.data = data

    def entries(self) -> list[Entry]:
        """The first `data.pictures` pictures of the series that are of the chosen classes."""
        series = ((index, CLASSES[index % len(CLASSES)]) for index in count())
        chosen = (item for item in series if item[1] in (self.data.classes or CLASSES))
        return [
            Entry(f"{name}-{index:06d}", name, index)
            for index, name in islice(chosen, self.data.pictures)
        ]

    def key(self) -> dict[str, object]:
        """The options, and the code that draws: once it changes, pictures are drawn again."""
        data = self.data
        return {
            "source": "scenes",
            "image_size": data.image_size,
            "pictures": data.pictures,
            "seed": data.seed,
            "classes": None if data.classes is None else sorted(data.classes),
            "code": _code_hash(),
        }

    def decode(self, entry: Entry) -> Decoded:
        """Draw one picture."""
        size = self.data.image_size
        pixels = draw_scene(self.data.seed, int(entry.location), size)
        digest = hashlib.sha256(f"scenes {self.data.seed} {entry.location}".encode()).hexdigest()
        return Decoded(pixels, digest, "RGB", size, size)


@cache
def _code_hash() -> str:
    """Of the statements that draw: comments may change, and where a name is imported from."""
    digest = hashlib.sha256()
    for file in sorted(Path(scenery.__path__[0]).glob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        imports = ast.Import | ast.ImportFrom
        tree.body = [statement for statement in tree.body if not isinstance(statement, imports)]
        digest.update(ast.dump(tree).encode())
    return digest.hexdigest()


build = ScenesSource
