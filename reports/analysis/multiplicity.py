"""Everything that is asked of a search, adjusted together: at most one sweep in twenty errs.

First it is asked of each dimension whether it does anything at all, by one test (and whether what
it does is too little to matter); only where it does, what that is. Inside a dimension p values are
adjusted for that dimension's questions alone: a false answer there needs a dimension that is truly
without effect to have passed the first test, or one with an effect to have passed for another
reason, each of which has its own 5% (gatekeeping; Meinshausen 2008).
"""

from collections.abc import Mapping, Sequence

from reports.analysis.statistics import PValues, holm

Key = tuple[str, ...]


def simes(p_values: Sequence[float]) -> float:
    """One p of several tests of the same hypothesis that rise and fall together (Simes 1986)."""
    tested = sorted(p for p in p_values if p == p)
    if not tested:
        return float("nan")
    return min(1.0, min(len(tested) * p / (at + 1) for at, p in enumerate(tested)))


def shaffer(p_values: Mapping[Key, float], groups: Mapping[Key, str]) -> dict[Key, float]:
    """p values adjusted where of each group's hypotheses at most one is true (Shaffer 1986).

    Holm's procedure, in which the i-th smallest is multiplied not by how many hypotheses are left,
    but by how many of these can be true at once: as many as there are groups. NaN is left out.
    """
    left = sorted((p, key) for key, p in p_values.items() if p == p)
    adjusted: dict[Key, float] = {}
    highest = 0.0
    for at, (p, key) in enumerate(left):
        open_groups = {groups[other] for _, other in left[at:]}
        highest = max(highest, min(1.0, len(open_groups) * p))
        adjusted[key] = highest
    return adjusted


def gated(
    gates: Mapping[Key, float], groups: Mapping[Key, str], inside: Mapping[Key, Mapping[Key, float]]
) -> PValues:
    """p values of all questions of a sweep.

    Args:
        gates: what is asked first.
        groups: the group of each gate, of whose null hypotheses at most one is true.
        inside: by gate, what is asked only where that is significant.
    """
    adjusted = shaffer(gates, groups)
    for gate, tests in inside.items():
        if gate in adjusted:
            for key, p in zip(tests, holm(list(tests.values())), strict=True):
                adjusted[key] = max(p, adjusted[gate])
    return PValues.adjusted(adjusted)
