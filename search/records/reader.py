"""The records of a sweep: Parquet parts, written whole, unified by name when read.

```
<sweep>/study.yaml  provenance.json
<sweep>/records/trials/part-*.parquet     one row per change of a trial's state
<sweep>/records/ticks/part-*.parquet      one row per trial, attempt and tick
<sweep>/records/pictures/part-*.parquet   one row per trial and held-out picture
<sweep>/checkpoints/<trial>/              of each trial that runs, or may go on
```

Whatever else a row holds is a metric: float64, null where it does not apply. `seq` orders rows, not
the clock.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from colornet.cli_result import count_text
from colornet.config.reading import parse_json, parse_yaml
from colornet.errors import InputError, did_you_mean, error_summary
from colornet.storage import Storage, check_reachable
from search.records.frames import read_frame
from search.records.lease import driver_of as driver_of
from search.records.missing import ENDED, Tally, missing_text, missing_trials
from search.records.parts import VERSION
from search.records.schema import valid_provenance, validate_study

CONFIRM = "confirm"
"""Origin of trials that repeat a chosen point; Optuna does not know them."""
NOWHERE = "host not known"
CHECKPOINTS = "checkpoints"
"""The folder that holds one of each trial that runs or may go on."""
CUT_OFF = "cut off"
"""How an attempt ended that nobody saw end, as its driver was killed; its trial is resumed."""
UNFINISHED = ("running", "preempted")
"""States of trials that a resumed sweep goes on with."""
MAX_STUDY, MAX_PROVENANCE = 4_000_000, 16_000_000
"""Bytes."""
CHANGE = ["trial_id", "number", "attempt", "time", "state", "reason", "host", "log", "gpus"]
"""What is kept of each change of a trial's state; `gpus` is NaN in records of earlier releases."""
_ATTEMPT = ["number", "trial_id", "attempt", "host", "start", "end", "state"]


@dataclass(frozen=True)
class SweepRecords:
    """A sweep as it was recorded.

    Attributes:
        study: the resolved study, as data.
        trials: one row per trial, the last state; sorted by number.
        states: every recorded change of a trial's state, in order: who, when, where and why.
        ticks: one row per trial, seed and tick, that of the last attempt that reached it.
        problems: what could not be read or is missing, in sentences.
        missing: trials that were recorded, and of which there is no row any more.
    """

    location: str
    study: dict[str, Any]
    provenance: dict[str, Any]
    trials: pd.DataFrame
    ticks: pd.DataFrame
    problems: list[str] = field(default_factory=list)
    states: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=CHANGE))
    missing: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The sweep's name: that of its folder."""
        return self.location.rstrip("/").rsplit("/", 1)[-1]

    @cached_property
    def missing_text(self) -> str:
        """`the records of 10 trials are missing`, or the ticks of some; else empty."""
        whose, what = len(self.missing), "records"
        if not whose:
            ended = self.trials.loc[self.trials["state"].isin(ENDED), "trial_id"]
            whose, what = int((~ended.isin(self.ticks["trial_id"])).sum()), "ticks"
        return f"the {what} of {count_text(whose, 'trial')} are missing" if whose else ""

    @cached_property
    def attempts(self) -> pd.DataFrame:
        """When and where each attempt of a trial ran, by start.

        An attempt runs from the record that it begins to the one of its end; without that to its
        last tick. Sweeps that recorded no beginnings have the last attempt alone, from the time
        that its first tick says it took.

        Returns:
            number, trial_id, attempt, host, start, end (UTC) and state: how it ended, `running`
            while it goes on, `cut off`.
        """
        states = self.states.sort_values("trial_id", kind="stable")
        after = states.groupby("trial_id", sort=False)[["state", "time", "host"]].shift(-1)
        began = states["state"] == "running"
        ended = began & after["state"].notna() & (after["state"] != "running")
        is_last = began & after["state"].isna()
        rows = states.assign(
            start=states["time"],
            end=after["time"].where(ended, _last_seen(states, self.ticks)),
            host=_hosts(states, after["host"].where(ended)),
            state=after["state"].where(ended, np.where(is_last, "running", CUT_OFF)),
        )[began]
        without = self.trials[~self.trials["trial_id"].isin(rows["trial_id"])]
        attempts = pd.concat([rows[_ATTEMPT], _without_beginning(without, self.ticks)])
        attempts["host"] = attempts["host"].fillna(NOWHERE)
        # pandas makes objects of times that are concatenated with an empty frame.
        for name in ("start", "end"):
            attempts[name] = pd.to_datetime(attempts[name], utc=True)
        # Clocks of nodes differ: an end by one may lie before its start by another.
        attempts["end"] = attempts[["start", "end"]].max(axis=1)
        return attempts.sort_values(["start", "number", "attempt"], ignore_index=True)

    @cached_property
    def last(self) -> pd.DataFrame:
        """What each trial reported at its last tick: a row of `ticks` by trial_id."""
        ticks = self.ticks[["trial_id", "tick"]].sort_values("tick", kind="stable")
        last = ticks.drop_duplicates("trial_id", keep="last").index
        return self.ticks.loc[last].set_index("trial_id")

    @cached_property
    def checkpointed(self) -> set[str]:
        """Ids of trials that have left more than a generator: they may go on from there."""
        return set(Storage.at(self.location).folders(CHECKPOINTS))

    def pictures(
        self, trials: Collection[str] | None = None, *, fixed: bool = False
    ) -> pd.DataFrame:
        """One row per trial, kind and held-out picture; unreadable parts join `problems`.

        Args:
            trials: whose, all by default; the pictures of the others are not read.
            fixed: only the fixed pictures, of which there is an image.
        """
        where = None
        if trials is not None:
            where = pc.field("trial_id").isin(pa.array(list(trials), pa.string()))
        if fixed:
            where = pc.field("fixed") if where is None else where & pc.field("fixed")
        frame = self._pictures(None, where)
        return frame[frame["webp"].notna()].reset_index(drop=True) if fixed else frame

    def pictured(self) -> set[str]:
        """The trials of which there are fixed pictures; unreadable parts join `problems`."""
        where = pc.field("fixed") & (pc.field("kind") == "prediction")
        return set(self._pictures(["trial_id"], where)["trial_id"])

    def _pictures(self, columns: list[str] | None, where: pc.Expression | None) -> pd.DataFrame:
        frame, unread = read_frame(Storage.at(self.location), "pictures", columns, where)
        self.problems.extend(problem for problem in unread if problem not in self.problems)
        return frame


