"""What has happened to a sweep's trials, in lines, from its records."""

import time
from collections.abc import Iterator
from typing import TextIO

import pandas as pd

from colornet.storage import Storage
from search.records.reader import driver_of, read_states, read_study

POLL = 1.0
"""Seconds between two looks at a sweep that is followed."""


def events_text(location: str) -> str:
    """One line for each change of a trial's state, in order.

    Raises:
        InputError: the folder is no sweep.
    """
    read_study(Storage.at(location))
    states, problems = read_states(location)
    return "\n".join([*_lines(states), *(f"Problem: {one}" for one in problems)])


def follow_events(location: str, stream: TextIO) -> None:
    """Write the lines as they come, until nobody runs the sweep any more."""
    seen = -1
    while True:
        # Looked at before the records: what is written until the driver ends is then in them.
        driver = driver_of(location)
        states, _ = read_states(location)
        for line in _lines(states[states["seq"] > seen]):
            print(line, file=stream, flush=True)
        seen = max(seen, int(states["seq"].max())) if len(states) else seen
        if driver is None:
            return
        time.sleep(POLL)


def _lines(states: pd.DataFrame) -> Iterator[str]:
    for _, row in states.iterrows():
        when = row["time"].tz_convert(None).strftime("%Y-%m-%d %H:%M:%S")
        attempt = f" attempt {row['attempt']}" if row["attempt"] else ""
        where = f" on {row['host']}" if isinstance(row["host"], str) else ""
        why = f": {row['reason']}" if isinstance(row["reason"], str) else ""
        yield f"{when}  {row['trial_id']}  {row['state']}{attempt}{where}{why}"
