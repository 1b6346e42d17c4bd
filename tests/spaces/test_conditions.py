"""A `when` that can never be true is refused, with what to write instead."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colornet.errors import InputError
from spaces.conditions import remedy, yaml_text
from spaces.dimensions import Dimension
from spaces.loading import load_study
from spaces.study import Study

LOSS, L1, SMOOTH = "loss.adversarial", "loss.l1_weight", "loss.label_smoothing"
DROPOUT, FLAG, WIDTH = "generator.dropout", "generator.dropout_at_evaluation", "generator.width"
Load = Callable[..., Study]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a study of a space that is given as the lines of a file."""

    def from_text(space: str, given: dict[str, Any] | None = None, more: str = "") -> Study:
        path = tmp_path / "mine.yaml"
        lines = "\n".join(f"  {line.strip()}" for line in space.strip().splitlines())
        path.write_text(
            "version: 1\nquestion: Which?\nbase: pix2pix-small\n"
            "objectives: {val_ab_mae: minimize}\nbudget: {trials: 4}\n"
            f"space:\n{lines}\n{more}\n"
        )
        return load_study(str(path), given)

    return from_text


def refused(load: Load, *args: Any, **more: Any) -> str:
    with pytest.raises(InputError) as caught:
        load(*args, **more)
    assert len(str(caught.value).split("\n")) <= 3
    return str(caught.value).rpartition("mine.yaml: ")[2]


def on(parent: str, values: str, dimension: str = "") -> str:
    return f"{dimension}\nloss.mse_weight: {{loguniform: [1, 9], when: {{{parent}: {values}}}}}"


LABELS = "how: {bundle: {'true': {generator.dropout: 0.5}, 1: {generator.dropout: 0.1}}}"
SWITCH = f"{FLAG}: {{choice: [true, false]}}"


@pytest.mark.parametrize(
    ("space", "said"),
    [
        (
            on(L1, "5.0", f"{L1}: {{loguniform: [1, 300]}}"),
            f"{L1}: 5: is never drawn, being one of endlessly many.\nMake {L1} a choice",
        ),
        (on(L1, "[0, 1]", f"{L1}: {{uniform: [1, 300], or: 0}}"), f"{L1}: 1: is never drawn"),
        (on(L1, "1", f"{L1}: {{loguniform: [1, 300]}}"), f"{L1}: 1: is never drawn"),
        (on(WIDTH, "7", f"{WIDTH}: {{int: [8, 16]}}"), "7: generator.width never has that value.\nI"
         "t lies from 8 to 16."),
        (on(WIDTH, "8.5", f"{WIDTH}: {{int: [8, 16]}}"), "8.5: generator.width never has"),
        (on("how", "true", LABELS), "True: how never has that value.\nWrite 'true'."),
        (on("how", "1", LABELS), "1: how never has that value.\nWrite '1'."),
        (on("how", "three", LABELS), "'three': how never has that value.\n"),
        (on(FLAG, "yes", SWITCH), "'yes': generator.dropout_at_evaluation never has that value.\n"
         "Write true or false."),
        (on(FLAG, "1", SWITCH), "Write true or false."),
        (on(FLAG, "'true'", SWITCH), "Write true."),
        (on(DROPOUT, "'0.5'", f"{DROPOUT}: {{choice: [0.0, 0.5]}}"), "Write 0.5."),
        (on(LOSS, "bec", f"{LOSS}: {{choice: [bce, hinge]}}"), "Did you mean 'bce'?"),
        (on(LOSS, "BCE", f"{LOSS}: {{choice: [bce, hinge]}}"), "Write bce."),
        (on(LOSS, "null", f"{LOSS}: {{choice: [bce, none]}}"), "None: loss.adversarial never has"),
        (on(DROPOUT, "0.5", LABELS), "generator.dropout: is set by space.how, not a dimension itsel"
         "f.\nName its labels: when: {how: [label, …]}."),
    ],
)  # fmt: skip
def test_on_what_is_searched(load: Load, space: str, said: str) -> None:
    found = refused(load, space)
    assert found.startswith("space.loss.mse_weight.when: ")
    assert said in found


