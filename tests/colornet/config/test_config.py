"""The config: what fits, what is refused, and how dotted paths change it."""

import copy
import functools
import math
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colornet.config.catalog import (
    PRESETS,
    builtin_names,
    load_config,
    parse_yaml,
    preset_values,
    to_yaml,
)
from colornet.config.config import Config, parse_config
from colornet.config.paths import TAGS, apply_overrides, flatten, known_paths
from colornet.config.sections.data import FolderData
from colornet.config.sections.discriminators import Patch
from colornet.config.sections.losses import LABELED, OF_LABELS, AdversarialOptions, GanLoss
from colornet.errors import InputError


def preset(name: str) -> dict[str, Any]:
    """A preset's data, read once."""
    return copy.deepcopy(_preset(name))


_preset = functools.cache(preset_values)


def refused(overrides: dict[str, Any], base: str = "pix2pix-small") -> str:
    """What is said of a preset with these overrides."""
    with pytest.raises(InputError) as caught:
        parse_config(apply_overrides(preset(base), overrides), "mine")
    assert len(str(caught.value).split("\n")) <= 3
    return str(caught.value)


def test_the_default_is_complete_and_trains_without_a_discriminator() -> None:
    values = Config().to_dict()
    assert values["discriminator"] is None
    assert values["data"]["source"] == "scenes"
    assert values["loss"]["method"] == "regression"
    assert values["loss"]["l1_weight"] == 100.0
    assert values["training"]["images"] == 12800


@pytest.mark.parametrize("name", builtin_names(PRESETS))
def test_every_preset_loads_and_survives_a_round_trip(name: str) -> None:
    config = load_config(name)
    assert parse_config(config.to_dict(), name) == config
    assert set(flatten(config.to_dict())) <= {*known_paths(), "version", "about", "evaluate_on"}


def test_there_are_the_presets_that_studies_build_on() -> None:
    assert {"pix2pix-small", "unet-small"} <= set(builtin_names(PRESETS))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("data.image_size", 7),
        ("data.image_size", 4096),
        ("data.image_size", 32.0),
        ("data.fraction", 0.0),
        ("data.fraction", 1.1),
        ("data.train_pictures", 0),
        ("data.classes", []),
        ("data.classes", "sea"),
        ("data.pictures", 19),
        ("data.seed", -1),
        ("data.skip_grey", 1),
        ("generator.width", 0),
        ("generator.depth", 0),
        ("generator.depth", 9),
        ("generator.dropout", 1.0),
        ("generator.dropout", -0.1),
        ("generator.activation", "tanh"),
        ("discriminator.layers", 0),
        ("discriminator.dropout", 1),
        ("loss.l1_weight", -1.0),
        ("loss.l1_weight", "100"),
        ("loss.label_smoothing", 0.5),
        ("loss.adversarial", "wasserstein"),
        ("optimizer.generator_lr", 0.0),
        ("optimizer.generator_lr", math.nan),
        ("optimizer.generator_lr", math.inf),
        ("optimizer.lr_ratio", -0.25),
        ("optimizer.lr_ratio", math.inf),
        ("optimizer.beta1", 1.0),
        ("schedule.warmup", 1.0),
        ("training.images", 0),
        ("training.images", -5),
        ("training.images", "many"),
        ("training.ticks", 0),
        ("training.seed", 2**32),
        ("training.batch_size", True),
        ("training.precision", "float16"),
    ],
)
def test_values_outside_are_refused_by_path(path: str, value: Any) -> None:
    assert refused({path: value}).startswith(f"mine: {path}: ")