def _hosts(states: pd.DataFrame, at_end: pd.Series) -> pd.Series:
    """Where each attempt ran: its end says so, its beginning only where its driver is."""
    hosts = at_end.dropna().unique()
    if len(hosts) > 1:
        return at_end
    return at_end.fillna(hosts[0]) if len(hosts) else states["host"]


def _last_seen(states: pd.DataFrame, ticks: pd.DataFrame) -> pd.Series:
    """The last tick of each row's attempt, or the row's own time."""
    last = dict(ticks.groupby(["trial_id", "attempt"])["time"].max()) if len(ticks) else {}
    keys = zip(states["trial_id"], states["attempt"], strict=True)
    times = [last.get(key, time) for key, time in zip(keys, states["time"], strict=True)]
    return pd.Series(pd.to_datetime(times, utc=True), index=states.index)


def _without_beginning(trials: pd.DataFrame, ticks: pd.DataFrame) -> pd.DataFrame:
    """The last attempt of each of some trials that have no record of their beginning."""
    if trials.empty:
        return pd.DataFrame(columns=_ATTEMPT)
    first = ticks.drop_duplicates("trial_id").set_index("trial_id")
    first = first[["time", "seconds"]].reindex(trials["trial_id"]).set_index(trials.index)
    took = pd.to_timedelta(first["seconds"].astype(float), unit="s")
    start = (pd.to_datetime(first["time"], utc=True) - took).fillna(trials["time"])
    return trials.assign(start=start, end=trials["time"])[_ATTEMPT]


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
    states, of_trials = read_frame(storage, "trials", tally=tally)
    trials = states.drop_duplicates("trial_id", keep="last").sort_values("number", kind="stable")
    ticks, of_ticks = read_frame(storage, "ticks", order=("number", "seed", "tick"), tally=tally)
    pictures, of_pictures = read_frame(storage, "pictures", ["number"], tally=tally)
    provenance, of_provenance = read_provenance(storage)
    rows = tally.missing_rows(storage)
    # A gap in the numbers is no loss where all rows are known to be there.
    guess = rows["trials"] or not tally.counted
    missing = missing_trials(trials, [ticks, pictures]) if guess else []
    pictured = set(pictures["trial_id"])
    texts = missing_text(trials, ticks, pictured, missing, rows, counted=tally.counted)
    problems = {"trials": of_trials, "ticks": of_ticks, "pictures": of_pictures}
    for table, text in texts.items():
        if any("cannot be read" in problem for problem in problems[table]):
            problems[table][-1] += f"; {text}"
        else:
            problems[table].append(f"records/{table}: {text}")
    return SweepRecords(
        location=os.fspath(location),
        study=study,
        provenance=provenance,
        trials=trials.reset_index(drop=True),
        ticks=ticks,
        problems=[*of_trials, *of_ticks, *of_pictures, *of_provenance],
        states=states.reindex(columns=CHANGE),
        missing=tuple(missing),
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
        why = error_summary(error)
        raise InputError(f"{storage.root}/study.yaml: cannot be read: {why}.") from None
    if "base_config" not in study or study.get("version") != VERSION:
        raise InputError(
            f"{storage.root}/study.yaml: version {study.get('version')!r} of a sweep is not known "
            f"to this colorsweep, which reads {VERSION}."
        )
    validate_study(study, f"{storage.root}/study.yaml")
    return study


def read_provenance(storage: Storage) -> tuple[dict[str, Any], list[str]]:
    """What is recorded of code, machine and data, and why the rest of it is not read."""
    why = "it holds no mapping"
    try:
        provenance = parse_json(storage.text("provenance.json", MAX_PROVENANCE), "it")
        if isinstance(provenance, dict):
            return valid_provenance(provenance)
    except FileNotFoundError:
        why = "it is not there"
    except (OSError, InputError) as error:
        why = error_summary(error)
    return {}, [f"provenance.json cannot be read: {why}"]


def sweeps_folder() -> Path:
    """Where sweeps go by default: COLORSWEEP_OUT, else `sweeps` in the working folder."""
    return Path(os.environ.get("COLORSWEEP_OUT", "sweeps")).expanduser()


def find_sweep(text: str | None = None) -> str:
    """The sweep a user means: a folder or URI, a unique beginning of its name, or None: the latest.

    Raises:
        InputError: when there is none, several begin like that, or its storage does not answer.
    """
    if text and ("://" in text or os.path.isdir(os.path.expanduser(text))):
        check_reachable(text)
        return os.path.expanduser(text)
    folder = sweeps_folder()
    names = sorted(path.parent.name for path in folder.glob("*/study.yaml"))
    if not names:
        where = (
            f"{text}: no such sweep, and none in {folder}" if text else f"{folder}: no sweep there"
        )
        raise InputError(f"{where}.\nStart one with `colorsweep run STUDY`.")
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
