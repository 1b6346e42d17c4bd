"""The decision as data, for every sweep that a report might stumble over."""

import json

from reports.answers.findings import findings


def test_it_is_json_without_nan(awkward) -> None:
    found = json.loads(json.dumps(findings(awkward), allow_nan=False))
    ranked = awkward.points["rank"].notna().any()
    assert (found["decision"] is not None) == ranked
    if ranked:
        assert found["decision"]["proposed"] in found["decision"]["points"]


def test_a_confirmed_decision(build) -> None:
    sweep = build(confirm={"top": 2, "replicates": 3})
    for index, value in enumerate([6.0, 7.0]):
        point = {"optimizer.generator_lr": 1e-4 * (index + 1)}
        sweep.trial(point, value)
        sweep.confirm(f"p{index}", point, [value, value + 0.1, value + 0.2])
    found = findings(sweep.tables())
    # As `status --json` counts them.
    assert (found["states"], found["confirming"]) == ({"completed": 2}, {"completed": 6})
    decision = found["decision"]
    assert decision["by"] == "val_ab_mae"
    assert decision["judged_in"] == "test_ab_mae"
    assert (decision["basis"], decision["proposed"]["trial"]) == ("confirm", "t00000")
    assert (decision["remedy"], decision["overstated"]) == (None, None)
