"""Looks at one machine, or at every node of a Ray cluster, from within.

A script of its own, which needs nothing of this project: on a cluster's nodes it may not be
installed, and that is one of the questions. It reads them from a JSON file and prints one line of
JSON after `MARK`.
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
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata, util
from pathlib import Path
from typing import Any

MARK = "colorsweep-nodeprobe "
PATIENCE = 60.0
"""Seconds that a node has to answer in."""
SETTLING = 3.0
"""Seconds until a network filesystem shows a file that another node has written."""
MOST_FILES = 200_000
"""Files of a folder of pictures that are looked at, at most."""
ROOMS = ("colornet", "search", "spaces", "reports")
LIBRARIES = ("colorsweep", "ray", "torch", "kornia", "safetensors", "optuna", "pyarrow")
PICTURES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
_CARDS = """
import json, torch
cards = range(torch.cuda.device_count())
found = [torch.cuda.get_device_properties(card) for card in cards]
print(json.dumps([[one.name, one.total_memory] for one in found]))
"""


class Machine:
    """What is looked at on one machine; on a cluster an actor on each node."""

    def look(self, data: str | None) -> dict[str, Any]:
        """Versions, cards, memory, disk, and the pictures at a path; bytes throughout."""
        cache = _cache_folder()
        return {
            "host": platform.node(),
            "python": platform.python_version(),
            "versions": {name: _version(name) for name in LIBRARIES},
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

    def write(self, storage: str, name: str) -> str | None:
        """Write a small file; what went wrong, or None."""
        return _attempt(lambda: _write(storage, name))

    def read(self, storage: str, name: str) -> str | None:
        """Read what another node has written; what went wrong, or None."""
        until = time.monotonic() + SETTLING
        while (wrong := _attempt(lambda: _read(storage, name))) and time.monotonic() < until:
            time.sleep(0.5)
        return wrong

    def remove(self, storage: str, name: str) -> str | None:
        """Remove what was written; what went wrong, or None."""
        return _attempt(lambda: _remove(storage, name))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _cards() -> dict[str, Any]:
    """The cards that torch sees and those of the driver, which may be more.

    Asked in processes of their own: Ray hides the cards from an actor that has none.
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
    told: dict[str, Any] = {"env": environment, "capture_output": True, "text": True}
    try:
        done = subprocess.run(command, **told, timeout=PATIENCE / 2)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _memory() -> dict[str, int]:
    """Bytes of memory in all and available."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    found = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    return {"total": found["MemTotal"], "available": found["MemAvailable"]}


def _cache_folder() -> str:
    if named := os.environ.get("COLORSWEEP_CACHE"):
        return os.path.abspath(os.path.expanduser(named))
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "colorsweep")


def free_bytes(path: str) -> int:
    """Bytes that are free where a path is, or would be made."""
    found = Path(path)
    while not found.exists():
        found = found.parent
    return shutil.disk_usage(found).free


def _data(path: str) -> dict[str, Any]:
    """Whether pictures are there, how many, and whether there were too many to count."""
    if _attempt(lambda: _must_exist(path)):
        return {"found": False, "pictures": None}
    if "://" in path:
        return {"found": True, "pictures": None}
    pictures = files = 0
    for _, _, names in os.walk(path):
        files += len(names)
        pictures += sum(os.path.splitext(name)[1].lower() in PICTURES for name in names)
        if files > MOST_FILES:
            return {"found": True, "pictures": pictures, "more": True}
    return {"found": True, "pictures": pictures, "more": False}


def _attempt(act: Callable[[], None]) -> str | None:
    """Do something; what went wrong, in the system's own words where it is the system's."""
    try:
        act()
    except Exception as error:
        said = str(error).strip() or type(error).__name__
        system = re.findall(r"\[errno \d+\] ([^.'\n]+)", said, re.IGNORECASE)
        return (system[-1] if system else said.splitlines()[0])[:200]
    return None


def _open(storage: str) -> tuple[Any, str]:
    from pyarrow import fs

    return fs.FileSystem.from_uri(storage)


def _must_exist(path: str) -> None:
    filesystem, root = _open(path)
    if filesystem.get_file_info(root).type.name == "NotFound":
        raise FileNotFoundError(path)


def _write(storage: str, name: str) -> None:
    filesystem, root = _open(storage)
    if filesystem.type_name == "local":
        filesystem.create_dir(root, recursive=True)
    with filesystem.open_output_stream(f"{root}/{name}") as file:
        file.write(name.encode())


def _read(storage: str, name: str) -> None:
    filesystem, root = _open(storage)
    with filesystem.open_input_file(f"{root}/{name}") as file:
        if file.read().decode() != name:
            raise OSError("holds something else than was written")


def _remove(storage: str, name: str) -> None:
    filesystem, root = _open(storage)
    filesystem.delete_file(f"{root}/{name}")


def look_here(questions: Mapping[str, Any]) -> dict[str, Any]:
    """This machine alone, as one node."""
    machine, storage = Machine(), questions.get("storage")
    node = {"id": "", "address": "", "head": True, **machine.look(questions.get("data"))}
    if storage:
        name = _file_name()
        node["writes"], node["reads"] = machine.write(storage, name), None
        if not node["writes"]:
            node["reads"] = machine.read(storage, name)
            machine.remove(storage, name)
    return {"nodes": [node], "state_api": None}


def look_at_cluster(questions: Mapping[str, Any]) -> dict[str, Any]:
    """Every node of the cluster at `questions["address"]`."""
    import ray

    ray.init(address=questions["address"], log_to_driver=False, logging_level="ERROR")
    try:
        return _ask_nodes(questions)
    finally:
        ray.shutdown()


def _ask_nodes(questions: Mapping[str, Any]) -> dict[str, Any]:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    found = [one for one in ray.nodes() if one["Alive"]]
    start = ray.remote(Machine).options
    actors = [
        start(num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(one["NodeID"], False))
        for one in found
    ]
    machines = [actor.remote() for actor in actors]
    looks = _gather([machine.look.remote(questions.get("data")) for machine in machines])
    nodes = [
        {
            "id": one["NodeID"],
            "address": one["NodeManagerAddress"],
            "head": "node:__internal_head__" in one["Resources"],
            "resources": {name: one["Resources"].get(name, 0) for name in ("CPU", "GPU")},
            "silent": look is None,
            **(look or {}),
        }
        for one, look in zip(found, looks, strict=True)
    ]
    awake = [(n, m) for n, m in zip(nodes, machines, strict=True) if not n["silent"]]
    for node, machine in awake:
        node["clock"] = _offset(machine)
    if questions.get("storage"):
        _pass_round(questions["storage"], awake)
    return {"nodes": nodes, "state_api": _attempt(_ask_state_api)}


def _gather(waiting: Sequence[Any]) -> list[Any]:
    """What was answered in time, None for the rest."""
    import ray

    ready, _ = ray.wait(list(waiting), num_returns=len(waiting), timeout=PATIENCE)
    answers = []
    for one in waiting:
        try:
            answers.append(ray.get(one) if one in ready else None)
        except ray.exceptions.RayError:
            answers.append(None)
    return answers


def _offset(machine: Any) -> float:
    """Seconds by which a node's clock is ahead of this process's: of three tries the quickest."""
    import ray

    tries = []
    for _ in range(3):
        before = time.time()
        there = ray.get(machine.clock.remote(), timeout=PATIENCE)
        after = time.time()
        tries.append((after - before, there - (before + after) / 2))
    return min(tries)[1]


def _pass_round(storage: str, awake: Sequence[tuple[dict[str, Any], Any]]) -> None:
    """Every node writes a file, and the next one reads it."""
    names = [_file_name() for _ in awake]
    written = _gather(
        [m.write.remote(storage, name) for (_, m), name in zip(awake, names, strict=True)]
    )
    turned = [*awake[1:], *awake[:1]]
    read = _gather(
        [m.read.remote(storage, name) for (_, m), name in zip(turned, names, strict=True)]
    )
    for (node, _), wrong in zip(awake, written, strict=True):
        node["writes"] = wrong
    for at, (node, _) in enumerate(turned):
        node["reads"] = None if written[at] else read[at]
        node["reads_of"] = awake[at][0]["address"]
    _gather([m.remove.remote(storage, name) for (_, m), name in zip(awake, names, strict=True)])


def _file_name() -> str:
    return f".colorsweep-doctor-{uuid.uuid4().hex}"


def _ask_state_api() -> None:
    import ray
    from ray.util.state import list_nodes

    list_nodes(ray.get_runtime_context().gcs_address, limit=1, timeout=10)


def _said(error: BaseException | None) -> str:
    """What an error and its causes say, for whoever explains it."""
    lines = []
    while error is not None:
        lines.append(f"{type(error).__name__}: {error}")
        error = error.__cause__ or error.__context__
    return "\n".join(lines)


def main() -> None:
    """Answer the questions in the file that is the only argument."""
    questions = json.loads(Path(sys.argv[1]).read_text())
    try:
        answer = (look_at_cluster if questions.get("address") else look_here)(questions)
    except Exception as error:
        answer = {"error": _said(error)}
    print(MARK + json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
