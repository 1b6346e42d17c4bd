"""What has changed since a sweep began, and whether its results may still be mixed.

A sweep's own `study.yaml` is what runs; its provenance holds the study as it began. Whoever edits
the one, or gives another file, is shown the difference: more of the same goes on, another space
needs consent, and what would compare unequal things is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from colornet import provenance
from colornet.cli_result import count_text
from colornet.config.paths import flatten
from colornet.errors import InputError, cut
from spaces.distributions import CLOSE, RANGES

Effect = Literal["goes on", "needs consent", "is refused"]
FREE = {
    "about", "asked_in", "budget", "confirm", "difference", "final", "metrics", "name", "quick",
    "question", "replicates", "resources",
}  # fmt: skip
"""Keys that change how much is done, or what is made of it, but no trial."""
CONSENT = {"constraints", "decide", "sampler", "start_from", "stopping"}
"""Keys that change how the rest is searched."""
FOLLOWS = {"base", "evaluate_on", "fixed", "trials"}
"""Keys that are resolved into the base config, which is compared in their place, or counted."""


@dataclass(frozen=True)
class Change:
    """One difference: what was, what is, and what follows."""

    path: str
    before: Any
    after: Any
    effect: Effect

    def __str__(self) -> str:
        return f"{self.path}: {_short(self.before)} -> {_short(self.after)}"


def _short(value: Any) -> str:
    return "none" if value is None else cut(str(value))


def study_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Differences between two resolved studies, as `Study.to_data` gives them."""
    found = [*_space_changes(before["space"], after["space"]), *_without_effect(before, after)]
    for key in sorted((before.keys() | after.keys()) - FOLLOWS - {"space"}):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        effect: Effect = "is refused"
        if key in FREE:
            effect = "goes on"
        elif key in CONSENT:
            effect = "needs consent"
        if key == "replicates" and (new or 0) < (old or 0):
            effect = "is refused"
        found += [Change(path, a, b, effect) for path, a, b in _differences(key, old, new)]
    return found


def _without_effect(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Settings changed where they are told, not in the base config that trials are made from."""
    base = flatten(after["base_config"])
    for path, old, new in _differences("fixed", before.get("fixed"), after.get("fixed")):
        setting = path.removeprefix("fixed.")
        if new is not None and base.get(setting) != new:
            yield Change(path, old, new, "is refused")
    judged = after["base_config"].get("evaluate_on")
    pictures = flatten({"data": judged or {}})
    old, new = before.get("evaluate_on") or {}, after.get("evaluate_on") or {}
    for path, was, now in _differences("evaluate_on", old, new):
        if (now is not None and pictures.get(path.removeprefix("evaluate_on.")) != now) or (
            judged and not new
        ):
            yield Change(path, was, now, "is refused")


def _differences(key: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """The leaves in which two values differ."""
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        yield key, old, new
        return
    before, after = flatten(old), flatten(new)
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) != after.get(path):
            yield f"{key}.{path}", before.get(path), after.get(path)


def _space_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old != new:
            widened = old is not None and new is not None and _contains(new, old)
            effect: Effect = "needs consent" if widened else "is refused"
            yield Change(f"space.{name}", _span(old), _span(new), effect)


def _contains(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Whether every point of an older dimension lies in the newer one, and means the same."""
    if new["type"] != old["type"] or new.get("when") != old.get("when"):
        return False
    if new["type"] in RANGES:
        special = "special" not in old or new.get("special") == old["special"]
        inside = new["low"] <= old["low"] and old["high"] <= new["high"]
        return special and inside and _steps_on(new, old)
    if new["type"] == "choice":
        return all(choice in new["choices"] for choice in old["choices"])
    return all(new["labels"].get(label) == paths for label, paths in old["labels"].items())


def _steps_on(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Whether every number of an older range is a step of the newer one."""
    least = 1 if new["type"] in ("int", "logint") else None
    step, before = new.get("step") or least, old.get("step") or least
    if step is None:
        return True
    if before is None:
        return False
    begins, follows = (old["low"] - new["low"]) / step, before / step
    return all(abs(steps - round(steps)) < CLOSE for steps in (begins, follows))


def _span(dimension: Mapping[str, Any] | None) -> Any:
    if dimension is None:
        return None
    found = _values(dimension)
    if "special" in dimension:
        found += f" or {dimension['special']}"
    if dimension.get("when"):
        found += f" when {dimension['when']}"
    return found


def _values(dimension: Mapping[str, Any]) -> str:
    if "choices" in dimension or "labels" in dimension:
        return str(dimension.get("choices") or dimension["labels"])
    steps = f" in steps of {dimension['step']:g}" if dimension.get("step") else ""
    return f"{dimension['type']} [{dimension['low']:g}, {dimension['high']:g}]{steps}"


def data_changes(before: Mapping[str, Any], packs: Sequence[Mapping[str, Any]]) -> list[Change]:
    """Sets of pictures that are no longer those of the sweep's beginning.

    Args:
        before: the sweep's provenance.
        packs: what is there now, in the order in which provenance has it.
    """
    then = [pack["content_hash"] for pack in before.get("data", [])]
    now = [pack["content_hash"] for pack in packs]
    if not then or then == now:
        return []
    return [
        Change(f"pictures[{index}]", old[:12], new[:12], "is refused")
        for index, (old, new) in enumerate(zip(then, now, strict=False))
        if old != new
    ] or [
        Change("pictures", count_text(len(then), "set"), count_text(len(now), "set"), "is refused")
    ]


def code_changes(before: Mapping[str, Any]) -> list[Change]:
    """Another commit or other versions than at the beginning: told, as results may differ."""
    now = provenance.collect()
    paths = {"git_commit", "python", "packages"}
    then = flatten({key: before[key] for key in paths & before.keys()})
    after = flatten({key: now[key] for key in paths})
    return [
        Change(path, then[path], after.get(path), "goes on")
        for path in sorted(then)
        if then[path] is not None and then[path] != after.get(path)
    ]


def check_changes(changes: Sequence[Change], location: str, *, accept: bool) -> None:
    """Raise InputError when results would be mixed, or when consent is needed and not given."""
    refused = [change for change in changes if change.effect == "is refused"]
    if refused:
        raise InputError(
            f"{location}: {_listed(refused)}.\n"
            "Results from before and after could not be compared: start a new sweep."
        )
    asked = [change for change in changes if change.effect == "needs consent"]
    if asked and not accept:
        raise InputError(
            f"{location}: the study has changed: {_listed(asked)}.\n"
            "Go on with --accept, or put study.yaml back as it was."
        )


def _listed(changes: Sequence[Change]) -> str:
    rest = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
    return "; ".join(map(str, changes[:3])) + rest
