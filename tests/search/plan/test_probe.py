"""Probes: processes of their own that train a few steps."""

import json
import logging
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from search.plan import probe
from search.plan.probe import probe_all
from search.run.resources import Allocation
from spaces.study import Study

MakeStudy = Callable[..., Study]


class Processes:
    """In place of `subprocess.run`: answers with what the order says, and notes it."""

    def __init__(self, stdout: str = "", stderr: str = "", code: int = 0) -> None:
        self.orders: list[dict[str, Any]] = []
        self.cards: list[str] = []
        self.said = (code, stdout, stderr)

    def __call__(self, command: list[str], *, input: str, env: Any, **_: Any) -> Any:
        order = json.loads(input)
        self.orders.append(order)
        self.cards.append(env["CUDA_VISIBLE_DEVICES"])
        code, out, err = self.said
        answer = out or json.dumps({"seed": order["config"]["training"]["seed"]})
        return subprocess.CompletedProcess(command, code, f"noise\n{answer}\n", err)


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Processes:
    made = Processes()
    monkeypatch.setattr(probe.subprocess, "run", made)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return made


def test_the_last_round_is_filled_up(processes: Processes, make_study: MakeStudy) -> None:
    configs = [make_study().config({}, seed) for seed in range(3)]
    found = probe_all(configs, Allocation(1, 0.0, 2))
    assert found == [{"seed": 0}, {"seed": 1}, {"seed": 2}, {"seed": 0}]
    assert {order["cpus"] for order in processes.orders} == {1}


def test_nothing_to_probe(processes: Processes) -> None:
    assert probe_all([], Allocation(1, 0.0, 2)) == []


@pytest.mark.parametrize(
    ("share", "visible", "cards"),
    [
        (Allocation(1, 0.0, 2), None, {""}),
        (Allocation(8, 1.0, 2), None, {"0", "1"}),
        (Allocation(8, 1.0, 2), "4,7", {"4", "7"}),
        (Allocation(2, 0.5, 4), None, {"0", "1"}),
        (Allocation(8, 2.0, 2), None, {"0", "2"}),
    ],
)
def test_each_slot_sees_its_own_card(
    processes: Processes,
    make_study: MakeStudy,
    monkeypatch: pytest.MonkeyPatch,
    share: Allocation,
    visible: str | None,
    cards: set[str],
) -> None:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    probe_all([make_study().config({}, 0)], share)
    assert set(processes.cards) == cards


def test_a_probe_that_fails_is_said(
    processes: Processes, make_study: MakeStudy, caplog: pytest.LogCaptureFixture
) -> None:
    processes.said = (1, "", "Traceback\nRuntimeError: out of memory")
    with caplog.at_level(logging.WARNING, "colorsweep"):
        assert probe_all([make_study().config({}, 0)], Allocation(1, 0.0, 1)) == [None]
    assert "RuntimeError: out of memory" in caplog.text


def test_a_probe_that_hangs_is_given_up(
    make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def hang(command: list[str], **_: Any) -> None:
        raise subprocess.TimeoutExpired(command, 1.0)

    monkeypatch.setattr(probe.subprocess, "run", hang)
    with caplog.at_level(logging.WARNING, "colorsweep"):
        assert probe_all([make_study().config({}, 0)], Allocation(1, 0.0, 1)) == [None]
    assert "given up" in caplog.text


def test_a_probe_for_real(make_study: MakeStudy, caplog: pytest.LogCaptureFixture) -> None:
    fits = make_study().config({}, 0)
    fits = fits.model_copy(update={"training": fits.training.model_copy(update={"batch_size": 4})})
    with caplog.at_level(logging.WARNING, "colorsweep"):
        found, refused = probe_all([fits, make_study().config({}, 0)], Allocation(1, 0.0, 2))
    assert "training.batch_size: 32: there are only 31 training pictures" in caplog.text
    assert refused is None
    assert found is not None
    assert 0 < found["seconds_per_picture"] < 10
    assert found["start_seconds"] > found["setup_seconds"]
    assert found["checkpoint_bytes"] > 0
