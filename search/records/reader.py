"""The records of a sweep: Parquet parts, written whole, unified by name when read.

```
<sweep>/study.yaml  provenance.json
<sweep>/records/trials/part-*.parquet     one row per change of a trial's state
<sweep>/records/ticks/part-*.parquet      one row per trial, attempt and tick
<sweep>/records/pictures/part-*.parquet   one row per trial and held-out picture
```

Whatever else a row holds is a metric: float64, null where it does not apply. `seq` orders rows, not
the clock.
"""

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from colornet.cli_result import count_text
from colornet.config.reading import parse_json, parse_yaml
from colornet.errors import InputError, did_you_mean, first_line
from colornet.reachable import check_answers
from colornet.storage import Storage
from search.records import lease
from search.records.frames import read_frame
from search.records.lost_parts import Tally, gone_trials, losses, without_ticks
from search.records.parts import VERSION
from search.records.recorded_study import check_study, sound_provenance

STATES = (
    "running",
    "completed",
    "pruned",
    "diverged",
    "oom",
    "stalled",
    "failed",
    "preempted",
    "cancelled",
)
UNFINISHED = ("running", "preempted")
"""States of trials that a resumed sweep goes on with."""
MAX_STUDY, MAX_PROVENANCE = 4_000_000, 16_000_000
"""Bytes."""
CHANGE = ["trial_id", "number", "attempt", "time", "state", "reason", "host", "log"]
"""What is kept of each change of a trial's state."""


CUT_OFF = "cut off"
"""How a trial stands that nobody saw end, as its driver is gone; it is resumed."""


@dataclass(frozen=True)
class TrialCounts:
    """How many trials of a sweep there are, and are to be.

    Attributes:
        done, total: trials of the search (a comparison's replicates are among them).
        confirmed, to_confirm: trials that confirm the best; `to_confirm` at most.
        states, confirming: number of trials by state, of the search and of its confirmation.
        driven: whether somebody runs them.
    """

    done: int
    total: int
    confirmed: int
    to_confirm: int
    states: dict[str, int]
    confirming: dict[str, int]
    driven: bool

    @property
    def unfinished(self) -> int:
        """Trials that were begun and are to go on."""
        both = (self.states, self.confirming)
        return sum(counts.get(state, 0) for counts in both for state in (*UNFINISHED, CUT_OFF))

    @property
    def search_text(self) -> str:
        """`12 of 16 done (10 completed, 2 pruned, 1 running)`."""
        return f"{self.done} of {self.total} done ({_told(self.states)})"

    @property
    def confirm_text(self) -> str:
        """The same of the trials that confirm; empty where none are to."""
        if not (self.to_confirm or self.confirming):
            return ""
        total = count_text(self.to_confirm, "trial")
        return f"{self.confirmed} of {total} done ({_told(self.confirming)})"

    @property
    def stopped_text(self) -> str:
        """`stopped, 3 of 14, resume`, of the search, or of confirming where that is what is left.

        A search that was extended after its best were confirmed is left itself.
        """
        searching = any(self.states.get(state) for state in (*UNFINISHED, CUT_OFF))
        left = self.confirmed < self.to_confirm and not searching
        confirms = left and (self.confirming or self.done >= self.total)
        done, total = (self.confirmed, self.to_confirm) if confirms else (self.done, self.total)
        what = "confirming " if confirms else ""
        return f"stopped, {what}{done} of {total}, resume"


def _told(states: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in states.items()) or "none started"


