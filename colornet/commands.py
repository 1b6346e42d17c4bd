"""What `colorsweep presets`, `data …`, `train` and `colorize` do."""

import json
import logging
import shlex
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from colornet.cli_result import CliResult, align_columns, parse_settings, require_training_libraries
from colornet.errors import printable_name

log = logging.getLogger("colorsweep")


def presets(name: str | None = None) -> CliResult:
    """List the presets with what their networks weigh and cost, or print one: a complete config.

    Parameters
    ----------
    name
        The preset to print; `colorsweep presets NAME > mine.yaml`.
    """
    from colornet.config.catalog import PRESETS, builtin_names, find_yaml, preset_values, to_yaml

    if name is not None:
        find_yaml(name, PRESETS, "preset")
        values = preset_values(name)
        return CliResult(to_yaml(values).rstrip("\n"), values)
    listed = {preset: preset_values(preset) for preset in builtin_names(PRESETS)}
    costs = _costs(listed)
    rows = [("preset", "method", "px", "generator", "GMAC", "discriminator", "GMAC", "from")]
    for preset, values in listed.items():
        cost, size = costs.get(preset, {}), str(values["data"]["image_size"])
        generator = _weights_and_macs(cost, "generator")
        discriminator = ("–", "–")
        if values["discriminator"]:
            discriminator = _weights_and_macs(cost, "discriminator")
        about = (values["about"] or "").partition(" (")[0]
        rows.append((preset, values["loss"]["method"], size, *generator, *discriminator, about))
    note = "Weights that are learned; multiply-accumulates a picture, forward."
    if not costs:
        note = "Install 'colorsweep[train]' to see what the networks weigh and cost."
    counted = {preset: {"config": listed[preset], **costs.get(preset, {})} for preset in listed}
    return CliResult(f"{align_columns(rows)}\n\n{note}", {"presets": counted})


