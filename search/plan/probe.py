"""What trainings take on this machine, by training a few steps of some for real.

Each probe is a process of its own, with the threads of a trial, and as many run at a time as trials
will: two trainings side by side are slower than one alone.
"""

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from colornet.config.config import Config, parse_config
from colornet.errors import ColorsweepError
from search.run.resources import Allocation

STEPS = 32
"""Steps of a probe that counts: a few seconds on a CPU, and enough that the median step is steady.
"""
TIMEOUT = 600.0
"""Seconds after which a probe is given up: its pictures are packed already, so it is stuck."""
log = logging.getLogger("colorsweep")


def probe_all(configs: Sequence[Config], allocation: Allocation) -> list[dict[str, float] | None]:
    """Probe configs, `allocation.concurrent` at a time, the last round filled up.

    Returns:
        for each probe that ran what `colornet.training.step_time.probe` measured, and
        `start_seconds` until its process was ready to train, in the order of `configs`, which is
        repeated to fill the last round; None for one that failed, which is logged.
    """
    slots = allocation.concurrent
    rounds = -(-len(configs) // slots)
    timings: list[dict[str, float] | None] = []
    environments = [_environment(slot, allocation) for slot in range(slots)]
    with ThreadPoolExecutor(slots) as pool:
        for number in range(rounds):
            log.info("training a few steps: round %d of %d", number + 1, rounds)
            chosen = [configs[(number * slots + slot) % len(configs)] for slot in range(slots)]
            timings += pool.map(_run, chosen, [allocation.cpus] * slots, environments)
    return timings


def _environment(slot: int, allocation: Allocation) -> Mapping[str, str]:
    """The environment of a slot: the cards that a trial in it would see."""
    if not allocation.gpus:
        return {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    card = int(slot * allocation.gpus)
    device = visible.split(",")[card] if visible else str(card)
    return {**os.environ, "CUDA_VISIBLE_DEVICES": device}


def _run(config: Config, cpus: int, environment: Mapping[str, str]) -> dict[str, float] | None:
    request = json.dumps({"config": config.to_dict(), "cpus": cpus, "started": time.time()})
    command = [sys.executable, "-P", "-m", "search.plan.probe"]
    try:
        done = subprocess.run(
            command, input=request, env=environment, capture_output=True, text=True, timeout=TIMEOUT
        )
    except subprocess.TimeoutExpired:
        log.warning("a probe took more than %.0f s and was given up", TIMEOUT)
        return None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        log.warning("a probe failed: %s", lines[-1][:300])
        return None
    return json.loads(done.stdout.splitlines()[-1])


def _main() -> None:
    """In the process of a probe: a request on stdin, its timing on stdout."""
    from dataclasses import asdict

    from colornet.ranks import prepare_worker
    from colornet.training.step_time import probe

    request: dict[str, Any] = json.loads(sys.stdin.read())
    prepare_worker(request["cpus"])
    config = parse_config(request["config"], "probe")
    start = time.time() - request["started"]
    try:
        first = probe(config, steps=3)  # the libraries that load late are loaded
        timing = probe(config, STEPS)
        start += max(0.0, first.setup_seconds - timing.setup_seconds)
        print(json.dumps({**asdict(timing), "start_seconds": start}))
    except ColorsweepError as error:
        sys.exit(" ".join(str(error).split("\n")))


if __name__ == "__main__":
    _main()
