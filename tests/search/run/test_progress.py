"""The display of a running sweep."""

import io
import time
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from search.core.finished import count_trials
from search.run.progress import Progress


def recorder(
    trials: int = 4, states: dict[str, str] | None = None, confirm: dict[str, int] | None = None
) -> Any:
    """Of a sweep; trials that confirm have an id of `c…`."""
    table = SimpleNamespace(states=dict(states or {}), last={}, best=None, best_column="val_ab_mae")
    table.rows = {name: {"state": state} for name, state in table.states.items()}
    study = {"trials": trials, "confirm": confirm}
    table.counts = lambda: count_trials(
        study, [(state, origin(name)) for name, state in table.states.items()], driven=True
    )
    return SimpleNamespace(table=table, running={}, ended=[])


def origin(trial_id: str) -> str:
    return "confirm" if trial_id.startswith("c") else "search"


def end(
    shown: Any, number: int, state: str, reason: str | None = None, kind: str = "t", **last: Any
) -> None:
    trial_id = f"{kind}{number:05d}"
    shown.table.states[trial_id], shown.table.last[trial_id] = state, last
    row = {"trial_id": trial_id, "origin": origin(trial_id), "state": state, "reason": reason}
    shown.ended.append(row)


def lines(shown: Any, terminal: bool = False, act: Any = None) -> list[str]:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, highlight=False, width=100)
    with Progress(shown, time.monotonic(), console) as progress:
        if act:
            act(progress)
    return stream.getvalue().splitlines()


def test_nothing_happened() -> None:
    assert lines(recorder()) == []


def test_one_line_for_each_trial_that_ended() -> None:
    shown = recorder(states={"t00000": "completed", "t00001": "running"})

    def act(progress: Progress) -> None:
        end(shown, 1, "completed", val_ab_mae=7.12345, seconds=3.0)
        progress.show(force=True)
        progress.show(force=True)
        end(shown, 2, "diverged", "val_ab_mae is nan at tick 2", seconds=1.0)
        end(shown, 3, "failed", "ValueError: [/red] odd markup [bold]")

    assert lines(shown, act=act) == [
        "2/4  t00001  completed  val_ab_mae 7.123  about 6.0 s left",
        "3/4  t00002  diverged  val_ab_mae is nan at tick 2  about 2.0 s left",
        "4/4  t00003  failed  ValueError: [/red] odd markup [bold]",
    ]
    assert shown.ended == []


def test_a_preempted_trial_is_not_done() -> None:
    shown = recorder()
    found = lines(shown, act=lambda _: end(shown, 0, "preempted", "interrupted"))
    assert found == ["0/4  t00000  preempted  interrupted"]


def test_a_promoted_trial_is_done_once() -> None:
    shown = recorder(states={"t00000": "pruned", "t00001": "running"})

    def act(progress: Progress) -> None:
        for number in (1, 0):
            end(shown, number, "pruned", "1 of 2 trials were better")
            progress.show(force=True)
            end(shown, number, "completed")
            progress.show(force=True)

    assert [line.split("  ")[:3] for line in lines(shown, act=act)] == [
        ["2/4", "t00001", "pruned"],
        ["2/4", "t00001", "completed"],
        ["2/4", "t00000", "pruned"],
        ["2/4", "t00000", "completed"],
    ]


def test_long_reasons_stay_on_their_line() -> None:
    shown = recorder()
    assert len(lines(shown, act=lambda _: end(shown, 0, "failed", "why " * 80))) == 1


def test_it_is_shown_at_most_a_few_times_a_second() -> None:
    shown = recorder()

    def act(progress: Progress) -> None:
        progress.show(force=True)
        end(shown, 0, "completed")
        progress.show()
        assert len(shown.ended) == 1

    assert len(lines(shown, act=act)) == 1


def test_on_a_terminal_one_line_is_redrawn() -> None:
    shown = recorder(states={"t00000": "running"})
    shown.running = {"t00000": None}
    shown.table.best = 6.54321

    def act(progress: Progress) -> None:
        progress.concurrent = 2
        end(shown, 0, "completed", val_ab_mae=6.5, seconds=600.0)
        progress.show(force=True)

    text = "\n".join(lines(shown, terminal=True, act=act))
    assert "1/4 trials  ·  1 running  ·  best val_ab_mae 6.543" in text
    assert "about 15 min left" in text
    assert "completed" not in text


def test_trials_that_confirm_are_counted_by_themselves() -> None:
    states = {"t00000": "completed", "t00001": "pruned"}
    shown = recorder(2, states, {"top": 2, "replicates": 2})

    def act(progress: Progress) -> None:
        end(shown, 2, "completed", kind="c")
        end(shown, 3, "preempted", "interrupted", kind="c")
        progress.show(force=True)

    assert lines(shown, act=act) == [
        "confirming 1/2  c00002  completed",
        "confirming 1/2  c00003  preempted  interrupted",
    ]
    text = "\n".join(lines(shown, terminal=True))
    assert "2/2 trials  ·  confirming 1/2  ·  0 running" in text
    assert "0/1 trial  ·" in "\n".join(lines(recorder(1), terminal=True))
