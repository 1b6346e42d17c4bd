"""Looks at one machine, or at every node of a Ray cluster, from within.

A script of its own, which needs nothing of this project: on a cluster's nodes it may not be
installed, and that is one of the questions. It reads a request from a JSON file and prints one line
of JSON after `MARK`.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from importlib import metadata, util
from pathlib import Path
from typing import Any

MARK = "colorsweep-nodeprobe "
TIMEOUT = 60.0
"""Seconds that a node may take to respond."""
SETTLE = 3.0
"""Seconds until a network filesystem shows a file that another node has written: NFS caches
attributes for three at least by default (nfs(5), `acregmin`)."""
MAX_FILES = 200_000
"""Files of a folder of pictures that are looked at, at most: some ten seconds on network storage.
"""
FILE = ".colorsweep-doctor-{}"
"""Name of the small file that is written to storage."""
ROOMS = ("colornet", "search", "spaces", "reports")
LIBRARIES = ("colorsweep", "ray", "torch", "kornia", "safetensors", "optuna", "pyarrow")
PICTURES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
_CARDS = """
import json, torch
cards = map(torch.cuda.get_device_properties, range(torch.cuda.device_count()))
print(json.dumps([[card.name, card.total_memory] for card in cards]))
"""


class NodeProbe:
    """Looks at one machine; on a cluster an actor on each node."""

    def inspect(self, data: str | None) -> dict[str, Any]:
        """Versions, cards, memory, disk, and the pictures at a path; bytes throughout."""
        cache = _cache_folder()
        return {
            "host": platform.node(),
            "python": platform.python_version(),
            "versions": {name: installed_version(name) for name in LIBRARIES},
            "missing": [name for name in ROOMS if util.find_spec(name) is None],
            **_cards(),
            "memory": _memory(),
            "shm": free_bytes("/dev/shm"),
            "cache": {"path": cache, "free": free_bytes(cache)},
            "data": None if data is None else _data(data),
        }

    def clock(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def access(self, action: str, storage: str, name: str) -> str | None:
        """Write, read or remove a small file; what went wrong, or None.

        Args:
            action: `write`; `read`, which retries for SETTLE seconds; or `remove`.
        """
        deadline = time.monotonic() + (SETTLE if action == "read" else 0.0)
        while True:
            try:
                from pyarrow import fs  # here, as a node may lack it

                filesystem, root = fs.FileSystem.from_uri(storage)
                if action == "remove":
                    filesystem.delete_file(f"{root}/{name}")
                elif action == "write":
                    if filesystem.type_name == "local":  # others have no folders
                        filesystem.create_dir(root, recursive=True)
                    with filesystem.open_output_stream(f"{root}/{name}") as file:
                        file.write(name.encode())
                else:
                    with filesystem.open_input_file(f"{root}/{name}") as file:
                        if file.read().decode() != name:
                            raise OSError("holds something else than was written")
                return None
            except Exception as error:
                if time.monotonic() >= deadline:
                    return _summary(error)
            time.sleep(0.5)


def installed_version(name: str) -> str | None:
    """The version of an installed distribution, None where there is none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _cards() -> dict[str, Any]:
    """The cards that torch sees and those of the driver, which may be more.

    In processes of their own: Ray hides the cards from an actor that has none.
    """
    environment = dict(os.environ)
    if environment.get("CUDA_VISIBLE_DEVICES") == "" and "RAY_JOB_ID" in environment:
        del environment["CUDA_VISIBLE_DEVICES"]
    seen = _run([sys.executable, "-c", _CARDS], environment)
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    driver = _run(query, environment).strip().splitlines()
    return {"cards": json.loads(seen or "[]"), "driver_cards": len(driver)}