@pytest.mark.parametrize(
    ("parent", "values", "said"),
    [
        (FLAG, "yes", "'yes': is neither true nor false.\nWrite true or false"),
        (FLAG, "[true, 0]", "0: is neither true nor false"),
        (LOSS, "[bce, hinje]", "'hinje': unknown.\nDid you mean 'hinge'?"),
        (WIDTH, "'8'", "'8': is text, not a number"),
        (WIDTH, "-8", "-8: input should be greater"),
        ("loss.method", "gann", "'gann': unknown.\nDid you mean 'gan'?"),
    ],
)
def test_on_what_is_fixed(load: Load, parent: str, values: str, said: str) -> None:
    found = refused(load, on(parent, values, f"{DROPOUT}: {{choice: [0.0, 0.5]}}"))
    assert found.startswith(f"space.loss.mse_weight.when: {parent}: {said}")


def test_values_that_may_be_named(load: Load) -> None:
    study = load(on(L1, "0.0", f"{L1}: {{loguniform: [1, 300], or: 0}}"))
    assert repr(study.space["loss.mse_weight"].when[L1]) == "(0,)"
    study = load(on(DROPOUT, "[0]", f"{DROPOUT}: {{choice: [0.0, 0.5]}}"))
    assert repr(study.space["loss.mse_weight"].when[DROPOUT]) == "(0.0,)"
    assert load(on("how", "['1', 'true']", LABELS)).space["how"].choices == ("true", "1")
    assert load(on(WIDTH, "8.0", f"{WIDTH}: {{int: [8, 16]}}"))


def test_conditions_that_exclude_each_other(load: Load) -> None:
    found = refused(
        load,
        f"""{LOSS}: {{choice: [bce, hinge]}}
        {SMOOTH}: {{choice: [0.0, 0.1], when: {{{LOSS}: bce}}}}
        {DROPOUT}: {{choice: [0.0, 0.1], when: {{{LOSS}: hinge, {SMOOTH}: 0.1}}}}""",
    )
    assert found.startswith(f"space.{DROPOUT}.when: no trial meets it: {LOSS} and {SMOOTH} never")


def test_a_boolean_is_true_or_false(load: Load) -> None:
    found = refused(load, f"{FLAG}: {{choice: [yes, no]}}")
    assert "'yes': is neither true nor false.\nWrite true or false, without quotes." in found
    found = refused(load, f"{DROPOUT}: {{choice: [0.0, 0.1]}}", {FLAG: "yes"})
    assert "Write true or false, without quotes." in found


def test_a_dimension_that_is_never_active_is_said(load: Load) -> None:
    space = f"{LOSS}: {{choice: [bce, hinge]}}\n{on(LOSS, 'bce')}\n{WIDTH}: {{int: [8, 16]}}"
    assert load(space).notes == ()
    assert load(space, {LOSS: "hinge"}).notes == (
        f"{LOSS} is fixed at 'hinge' and no longer searched",
        "loss.mse_weight is never active with what is fixed, and not searched",
    )


