"""A sweep as a file for a scheduler: a RayJob for KubeRay, or a batch script for Slurm.

Either holds the resolved study, runs it with a fixed folder on storage that every node sees, and
resumes it when it is started again.
"""

import random
import re
import shlex
import string
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from colornet.cli_result import count_text
from colornet.config.catalog import to_yaml
from colornet.errors import InputError, printable_name
from search.options import Nodes
from search.run.create import refuse_secrets, sweep_name
from search.run.resources import Capacity, allocate
from spaces.study import Study

TEMPLATES = Path(__file__).parent / "templates"
CONFIG = "/etc/colorsweep"
MOUNT = "/storage"
"""Where every pod has the claim that is its storage."""
SECRET = "colorsweep-token"
RETRIES = 5
"""New clusters that KubeRay starts for a RayJob that failed: each resumes the sweep, and an error
that recurs ends it."""
MEMORY_PER_CPU = 4
"""GiB of a pod for each of its CPUs."""
MAX_NAME = 47
"""Characters of a RayJob's name: KubeRay appends to it for its services, whose names are DNS labels
of at most 63."""
_CLAIM = re.compile("[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_MARK = "END_OF_FILE_OF_COLORSWEEP"


def kuberay(study: Study, nodes: Nodes, *, storage: str, image: str | None, out: str | None) -> str:
    """The ConfigMap and the RayJob of a sweep, as YAML.

    Args:
        storage: a claim that all pods can write, mounted at MOUNT.
        image: with `colorsweep[train]` [colorsweep:VERSION].
        out: the sweep's folder, below MOUNT.

    Raises:
        InputError: for what pods would not see, names of which no line can be written, a trial
            that does not fit, or a secret.
    """
    refuse_secrets(study)
    _check_line("--image", image)
    _check_line("--out", out)
    if not _CLAIM.fullmatch(storage):
        raise InputError(f"--storage: {storage}: is no name of a persistent volume claim.")
    root = study.base_config["data"].get("root")
    if root is not None and "://" not in root and not _is_below(root, MOUNT):
        raise InputError(
            f"data.root: {root}: no pod sees it.\n"
            f"Put the pictures on the claim: colorsweep data pack {root} -o PACK, which pods then "
            f"have at {MOUNT}/PACK."
        )
    sweep = sweep_name(study.name)
    out = out or f"{MOUNT}/{sweep}"
    if not _is_below(out, MOUNT):
        raise InputError(
            f"--out: {out}: is lost with its pod.\nGive a folder below {MOUNT}, the claim."
        )
    values = _values(study, nodes, sweep, out, f"{CONFIG}/study.yaml")
    version = values["version"]
    return _fill(
        "rayjob.yaml.j2",
        **values,
        image=image or f"colorsweep:{version}",
        storage=storage,
        secret=SECRET,
        mount=MOUNT,
        config=CONFIG,
        retries=RETRIES,
        memory=MEMORY_PER_CPU * nodes.cpus,
        python=f"py{sys.version_info.major}{sys.version_info.minor}",
    )


def slurm(study: Study, nodes: Nodes, *, storage: Path, out: str | None) -> str:
    """The batch script of a sweep.

    Args:
        storage: a folder that all nodes can write.
        out: the sweep's folder, on such storage.

    Raises:
        InputError: for a folder of which no line can be written, a trial that does not fit, or a
            secret.
    """
    refuse_secrets(study)
    _check_line("--out", out)
    _check_line("--storage", str(storage))
    sweep = sweep_name(study.name)
    out = str(Path(out).expanduser().absolute()) if out else str(storage / sweep)
    values = _values(study, nodes, sweep, out, f"{out}.job/study.yaml")
    return _fill("sbatch.sh.j2", **values, mark=_MARK)


def _values(study: Study, nodes: Nodes, sweep: str, out: str, study_path: str) -> Mapping[str, Any]:
    resources = study.file.resources
    whole = Capacity.of_nodes([(nodes.cpus, float(nodes.gpus))] * nodes.nodes)
    trial = allocate(whole, resources.gpus, resources.concurrent, resources.workers)
    each = count_text(trial.cpus, "CPU")
    each += f" and {count_text(trial.gpus, 'card')}" if trial.gpus else ""
    each = each if trial.workers == 1 else f"{trial.workers} workers of {each}"
    trials = count_text(study.trials, "trial")
    return {
        "version": metadata.version("colorsweep"),
        "ray": metadata.version("ray"),
        "sweep": sweep,
        "job": job_name(study.name),
        "out": out,
        "study": to_yaml(study.to_data()).rstrip(),
        "script": _fill("run.sh.j2", out=out, study_path=study_path).rstrip(),
        "at_a_time": f"{trials}, {trial.concurrent} at a time with {each} each.",
        "nodes": nodes.nodes,
        "cpus": nodes.cpus,
        "gpus": nodes.gpus,
    }


def job_name(study: str) -> str:
    """A name for a job that no other has: a DNS label that begins with a letter."""
    letters = "".join(random.SystemRandom().choices(string.ascii_lowercase, k=4))
    plain = re.sub("[^a-z0-9]+", "-", study.lower()).strip("-")
    return f"sweep-{plain}"[: MAX_NAME - 5].rstrip("-") + f"-{letters}"


def _check_line(option: str, text: str | None) -> None:
    """Raise InputError for a name with line ends or control characters: YAML reads others back."""
    if text is not None and printable_name(text) != text:
        raise InputError(
            f"{option}: {printable_name(text)}: holds a line end or a control character.\n"
            "Give a name without."
        )


def _is_below(path: str, folder: str) -> bool:
    """Whether an absolute path without `..` lies in a folder."""
    parts = PurePosixPath(path).parts
    return ".." not in parts and PurePosixPath(folder) in PurePosixPath(path).parents


def _fill(template: str, **values: Any) -> str:
    """A template with its values; nothing is escaped, and what is missing is an error."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["quote"] = shlex.quote
    return environment.get_template(template).render(**values)