def _costs(listed: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Counts of each preset's networks; none without torch."""
    if find_spec("torch") is None:
        return {}
    from colornet.config.config import parse_config
    from colornet.training.cost import count

    return {name: asdict(count(parse_config(values, name))) for name, values in listed.items()}


def _weights_and_macs(cost: Mapping[str, int], player: str) -> tuple[str, str]:
    if not cost:
        return "?", "?"
    return f"{cost[f'{player}_parameters']:,}", f"{cost[f'{player}_macs'] / 1e9:.3f}"


def data_list() -> CliResult:
    """List the sources of pictures and their options."""
    from colornet.config.paths import TAGS

    lines, values = [], {}
    for name, kind in TAGS["data"][1].items():
        about = " ".join((kind.__doc__ or "").split())
        rows, options = [], {}
        for key, field in kind.model_fields.items():
            if key == "source":
                continue
            required = field.is_required()
            default = None if required else field.default
            written = "" if required else json.dumps(default)
            rows.append((f"  data.{key}", written, field.description or ""))
            options[key] = {
                "required": required,
                "default": default,
                "description": field.description,
            }
        lines += ["", *wrap(f"{name}: {about}", 100), align_columns(rows)]
        values[name] = {"description": about, "options": options}
    return CliResult("\n".join(lines[1:]), {"sources": values})


@Parameter(name="*")
@dataclass(frozen=True)
class PictureOptions:
    """Which pictures under a path are meant.

    Attributes:
        source: folder, cifar10 or parquet [what PATH looks like].
        image_size: Side that the pictures are trained at, pixels; smaller ones are enlarged.
        classes: Only these classes.
        list_file: File that lists the pictures, one path under PATH a line; of a folder only.
        settings: PATH=VALUE: other options of pictures, such as data.max_pixels=200000000.
    """

    source: str | None = None
    image_size: int = 32
    classes: Annotated[
        list[str] | None, Parameter(name="--classes", negative=(), consume_multiple=True)
    ] = None
    list_file: Path | None = None
    settings: Annotated[list[str] | None, Parameter(name="--set", negative=())] = None

    def section(self, path: Path) -> Any:
        """The data section that these options describe. Raises InputError."""
        from colornet.config.paths import TAGS
        from colornet.config.validation import validate
        from colornet.data.check import FILE_SOURCES, detect_source
        from colornet.errors import InputError, did_you_mean

        source = self.source or detect_source(path)
        if source not in FILE_SOURCES:
            hint = did_you_mean(source, FILE_SOURCES)
            raise InputError(f"--source: '{source}': unknown.\n{hint}")
        values: dict[str, Any] = {
            "source": source,
            "root": str(path),
            "image_size": self.image_size,
            "classes": tuple(self.classes) if self.classes else None,
        }
        if self.list_file is not None:
            if source != "folder":
                raise InputError(
                    f"--list-file: {self.list_file}: of use for a folder of pictures only, and "
                    f"{path} is read as {source}.\nLeave it out, or choose with --classes."
                )
            values["list"] = str(self.list_file)
        for setting, value in parse_settings(self.settings or []).items():
            section, _, option = setting.partition(".")
            if section != "data" or not option or option in ("source", "root"):
                raise InputError(
                    f"--set: {setting}: is no option of pictures.\nE.g. data.max_pixels=200000000."
                )
            values[option] = value
        return validate(TAGS["data"][1][source], values, "data")


_ALL_PICTURES = PictureOptions()


def data_check(path: Path, *, options: PictureOptions = _ALL_PICTURES) -> CliResult:
    """Find what is wrong with pictures before anything is trained.

    Parameters
    ----------
    path
        Folder of pictures or of CIFAR-10 batches, Parquet file or a folder of them.
    """
    from colornet.data.check import check

    report = check(options.section(path))
    return CliResult(report.text(), report.data(), exit_code=0 if report.can_train else 1)


def data_pack(
    path: Path,
    *,
    out: Annotated[str, Parameter(alias="-o")],
    options: PictureOptions = _ALL_PICTURES,
) -> CliResult:
    """Decode pictures once, into a folder that trainings map into memory.

    Parameters
    ----------
    path
        Folder of pictures or of CIFAR-10 batches, Parquet file or a folder of them.
    out
        Folder to make, or a URI; give it as data.root.
    """
    from colornet.data.packed import pack_to

    summary = pack_to(options.section(path), out).summary()
    splits = ", ".join(f"{count:,} {split}" for split, count in summary["splits"].items())
    size = options.image_size
    rows = [
        ("Packed", f"{summary['pictures']:,} pictures at {size} px ({splits})"),
        ("Left out", "{bad} bad, {grey} grey, {duplicates} twice".format_map(summary)),
        ("Size", f"{summary['bytes'] / 1e6:,.1f} MB in {out}"),
        ("Next", f"colorsweep run STUDY --data {out} --set data.image_size={size}"),
    ]
    return CliResult(align_columns(rows), summary)


def train(
    config: str,
    *,
    settings: list[str] | None = None,
    out: Path | None = None,
    workers: int = 1,
    gpus_per_worker: float | None = None,
    scale_lr: Literal["none", "linear", "sqrt"] = "none",
    keep: Literal["best", "last"] = "best",
    address: str | None = None,
) -> CliResult:
    """Train a configuration finally, from here; `search.final_training.train` is the command.

    Args: as the command's; address is auto or HOST:PORT.
    """
    require_training_libraries("train")
    from colornet.config.catalog import PRESETS, find_yaml, load_config, read_yaml
    from colornet.config.config import parse_config
    from colornet.training.final_checks import model_name, prepare, refuse_secrets_in, scale_rates

    loaded = load_config(config, parse_settings(settings or []))
    written = read_yaml(find_yaml(config, PRESETS, "preset"))
    for values in (written, loaded.to_dict()):
        refuse_secrets_in(values, config, "a model")
    origin = written["from"] if isinstance(written.get("from"), Mapping) else None
    searched = parse_config(written["config"], config) if origin and "config" in written else None
    folder = out or Path("models") / model_name(config, origin)
    chosen = (searched or load_config(config)).training.batch_size
    loaded, rates = scale_rates(loaded, chosen, scale_lr)
    loaded = prepare(loaded, folder)
    if origin and origin.get("objection"):
        log.warning("%s", origin["objection"])

    from colornet.training.distributed import Workers, train_final

    show = partial(show_tick, loaded.training.ticks)
    who = Workers(workers, gpus_per_worker, address)
    results = train_final(
        loaded, folder, show, origin, searched=searched, workers=who, notes=[rates], keep=keep
    )
    return _trained(folder, results)


def _trained(folder: Path, results: Mapping[str, Any]) -> CliResult:
    """What a final training has come to; first of all why its model should not be used."""
    tested = [("Test", "no test pictures with color")]
    if baseline := results.get("test_ab_mae_baseline"):
        share = results["test_ab_mae"] / baseline
        tested = [
            ("Test", f"ab MAE {results['test_ab_mae']:.4g}, {share:.2f} x the best single color"),
            ("", f"colorfulness {results['test_colorfulness_ratio']:.2f} of the truth's"),
        ]
    wrong = results["shortfalls"]
    rows = [("" if row else "Not usable", sentence) for row, sentence in enumerate(wrong)]
    rows += [("Model", str(folder)), ("Weights", results["weights"]), *tested]
    if results["promise"]:
        rows.append(("Promise", results["promise"]))
    if not wrong:
        model = shlex.quote(str(folder))
        rows.append(("Next", f"colorsweep colorize {model} PICTURE… -o colorized"))
    return CliResult(align_columns(rows), {"model": str(folder), **results})


def colorize(
    model: Path,
    pictures: Annotated[list[Path], Parameter(negative=())],
    *,
    out: Annotated[Path, Parameter(alias="-o")] = Path("colorized"),
    size: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    max_pixels: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    overwrite: Annotated[bool, Parameter(negative=())] = False,
) -> CliResult:
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
    require_training_libraries("colorize")
    from colornet.model.colorize import colorize_files

    files = (model, pictures, out)
    with show_pictures() as show:
        result = colorize_files(
            *files, size=size, max_pixels=max_pixels, overwrite=overwrite, progress=show
        )
    counts = [f"{len(result.done)} colorized"]
    if result.kept:
        counts.append(f"{len(result.kept)} there already (--overwrite replaces them)")
    if result.failed:
        counts.append(f"{len(result.failed)} failed")
    log.info("%s, in %s", ", ".join(counts), out)
    lines = [f"{printable_name(source)} -> {printable_name(to)}" for source, to in result.done]
    values = {
        name: [{"picture": str(source), what: str(outcome)} for source, outcome in outcomes]
        for name, what, outcomes in (
            ("colorized", "result", result.done),
            ("kept", "result", result.kept),
            ("failed", "reason", result.failed),
        )
    }
    return CliResult("\n".join(lines), values, exit_code=1 if result.failed else 0)


def show_tick(ticks: int, metrics: Mapping[str, Any]) -> None:
    """Say a tick's numbers, out of so many ticks."""
    tick, seconds = metrics["tick"], metrics["seconds"]
    left = seconds / tick * (ticks - tick)
    ratio = metrics.get("val_colorfulness_ratio") or float("nan")
    log.info(
        f"tick {tick}/{ticks}  {metrics['images']:,} images  "
        f"val_ab_mae {metrics['val_ab_mae']:.4g}  colorfulness {ratio:.2f}  "
        f"{seconds:.0f} s, about {left:.0f} s left"
    )


@contextmanager
def show_pictures() -> Generator[Callable[[int, int, Path], None]]:
    """A function to be called with pictures done, pictures in all, and the last one.

    On a terminal it draws one line, elsewhere it writes one, but none within a second of the last.
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True, highlight=False)
    logged = float("-inf")
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Colorizing", total=None)

        def show(done: int, total: int, picture: Path) -> None:
            nonlocal logged
            bar.update(task, total=total, completed=done)
            if not console.is_terminal and (done == total or time.monotonic() - logged > 1):
                logged = time.monotonic()
                log.info("%d/%d  %s", done, total, picture)

        yield show