@pytest.mark.parametrize("path", ["loss.l1_weight", "training.epochs"])
def test_infinite_numbers_are_refused(path: str) -> None:
    assert refused({path: math.inf}).startswith(f"mine: {path}: ")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("generator.dropout", 0),
        ("generator.dropout", 0.999),
        ("loss.l1_weight", 0),
        ("loss.label_smoothing", 0.49),
        ("optimizer.generator_lr", 1),
        ("data.fraction", 1),
        ("data.classes", ["sea"]),
        ("data.classes", None),
        ("training.seed", 2**32 - 1),
    ],
)
def test_values_at_the_edge_are_taken(path: str, value: Any) -> None:
    values = parse_config(apply_overrides(preset("pix2pix-small"), {path: value}), "mine")
    assert flatten(values.to_dict())[path] == value


def test_the_regression_needs_a_term() -> None:
    assert refused({"loss.l1_weight": 0.0}, "unet-small").startswith("mine: loss: l1_weight")
    values = apply_overrides(preset("unet-small"), {"loss.l1_weight": 0.0, "loss.mse_weight": 1.0})
    assert parse_config(values, "x").to_dict()["loss"]["mse_weight"] == 1.0


@pytest.mark.parametrize(
    ("size", "depth", "advice"),
    [
        (30, 4, "take 16 or 32"),
        (17, 4, "take 16 or 32"),
        (100, 3, "take 96 or 104"),
        (33, 1, "32 or 34"),
    ],
)
def test_an_image_size_that_the_u_net_cannot_halve(size: int, depth: int, advice: str) -> None:
    said = refused({"data.image_size": size, "generator.depth": depth})
    assert f"data.image_size {size} is not divisible by {2**depth}" in said
    assert said.endswith(advice)


def test_hinge_has_no_labels_to_smooth() -> None:
    both = {"loss.adversarial": "hinge", "loss.label_smoothing": 0.1}
    assert "label_smoothing needs labels" in refused(both)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"discriminator": None}, "needs a discriminator"),
        ({"training.images": None}, "either images or epochs"),
        ({"training": {"images": 5, "epochs": 1.0}}, "either images or epochs"),
        ({"data": {"source": "scenes", "fraction": 0.5, "train_pictures": 9}}, "give one of them"),
    ],
)
def test_sections_that_do_not_agree(overrides: dict[str, Any], said: str) -> None:
    assert said in refused(overrides)


def test_a_discriminator_in_a_regression_is_refused() -> None:
    said = refused({"discriminator": {"kind": "patch"}}, "unet-small")
    assert "trains no discriminator" in said


def test_version_1_means_what_it_meant() -> None:
    files = {"source": "folder", "root": "photos"}
    values = {**preset("unet-small"), "data": files, "evaluate_on": files}
    old = parse_config({**values, "version": 1}, "old")
    for data in (old.data, old.evaluate_on):
        assert isinstance(data, FolderData)
        assert (data.rules, data.max_pixels, data.layout) == (1, 40_000_000, "auto")
    assert old.version == 2
    assert parse_config(old.to_dict(), "again") == old
    new = parse_config({**values, "version": 2}, "new").data
    assert isinstance(new, FolderData) and new.rules == 2
    given = {**files, "max_pixels": 7, "rules": 2}
    kept = parse_config({**values, "version": 1, "data": given}, "given").data
    assert isinstance(kept, FolderData) and (kept.rules, kept.max_pixels) == (2, 7)
    drawn = {**preset("unet-small"), "version": 1}
    assert parse_config(drawn, "drawn") == parse_config(preset("unet-small"), "drawn")


@pytest.mark.parametrize("version", [0, 3, "1", None, 1.5, [], True])
def test_another_version_is_refused(version: Any) -> None:
    values = {**preset("unet-small"), "version": version}
    with pytest.raises(InputError, match="version"):
        parse_config(values, "mine")


@pytest.mark.parametrize("values", [None, [], "unet-small", 3])
def test_something_else_than_a_mapping_is_refused(values: Any) -> None:
    with pytest.raises(InputError, match=r"^mine"):
        parse_config(values, "mine")


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Config().training.seed = 3


