"""Runs `node_probe` where it has to look: here, as a driver, or as a job of a cluster.

In a process of its own in every case: a connection that hangs, or that ends its process, does not
take the caller along.
"""

import json
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from colornet.errors import ClusterError
from search.cluster import node_probe
from search.cluster.auth import Reached, explain

LIMIT = 3 * node_probe.PATIENCE
"""Seconds for a whole look at a cluster."""
AGENT_WAIT = 15.0
POLL = 0.5
_SCRIPT = Path(node_probe.__file__)


def probe_here(storage: str | None, data: str | None) -> dict[str, Any]:
    """This machine, as `node_probe.look_here` gives it."""
    return _as_process({"storage": storage, "data": data}, "this machine")


def probe_cluster(reached: Reached, storage: str | None, data: str | None) -> dict[str, Any]:
    """Every node of a cluster, as `node_probe.look_at_cluster` gives it.

    Raises:
        ClusterError: it could not be looked at.
    """
    questions = {"storage": storage, "data": data}
    if reached.kind == "gcs":
        return _as_process({**questions, "address": reached.address}, reached.address)
    return _as_job(reached.address, {**questions, "address": "auto"})


def _as_process(questions: Mapping[str, Any], where: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="colorsweep-doctor-") as folder:
        asked = Path(folder) / "questions.json"
        asked.write_text(json.dumps(questions))
        # -P: else the script's own folder would stand before the libraries.
        command = [sys.executable, "-P", str(_SCRIPT), str(asked)]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=LIMIT
            )
        except subprocess.TimeoutExpired:
            raise ClusterError(f"{where}: no answer within {LIMIT:g} s.") from None
    return _answer(done.stdout, done.stderr, where)


def _as_job(address: str, questions: Mapping[str, Any]) -> dict[str, Any]:
    from ray.job_submission import JobSubmissionClient

    from search.cluster.jobs import CHATTY

    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        client = JobSubmissionClient(address)
        with tempfile.TemporaryDirectory(prefix="colorsweep-doctor-") as folder:
            (Path(folder) / _SCRIPT.name).write_bytes(_SCRIPT.read_bytes())
            (Path(folder) / "questions.json").write_text(json.dumps(questions))
            job = _submit(client, folder)
        said = _wait(client, job, address)
        client.delete_job(job)
    except (OSError, RuntimeError, ValueError) as error:
        raise explain(error, address) from error
    return _answer(said, said, address)


def _submit(client: Any, folder: str) -> str:
    """Hand the job in; a head that has only just started takes none for some seconds."""
    until = time.monotonic() + AGENT_WAIT
    while True:
        try:
            return client.submit_job(
                entrypoint=f"python {_SCRIPT.name} questions.json",
                runtime_env={"working_dir": folder},
            )
        except RuntimeError as error:
            if "No available agent" not in str(error) or time.monotonic() > until:
                raise
        time.sleep(POLL)


def _wait(client: Any, job: str, address: str) -> str:
    """What a job has printed once it has ended."""
    end = time.monotonic() + LIMIT
    while not client.get_job_status(job).is_terminal():
        if time.monotonic() > end:
            client.stop_job(job)
            raise ClusterError(f"{address}: the job that looks at the nodes did not end.")
        time.sleep(POLL)
    said = client.get_job_logs(job)
    return said or str(client.get_job_info(job).message)


def _answer(stdout: str, stderr: str, where: str) -> dict[str, Any]:
    for line in stdout.splitlines():
        if line.startswith(node_probe.MARK):
            answer = json.loads(line.removeprefix(node_probe.MARK))
            if "No module named 'ray'" in answer.get("error", ""):
                raise ClusterError(
                    f"{where}: `python` on its head has no Ray: start Ray there with the bin "
                    "folder of its environment first in PATH."
                )
            if "error" in answer:
                raise explain(RuntimeError(answer["error"]), where)
            return answer
    last = (stderr.strip().splitlines() or ["nothing was printed"])[-1]
    raise ClusterError(f"{where}: the nodes could not be looked at: {last[:300]}")
