"""Runs `node_probe` where it has to look: here, as a driver, or as a job of a cluster.

In a process of its own in every case: a connection that hangs, or that ends its process, does not
take the caller along.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from colornet.errors import ClusterError
from search.cluster import node_probe
from search.cluster.auth import Endpoint, explain_error

TIMEOUT = 3 * node_probe.TIMEOUT
"""Seconds for a whole cluster: three answers as slow as a node's may be."""
AGENT_WAIT = 15.0
"""Seconds that a head may take to accept the job: a person waits for the answer."""
_SCRIPT = Path(node_probe.__file__)


def probe_nodes(endpoint: Endpoint | None, storage: str | None, data: str | None) -> dict[str, Any]:
    """Look at this machine, or at every node of a cluster.

    Returns:
        as `node_probe.probe_here` and `node_probe.probe_cluster` give it.

    Raises:
        ClusterError: the cluster could not be looked at.
    """
    request = {"storage": storage, "data": data}
    with tempfile.TemporaryDirectory(prefix="colorsweep-doctor-") as folder:
        if endpoint is None:
            return _run_process(folder, request, "this machine")
        if endpoint.kind == "gcs":
            address = endpoint.address
            return _run_process(folder, {**request, "address": address}, address)
        return _run_job(folder, {**request, "address": "auto"}, endpoint.address)


def _run_process(folder: str, request: Mapping[str, Any], where: str) -> dict[str, Any]:
    file = Path(folder) / "request.json"
    file.write_text(json.dumps(request))
    # -P: else the script's own folder would come before the libraries.
    command = [sys.executable, "-P", str(_SCRIPT), str(file)]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        raise ClusterError(f"{where}: no answer within {TIMEOUT:g} s.") from None
    return _parse_output(done.stdout, done.stderr, where)


def _run_job(folder: str, request: Mapping[str, Any], address: str) -> dict[str, Any]:
    from search.cluster.jobs import POLL, job_client, submit_with_retries

    (Path(folder) / _SCRIPT.name).write_bytes(_SCRIPT.read_bytes())
    (Path(folder) / "request.json").write_text(json.dumps(request))
    try:
        client = job_client(address)
        job = submit_with_retries(
            client,
            AGENT_WAIT,
            entrypoint=f"python {_SCRIPT.name} request.json",
            runtime_env={"working_dir": folder},
        )
        deadline = time.monotonic() + TIMEOUT
        while not client.get_job_status(job).is_terminal():
            if time.monotonic() > deadline:
                client.stop_job(job)
                raise ClusterError(f"{address}: the job that looks at the nodes did not end.")
            time.sleep(POLL)
        output = client.get_job_logs(job) or str(client.get_job_info(job).message)
        client.delete_job(job)
    except (OSError, RuntimeError, ValueError) as error:
        raise explain_error(error, address) from error
    return _parse_output(output, output, address)


def _parse_output(stdout: str, stderr: str, where: str) -> dict[str, Any]:
    for line in stdout.splitlines():
        if line.startswith(node_probe.MARK):
            result = json.loads(line.removeprefix(node_probe.MARK))
            if "No module named 'ray'" in result.get("error", ""):
                raise ClusterError(
                    f"{where}: `python` on its head has no Ray: start Ray there with the bin "
                    "folder of its environment first in PATH."
                )
            if "error" in result:
                raise explain_error(RuntimeError(result["error"]), where)
            return result
    last = (stderr.strip().splitlines() or ["nothing was printed"])[-1]
    raise ClusterError(f"{where}: the nodes could not be looked at: {last[:300]}")
