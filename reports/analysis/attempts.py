"""When and where each attempt of a trial ran, from the records of states and ticks."""

import heapq

import numpy as np
import pandas as pd

from reports.tables import SweepTables
from search.records.reader import CUT_OFF

NOWHERE = "host not known"
PAUSE, SHORTEST = 0.05, 60.0
"""A time in which nothing ran is a pause from this share of the time in which something ran, and
from so many seconds on."""
_COLUMNS = ["number", "trial_id", "attempt", "host", "start", "end", "state"]


def attempts_of(sweep: SweepTables) -> pd.DataFrame:
    """One row per attempt, by start.

    An attempt runs from the record that it begins to the one of its end; without that to its last
    tick. Sweeps that recorded no beginnings have the last attempt alone, from the time that its
    first tick says it took.

    Returns:
        number, trial_id, attempt, host, start, end (UTC) and state: how it ended, `running` while
        it goes on, `cut off`.
    """
    states = sweep.records.states.sort_values("trial_id", kind="stable")
    groups = states.groupby("trial_id", sort=False)
    after = groups[["state", "time", "host"]].shift(-1)
    began = states["state"] == "running"
    ends = began & after["state"].notna() & (after["state"] != "running")
    last = began & after["state"].isna()
    ticks = sweep.ticks
    seen = ticks.groupby(["trial_id", "attempt"])["time"].max() if len(ticks) else {}
    rows = states.assign(
        start=states["time"],
        end=after["time"].where(ends, _last_seen(states, seen)),
        host=_hosts(states, after, ends),
        state=after["state"].where(ends, np.where(last, "running", CUT_OFF)),
    )[began]
    found = pd.concat([rows[_COLUMNS], _without_beginning(sweep, set(rows["trial_id"]))])
    found["host"] = found["host"].fillna(NOWHERE)
    for name in ("start", "end"):  # an empty frame beside it has taken their type
        found[name] = pd.to_datetime(found[name], utc=True)
    found["end"] = found["end"].where(found["end"] > found["start"], found["start"])
    return found.sort_values(["start", "number", "attempt"], ignore_index=True)


def _hosts(states: pd.DataFrame, after: pd.DataFrame, ends: pd.Series) -> pd.Series:
    """Where each attempt ran: its end says so, its beginning only where its driver is."""
    told = after["host"].where(ends)
    known = told.dropna().unique()
    if len(known) > 1:
        return told
    return told.fillna(known[0]) if len(known) else states["host"]


def _last_seen(states: pd.DataFrame, seen: pd.Series | dict) -> pd.Series:
    """The last tick of each row's attempt, or the row's own time."""
    keys = zip(states["trial_id"], states["attempt"], strict=True)
    known = dict(seen)
    times = [known.get(key, own) for key, own in zip(keys, states["time"], strict=True)]
    return pd.Series(pd.to_datetime(times, utc=True), index=states.index)


def _without_beginning(sweep: SweepTables, known: set[str]) -> pd.DataFrame:
    """The last attempt of each trial that has no record of its beginning."""
    trials = sweep.records.trials
    trials = trials[~trials["trial_id"].isin(known)]
    if trials.empty:
        return pd.DataFrame(columns=_COLUMNS)
    first = sweep.ticks.drop_duplicates("trial_id").set_index("trial_id")
    first = first[["time", "seconds"]].reindex(trials["trial_id"]).set_index(trials.index)
    took = pd.to_timedelta(first["seconds"].astype(float), unit="s")
    start = (pd.to_datetime(first["time"], utc=True) - took).fillna(trials["time"])
    return trials.assign(start=start, end=trials["time"])[_COLUMNS]


def without_pauses(
    starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[tuple[float, float]]]:
    """Spans on a clock that stands still while nothing runs for long.

    Args:
        starts, ends: (N,) seconds.

    Returns:
        starts and ends on that clock, which begins at 0, and (time on it, seconds) of each pause.
    """
    order = np.argsort(starts, kind="stable")
    until = np.maximum.accumulate(ends[order])
    gaps = starts[order][1:] - until[:-1]
    running = float(until[-1] - starts[order][0] - gaps[gaps > 0].sum())
    long = np.flatnonzero(gaps > max(PAUSE * running, SHORTEST))
    at, length = until[long], gaps[long]
    first = float(starts[order][0])

    def moved(times: np.ndarray) -> np.ndarray:
        before = np.concatenate([[0.0], np.cumsum(length)])
        return times - first - before[np.searchsorted(at, times, side="left")]

    pauses = list(zip(moved(at).tolist(), length.tolist(), strict=True))
    return moved(starts), moved(ends), pauses


def lanes_of(
    hosts: list[str], starts: np.ndarray, ends: np.ndarray
) -> tuple[list[int], tuple[tuple[str, int], ...]]:
    """The row of each span, in which it overlaps none, and how many rows each host has."""
    free: dict[str, list[tuple[float, int]]] = {host: [] for host in sorted(set(hosts))}
    used = dict.fromkeys(free, 0)
    own = [0] * len(hosts)
    for place in np.argsort(starts, kind="stable").tolist():
        host = hosts[place]
        if free[host] and free[host][0][0] <= starts[place] + 1e-9:
            _, lane = heapq.heappop(free[host])
        else:
            lane = used[host]
            used[host] += 1
        own[place] = lane
        heapq.heappush(free[host], (float(ends[place]), lane))
    above = dict(zip(used, np.cumsum([0, *used.values()]).tolist(), strict=False))
    return [above[host] + lane for host, lane in zip(hosts, own, strict=True)], tuple(used.items())


def busy_of(starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many ran: from each of (K,) times on so many, until the next; the last is 0."""
    times = np.concatenate([starts, ends])
    changes = np.concatenate([np.ones(len(starts)), -np.ones(len(ends))])
    points, places = np.unique(times, return_inverse=True)
    return points, np.cumsum(np.bincount(places, weights=changes)).round().astype(int)


def averaged(points: np.ndarray, counts: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """The same as means over (steps,) equal times: their beginnings and the end, and the means."""
    edges = np.linspace(points[0], points[-1], steps + 1)
    passed = np.concatenate([[0.0], np.cumsum(counts[:-1] * np.diff(points))])
    return edges, np.append(np.diff(np.interp(edges, points, passed)) / np.diff(edges), 0.0)
