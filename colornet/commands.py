"""What `colorsweep presets`, `data …` and `train` do."""

import json
import logging
import shlex
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from colornet.cli_result import Answer, aligned, need_training_libraries, parse_settings

log = logging.getLogger("colorsweep")
Settings = Annotated[list[str] | None, Parameter(name="--set", negative=())]
Classes = Annotated[
    list[str] | None, Parameter(name="--classes", negative=(), consume_multiple=True)
]


def presets(name: str | None = None) -> Answer:
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
        return Answer(to_yaml(values).rstrip("\n"), values)
    listed = {found: preset_values(found) for found in builtin_names(PRESETS)}
    costs = _costs(listed)
    rows = [("preset", "method", "px", "generator", "GMAC", "discriminator", "GMAC", "from")]
    for found, values in listed.items():
        cost = costs.get(found, {})
        rows.append(
            (
                found,
                values["loss"]["method"],
                str(values["data"]["image_size"]),
                *_weighed(cost, "generator"),
                *(_weighed(cost, "discriminator") if values["discriminator"] else ("–", "–")),
                (values["about"] or "").partition(" (")[0],
            )
        )
    note = "Weights that are learned; multiply-accumulates a picture, forward."
    if not costs:
        note = "Install 'colorsweep[train]' to see what the networks weigh and cost."
    counted = {found: {"config": listed[found], **costs.get(found, {})} for found in listed}
    return Answer(f"{aligned(rows)}\n\n{note}", {"presets": counted})


