"""A refactoring moves no loss: twenty steps of every method against those of `golden.json`.

Bit for bit where torch, its instructions and the processor are those that the file names with the
case. Elsewhere rounding differs, and differences grow along a training: the first steps are held
tightly, the later ones loosely. A new case, or a change that is meant to move losses, writes
the cases that run: `COLORSWEEP_WRITE_GOLDEN=1 python -m pytest
tests/colornet/training/methods/test_golden.py`, with `-k CASE` for some of them.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from colornet.config.paths import TAGS
from colornet.training.losses import ADVERSARIAL
from colornet.training.methods.player import Batch, Method
from colornet.training.steps import StepOptions, Totals, train_step

FILE = Path(__file__).parent / "golden.json"
STEPS = 20
PACE = StepOptions(0.25)
"""Slow: fast learners make much of a rounding."""
EARLY, EARLY_BOUND, LATE_BOUND = 10, 1e-6, 1e-3
"""How far losses may be off on other processors, of themselves or of 1 where they are smaller.

Measured under AVX2, AVX-512, SSE4.1 and no vector instructions at all, and with ten times other
weights, 1e-7 off: at most 2.4e-7 in the first ten steps, then up to 7e-5, where one sign turns;
1.05e-4 on a Zen 4.
"""
COMMAND = (
    "COLORSWEEP_WRITE_GOLDEN=1 python -m pytest tests/colornet/training/methods/test_golden.py"
)
OWN = {"cyclegan": {"adversarial": "lsgan", "pool": 20}}
CASES: dict[str, dict[str, Any]] = {
    **{name: {"method": name, **OWN.get(name, {})} for name in TAGS["loss"][1] if name != "gan"},
    **{f"gan-{name}": {"method": "gan", "adversarial": name} for name in sorted(ADVERSARIAL)},
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
        train_step(built, batch(step, step / STEPS), PACE, totals)
        for name, value in totals.means().items():
            if name.startswith("loss"):  # norms of gradients jump with every rounding
                found.setdefault(name, []).append(value)
    return found


def test_losses_are_those_of_before(case: str, losses: dict[str, list[float]]) -> None:
    if os.environ.get("COLORSWEEP_WRITE_GOLDEN"):
        write(case, losses, FILE)
    golden = read(case, FILE)
    expected = golden["losses"]
    assert losses.keys() == expected.keys()
    for name, values in losses.items():
        assert len(values) == STEPS
        if golden["machine"] == machine():
            assert values == expected[name], name
        else:
            early, late = expected[name][:EARLY], expected[name][EARLY:]
            assert values[:EARLY] == pytest.approx(early, rel=EARLY_BOUND, abs=EARLY_BOUND), name
            assert values[EARLY:] == pytest.approx(late, rel=LATE_BOUND, abs=LATE_BOUND), name


def read(case: str, file: Path) -> dict[str, Any]:
    """A case's machine and its losses there, step by step."""
    golden = json.loads(file.read_text())
    if case not in golden:
        pytest.fail(f"{file.name} has no losses of {case}. Write them: {COMMAND} -k {case}")
    return golden[case]


def write(case: str, losses: dict[str, list[float]], file: Path) -> None:
    """Put a case into the file; others stay, but for those that are no cases any more."""
    golden = json.loads(file.read_text()) | {case: {"machine": machine(), "losses": losses}}
    kept = {name: golden[name] for name in CASES if name in golden}
    file.write_text(json.dumps(kept, indent=1) + "\n")


def test_a_case_is_written_beside_those_of_other_machines(tmp_path: Path) -> None:
    file = tmp_path / "golden.json"
    other = {"machine": {"torch": "0.1"}, "losses": {"loss_l1": [0.1]}}
    file.write_text(json.dumps({"regression": other, "gone": other}))
    with pytest.raises(pytest.fail.Exception, match=r"no losses of gan-bce.*COLORSWEEP_WRITE"):
        read("gan-bce", file)
    write("gan-bce", {"loss_l1": [1 / 3]}, file)
    assert read("regression", file) == other
    assert read("gan-bce", file) == {"machine": machine(), "losses": {"loss_l1": [1 / 3]}}
    assert "gone" not in json.loads(file.read_text())
