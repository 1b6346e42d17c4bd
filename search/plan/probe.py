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
"""Steps of a probe that counts."""
TIMEOUT = 600.0
"""Seconds after which a probe is given up."""
log = logging.getLogger("colorsweep")


def probe_all(configs: Sequence[Config], share: Allocation) -> list[dict[str, float] | None]:
    """Probe configs, `share.concurrent` at a time, those of the last round filled up.

    Returns:
        for each probe that ran what `colornet.training.step_time.probe` measured, and
        `start_seconds` until its process was ready to train, in the order of `configs`, which is
        gone through again to fill the last round; None for one that failed, which is said.
    """
    rounds = -(-len(configs) // share.concurrent)
    found: list[dict[str, float] | None] = []
    with ThreadPoolExecutor(share.concurrent) as pool:
        for start in range(0, rounds * share.concurrent, share.concurrent):
            numbers = range(start, start + share.concurrent)
            chosen = [configs[number % len(configs)] for number in numbers]
            log.info("training a few steps: round %d of %d", start // share.concurrent + 1, rounds)
            slots = [_environment(slot, share) for slot in range(share.concurrent)]
            found += pool.map(_run, chosen, [share.cpus] * share.concurrent, slots)
    return found


def _environment(slot: int, share: Allocation) -> Mapping[str, str]:
    """The environment of a slot: the cards that a trial in it would see."""
    if not share.gpus:
        return {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    card = int(slot * share.gpus)
    shown = named.split(",")[card] if named else str(card)
    return {**os.environ, "CUDA_VISIBLE_DEVICES": shown}


def _run(config: Config, cpus: int, environment: Mapping[str, str]) -> dict[str, float] | None:
    order = json.dumps({"config": config.to_dict(), "cpus": cpus, "begun": time.time()})
    command = [sys.executable, "-P", "-m", "search.plan.probe"]
    try:
        done = subprocess.run(
            command, input=order, env=environment, capture_output=True, text=True, timeout=TIMEOUT
        )
    except subprocess.TimeoutExpired:
        log.warning("a probe took more than %.0f s and was given up", TIMEOUT)
        return None
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        log.warning("a probe failed: %s", said[-1][:300])
        return None
    return json.loads(done.stdout.splitlines()[-1])


def _main() -> None:
    """In the process of a probe: an order on stdin, what was measured on stdout."""
    from dataclasses import asdict

    from colornet.ranks import prepare_worker
    from colornet.training.step_time import probe

    order: dict[str, Any] = json.loads(sys.stdin.read())
    prepare_worker(order["cpus"])
    config = parse_config(order["config"], "probe")
    start = time.time() - order["begun"]
    try:
        first = probe(config, steps=3)  # the libraries that load late are loaded
        timing = probe(config, STEPS)
        start += max(0.0, first.setup_seconds - timing.setup_seconds)
        print(json.dumps({**asdict(timing), "start_seconds": start}))
    except ColorsweepError as error:
        sys.exit(" ".join(str(error).split("\n")))


if __name__ == "__main__":
    _main()
