"""Whatever space a study may have, a search of it ends, and can be rebuilt on the way."""

import json
import random
from collections.abc import Callable
from typing import Any, get_args

import pandas as pd
import pytest

from colornet.config.paths import flatten
from colornet.errors import InputError
from search.core.ask_tell import AskTell, Assignment
from search.core.target import LastReport
from spaces.dimensions import is_same
from spaces.study import Study, StudyFile

MakeStudy = Callable[..., Study]
FLOATS = {"optimizer.clip_norm": 1e6, "loss.l1_weight": 1e6, "generator.dropout": 0.9}
WHOLE = {"training.batch_size": 64, "generator.width": 128, "loss.generator_every": 20}
WORDS: dict[str, list[Any]] = {
    "generator.norm": ["none", "batch", "instance", "spectral"],
    "generator.decoder_activation": [None, "relu", "elu"],
    "data.horizontal_flip": [True, False],
}
COLUMNS = (
    *("trial_id", "number", "attempt", "seed", "origin", "point_id"),
    *("distributions", "system_attrs"),
)
STATES = ["completed"] * 4 + ["failed", "diverged", "pruned", "oom", "cancelled"]


def dimension(name: str, chance: random.Random) -> tuple[dict[str, Any], list[Any]]:
    """A distribution, and values that a condition on it may name."""
    if name in WORDS:
        values = chance.sample(WORDS[name], chance.randint(1, len(WORDS[name])))
        return {"choice": values}, values
    if name in WHOLE:
        low = chance.randint(1, WHOLE[name] - 1)
        ends = [low, chance.choice([low + 1, WHOLE[name]])]
        return {chance.choice(["int", "logint"]): ends}, [low]
    low = chance.choice([1e-6, FLOATS[name] / 4])
    high = chance.choice([FLOATS[name], low * 1.0001, low * (1 + 1e-15), low + 5e-324])
    word = chance.choice(["uniform", "loguniform"])
    made: dict[str, Any] = {word: [low, high]}
    if word == "uniform" and chance.random() < 0.5:
        made["step"] = (high - low) / chance.choice([1, 2, 3, 7, 30]) or 1
    special = None if name == "optimizer.clip_norm" else 0
    return ({**made, "or": special}, [special]) if chance.random() < 0.7 else (made, [])


def space_of(chance: random.Random) -> dict[str, Any]:
    names = chance.sample([*FLOATS, *WHOLE, *WORDS], chance.randint(1, 4))
    space: dict[str, Any] = {}
    named: dict[str, list[Any]] = {}
    for name in names:
        space[name], values = dimension(name, chance)
        parents = [parent for parent in named if named[parent]]
        if parents and chance.random() < 0.6:
            parent = chance.choice(parents)
            space[name]["when"] = {parent: [chance.choice(named[parent])]}
        named[name] = values
    return dict(chance.sample(list(space.items()), len(space)))


def check(study: Study, chosen: Assignment) -> None:
    """A point holds what is active, and its config what the point says."""
    settings = flatten(chosen.config.to_dict())
    for one in study.dimensions:
        assert one.is_active(chosen.point) is (one.name in chosen.point)
        if one.name in chosen.point:
            value = chosen.point[one.name]
            assert one.contains(value) and repr(one.canonical(value)) == repr(value)
            assert is_same(settings[one.name], value)


def play(study: Study, chance: random.Random) -> list[Assignment]:
    ask_tell, rows, reported = AskTell(study, pd.DataFrame(), {}), [], {}
    tried: list[Assignment] = []
    while True:
        rebuilt = AskTell(study, pd.DataFrame(rows), reported)
        chosen, again = ask_tell.ask(), rebuilt.ask()
        assert (chosen and chosen.point) == (again and again.point)
        if chosen is None:
            return tried
        check(study, chosen)
        tried.append(chosen)
        state = chance.choice(STATES)
        said = LastReport((chance.random(),) if state == "completed" else (None,), tick=2)
        reported[chosen.trial_id] = said
        rows.append(
            {name: getattr(chosen, name) for name in COLUMNS}
            | {"state": state, "point": json.dumps(chosen.point)}
        )
        ask_tell.tell(chosen.number, state, said)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "sampler",
    [
        pytest.param(one, marks=pytest.mark.slow) if one in ("gp", "auto") else one
        for one in get_args(StudyFile.model_fields["sampler"].annotation)
    ],
)
def test_a_search_ends_with_every_point_tried_once(make_study: MakeStudy, sampler: str) -> None:
    played = 0
    for seed in range(30):
        chance = random.Random(seed)
        space = space_of(chance)
        try:
            study = make_study(14, space=space, sampler=sampler, fixed={"training.images": 64})
        except InputError as error:
            assert len(str(error).split("\n")) <= 3
            continue
        played += 1
        tried = play(study, chance)
        points = [json.dumps(one.point, sort_keys=True) for one in tried]
        assert len(points) == len(set(points)) == study.trials, space
    assert played >= (4 if sampler == "grid" else 10)