def _run(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """What a command prints, nothing where it fails."""
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=TIMEOUT / 2
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _memory() -> dict[str, int]:
    """Bytes of memory in all and available."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    return {"total": sizes["MemTotal"], "available": sizes["MemAvailable"]}


def _cache_folder() -> str:
    if named := os.environ.get("COLORSWEEP_CACHE"):
        return os.path.abspath(os.path.expanduser(named))
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "colorsweep")


def free_bytes(path: str) -> int:
    """Bytes that are free where a path is, or would be made."""
    existing = next(p for p in (Path(path), *Path(path).parents) if p.exists())
    return shutil.disk_usage(existing).free


def _data(path: str) -> dict[str, Any]:
    """Whether pictures are there, how many, and whether there were too many to count."""
    try:
        from pyarrow import fs

        filesystem, root = fs.FileSystem.from_uri(path)
        exists = filesystem.get_file_info(root).type != fs.FileType.NotFound
    except Exception:  # of each filesystem its own
        exists = False
    if not exists:
        return {"found": False, "pictures": None}
    if "://" in path:
        return {"found": True, "pictures": None}
    pictures = files = 0
    for _, _, names in os.walk(path):
        files += len(names)
        pictures += sum(os.path.splitext(name)[1].lower() in PICTURES for name in names)
        if files > MAX_FILES:
            return {"found": True, "pictures": pictures, "more": True}
    return {"found": True, "pictures": pictures, "more": False}


def _summary(error: Exception) -> str:
    """An error in a line, in the system's own words where it is the system's."""
    text = str(error).strip() or type(error).__name__
    # pyarrow puts the system's error into a sentence of its own.
    system = re.findall(r"\[errno \d+\] ([^.'\n]+)", text, re.IGNORECASE)
    return (system[-1] if system else text.splitlines()[0])[:200]


def probe_here(request: Mapping[str, Any]) -> dict[str, Any]:
    """This machine alone, as one node."""
    probe, storage = NodeProbe(), request.get("storage")
    node = {"id": "", "address": "", "head": True, **probe.inspect(request.get("data"))}
    if storage:
        name = FILE.format(uuid.uuid4().hex)
        node["writes"], node["reads"] = probe.access("write", storage, name), None
        if not node["writes"]:
            node["reads"] = probe.access("read", storage, name)
            probe.access("remove", storage, name)
    return {"nodes": [node], "state_api": None}


def probe_cluster(request: Mapping[str, Any]) -> dict[str, Any]:
    """Every node of the cluster at `request["address"]`."""
    import ray

    ray.init(address=request["address"], log_to_driver=False, logging_level="ERROR")
    try:
        return _probe_all(request)
    finally:
        ray.shutdown()


def _probe_all(request: Mapping[str, Any]) -> dict[str, Any]:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    alive = [node for node in ray.nodes() if node["Alive"]]
    options = ray.remote(NodeProbe).options
    probes = []
    for node in alive:
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        # An actor without CPUs starts on a node that trials fill, too.
        probes.append(options(num_cpus=0, scheduling_strategy=there).remote())
    reports = _gather([probe.inspect.remote(request.get("data")) for probe in probes])
    nodes = [
        {
            "id": node["NodeID"],
            "address": node["NodeManagerAddress"],
            "head": "node:__internal_head__" in node["Resources"],
            "resources": {name: node["Resources"].get(name, 0) for name in ("CPU", "GPU")},
            "silent": report is None,
            **(report or {}),
        }
        for node, report in zip(alive, reports, strict=True)
    ]
    responding = [pair for pair in zip(nodes, probes, strict=True) if not pair[0]["silent"]]
    for node, probe in responding:
        node["clock"] = _offset(probe)
    if request.get("storage"):
        _check_storage(request["storage"], responding)
    state_api = None
    try:
        from ray.util.state import list_nodes  # which plain `ray` lacks the libraries of

        list_nodes(ray.get_runtime_context().gcs_address, limit=1, timeout=10)
    except Exception as error:
        state_api = _summary(error)
    return {"nodes": nodes, "state_api": state_api}


def _gather(pending: Sequence[Any]) -> list[Any]:
    """The results that arrive in time, None for the others."""
    import ray

    ready, _ = ray.wait(list(pending), num_returns=len(pending), timeout=TIMEOUT)
    results = []
    for reference in pending:
        try:
            results.append(ray.get(reference) if reference in ready else None)
        except ray.exceptions.RayError:
            results.append(None)
    return results


def _offset(probe: Any) -> float:
    """Seconds by which a node's clock is ahead of this process's: of three tries the quickest.

    As NTP does (Mills 1991): the clock is read in the middle of the round trip, and the shortest
    one leaves least room for error.
    """
    import ray

    tries = []
    for _ in range(3):
        before = time.time()
        there = ray.get(probe.clock.remote(), timeout=TIMEOUT)
        after = time.time()
        tries.append((after - before, there - (before + after) / 2))
    return min(tries)[1]


def _check_storage(storage: str, responding: Sequence[tuple[dict[str, Any], Any]]) -> None:
    """Every node writes a file, and the next one reads it."""
    names = [FILE.format(uuid.uuid4().hex) for _ in responding]
    readers = [*responding[1:], *responding[:1]]

    def run(action: str, nodes: Sequence[tuple[dict[str, Any], Any]]) -> list[str | None]:
        pairs = zip(nodes, names, strict=True)
        return _gather([probe.access.remote(action, storage, name) for (_, probe), name in pairs])

    written, read = run("write", responding), run("read", readers)
    for index, ((writer, _), (reader, _)) in enumerate(zip(responding, readers, strict=True)):
        writer["writes"] = written[index]
        reader["reads"] = None if written[index] else read[index]
        reader["reads_of"] = writer["address"]
    run("remove", responding)


def error_chain(error: BaseException | None) -> str:
    """An error and its causes, one a line."""
    seen: dict[int, str] = {}
    while error is not None and id(error) not in seen:  # causes may form a circle
        seen[id(error)] = f"{type(error).__name__}: {error}"
        error = error.__cause__ or error.__context__
    return "\n".join(seen.values())


def main() -> None:
    """Answer the request in the file that is the only argument."""
    request = json.loads(Path(sys.argv[1]).read_text())
    try:
        result = (probe_cluster if request.get("address") else probe_here)(request)
    except Exception as error:
        result = {"error": error_chain(error)}
    print(MARK + json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
