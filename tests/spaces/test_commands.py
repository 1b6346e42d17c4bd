"""What `colorsweep studies` answers."""

import json

import pytest

from colornet.catalog import builtin_names, parse_yaml
from colornet.errors import InputError
from spaces.commands import studies
from spaces.loading import STUDIES, load_study


def test_the_list_holds_every_study_and_its_question() -> None:
    answer = studies()
    names = builtin_names(STUDIES)
    assert {"demo", "learning-rate-balance"} <= set(names)
    assert list(answer.data()["studies"]) == names
    assert json.loads(json.dumps(answer.data(), allow_nan=False)) == answer.data()
    lines = answer.text().splitlines()
    assert [line.split()[0] for line in lines] == names
    for name, line in zip(names, lines, strict=True):
        assert line.endswith(load_study(name).file.question)
        assert answer.data()["studies"][name]["trials"] == load_study(name).file.budget.trials


def test_one_is_printed_as_its_file_comments_included(tmp_path) -> None:
    answer = studies("demo")
    assert answer.text() + "\n" == (STUDIES / "demo.yaml").read_text()
    assert answer.text().startswith("#")
    assert parse_yaml(answer.text(), "demo") == answer.data()
    mine = tmp_path / "mine.yaml"
    mine.write_text(answer.text())
    assert load_study(str(mine)).space == load_study("demo").space


def test_an_unknown_one() -> None:
    with pytest.raises(InputError, match="Did you mean 'demo'"):
        studies("demp")