class TestOverrides:
    def test_the_source_is_switched_and_its_own_options_go(self) -> None:
        before = preset("unet-small")
        after = apply_overrides(before, {"data.root": "pictures", "data.source": "folder"})
        assert after["data"]["source"] == "folder"
        assert after["data"]["root"] == "pictures"
        assert after["data"]["image_size"] == before["data"]["image_size"]
        assert "pictures" not in after["data"]
        assert "seed" not in after["data"]
        parse_config(after, "mine")

    def test_and_back(self) -> None:
        there = apply_overrides(preset("unet-small"), {"data.source": "folder", "data.root": "x"})
        back = apply_overrides(there, {"data.source": "scenes"})
        assert "root" not in back["data"]
        parse_config(back, "mine")

    def test_the_method_becomes_regression_without_a_discriminator(self) -> None:
        after = apply_overrides(preset("pix2pix-small"), {"loss.method": "regression"})
        assert after["discriminator"] is None
        assert set(after["loss"]) == set(TAGS["loss"][1]["regression"].model_fields)
        parse_config(after, "mine")

    def test_a_gan_from_a_regression_needs_its_discriminator_named(self) -> None:
        base = preset("unet-small")
        assert "needs a discriminator" in refused({"loss.method": "gan"}, "unet-small")
        method = {"loss.method": "gan"}
        said = refused(method | {"discriminator.width": 8}, "unet-small")
        assert said.startswith("mine: discriminator.kind: is missing.\nAdd it: dense, patch, pixel")
        values = apply_overrides(base, method | {"discriminator.kind": "pixel"})
        assert parse_config(values, "mine").discriminator is not None

    @pytest.mark.parametrize(
        ("path", "value", "rival"),
        [
            ("training.epochs", 2.0, "images"),
            ("training.images", 50, "epochs"),
            ("data.fraction", 0.5, "train_pictures"),
            ("data.train_pictures", 40, "fraction"),
        ],
    )
    def test_what_is_set_displaces_its_rival(self, path: str, value: Any, rival: str) -> None:
        section, key = path.split(".")
        values = preset("unet-small")
        values[section][rival] = 1
        after = apply_overrides(values, {path: value})
        assert rival not in after[section]
        assert parse_config(after, "mine").to_dict()[section][key] == value

    def test_the_tag_comes_first_whatever_the_order(self) -> None:
        orders = [
            {"data.root": "x", "data.source": "folder", "data.image_size": 64},
            {"data.image_size": 64, "data.source": "folder", "data.root": "x"},
        ]
        one, two = (apply_overrides(preset("unet-small"), order) for order in orders)
        assert one == two

    def test_nothing_is_changed_in_place(self) -> None:
        values = preset("pix2pix-small")
        before = preset("pix2pix-small")
        apply_overrides(values, {"loss.method": "regression", "training.seed": 9})
        assert values == before

    def test_no_override_changes_nothing(self) -> None:
        assert apply_overrides(preset("unet-small"), {}) == preset("unet-small")

    @pytest.mark.parametrize("path", ["loss.nonsense", "nonsense", "training.images.deep", "."])
    def test_an_unknown_path_is_left_for_validation_to_refuse(self, path: str) -> None:
        assert "unknown key" in refused({path: 1})


def test_epochs_become_pictures_of_the_training_split() -> None:
    values = apply_overrides(preset("unet-small"), {"training.epochs": 2.5})
    config = parse_config(values, "mine")
    resolved = config.resolved(101)
    assert (resolved.training.images, resolved.training.epochs) == (252, None)
    assert parse_config(resolved.to_dict(), "mine") == resolved
    assert config.resolved(0).training.images == 1


def test_a_budget_in_pictures_stays() -> None:
    config = load_config("unet-small")
    assert config.resolved(7) is config


JUDGED = {"evaluate_on": {"source": "folder", "root": "eval", "image_size": 48, "classes": ["sea"]}}


