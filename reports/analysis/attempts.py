"""When attempts of trials ran, side by side and on a clock without pauses."""

import heapq

import numpy as np

PAUSE, SHORTEST = 0.05, 60.0
"""A gap is a pause if it is longer than this share of the time in which something ran, and than
this many seconds."""


def without_pauses(
    starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[tuple[float, float]]]:
    """Spans on a clock that stops during long pauses.

    Args:
        starts, ends: (N,) seconds.

    Returns:
        starts and ends on that clock, which begins at 0, and (time on it, seconds) of each pause.
    """
    # The latest end so far, attempt by attempt: what begins after it begins after a gap.
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
    lanes = [0] * len(hosts)
    for index in np.argsort(starts, kind="stable").tolist():
        host = hosts[index]
        # Rounding must not keep an attempt from the row of one that ends as it begins.
        if free[host] and free[host][0][0] <= starts[index] + 1e-9:
            _, lane = heapq.heappop(free[host])
        else:
            lane = used[host]
            used[host] += 1
        lanes[index] = lane
        heapq.heappush(free[host], (float(ends[index]), lane))
    above = dict(zip(used, np.cumsum([0, *used.values()]).tolist(), strict=False))
    return [above[host] + lane for host, lane in zip(hosts, lanes, strict=True)], tuple(
        used.items()
    )


def busy_of(starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(K,) times, and how many ran from each of them until the next; the last is 0."""
    times = np.concatenate([starts, ends])
    changes = np.concatenate([np.ones(len(starts)), -np.ones(len(ends))])
    # +1 where one begins and -1 where one ends, summed in the order of time.
    points, places = np.unique(times, return_inverse=True)
    return points, np.cumsum(np.bincount(places, weights=changes)).round().astype(int)


def averaged(points: np.ndarray, counts: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """The same as means over equal intervals: their (steps + 1,) edges, and the means, then 0."""
    edges = np.linspace(points[0], points[-1], steps + 1)
    # The integral of a step function is linear in between, so that it can be interpolated.
    passed = np.concatenate([[0.0], np.cumsum(counts[:-1] * np.diff(points))])
    return edges, np.append(np.diff(np.interp(edges, points, passed)) / np.diff(edges), 0.0)
