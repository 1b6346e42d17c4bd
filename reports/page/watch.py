"""A page that is rewritten while its sweep runs."""

import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from colornet.storage import Storage
from reports.format import value_text
from search.records.reader import driver_of

Page = TypeVar("Page")
TABLES = ("trials", "ticks", "pictures")


def watch(location: str, write: Callable[[], Page], every: float) -> Page:
    """Call `write` now, and again when something new is recorded, until no driver is left.

    Args:
        location: the sweep's folder or URI.
        write: writes the page, whole or not at all.
        every: seconds between looks.

    Returns:
        what `write` returned last.

    Raises:
        KeyboardInterrupt: on Ctrl-C, after a last page of what is recorded by then.
    """
    pause = threading.Event()
    state = recorded(location)
    page = write()
    _say(f"{location}: page written; every {value_text(every)} s a look for more, Ctrl-C ends")
    try:
        while driver_of(location) is not None:
            pause.wait(every)
            if (now := recorded(location)) != state:
                state, page = now, write()
                _say("page rewritten")
    except KeyboardInterrupt:
        if recorded(location) != state:
            write()
        _say("the last page is whole")
        raise
    if recorded(location) != state:  # written between the last look and the driver's end
        page = write()
    _say("the sweep has no driver any more: the page is final")
    return page


def recorded(location: str) -> tuple[str, ...]:
    """Names of the recorded parts; new content is always a new part."""
    storage = Storage.at(location)
    return tuple(name for table in TABLES for name in storage.names(f"records/{table}"))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
