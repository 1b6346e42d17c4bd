"""The progress of a final training, one line a tick, on stderr."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

log = logging.getLogger("colorsweep")


def show_tick(ticks: int) -> Callable[[Mapping[str, Any]], None]:
    """A function that says a tick's numbers, out of so many ticks."""

    def show(metrics: Mapping[str, Any]) -> None:
        tick, seconds = metrics["tick"], metrics["seconds"]
        left = seconds / tick * (ticks - tick)
        log.warning(
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
