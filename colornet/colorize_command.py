"""What `colorsweep colorize` does."""

import logging
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from colornet.cli_result import Answer, need_training_libraries
from colornet.errors import shown_name

log = logging.getLogger("colorsweep")


def colorize(
    model: Path,
    pictures: Annotated[list[Path], Parameter(negative=())],
    *,
    out: Annotated[Path, Parameter(alias="-o")] = Path("colorized"),
    size: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    max_pixels: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    overwrite: Annotated[bool, Parameter(negative=())] = False,
) -> Answer:
    """Colorize pictures with a model; each keeps its size and its lightness.

    Parameters
    ----------
    model
        Folder that `colorsweep train` has left.
    pictures
        Pictures of any size and mode, or folders of them, whose own folders are kept.
    out
        Folder for the results, as PNG.
    size
        Shorter side at which the network sees pictures [that of its training].
    max_pixels
        Larger pictures are not colorized [200,000,000].
    overwrite
        Replace what earlier calls have made.
    """
    from colornet.model.folder import check_model

    check_model(model)
    need_training_libraries("colorize")
    from colornet.model.colorize import colorize_files
    from colornet.progress import show_pictures

    with show_pictures() as progress:
        result = colorize_files(
            model,
            pictures,
            out,
            size=size,
            max_pixels=max_pixels,
            overwrite=overwrite,
            progress=progress,
        )
    told = [f"{len(result.done)} colorized"]
    if result.kept:
        told.append(f"{len(result.kept)} there already (--overwrite replaces them)")
    if result.failed:
        told.append(f"{len(result.failed)} failed")
    log.info("%s, in %s", ", ".join(told), out)
    lines = [f"{shown_name(source)} -> {shown_name(target)}" for source, target in result.done]
    done, kept = (
        [{"picture": str(source), "result": str(target)} for source, target in pairs]
        for pairs in (result.done, result.kept)
    )
    failed = [{"picture": str(source), "reason": reason} for source, reason in result.failed]
    values = {"colorized": done, "kept": kept, "failed": failed}
    return Answer("\n".join(lines), values, exit_code=1 if failed else 0)