def count_trials(
    study: Mapping[str, Any], trials: Iterable[tuple[str, str]], *, driven: bool, missing: int = 0
) -> TrialCounts:
    """Count trials by state and origin; of a sweep that was read, `finished.counted` does.

    Args:
        study: the resolved study.
        trials: state and origin of each.
        driven: whether a driver is alive; without one no trial runs.
        missing: replicates of those that are best now that have not been started.
    """
    searched: dict[str, int] = {}
    confirming: dict[str, int] = {}
    for state, origin in sorted(trials):
        counts = confirming if origin == "confirm" else searched
        state = CUT_OFF if state == "running" and not driven else state
        counts[state] = counts.get(state, 0) + 1
    # A budget may have been lowered below what had been tried.
    total = max(int(study.get("trials") or 0), sum(searched.values()))
    confirm = study.get("confirm") or {}
    open_ones = (*UNFINISHED, CUT_OFF)
    done, confirmed = (
        sum(count for state, count in counts.items() if state not in open_ones)
        for counts in (searched, confirming)
    )
    # Once the search has ended, no more are confirmed than completed.
    top = min(confirm.get("top", 0), total if done < total else searched.get("completed", 0))
    # Others were best before the search was extended, or more of them were asked for.
    most = max(top * confirm.get("replicates", 0), sum(confirming.values()) + missing)
    return TrialCounts(done, total, confirmed, most, searched, confirming, driven)


@dataclass(frozen=True)
class SweepRecords:
    """A sweep as it was recorded.

    Attributes:
        study: the resolved study, as data.
        trials: one row per trial, the last state; sorted by number.
        states: every recorded change of a trial's state, in order: who, when, where and why.
        ticks: one row per trial, seed and tick, that of the last attempt that reached it.
        problems: what could not be read or is missing, in sentences.
        gone: trials that were recorded, and of which there is no row any more.
    """

    location: str
    study: dict[str, Any]
    provenance: dict[str, Any]
    trials: pd.DataFrame
    ticks: pd.DataFrame
    problems: list[str] = field(default_factory=list)
    states: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=CHANGE))
    gone: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The sweep's name: that of its folder."""
        return self.location.rstrip("/").rsplit("/", 1)[-1]

    @cached_property
    def gone_text(self) -> str:
        """`the records of 10 trials are gone`, or the ticks of some; empty where all are there."""
        whose = len(self.gone)
        what = "records"
        if not whose:
            whose, what = without_ticks(self.trials, self.ticks), "ticks"
        return f"the {what} of {count_text(whose, 'trial')} are gone" if whose else ""

    @cached_property
    def last(self) -> pd.DataFrame:
        """What each trial reported at its last tick: a row of `ticks` by trial_id."""
        ticks = self.ticks[["trial_id", "tick"]].sort_values("tick", kind="stable")
        last = ticks.drop_duplicates("trial_id", keep="last").index
        return self.ticks.loc[last].set_index("trial_id")

    def pictures(
        self, trials: Collection[str] | None = None, *, fixed: bool = False
    ) -> pd.DataFrame:
        """One row per trial, kind and held-out picture; unreadable parts join `problems`.

        Args:
            trials: whose, all by default; the pictures of the others are not read.
            fixed: only the fixed pictures, of which there is an image.
        """
        wanted = None
        if trials is not None:
            wanted = pc.field("trial_id").isin(pa.array(list(trials), pa.string()))
        if fixed:
            wanted = pc.field("fixed") if wanted is None else wanted & pc.field("fixed")
        frame = self._pictures(None, wanted)
        return frame[frame["webp"].notna()].reset_index(drop=True) if fixed else frame

    def pictured(self) -> set[str]:
        """The trials of which there are fixed pictures; unreadable parts join `problems`."""
        wanted = pc.field("fixed") & (pc.field("kind") == "prediction")
        return set(self._pictures(["trial_id"], wanted)["trial_id"])

    def _pictures(self, columns: list[str] | None, where: pc.Expression | None) -> pd.DataFrame:
        frame, torn = read_frame(Storage.at(self.location), "pictures", columns, where)
        self.problems.extend(problem for problem in torn if problem not in self.problems)
        return frame


def read_states(location: str | os.PathLike[str]) -> tuple[pd.DataFrame, list[str]]:
    """Every recorded change of a trial's state in order of `seq`, and what could not be read."""
    return read_frame(Storage.at(location), "trials")


