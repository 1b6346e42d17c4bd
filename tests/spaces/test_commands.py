"""What `colorsweep studies` answers."""

import json

import pytest

from colornet.config.catalog import builtin_names, parse_yaml
from colornet.errors import InputError
from spaces.commands import list_studies, print_study
from spaces.loading import STUDIES, load_study


def test_the_list_holds_every_study_and_its_question() -> None:
    answer = list_studies()
    names = builtin_names(STUDIES)
    assert {"demo", "learning-rate-balance"} <= set(names)
    assert list(answer.data()["studies"]) == names
    assert json.loads(json.dumps(answer.data(), allow_nan=False)) == answer.data()
    head, *lines = answer.text().split("\n\n")[0].splitlines()
    assert head.split() == ["study", "design", "trials", "quick", "question"]
    assert [line.split()[0] for line in lines] == names
    assert {line.index(line.split()[1]) for line in lines} == {head.index("design")}
    for name, line in zip(names, lines, strict=True):
        question = load_study(name).file.question
        assert line.index(question) == head.index("question")
        assert line.endswith(question)


def test_design_and_trials_are_listed() -> None:
    lines = {line.split()[0]: line for line in list_studies().text().splitlines() if line}
    assert lines["demo"].split()[1:4] == ["search", "8", "4"]
    assert lines["method"].split()[1:4] == ["compare", "18", "18"]
    assert lines["everything"].split()[1:8] == ["search", "200", "+", "25", "60", "+", "12"]
    told = list_studies().data()["studies"]
    assert told["everything"] == {
        "question": load_study("everything").file.question,
        "asked_in": ["000", "001", "002", "003", "004"],
        "base": "pix2pix-small",
        "design": "search",
        "trials": 200,
        "confirming": 25,
        "quick": {"trials": 60, "confirming": 12},
    }
    assert (told["l1-weight"]["trials"], told["l1-weight"]["confirming"]) == (42, 0)
    for name, one in told.items():
        assert one["trials"] == load_study(name).trials
        assert one["quick"]["trials"] == load_study(name, quick=True).trials


def test_one_is_printed_as_its_file_comments_included(tmp_path) -> None:
    answer = print_study("demo")
    assert answer.text() + "\n" == (STUDIES / "demo.yaml").read_text()
    assert answer.text().startswith("#")
    assert parse_yaml(answer.text(), "demo") == answer.data()
    mine = tmp_path / "mine.yaml"
    mine.write_text(answer.text())
    assert load_study(str(mine)).space == load_study("demo").space


def test_an_unknown_one() -> None:
    with pytest.raises(InputError, match="Did you mean 'demo'"):
        print_study("demp")
