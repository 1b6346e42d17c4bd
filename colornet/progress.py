"""How far a final training is, one line a tick, and how far colorizing is; on stderr."""

import logging
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

log = logging.getLogger("colorsweep")


def show_tick(ticks: int) -> Callable[[Mapping[str, Any]], None]:
    """A function that says a tick's numbers, out of so many ticks."""

    def show(metrics: Mapping[str, Any]) -> None:
        tick, seconds = metrics["tick"], metrics["seconds"]
        left = seconds / tick * (ticks - tick)
        log.info(
            "tick %d/%d  %s images  val_ab_mae %.4g  colorfulness %.2f  %.0f s, about %.0f s left",
            tick,
            ticks,
            f"{metrics['images']:,}",
            metrics["val_ab_mae"],
            metrics.get("val_colorfulness_ratio") or float("nan"),
            seconds,
            left,
        )

    return show


@contextmanager
def show_pictures() -> Generator[Callable[[int, int, Path], None]]:
    """A function to be called with pictures done, pictures in all, and the last one.

    On a terminal it draws one line, elsewhere it writes one, but none within a second of the last.
    """
    console = Console(stderr=True, highlight=False)
    shown = float("-inf")
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Colorizing", total=None)

        def show(done: int, total: int, picture: Path) -> None:
            nonlocal shown
            bar.update(task, total=total, completed=done)
            if not console.is_terminal and (done == total or time.monotonic() - shown > 1):
                shown = time.monotonic()
                log.info("%d/%d  %s", done, total, picture)

        yield show