def read_sweep(location: str | os.PathLike[str]) -> SweepRecords:
    """Read a sweep, finished or running.

    Raises:
        InputError: when the folder is no sweep, or one of a newer format.
    """
    storage = Storage.at(location)
    study = read_study(storage)
    tally = Tally()
    states, problems = read_frame(storage, "trials", tally=tally)
    trials = states.drop_duplicates("trial_id", keep="last").sort_values("number", kind="stable")
    ticks, torn = read_frame(storage, "ticks", order=("number", "seed", "tick"), tally=tally)
    pictures, pale = read_frame(storage, "pictures", ["number"], tally=tally)
    provenance, missing = read_provenance(storage)
    lost = tally.lost(storage)
    gone = gone_trials(trials, [ticks, pictures]) if lost["trials"] or not tally.counted else []
    pictured = set(pictures["trial_id"])
    said = losses(trials, ticks, pictured, gone, lost, counted=tally.counted)
    found = {"trials": problems, "ticks": torn, "pictures": pale}
    for table, what in said.items():
        if any("cannot be read" in problem for problem in found[table]):
            found[table][-1] += f"; {what}"
        else:
            found[table].append(f"records/{table}: {what}")
    return SweepRecords(
        location=os.fspath(location),
        study=study,
        provenance=provenance,
        trials=trials.reset_index(drop=True),
        ticks=ticks,
        problems=[*problems, *torn, *pale, *missing],
        states=states[CHANGE],
        gone=tuple(gone),
    )


def read_study(storage: Storage) -> dict[str, Any]:
    """The resolved study of a sweep, as data. Raises InputError when the folder is no sweep."""
    try:
        study = parse_yaml(storage.text("study.yaml", MAX_STUDY), f"{storage.root}/study.yaml")
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"{storage.root}: no sweep: it holds no study.yaml.\n"
            "Give the folder that `colorsweep run` named."
        ) from None
    except OSError as error:
        why = first_line(error)
        raise InputError(f"{storage.root}/study.yaml: cannot be read: {why}.") from None
    if "base_config" not in study or study.get("version") != VERSION:
        raise InputError(
            f"{storage.root}/study.yaml: version {study.get('version')!r} of a sweep is not known "
            f"to this colorsweep, which reads {VERSION}."
        )
    check_study(study, f"{storage.root}/study.yaml")
    return study


def read_provenance(storage: Storage) -> tuple[dict[str, Any], list[str]]:
    """What is recorded of code, machine and data, and why the rest of it is not read."""
    why = "it holds no mapping"
    try:
        found = parse_json(storage.text("provenance.json", MAX_PROVENANCE), "it")
        if isinstance(found, dict):
            return sound_provenance(found)
    except FileNotFoundError:
        why = "it is not there"
    except (OSError, InputError) as error:
        why = first_line(error)
    return {}, [f"provenance.json cannot be read: {why}"]


def driver_of(location: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Who drives a sweep now: host, pid, since when; None when nobody does."""
    return lease.driver(Storage.at(location))


def sweeps_folder() -> Path:
    """Where sweeps go by default: COLORSWEEP_OUT, else `sweeps` in the working folder."""
    return Path(os.environ.get("COLORSWEEP_OUT", "sweeps")).expanduser()


def find_sweep(text: str | None = None) -> str:
    """The sweep a user means: a folder or URI, a unique beginning of its name, or None: the latest.

    Raises:
        InputError: when there is none, several begin like that, or its storage does not answer.
    """
    if text and ("://" in text or os.path.isdir(os.path.expanduser(text))):
        check_answers(text)
        return os.path.expanduser(text)
    folder = sweeps_folder()
    names = sorted(path.parent.name for path in folder.glob("*/study.yaml"))
    if not names:
        said = (
            f"{text}: no such sweep, and none in {folder}" if text else f"{folder}: no sweep there"
        )
        raise InputError(f"{said}.\nStart one with `colorsweep run STUDY`.")
    if text is None:
        return str(folder / names[-1])
    matching = [name for name in names if name.startswith(text)]
    matching = [text] if text in matching else matching
    if len(matching) == 1:
        return str(folder / matching[0])
    if matching:
        raise InputError(f"{text}: several sweeps begin like that: {', '.join(matching[:5])}.")
    hint = did_you_mean(text, names)
    raise InputError(f"{text}: no folder, and no sweep in {folder} begins like that.\n{hint}")
