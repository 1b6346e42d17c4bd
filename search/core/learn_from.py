"""Earlier sweeps for a sampler to learn from: which fit, and what is said of them.

Only the sampler is told: answers, decisions and early stopping are about a sweep's own trials.

Median regret of the point that is named, in standard deviations of random points, of 12 simulated
searches of 12 trials alone and after an earlier sweep of 24 trials, whose values were all higher
by 1 and of another seed (`tests/benchmarks/earlier_sweeps.py`); better: in how many pairs of one
seed the one that had learned was.

| surface     | earlier sweep | tpe: alone | after it | better | gp: alone | after it | better |
|-------------|---------------|------------|----------|--------|-----------|----------|--------|
| valley      | the same      | 1.05       | 0.28     | 9      | 0.91      | 0.13     | 11     |
| mixed       | the same      | 0.85       | 0.22     | 10     | 0.70      | 0.10     | 11     |
| valley      | curves        | 1.05       | 0.45     | 10     | 0.91      | 0.28     | 9      |
| branin-edge | additive      | 0.26       | 0.13     | 7      | 0.20      | 0.26     | 3      |
| valley      | additive      | 1.05       | 1.05     | 2      | 0.91      | 2.00     | 1      |

The last one misleads: until the own trials speak against it, some of these few are spent where it
was good, which costs `gp` most. At the end they did so in 12 of 12 searches by `tpe`, and in 1 of
36 after a sweep of the same surface.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from colornet.cli_result import count_text
from colornet.errors import InputError
from search.core.earlier_trials import PlacedTrials, ended_trials, place_trials
from search.core.ranking import best_and_some
from search.core.target import LastReport, Target
from search.records.pictures import judged_on, recorded_pictures, splits
from search.records.reader import SweepRecords, find_sweep, read_sweep
from spaces.earlier import EarlierSweep, EarlierTrial
from spaces.study import STARTUP_TRIALS, Study

MOST_EARLIER = 120
"""Trials of an earlier sweep that are learned from: the best half of them and others at random. A
submitted study is handed over in one variable, which has room for so many."""


def learn_from(study: Study, names: Sequence[str]) -> Study:
    """The study, whose sampler is told of earlier sweeps.

    On what pictures they were judged is compared when those of the study are known
    (`check_pictures`).

    Args:
        names: folders, URIs or unique beginnings of names.

    Raises:
        InputError: its sampler does not learn; no such sweep, or one that was searched for
            something else, has other pictures held out, or of which no trial lies in the space.
    """
    if names:
        _check_sampler(study)
    locations = [find_sweep(name) for name in names]
    places = [at if "://" in at else os.path.realpath(at) for at in locations]
    for at, place in enumerate(places):
        if place in places[:at]:
            raise InputError(f"--learn-from: {names[at]}: is named twice.\nName it once.")
    for location in locations:
        earlier, notes = earlier_sweep(study, read_sweep(location))
        study = replace(
            study,
            learned_from=(*study.learned_from, earlier),
            notes=(*study.notes, *notes),
        )
    return study


def earlier_sweep(study: Study, sweep: SweepRecords) -> tuple[EarlierSweep, list[str]]:
    """The trials of a sweep that lie in a study's space, and what to know of them, in sentences.

    Raises:
        InputError: as `learn_from`.
    """
    head = f"--learn-from: {sweep.name}"
    before = Study.from_data(sweep.study, f"{sweep.location}/study.yaml")
    target = Target.of(study)
    if dict(target.goals) != (others := dict(Target.of(before).goals)):
        then, now = (
            " and ".join(f"{goal} {name}" for name, goal in goals.items())
            for goals in (others, target.goals)
        )
        raise InputError(
            f"{head}: was to {then}, and this study is to {now}.\n"
            "Learn from a sweep that is searched for the same."
        )
    pictures = _pictures(head, target, (before, study), sweep.provenance)
    placed = place_trials(study, before, list(ended_trials(sweep, before, target)))
    if not any(trial.values for trial in placed.trials):
        raise InputError(f"{head}: {_nothing(placed)}")
    trials = _most(placed.trials, target, study.file.seed)
    return EarlierSweep(sweep=sweep.name, pictures=pictures, trials=trials), _notes(head, placed)


def check_pictures(study: Study, data: Iterable[str], common: str | None) -> None:
    """See that earlier sweeps were judged on the pictures that judge now.

    Args:
        data, common: as of `search.records.pictures.judged_on`.

    Raises:
        InputError: one was not.
    """
    now = judged_on(Target.of(study).goals, data, common)
    for earlier in study.learned_from:
        if earlier.pictures != now:
            then, here = (", ".join(h[:12] for h in each) for each in (earlier.pictures, now))
            raise InputError(
                f"--learn-from: {earlier.sweep}: was judged on other pictures: {then}, not {here}."
                "\nIts numbers mean something else: learn from a sweep on the same pictures."
            )


def _check_sampler(study: Study) -> None:
    if study.file.design == "compare":
        raise InputError(
            "--learn-from: design compare: trains every level, whatever is known.\nLeave it out."
        )
    if study.sampler not in STARTUP_TRIALS:
        raise InputError(
            f"--learn-from: sampler {study.sampler}: learns from no trial.\n"
            f"Take one that does: --set sampler=auto, or {', '.join(STARTUP_TRIALS)}."
        )


def _pictures(
    head: str, target: Target, studies: tuple[Study, Study], recorded: dict[str, Any]
) -> list[str]:
    """What the earlier of two studies was judged on, by its provenance."""
    before, now = (splits(target.goals, study.base_config) for study in studies)
    for section, split in before.items():
        if split != now[section]:
            raise InputError(
                f"{head}: {section}.split: {split}, and here {now[section]}: other pictures are "
                "held out.\nLearn from a sweep with the same split."
            )
    pictures = recorded_pictures(target.goals, recorded)
    if not pictures:
        raise InputError(
            f"{head}: provenance.json: data: is missing, which tells what it was judged on.\n"
            "Learn from a sweep that has it."
        )
    return pictures


def _nothing(placed: PlacedTrials) -> str:
    """Why there is nothing to learn."""
    if not placed.outside:
        return "has no trial that ended with a value.\nLearn from a sweep that has some."
    where = ", ".join(f"{count} of {name}" for name, count in placed.outside.most_common(4))
    inside = " with a value" if placed.trials else ""
    return (
        f"has no trial{inside} in the space of this study: outside are {where}.\n"
        "Widen these ranges, or learn from another sweep."
    )


def _notes(head: str, placed: PlacedTrials) -> list[str]:
    count = count_text(len(placed.trials), "trial")
    notes = [f"{head}: {count} of it {'lies' if len(placed.trials) == 1 else 'lie'} in the space"]
    if placed.outside:
        where = ", ".join(f"{count} of {name}" for name, count in placed.outside.most_common(4))
        notes[0] += f"; outside are {where}"
    if placed.differing:
        paths = sorted(placed.differing)
        more = f" and {len(paths) - 6} more" if len(paths) > 6 else ""
        notes.append(f"{head}: was trained with other settings: {', '.join(paths[:6])}{more}")
    return notes


def _most(trials: Sequence[EarlierTrial], target: Target, seed: int) -> list[EarlierTrial]:
    """No more than MOST_EARLIER trials, in their order."""
    keys = [
        target.sort_key(LastReport(trial.values, excess=trial.excess)) if trial.values else None
        for trial in trials
    ]
    ranked = sorted(range(len(trials)), key=lambda at: (keys[at] is None, keys[at] or ()))
    kept = best_and_some(ranked, MOST_EARLIER, np.random.default_rng(seed))
    return [trials[at] for at in sorted(kept)]