def test_common_pictures_survive_a_round_trip() -> None:
    config = parse_config(JUDGED, "test")
    assert config.evaluate_on is not None
    assert parse_config(config.to_dict(), "test") == config
    assert parse_config(parse_yaml(to_yaml(config.to_dict()), "test"), "test") == config
    assert hash(config) == hash(parse_config(JUDGED, "test"))
    assert flatten(config.to_dict())["evaluate_on.root"] == "eval"


def test_what_changes_the_data_leaves_the_common_pictures_alone() -> None:
    values = parse_config(JUDGED, "test").to_dict()
    changes = {"data.source": "folder", "data.root": "mine", "data.image_size": 16}
    changed = parse_config(apply_overrides(values, changes), "test")
    assert changed.to_dict()["evaluate_on"] == values["evaluate_on"]
    assert changed.data.image_size == 16
    assert not any(path.startswith("evaluate_on") for path in known_paths())


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"source": "folders"}, r"evaluate_on.source: 'folders': unknown"),
        ({"root": "x"}, r"evaluate_on.source: is missing"),
        ({"source": "folder"}, r"evaluate_on.root: is missing"),
        ({"source": "scenes", "size": 3}, r"evaluate_on.size: unknown key"),
        ({"source": "scenes", "image_size": 3}, r"evaluate_on.image_size: 3: "),
        ("eval/", r"evaluate_on: 'eval/': "),
    ],
)
def test_common_pictures_that_are_none(section: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_config({"evaluate_on": section}, "test")


def test_known_paths_are_those_of_the_variants() -> None:
    paths = known_paths()
    assert paths == sorted(set(paths))
    for path in ("data.root", "data.pictures", "generator.depth", "loss.adversarial"):
        assert path in paths
    for path in ("discriminator", "training.images", "optimizer.lr_ratio", "discriminator.layers"):
        assert path in paths
    assert not [path for path in paths if path.startswith("version")]


@pytest.mark.parametrize("section", sorted(TAGS))
def test_the_tags_are_those_of_the_variants(section: str) -> None:
    tag, kinds = TAGS[section]
    for name, kind in kinds.items():
        assert kind.model_fields[tag].annotation.__args__ == (name,)


@given(
    st.dictionaries(
        st.sampled_from(known_paths()),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-(10**30), 10**30),
            st.floats(),
            st.text(max_size=5),
            st.lists(st.integers(0, 3), max_size=2),
            st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
        ),
        max_size=6,
    )
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_whatever_is_set_is_a_config_or_an_input_error(overrides: dict[str, Any]) -> None:
    values = apply_overrides(preset("pix2pix-small"), overrides)
    try:
        config = parse_config(values, "mine")
    except InputError as error:
        assert len(str(error).split("\n")) <= 3
    else:
        assert parse_config(config.to_dict(), "mine") == config


def test_smoothing_is_dropped_with_a_loss_that_has_no_labels() -> None:
    base = Config(discriminator=Patch(), loss=GanLoss(label_smoothing=0.1)).to_dict()
    hinge = apply_overrides(base, {"loss.adversarial": "hinge"})
    assert parse_config(hinge, "x").to_dict()["loss"]["label_smoothing"] == 0.0
    lsgan = apply_overrides(base, {"loss.adversarial": "lsgan"})
    assert parse_config(lsgan, "x").to_dict()["loss"]["label_smoothing"] == 0.1
    both = apply_overrides(base, {"loss.label_smoothing": 0.2, "loss.adversarial": "hinge"})
    with pytest.raises(InputError, match="hinge loss has none"):
        parse_config(both, "x")


