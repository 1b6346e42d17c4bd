"""What `colorsweep train` does: here, on a running cluster, or as a job of one."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from colornet.cli_result import CliResult, parse_settings, require_training_libraries
from colornet.errors import InputError
from search.cluster.job_commands import is_dashboard, open_cluster, start_result
from search.options import Flag, Follow, Settings

if TYPE_CHECKING:
    from search.cluster.jobs import Cluster, Job


def train(
    config: str,
    *,
    settings: Settings = None,
    out: Path | None = None,
    workers: Annotated[int, Parameter(validator=Number(gte=1))] = 1,
    gpus_per_worker: Annotated[float | None, Parameter(validator=Number(gte=0))] = None,
    scale_lr: Literal["none", "linear", "sqrt"] = "none",
    keep: Literal["best", "last"] = "best",
    address: str | None = None,
    ship: Flag = False,
    follow: Follow = False,
) -> CliResult:
    """Train a configuration finally, to a model; the same command resumes a killed training.

    Parameters
    ----------
    config
        best.yaml, another YAML file, or a preset's name.
    settings
        PATH=VALUE: change a config path.
    out
        The model's folder [models/<name of the sweep and point, or of the config>].
    workers
        Processes that share every batch.
    gpus_per_worker
        GPUs of each [1 where there are any].
    scale_lr
        How learning rates follow a batch other than the one they were chosen with (the sweep's, or
        the file's): not at all, as its ratio (linear) or as the root of that (sqrt).
    keep
        Whose weights the model has: of the tick that was best on held-out pictures, by what the
        sweep decided by, or of the last one. The other weights are kept, too.
    address
        A running Ray cluster, all of whose nodes see OUT: auto or HOST:PORT to train from here,
        http://HOST:8265 to train as a job.
    ship
        As a job: send this installation's code along.
    follow
        As a job: copy its output until it ends, and exit with its exit code.
    """
    if not is_dashboard(address):
        from colornet.commands import train as train_here

        return train_here(
            config,
            settings=settings,
            out=out,
            workers=workers,
            gpus_per_worker=gpus_per_worker,
            scale_lr=scale_lr,
            keep=keep,
            address=address,
        )
    require_training_libraries("train")
    if out is None:
        raise InputError(
            "--out: is missing: a job leaves its model where every node of the cluster sees it.\n"
            "Give --out FOLDER on shared storage."
        )
    options = [word for setting in settings or [] for word in ("--set", setting)]
    options += ["--out", str(out), "--workers", str(workers)]
    options += ["--scale-lr", scale_lr, "--keep", keep]
    if gpus_per_worker is not None:
        options += ["--gpus-per-worker", str(gpus_per_worker)]
    from colornet.config.catalog import PRESETS, find_yaml, load_config, read_yaml, to_yaml
    from colornet.training.final_checks import refuse_secrets_in

    load_config(config, parse_settings(settings or []))  # an error in it is reported here
    content = read_yaml(find_yaml(config, PRESETS, "preset"))
    refuse_secrets_in(content, config, "a model")
    cluster = open_cluster(address)
    job = _submit_training(cluster, to_yaml(content), options, out, ship)
    return start_result(cluster, job, follow)


def _submit_training(
    cluster: "Cluster", config: str, options: list[str], out: Path, ship: bool
) -> "Job":
    """A new job with the name of the model's folder; it resumes one that has ended."""
    from search.cluster.jobs import STUDY, command_line, sweep_of

    before = [job for job in cluster.jobs() if sweep_of(job.name) == out.name]
    name = cluster.next_name(before[-1]) if before else out.name
    train = f'{command_line("train")} "$file" {shlex.join(options)}'
    command = f'file=$(mktemp) && printf %s "${STUDY}" > "$file" && {train}'
    return cluster.submit_job(name, str(out), command, ship, {STUDY: config}, training=True)