class TestStart:
    SPACE = f"""{LOSS}: {{choice: [bce, hinge]}}
        {SMOOTH}: {{choice: [0.0, 0.1], when: {{{LOSS}: bce}}}}
        {L1}: {{loguniform: [1, 300], or: 0, when: {{{SMOOTH}: 0.1}}}}
        {WIDTH}: {{int: [8, 16]}}"""

    @pytest.mark.parametrize(
        ("point", "said"),
        [
            (
                f"{LOSS}: hinge, {SMOOTH}: 0.1, {L1}: 5",
                (
                    f"{SMOOTH} 0.1 is not tried: {LOSS} is not bce there",
                    f"{L1} 5 is not tried: {SMOOTH} is not 0.1 there",
                ),
            ),
            (f"{SMOOTH}: 0.1", (f"{SMOOTH} 0.1 counts only where {LOSS} is drawn as bce",)),
            (f"{LOSS}: bce, {SMOOTH}: 0.0", ()),
            (f"{DROPOUT}: 0.5", (f"{DROPOUT} 0.5 is not tried: it is fixed at 0.0",)),
            (f"{DROPOUT}: 0", ()),
        ],
    )
    def test_what_has_no_effect_is_said(
        self, load: Load, point: str, said: tuple[str, ...]
    ) -> None:
        study = load(self.SPACE, more=f"start_from: [{{{point}}}]")
        assert study.notes == tuple(f"start_from[0]: {one}" for one in said)

    def test_of_what_the_command_line_fixes(self, load: Load) -> None:
        more = f"start_from: [{{{WIDTH}: 8}}, {{{WIDTH}: 9}}]"
        assert load(self.SPACE, {WIDTH: 9}, more=more).notes == (
            f"{WIDTH} is fixed at 9 and no longer searched",
            f"start_from[0]: {WIDTH} 8 is not tried: it is fixed at 9",
        )

    def test_values_are_spelt_as_they_are_drawn(self, load: Load) -> None:
        more = f"start_from: [{{{LOSS}: bce, {SMOOTH}: 0, {WIDTH}: 8.0}}, {{{L1}: 3}}]"
        start = load(self.SPACE, more=more).file.start_from
        assert repr(start) == repr([{LOSS: "bce", SMOOTH: 0.0, WIDTH: 8}, {L1: 3.0}])

    @pytest.mark.parametrize(
        ("point", "said"),
        [
            (f"{WIDTH}: 99", "lies outside the dimension's range.\nIt lies from 8 to 16."),
            (f"{L1}: 999", "It lies from 1 to 300, or 0."),
            (f"{LOSS}: bcee", "Did you mean 'bce'?"),
        ],
    )
    def test_what_is_outside(self, load: Load, point: str, said: str) -> None:
        assert said in refused(load, self.SPACE, more=f"start_from: [{{{point}}}]")

    @pytest.mark.parametrize("value", [1.0, 100.0])
    def test_a_path_of_a_bundle_is_no_dimension(self, load: Load, value: float) -> None:
        space = "how: {bundle: {x: {loss.mse_weight: 1}, y: {loss.mse_weight: 2}}}"
        found = refused(load, space, more=f"start_from: [{{loss.mse_weight: {value}}}]")
        assert found.endswith(
            "start_from[0]: loss.mse_weight: is set by space.how, and not searched by itself.\n"
            "Name that instead: {how: x}."
        )

    def test_points_that_differ_in_what_has_no_effect(self, load: Load) -> None:
        more = (
            f"start_from: [{{{LOSS}: hinge, {SMOOTH}: 0.1, {WIDTH}: 8}}, "
            f"{{{LOSS}: hinge, {WIDTH}: 8}}]"
        )
        assert "start_from[1]: is the same point as start_from[0]" in refused(
            load, self.SPACE, more=more
        )


def test_how_a_value_is_written() -> None:
    values = [True, None, 1, 0.5, "bce", "true", "1", "a b", "it's", ""]
    written = ["true", "null", "1", "0.5", "bce", "'true'", "'1'", "'a b'", "'it''s'", "''"]
    assert [yaml_text(value) for value in values] == written
    assert remedy(3, Dimension("a", "int", 8, 16, special=(None,))) == (
        "It lies from 8 to 16, or null."
    )


def test_a_range_that_no_step_ends_is_said(load: Load) -> None:
    assert load(f"{WIDTH}: {{int: [8, 64], step: 8}}").notes == ()
    study = load(f"{WIDTH}: {{int: [8, 60], step: 8}}")
    assert study.space[WIDTH].high == 56
    assert study.notes == (f"{WIDTH} ends at 56: no step of 8 from 8 reaches 60",)
    study = load(f"{DROPOUT}: {{uniform: [0, 0.9], step: 0.2999999999999999}}")
    assert study.notes == (
        f"{DROPOUT} ends at 0.8999999999999997: no step of 0.2999999999999999 from 0 reaches 0.9",
    )


def test_conditions_on_steps(load: Load) -> None:
    parent = f"{DROPOUT}: {{uniform: [0, 0.5], step: 0.1}}"
    assert load(on(DROPOUT, "[0.0, 0.3]", parent))
    found = refused(load, on(DROPOUT, "0.25", parent))
    assert "0.25: generator.dropout never has that value.\nIt lies from 0 to 0.5 in steps" in found