def _costs(listed: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Counts of each preset's networks; none without torch."""
    if find_spec("torch") is None:
        return {}
    from dataclasses import asdict

    from colornet.config.config import parse_config
    from colornet.evaluation.cost import count

    return {name: asdict(count(parse_config(values, name))) for name, values in listed.items()}


def _weighed(cost: Mapping[str, int], player: str) -> tuple[str, str]:
    if not cost:
        return "?", "?"
    return f"{cost[f'{player}_parameters']:,}", f"{cost[f'{player}_macs'] / 1e9:.3f}"


def data_list() -> Answer:
    """List the sources of pictures and their options."""
    from colornet.config.paths import TAGS

    lines, values = [], {}
    for name, kind in TAGS["data"][1].items():
        options = {key: field for key, field in kind.model_fields.items() if key != "source"}
        about = " ".join((kind.__doc__ or "").split())
        rows = [
            (
                f"  data.{key}",
                "" if field.is_required() else json.dumps(field.default),
                field.description,
            )
            for key, field in options.items()
        ]
        lines += [
            "",
            *wrap(f"{name}: {about}", 100),
            aligned([[cell or "" for cell in r] for r in rows]),
        ]
        values[name] = {
            "description": about,
            "options": {
                key: {
                    "required": field.is_required(),
                    "default": None if field.is_required() else field.default,
                    "description": field.description,
                }
                for key, field in options.items()
            },
        }
    return Answer("\n".join(lines[1:]), {"sources": values})


def data_check(
    path: Path,
    *,
    source: str | None = None,
    image_size: int = 32,
    classes: Classes = None,
    list_file: Path | None = None,
    settings: Settings = None,
) -> Answer:
    """Find what is wrong with pictures before anything is trained.

    Parameters
    ----------
    path
        Folder of pictures or of CIFAR-10 batches, Parquet file or a folder of them.
    source
        folder, cifar10 or parquet [what PATH looks like].
    image_size
        Side that the pictures would be trained at; smaller ones are named.
    classes
        Only these classes.
    list_file
        File that lists the pictures to take, one path under PATH a line; of a folder only.
    settings
        PATH=VALUE: other options of the data section, such as data.max_pixels=200000000.
    """
    from colornet.data.check import check

    report = check(_data_section(path, source, image_size, classes, list_file, settings))
    return Answer(report.text(), report.data(), exit_code=0 if report.can_train else 1)


def data_pack(
    path: Path,
    *,
    out: Annotated[str, Parameter(alias="-o")],
    source: str | None = None,
    image_size: int = 32,
    classes: Classes = None,
    list_file: Path | None = None,
    settings: Settings = None,
) -> Answer:
    """Decode pictures once, into a folder that trainings map into memory.

    Parameters
    ----------
    path
        Folder of pictures or of CIFAR-10 batches, Parquet file or a folder of them.
    out
        Folder to make, or a URI; give it as data.root.
    source
        folder, cifar10 or parquet [what PATH looks like].
    image_size
        Side of the packed pictures.
    classes
        Only these classes.
    list_file
        File that lists the pictures to take, one path under PATH a line; of a folder only.
    settings
        PATH=VALUE: other options of the data section, such as data.max_pixels=200000000.
    """
    from colornet.data.packed import pack_to

    summary = pack_to(
        _data_section(path, source, image_size, classes, list_file, settings), out
    ).summary()
    splits = ", ".join(f"{count:,} {split}" for split, count in summary["splits"].items())
    rows = [
        ("Packed", f"{summary['pictures']:,} pictures at {image_size} px ({splits})"),
        (
            "Left out",
            f"{summary['bad']} bad, {summary['grey']} grey, {summary['duplicates']} twice",
        ),
        ("Size", f"{summary['bytes'] / 1e6:,.1f} MB in {out}"),
        ("Next", f"colorsweep run STUDY --data {out} --set data.image_size={image_size}"),
    ]
    return Answer(aligned(rows), summary)


def _data_section(
    path: Path,
    source: str | None,
    image_size: int,
    classes: Classes,
    list_file: Path | None,
    settings: Settings,
) -> Any:
    """The data section that these options describe. Raises InputError."""
    from colornet.config.paths import TAGS
    from colornet.config.validation import validate
    from colornet.data.detect import FILE_SOURCES, detect_source
    from colornet.errors import InputError, did_you_mean

    source = source or detect_source(path)
    if source not in FILE_SOURCES:
        raise InputError(f"--source: '{source}': unknown.\n{did_you_mean(source, FILE_SOURCES)}")
    values = {
        "source": source,
        "root": str(path),
        "image_size": image_size,
        "classes": tuple(classes) if classes else None,
    }
    if list_file is not None:
        if source != "folder":
            raise InputError(
                f"--list-file: {list_file}: of use for a folder of pictures only, and {path} is "
                f"read as {source}.\nLeave it out, or choose with --classes."
            )
        values["list"] = str(list_file)
    for setting, value in parse_settings(settings or []).items():
        section, _, option = setting.partition(".")
        if section != "data" or not option or option in ("source", "root"):
            raise InputError(
                f"--set: {setting}: is no option of pictures.\nE.g. data.max_pixels=200000000."
            )
        values[option] = value
    return validate(TAGS["data"][1][source], values, "data")


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
) -> Answer:
    """Train a configuration finally, from here; `search.final_training.train` is the command.

    Args: as the command's; address is auto or HOST:PORT.
    """
    need_training_libraries("train")
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

    from colornet.progress import show_tick
    from colornet.training.distributed import Workers, train_final

    results = train_final(
        loaded,
        folder,
        show_tick(loaded.training.ticks),
        origin,
        searched=searched,
        workers=Workers(workers, gpus_per_worker, address),
        notes=[rates],
        keep=keep,
    )
    return _trained(folder, results)


def _trained(folder: Path, results: Mapping[str, Any]) -> Answer:
    """What a final training has come to; first of all why its model should not be used."""
    tested = [("Test", "no test pictures with color")]
    if baseline := results.get("test_ab_mae_baseline"):
        share = results["test_ab_mae"] / baseline
        tested = [
            ("Test", f"ab MAE {results['test_ab_mae']:.4g}, {share:.2f} x the best single color"),
            ("", f"colorfulness {results['test_colorfulness_ratio']:.2f} of the truth's"),
        ]
    model = shlex.quote(str(folder))
    wrong, use = results["shortfalls"], f"colorsweep colorize {model} PICTURE… -o colorized"
    rows = [
        *(("" if at else "Not usable", sentence) for at, sentence in enumerate(wrong)),
        ("Model", str(folder)),
        ("Weights", results["weights"]),
        *tested,
        *([("Promise", results["promise"])] if results["promise"] else []),
        *([] if wrong else [("Next", use)]),
    ]
    return Answer(aligned(rows), {"model": str(folder), **results})