BASE = "pix2pix-small"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"generator.head": "relu"}, "cannot reach a negative a or b"),
        ({"generator.head": "tanh"}, "take tanh_110"),
        ({"generator.predicts": "rgb"}, "head tanh_110 does not give rgb"),
        ({"loss.on": "lab"}, "generator.predicts ab"),
        ({"loss.method": "cyclegan", "discriminator.conditional": True}, "conditional"),
        ({"loss.method": "cyclegan", "loss.pretrain": 0.1}, "pretrain"),
        ({"loss.method": "cyclegan", "loss.l1_weight": 1.0}, "l1_weight"),
        ({"loss.adversarial": "wgan_gp", "loss.r1_gamma": 1.0}, "rivals"),
        ({"loss.adversarial": "wgan_gp", "loss.label_flips": 0.1}, "has none"),
        ({"loss.adversarial": "none", "loss.l1_weight": 0.0}, "nothing to learn"),
        ({"loss.pretrain": 0.1, "loss.l1_weight": 0.0}, "l1_weight"),
        ({"loss.method": "regression", "loss.l1_weight": 0.0}, "nothing to learn"),
        ({"generator.kind": "valid_unet", "data.image_size": 16}, "at least 32"),
        ({"schedule.kind": "constant", "schedule.at": 0.5}, "at"),
        ({"optimizer.clip_norm": 0.0}, "clip_norm"),
        ({"optimizer.schedule": "cosine"}, "schedule"),
    ],
)
def test_what_does_not_fit_together_is_refused(overrides: dict[str, Any], words: str) -> None:
    assert words in refused(overrides, BASE)


def test_a_change_to_cyclegan_makes_the_discriminator_unconditional() -> None:
    values = apply_overrides(preset(BASE), {"loss.method": "cyclegan"})
    config = parse_config(values, "x")
    assert config.discriminator is not None
    assert not config.discriminator.conditional


def test_a_critic_has_no_accuracy_to_wait_for() -> None:
    base = apply_overrides(preset(BASE), {"loss.gate_accuracy": 0.8})
    critic = apply_overrides(base, {"loss.adversarial": "wgan_gp"})
    assert parse_config(critic, "x").to_dict()["loss"]["gate_accuracy"] is None


@pytest.mark.parametrize(
    "name", get_args(AdversarialOptions.model_fields["adversarial"].annotation)
)
def test_every_adversarial_loss_can_be_chosen(name: str) -> None:
    """What means nothing with it goes, and labels stay with a loss that has them."""
    options = {**dict.fromkeys(OF_LABELS, 0.1), "r1_gamma": 1.0}
    options |= {"gate_loss": 0.5, "gate_accuracy": 0.8}
    base = apply_overrides(preset(BASE), {f"loss.{key}": value for key, value in options.items()})
    changed = apply_overrides(base, {"loss.adversarial": name})
    loss = parse_config(changed, "x").to_dict()["loss"]
    assert loss["adversarial"] == name
    assert loss["gate_loss"] == 0.5
    assert {loss[key] for key in OF_LABELS} == ({0.1} if name in LABELED else {0.0})


def test_another_schedule_keeps_the_warm_up() -> None:
    values = apply_overrides(preset(BASE), {"schedule.kind": "step", "schedule.at": 0.5})
    schedule = parse_config(values, "x").to_dict()["schedule"]
    assert schedule == {"kind": "step", "at": 0.5, "factor": 0.1, "warmup": 0.05}


@pytest.mark.parametrize("kind", sorted(TAGS["generator"][1]))
def test_every_generator_can_be_chosen(kind: str) -> None:
    values = apply_overrides(preset(BASE), {"generator.kind": kind, "data.image_size": 256})
    assert parse_config(values, "x").generator.kind == kind


@pytest.mark.parametrize("kind", sorted(TAGS["discriminator"][1]))
def test_every_discriminator_can_be_chosen(kind: str) -> None:
    values = apply_overrides(preset(BASE), {"discriminator.kind": kind})
    discriminator = parse_config(values, "x").discriminator
    assert discriminator is not None
    assert discriminator.kind == kind


@pytest.mark.parametrize("source", ["folder", "parquet", "cifar10"])
def test_a_place_with_a_nul_in_it_is_refused(source: str) -> None:
    values = apply_overrides(preset("unet-small"), {"data.source": source, "data.root": "a\0b"})
    with pytest.raises(InputError, match=r"data\.root: 'a\\x00b'"):
        parse_config(values, "file")
