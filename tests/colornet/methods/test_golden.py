"""A refactoring moves no loss: twenty steps of every method against those of `golden.json`.

Bit for bit where torch, its instructions and the processor are those that the file names; rounding
differs between others. A change that is meant to move losses writes the file anew:
`COLORSWEEP_WRITE_GOLDEN=1 python -m pytest tests/colornet/methods/test_golden.py`.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from colornet.losses import ADVERSARIAL
from colornet.methods.player import Batch, Method
from colornet.steps import Pace, Totals, play

FILE = Path(__file__).parent / "golden.json"
STEPS = 20
PACE = Pace(0.25)
"""Slow: fast learners make much of a rounding."""
CASES: dict[str, dict[str, Any]] = {
    "regression": {"method": "regression"},
    **{f"gan-{name}": {"method": "gan", "adversarial": name} for name in sorted(ADVERSARIAL)},
    "cyclegan": {"method": "cyclegan", "adversarial": "lsgan", "pool": 20},
}


def machine() -> dict[str, str]:
    """What rounding depends on."""
    processors = Path("/proc/cpuinfo")
    lines = processors.read_text().splitlines() if processors.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "torch": torch.__version__,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "processor": names[0] if names else "unknown",
    }


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> str:
    """The name of a case, each in turn."""
    return request.param


@pytest.fixture
def losses(
    case: str, method: Callable[..., Method], batch: Callable[..., Batch]
) -> dict[str, list[float]]:
    """A case's losses, step by step."""
    built = method(
        loss={"label_smoothing": 0.0, **CASES[case]},
        discriminator={"conditional": case != "cyclegan"},
    )
    found: dict[str, list[float]] = {}
    for step in range(STEPS):
        totals = Totals()
        play(built, batch(step, step / STEPS), PACE, totals)
        for name, value in totals.means().items():
            if name.startswith("loss"):  # norms of gradients jump with every rounding
                found.setdefault(name, []).append(value)
    return found


def test_losses_are_those_of_before(case: str, losses: dict[str, list[float]]) -> None:
    if os.environ.get("COLORSWEEP_WRITE_GOLDEN"):
        write(case, losses)
    golden = json.loads(FILE.read_text())
    expected = golden["losses"][case]
    assert losses.keys() == expected.keys()
    for name, values in losses.items():
        assert len(values) == STEPS
        if golden["machine"] == machine():
            assert values == expected[name], name
        else:
            assert values == pytest.approx(expected[name], rel=1e-4, abs=1e-4), name


def write(case: str, losses: dict[str, list[float]]) -> None:
    """Put a case into the file; cases of another machine or of another name go."""
    old = json.loads(FILE.read_text()) if FILE.exists() else {}
    kept = old["losses"] if old.get("machine") == machine() else {}
    cases = {name: kept[name] for name in CASES if name in kept} | {case: losses}
    FILE.write_text(json.dumps({"machine": machine(), "losses": cases}, indent=1) + "\n")
