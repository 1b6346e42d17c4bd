"""YAML files and what goes by a name."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colornet.config.catalog import (
    PRESETS,
    builtin_names,
    check_paths,
    find_yaml,
    load_config,
    parse_value,
    parse_yaml,
    preset_values,
    read_yaml,
    to_yaml,
)
from colornet.config.reading import MAX_BYTES
from colornet.errors import InputError


def said(call: Any, *arguments: Any) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments)
    assert len(str(caught.value).split("\n")) <= 3
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1e-5", 1e-5),
        ("a: 1E5", 1e5),
        ("a: on", "on"),
        ("a: no", "no"),
        ("a: 0o17", 15),
        ("a: 017", 17),
        ("a: 1_000", 1000),
        ("a: 12:30", "12:30"),
        ("a: true", True),
        ("a: null", None),
        ("a:", None),
        ("a: '1e-5'", "1e-5"),
        ("a: [1, 2.5, x]", [1, 2.5, "x"]),
        ("a: .inf", math.inf),
        ("a: Σ", "Σ"),
    ],
)
def test_yaml_is_version_1_2(text: str, value: Any) -> None:
    found = parse_yaml(text, "mine")["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "mine: holds no mapping.\nWrite `key: value` lines."),
        ("# only a comment\n", "mine: holds no mapping.\nWrite `key: value` lines."),
        ("- a\n- b\n", "mine: holds no mapping.\nWrite `key: value` lines."),
        ("just text", "mine: holds no mapping.\nWrite `key: value` lines."),
        ("a: 1\nb: 2\na: 3\n", "mine: line 3, column 1: the key is there twice."),
        ("a:\n  b: 1\n  b: 2\n", "mine: line 3, column 3: the key is there twice."),
    ],
)
def test_what_holds_no_mapping(text: str, message: str) -> None:
    assert said(parse_yaml, text, "mine") == message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", 3),
        ("a: 1\n\tb: 2\n", 2),
        ("a: 'open\n\n", 3),
        ("a: 1\n b: 2\n", 2),
        ("a: *nobody\n", 1),
        ("a: !!python/object/apply:os.system [true]\n", 1),
        ("a: !other 3\n", 1),
        ("{" * 50, 1),
    ],
)
def test_a_syntax_error_names_its_line(text: str, line: int) -> None:
    assert said(parse_yaml, text, "mine").startswith(f"mine: line {line}, column ")


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: &x [1]\nb: *x\n", 2), ("a: &x {b: 1}\nc: {<<: *x}\n", 2), ("a: &a [*a]", 1), (BOMB, 2)],
)
def test_aliases_are_refused(text: str, line: int) -> None:
    """Nested ones would fill the memory as soon as somebody prints them."""
    found = said(parse_yaml, text, "mine")
    assert found.startswith(f"mine: line {line}, ")
    assert found.endswith("not YAML: aliases are not read.")


def test_deep_nesting_is_an_input_error() -> None:
    assert said(parse_yaml, "a: " + "[" * 500 + "]" * 500, "mine").startswith("mine: ")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    missing, folder = tmp_path / "missing.yaml", tmp_path / "folder.yaml"
    folder.mkdir()
    latin, large = tmp_path / "latin.yaml", tmp_path / "large.yaml"
    latin.write_bytes(b"a: caf\xe9\n")
    large.write_bytes(b"#" * (MAX_BYTES + 1))
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"a: \x00\x01\n")
    assert said(read_yaml, missing) == f"{missing}: not found."
    assert said(read_yaml, folder).startswith(f"{folder}: is no file.")
    assert said(read_yaml, latin).startswith(f"{latin}: byte 7: is no UTF-8 text.")
    assert said(read_yaml, large).startswith(f"{large}: is larger than 1,000,000 bytes")
    assert said(read_yaml, binary).startswith(f"{binary}: ")


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    path = tmp_path / "notepad.yaml"
    path.write_bytes("﻿version: 1\r\nname: x\r\n".encode())
    assert read_yaml(path) == {"version": 1, "name": "x"}


PLAIN = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**18), 10**18),
        st.floats(allow_nan=False),
        st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12),
        st.sampled_from(["on", "yes", "1e5", "0x1f", "null", "~", "", " x ", "a: b", "- a", "#"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "on", "1", "x.y", "é"]), inner, max_size=3),
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["key", "no", "1.5", "a b"]), PLAIN, max_size=4))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_what_is_written_is_read_back(values: dict[str, Any]) -> None:
    if values:
        assert parse_yaml(to_yaml(values), "mine") == values


def test_keys_keep_their_order() -> None:
    assert to_yaml({"z": 1, "a": {"y": (1, 2), "b": None}}).splitlines()[0] == "z: 1"
    assert list(parse_yaml(to_yaml({"z": 1, "a": 2, "m": 3}), "mine")) == ["z", "a", "m"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("[sea, village]", ["sea", "village"]),
        ("null", None),
        ("", None),
        ("bce", "bce"),
        ("[1, 2", "[1, 2"),
        ("a: 1", {"a": 1}),
        ("*x", "*x"),
        ("{" * 500, "{" * 500),
    ],
)
def test_values_of_the_command_line(text: str, value: Any) -> None:
    assert parse_value(text) == value


class TestFindYaml:
    def test_a_built_in_name(self) -> None:
        assert find_yaml("unet-small", PRESETS, "preset") == PRESETS / "unet-small.yaml"

    def test_a_file_of_a_built_in_name_needs_its_suffix(self, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "unet-small.yaml").write_text("a: 1")
        assert find_yaml("unet-small", PRESETS, "preset") == PRESETS / "unet-small.yaml"
        assert find_yaml("unet-small.yaml", PRESETS, "preset") == Path("unet-small.yaml")

    @pytest.mark.parametrize("name", ["./no.yaml", "no.yaml", "a/b", "/nowhere/y.yml", "../x"])
    def test_a_path_that_is_not_there(self, name: str) -> None:
        found = said(find_yaml, name, PRESETS, "preset")
        assert found == f"{name}: not found.\nGive a YAML file or the name of a built-in preset."

    def test_a_name_that_is_nearly_right(self) -> None:
        found = said(find_yaml, "unet-smal", PRESETS, "preset")
        assert found.endswith("Did you mean 'unet-small'?")

    @pytest.mark.parametrize("name", ["", ".", "..", "x" * 5000, "~nobody/x", "a\nb", "a\0b"])
    def test_odd_names(self, name: str) -> None:
        said(find_yaml, name, PRESETS, "preset")

    def test_a_path_does_not_lead_out_of_the_built_in_folder(self) -> None:
        with pytest.raises(InputError):
            find_yaml("../presets/unet-small", PRESETS, "preset")


class TestLoadConfig:
    def test_overrides(self) -> None:
        config = load_config("unet-small", {"training.images": 64, "generator.width": 4})
        assert (config.training.images, config.generator.width) == (64, 4)

    def test_unknown_path(self) -> None:
        found = said(load_config, "unet-small", {"training.image": 64})
        assert found == (
            "--set: training.image: no such config path.\nDid you mean 'training.images'?"
        )

    def test_a_value_that_does_not_fit_is_traced_to_the_option(self) -> None:
        found = said(load_config, "unet-small", {"training.images": 0})
        assert found.startswith("unet-small with --set: training.images: 0: ")

    def test_the_final_part_of_a_best_yaml(self, tmp_path: Path) -> None:
        searched, final = preset_values("unet-small"), preset_values("unet-small")
        final["training"]["images"] = 999
        path = tmp_path / "best.yaml"
        path.write_text(to_yaml({"version": 1, "config": searched, "final": final, "from": {}}))
        assert load_config(str(path)).training.images == 999

    def test_a_sweep_s_study_is_no_config(self, tmp_path: Path) -> None:
        path = tmp_path / "study.yaml"
        path.write_text("version: 1\nquestion: why\nspace: {}\n")
        assert "unknown key" in said(load_config, str(path))

    @pytest.mark.parametrize("final", ["text: 1", "null", "[]", "{}", "3"])
    def test_a_best_yaml_that_was_edited_badly(self, tmp_path: Path, final: str) -> None:
        path = tmp_path / "best.yaml"
        path.write_text(f"version: 1\nfrom: {{}}\nfinal: {final}\n")
        if final == "{}":
            assert load_config(str(path)).generator.kind == "unet"  # all defaults
        else:
            said(load_config, str(path))


def test_unknown_preset() -> None:
    assert said(preset_values, "unet-smal").endswith("Did you mean 'unet-small'?")


def test_check_paths() -> None:
    check_paths({}, "mine")
    check_paths({"data.root": 1, "discriminator": None}, "mine")
    assert said(check_paths, {"version": 2}, "mine").startswith("mine: version: no such")


def test_the_pictures_that_judge_are_left_out_or_left_alone() -> None:
    check_paths({"evaluate_on": None}, "--set")
    for path in ("evaluate_on", "evaluate_on.root", "evaluate_on.data.root"):
        message = said(check_paths, {path: "here"}, "--set")
        assert message.startswith(f"--set: {path}: the pictures that judge are given as a whole")
        assert len(message.splitlines()) == 2


def test_a_config_that_was_judged_trains_without_its_judges(tmp_path: Path) -> None:
    common = {"source": "folder", "root": "elsewhere"}
    path = tmp_path / "mine.yaml"
    path.write_text(to_yaml({**load_config("unet-small").to_dict(), "evaluate_on": common}))
    judged = load_config(str(path), {"data.source": "folder", "data.root": "here"})
    assert judged.evaluate_on is not None
    assert judged.to_dict()["evaluate_on"]["root"] == "elsewhere"
    assert judged.to_dict()["data"]["root"] == "here"
    assert load_config(str(path), {"evaluate_on": None}) == load_config("unet-small")


def test_builtin_names(tmp_path: Path) -> None:
    assert builtin_names(tmp_path) == []
    assert builtin_names(tmp_path / "missing") == []
    for name in ("b.yaml", "a.yaml", "c.yml", "d.txt"):
        (tmp_path / name).touch()
    assert builtin_names(tmp_path) == ["a", "b"]
