"""The answers on 48 real trainings: what is in them is found, and what is not is not claimed."""

import json
import os
from pathlib import Path

import pytest

from reports.analysis.decision import decide
from reports.answers.answer import Answer
from reports.answers.answers import answers, headline

DATA = os.environ.get("COLORSWEEP_TEST_DATA")
pytestmark = pytest.mark.skipif(not DATA, reason="COLORSWEEP_TEST_DATA names no folder of runs")
SYSTEM = "system"


def answered(build, pictures: str, difference: float | None) -> tuple[Answer, str]:
    """The four settings as a compared design of six paired seeds."""
    assert DATA is not None
    lines = (Path(DATA) / "seed_study" / f"{pictures}.jsonl").read_text().splitlines()
    runs = [json.loads(line) for line in lines[1:]]
    labels = {
        "base": {},
        "lam10": {"loss.l1_weight": 10.0},
        "ratio4": {"optimizer.lr_ratio": 4.0},
        "drop.5": {"generator.dropout": 0.5},
    }
    space = {SYSTEM: {"type": "bundle", "labels": labels}}
    sweep = build(space, design="compare", replicates=6, difference=difference)
    for run in runs:
        sweep.trial({SYSTEM: run["name"]}, run["mae"], origin="compare", point_id=run["name"],
                    seed=run["seed"], seconds=run["sec"])  # fmt: skip
    tables = sweep.tables()
    assert len(tables.trials) == 24
    found = answers(tables, decide(tables)).dimensions
    print(f"\n{pictures}: {headline(found, tables)}")
    return found[0], found[0].sentence


@pytest.mark.parametrize("difference", [None, 0.2])
def test_procedural_pictures(build, difference: float | None) -> None:
    """Dropout .5 is worse than base by .47, p = .001 paired; that is all there is to claim."""
    one, said = answered(build, "scenes_procedural", difference)
    assert one.verdict == "effect" and one.n == 6
    assert "drop.5 is worse than base by 0.472 [" in said
    assert one.estimate == pytest.approx(0.4718, abs=1e-3) and one.low > 0
    assert "ratio4 is worse" not in said and "base is worse" not in said
    assert "is best" not in said


@pytest.mark.parametrize("difference", [None, 0.2])
def test_photos(build, difference: float | None) -> None:
    """Ratio 4 is worse by 1.21, p = .0004 paired; of dropout .5, p = .11, nothing is claimed."""
    one, said = answered(build, "photos", difference)
    assert one.verdict == "effect" and one.setting == "not ratio4"
    assert "ratio4 is worse than base by 1.21" in said
    assert "drop.5 is" not in said and "drop.5 within" not in said
    assert "drop.5 minus base" in said
    if difference:
        assert "more replicates would show a difference of 0.2" in said
