"""A batch script run for real on two nodes, each a namespace of its own on this machine.

What Slurm does is stood in for by `srun` and `scontrol` of a few lines; everything else is as on a
cluster: two hosts with their own names, addresses, processes, /tmp and /dev/shm, and shared
storage. Without the right to make namespaces there is only one node on a machine:
`ray symmetric-run` refuses a machine on which Ray runs, and at its end stops every Ray there.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from search.cluster.manifest import slurm
from search.options import Nodes
from search.records.reader import read_sweep
from spaces.study import Study

BIN = Path(sys.executable).parent
FIXED = {
    "data.pictures": 80,
    "data.image_size": 16,
    "training.images": 640,
    "training.ticks": 4,
}
ISOLATED = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc"]
MACHINES = """
set -eu
mount -t tmpfs none /run
mount --bind "$STORAGE" /mnt
ip netns add node1
ip netns add node2
ip link add eth0 netns node1 type veth peer name eth0 netns node2
for at in 1 2; do
    ip -n node$at link set lo up
    ip -n node$at addr add 10.77.0.$at/24 dev eth0
    ip -n node$at link set eth0 up
done
cd /mnt   # each node has a /tmp of its own: a folder there is on none of them
exec bash job.sh
"""
NODE = """
set -eu
hostname "$1"
shift
mount -t tmpfs none /tmp
mount -t tmpfs none /dev/shm
"$@"   # under bash, which as its first process takes up those that lose their parents
"""
SRUN = """#!/bin/bash
nodes="node1 node2"
for word in "$@"; do
    case "$word" in
        --nodelist=*) nodes=${word#*=} ;;
        --*) ;;
        *) break ;;
    esac
    shift
done
for node in $nodes; do
    ip netns exec $node unshare --mount --pid --uts --fork --mount-proc \\
        bash /mnt/node.sh $node "$@" &
done
code=0
for job in $(jobs -p); do
    wait $job || code=$?
    echo "a node ended with $code" >&2
done
exit $code
"""


def can_isolate() -> bool:
    """Whether machines can be made here."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return False
    script = "mount -t tmpfs none /run && ip netns add a && ip link add x netns a type veth"
    return subprocess.run([*ISOLATED, "sh", "-c", script], capture_output=True).returncode == 0


def start(storage: Path, log: Path) -> subprocess.Popen[bytes]:
    """The batch job on its two nodes; when its process is killed, nothing of it is left."""
    environment = {
        **{name: value for name, value in os.environ.items() if "RAY" not in name},
        "STORAGE": str(storage),
        "HOME": "/mnt",
        "PATH": f"/mnt/bin{os.pathsep}{BIN}{os.pathsep}{os.environ['PATH']}",
        "COLORSWEEP_CACHE": "/tmp/cache",
        "SLURM_JOB_NODELIST": "node[1-2]",
        "SLURM_JOB_ID": "7",
    }
    with log.open("ab") as out:
        return subprocess.Popen(
            [*ISOLATED, "bash", "-c", MACHINES],
            env=environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )


def end(process: subprocess.Popen[bytes]) -> None:
    """As when a job is lost with its nodes."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.skipif(not can_isolate(), reason="needs the right to make namespaces")
def test_a_batch_script_on_two_nodes(make_study: Callable[..., Study], tmp_path: Path) -> None:
    """Killed with both nodes in mid-sweep and started again, it ends with every trial once."""
    storage, log = tmp_path / "storage", tmp_path / "log"
    (storage / "bin").mkdir(parents=True)
    (storage / "node.sh").write_text(NODE)
    for name, script in (("srun", SRUN), ("scontrol", "#!/bin/sh\nprintf 'node1\\nnode2\\n'\n")):
        (storage / "bin" / name).write_text(script)
        (storage / "bin" / name).chmod(0o755)
    study = make_study(8, fixed=FIXED)
    text = slurm(study, Nodes(nodes=2, cpus=1, gpus=0), storage=Path("/mnt"), out="/mnt/sweep")
    (storage / "job.sh").write_text(text)

    job = start(storage, log)
    try:
        until = time.monotonic() + 240
        while len(ended(storage / "sweep")) < 2:
            assert job.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < until, log.read_text()[-3000:]
            time.sleep(1)
        end(job)
        before = ended(storage / "sweep")
        assert 2 <= len(before) < 8
        job = start(storage, log)
        assert job.wait(300) == 0, log.read_text()[-3000:]
    finally:
        end(job)

    after = ended(storage / "sweep")
    assert len(after) == 8
    assert set(after.values()) == {"completed"}
    trials = read_sweep(storage / "sweep").trials
    assert set(trials["host"]) == {"node1", "node2"}
    assert max(Counter(trials["trial_id"]).values()) == 1
    token = (storage / "sweep.job" / "token").read_text()
    files = [path for path in (storage / "sweep").rglob("*") if path.is_file()]
    assert not [path for path in [*files, log] if token.encode() in path.read_bytes()]


def ended(sweep: Path) -> dict[str, str]:
    """{trial: its state} of those that have ended."""
    if not (sweep / "study.yaml").exists():
        return {}
    trials = read_sweep(sweep).trials
    if trials.empty:
        return {}
    states = dict(zip(trials["trial_id"], trials["state"], strict=True))
    return {name: state for name, state in states.items() if state not in ("queued", "running")}
