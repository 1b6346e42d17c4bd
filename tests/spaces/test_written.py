"""Whatever people call things, a study that is written down is read back equal."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from colornet.config.catalog import parse_yaml, to_yaml
from colornet.storage import Storage
from search.cluster.manifest import Nodes, kuberay, slurm
from search.records.reader import read_study
from search.records.writer import create_sweep
from spaces.loading import load_study
from spaces.study import Study

WORDS = st.text(min_size=1, max_size=160) | st.text(
    alphabet="ab é:#-'\"\n\t{}[],&*?|>%@`!\\\r\x00\x85\u2028\ufeff\U0001f308012.eE_~",
    min_size=1,
    max_size=160,
)
LONG = "as it was published, with é " * 6


@pytest.fixture(scope="module")
def named() -> Callable[..., Study]:
    """A function of a question, a note and two labels that gives a study with these."""
    data = load_study("dataset-choice").to_data()

    def make(question: str, note: str, label: str, other: str) -> Study:
        labels = {label: {"training.batch_size": 64}, other: {"training.batch_size": 8}}
        space = {
            "batch": {"type": "bundle", "labels": labels},
            "loss.l1_weight": {"type": "int", "low": 1, "high": 9, "when": {"batch": [label]}},
        }
        start = [{"batch": other}]
        more = {"question": question, "asked_in": [note], "space": space, "start_from": start}
        return Study.from_data(data | more, "study.yaml")

    return make


LABELS = st.lists(WORDS, min_size=2, max_size=2, unique=True)


@given(WORDS, WORDS, LABELS)
@example(LONG, LONG, [LONG, f"{LONG}."])
@example("x" * 95 + " y", "true", ["\u00e9" * 100 + " b", "1"])
@example("\x85", "\u2028", ["null", "~"])
@settings(max_examples=15, deadline=None)
def test_a_study_is_read_back(
    named: Callable[..., Study], question: str, note: str, labels: list[str]
) -> None:
    data = named(question, note, *labels).to_data()
    with tempfile.TemporaryDirectory() as folder:
        create_sweep(folder, data, {"study": data})
        written = read_study(Storage.at(folder))
    assert written == json.loads(json.dumps(data))
    assert Study.from_data(written, "study.yaml").to_data() == data


@given(WORDS, WORDS, LABELS)
@example(LONG, LONG, [LONG, f"{LONG}."])
@settings(max_examples=4, deadline=None)
def test_so_is_one_in_a_manifest(
    named: Callable[..., Study], question: str, note: str, labels: list[str]
) -> None:
    study, nodes = named(question, note, *labels), Nodes(nodes=1, cpus=8, gpus=1)
    job = kuberay(study, nodes, storage="claim", image=None, out=None)
    config = parse_yaml(job.split("\n---\n")[0], "job.yaml")
    assert parse_yaml(config["data"]["study.yaml"], "study.yaml") == study.to_data()
    script = slurm(study, nodes, storage=Path("/shared"), out=None)
    _, mark, rest = script.partition("study.yaml\" <<'END_OF_FILE_OF_COLORSWEEP'\n")
    assert mark
    text = rest.partition("\nEND_OF_FILE_OF_COLORSWEEP\n")[0]
    assert parse_yaml(text, "study.yaml") == study.to_data()


LEAVES = st.one_of(
    WORDS, st.floats(allow_nan=False), st.integers(), st.none(), st.booleans(), st.just("")
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(WORDS, VALUES, min_size=1, max_size=3))
@settings(max_examples=150, deadline=None)
def test_any_plain_data_are_read_back(values: dict[str, Any]) -> None:
    """The same values of the same types, through the bytes of a file."""
    assert repr(parse_yaml(to_yaml(values).encode().decode(), "mine")) == repr(values)
