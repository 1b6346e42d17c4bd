"""What `colorsweep doctor` and `colorsweep manifest` do."""

import shlex
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from colornet.cli_result import CliResult, align_columns, require_training_libraries
from colornet.errors import InputError
from colornet.redaction import redact
from search.options import Address, Nodes, StudyOptions

NODES = Nodes()
Target = Annotated[Path | None, Parameter(alias="-o")]


def doctor(
    *,
    address: Address = None,
    storage: str | None = None,
    data: str | None = None,
    image_size: Annotated[int, Parameter(validator=Number(gte=8, lte=2048))] = 256,
) -> CliResult:
    """Check that this machine, or a cluster, is ready for a sweep.

    Exits with 2 when something failed, with 3 when the cluster cannot be reached or refuses us.

    Parameters
    ----------
    address
        A cluster's: http://HOST:8265, HOST:6379 or auto [this machine alone].
    storage
        Folder or URI where sweeps go: every node writes there and reads what another wrote.
    data
        Folder or URI of pictures, as the nodes see it.
    image_size
        Side at which the pictures are to be packed, pixels.
    """
    require_training_libraries("doctor")
    storage, data = _location(storage, "--storage"), _location(data, "--data")
    from search.cluster.doctor import examine

    checks, code = examine(address, storage, data, image_size)
    rows = []
    for check in checks:
        remedy = f"  -> {check.remedy}" if check.remedy else ""
        rows.append((check.state, check.name, redact(check.finding + remedy)))
    values = {
        "address": None if address is None else redact(address),
        "checks": [
            {
                "name": check.name,
                "state": check.state,
                "found": redact(check.finding),
                "remedy": redact(check.remedy),
            }
            for check in checks
        ],
    }
    return CliResult(align_columns(rows), values, exit_code=code)


def _location(text: str | None, option: str) -> str | None:
    """A folder as an absolute path, or a URI without a password."""
    if text is None:
        return None
    if redact(text) != text:
        raise InputError(
            f"{option}: {text}: holds a secret, which nodes and their logs would see.\n"
            "Give it to Ray's processes in their environment, e.g. AWS_SECRET_ACCESS_KEY."
        )
    return text if "://" in text else str(Path(text).expanduser().absolute())


def manifest_kuberay(
    options: StudyOptions,
    nodes: Nodes = NODES,
    *,
    out: str | None = None,
    image: str | None = None,
    storage: str = "colorsweep",
    target: Target = None,
) -> CliResult:
    """Print a sweep as a RayJob of KubeRay, with the study in a ConfigMap.

    Each retry of a RayJob is a new cluster, which resumes the sweep.

    Parameters
    ----------
    out
        The sweep's folder, below /storage [/storage/<date>-<study>-<4 letters>].
    image
        Container image with colorsweep[train] [colorsweep:VERSION].
    storage
        Persistent volume claim that all pods mount at /storage.
    target
        File to write [stdout].
    """
    from search.cluster.manifest import kuberay

    loaded = options.load()
    loaded.log_notes()
    text = kuberay(loaded, nodes, storage=storage, image=image, out=out)
    return _manifest(text, target, "kubectl apply -f")


def manifest_slurm(
    options: StudyOptions,
    nodes: Nodes = NODES,
    *,
    out: str | None = None,
    storage: Path | None = None,
    target: Target = None,
) -> CliResult:
    """Print a sweep as a batch script for Slurm, around `ray symmetric-run`.

    Requeued after a node died, or submitted again, it resumes the sweep.

    Parameters
    ----------
    out
        The sweep's folder [<storage>/<date>-<study>-<4 letters>].
    storage
        Folder that all nodes can write [sweeps].
    target
        File to write [stdout].
    """
    from search.cluster.manifest import slurm
    from search.records.reader import sweeps_folder

    loaded = options.load()
    loaded.log_notes()
    folder = (storage or sweeps_folder()).expanduser().absolute()
    text = slurm(loaded, nodes, storage=folder, out=out)
    return _manifest(text, target, "sbatch")


def _manifest(text: str, target: Path | None, start: str) -> CliResult:
    if target is None:
        return CliResult(text.rstrip("\n"), {"manifest": text})
    from colornet.storage import write_atomic

    try:
        write_atomic(target.expanduser(), text.encode())
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror or error}.") from None
    rows = [("Wrote", str(target)), ("Next", f"{start} {shlex.quote(str(target))}")]
    return CliResult(align_columns(rows), {"manifest": text, "file": str(target)})
