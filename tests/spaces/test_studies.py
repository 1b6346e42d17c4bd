"""The built-in studies: each can be run, in full and quickly, and asks what its README asked."""

from functools import cache
from typing import Any

import pytest

from colornet.config.catalog import builtin_names, read_yaml
from colornet.config.columns import metric_of
from colornet.config.config import Config
from colornet.training.cost import training_macs
from spaces.loading import STUDIES, load_study
from spaces.study import Study

NAMES = builtin_names(STUDIES)
FIRST_ANSWERS = {
    "learning-rate-balance",
    "generator-dropout",
    "activations",
    "l1-weight",
    "dataset-choice",
    "output-range",
    "method",
}
"""Their quick variants answer within six minutes, those of the others within fifteen."""
GMAC_PER_MINUTE = 3000
"""What two trials at a time train in a minute on two cores, evaluation included: a trial of 4,000
pictures of pix2pix-small, 355 GMAC, takes 14 seconds of one core."""

OWN_VALUES: list[tuple[str, str, Any]] = [  # what a README has itself, by study and path
    ("learning-rate-balance", "optimizer.generator_lr", 1e-3),
    ("learning-rate-balance", "optimizer.lr_ratio", 0.1),
    ("learning-rate-balance", "optimizer.generator_lr", 5e-4),
    ("learning-rate-balance", "optimizer.lr_ratio", 1.0),
    ("generator-dropout", "generator.dropout", 0.0),
    ("generator-dropout", "generator.dropout", 0.5),
    ("generator-dropout", "generator.dropout_place", "inner"),
    ("generator-dropout", "generator.dropout_at_evaluation", True),
    ("activations", "generator.activation", "relu"),
    ("activations", "discriminator.activation", "relu"),
    ("output-range", "generator.head", "sigmoid"),
    ("output-range", "generator.input_range", "unit"),
    ("output-range", "generator.head", "tanh_110"),
    ("output-range", "generator.head", "tanh_128"),
    ("l1-weight", "loss.l1_weight", 0),
    ("l1-weight", "loss.l1_weight", 100),
    ("dataset-choice", "data.classes", ["sea"]),
    ("dataset-choice", "data.classes", None),
    ("image-size", "data.image_size", 32),
    ("balanced-training", "loss.gate_accuracy", 0.9),
    ("balanced-training", "loss.generator_steps", 2),
    ("balanced-training", "loss.label_smoothing", 0.0),
    ("discriminator-overfitting", "discriminator.dropout", 0.25),
    ("discriminator-overfitting", "discriminator.dropout", 0.5),
    ("discriminator-design", "discriminator.kind", "dense"),
    ("discriminator-design", "discriminator.conditional", False),
    ("discriminator-design", "discriminator.input", "ab"),
    ("adversarial-loss", "loss.adversarial", "bce"),
    ("adversarial-loss", "loss.adversarial", "minimax"),
    ("adversarial-loss", "loss.adversarial", "lsgan"),
    ("adversarial-loss", "loss.adversarial", "hinge"),
    ("method", "loss.method", "regression"),
    ("method", "loss.method", "cyclegan"),
    ("color-space", "generator.predicts", "ab"),
    ("color-space", "generator.predicts", "lab"),
    ("color-space", "generator.head", "relu"),
    ("learning-rate-schedule", "schedule.kind", "step"),
    ("learning-rate-schedule", "optimizer.generator_lr", 3e-4),
    ("training-size", "data.train_pictures", 500),
    ("training-length", "training.images", 50_000),
    ("training-length", "training.images", 100_000),
    ("model-size", "generator.kind", "encoder_decoder"),
    ("model-size", "generator.width", 32),
    ("model-size", "generator.depth", 2),
    ("stability", "optimizer.clip_norm", 1.0),
    ("stability", "training.restores", 5),
    ("everything", "optimizer.lr_ratio", 0.1),
    ("everything", "optimizer.beta1", 0.9),
    ("everything", "loss.l1_weight", 0),
    ("everything", "generator.head", "sigmoid"),
    ("everything", "generator.dropout", 0.5),
    ("everything", "discriminator.kind", "dense"),
    ("everything", "schedule.kind", "step"),
]


@cache
def study(name: str, quick: bool = False) -> Study:
    return load_study(name, quick=quick)


def confirming(of: Study) -> int:
    confirm = of.file.confirm
    return confirm.top * confirm.replicates if confirm else 0


def configs(of: Study) -> list[Config]:
    """Of every level that is compared; of a search its base config."""
    points = of.planned if of.file.design == "compare" else [{}]
    return [of.config(point, 0) for point in points]


def pictures(of: Study) -> float:
    """Pictures seen by all its trials, those that confirm included."""
    each = [config.training.images or 0 for config in configs(of)]
    return (of.trials + confirming(of)) * sum(each) / len(each)


def work(of: Study) -> float:
    """GMAC of all its trials, those that confirm included."""
    each = [training_macs(one) * (one.training.images or 0) / 1e9 for one in configs(of)]
    return (of.trials + confirming(of)) * sum(each) / len(each)


def test_questions_are_asked_once() -> None:
    questions = [study(name).file.question for name in NAMES]
    assert len(NAMES) >= 20
    assert len(set(questions)) == len(questions)
    assert all(question.endswith("?") and len(question) <= 90 for question in questions)


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_every_one_loads(name: str, quick: bool) -> None:
    loaded = study(name, quick)
    file = loaded.file
    assert loaded.name == name
    assert loaded.notes == ()
    assert file.asked_in
    assert set(file.asked_in) <= {"000", "001", "002", "003", "004"}
    assert loaded.trials >= 2
    assert file.decide is not None
    again = Study.from_data(loaded.to_data(), name)
    assert again.dimensions == loaded.dimensions
    assert again.to_data() == loaded.to_data()


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_every_planned_point_is_a_training(name: str, quick: bool) -> None:
    loaded = study(name, quick)
    for point in loaded.planned:
        config = loaded.config(point, 3)
        assert config.training.images is not None
        assert config.training.images >= config.training.ticks * config.training.batch_size


@pytest.mark.parametrize("name", NAMES)
def test_a_compared_one_repeats_enough_and_says_what_matters(name: str) -> None:
    for loaded in (study(name), study(name, quick=True)):
        if loaded.file.design == "compare":
            assert loaded.file.replicates >= 5
            assert loaded.file.difference is not None
            assert len(loaded.planned) >= 3


@pytest.mark.parametrize("name", NAMES)
def test_none_is_decided_by_a_mean_error_alone(name: str) -> None:
    """It is least for dull pictures."""
    decide = study(name).file.decide
    assert decide is not None
    told = [decide.by, *decide.subject_to]
    assert any("colorfulness_gap" in one or "strong" in one for one in told)
    metric = metric_of(decide.by)
    assert metric is not None
    assert study(name).file.objectives.get(decide.by, metric.goal) == metric.goal


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_quick_is_less_work_and_soon_done(name: str) -> None:
    quick = study(name, quick=True)
    assert work(quick) <= GMAC_PER_MINUTE * (6 if name in FIRST_ANSWERS else 15)
    assert pictures(quick) <= pictures(study(name)) / 2


def test_the_first_answers_are_there() -> None:
    assert set(NAMES) >= FIRST_ANSWERS
    assert {name for name, _, _ in OWN_VALUES} == set(NAMES) - {"demo"}


@pytest.mark.parametrize(("name", "path", "value"), OWN_VALUES)
def test_a_readme_s_own_value_is_tried(name: str, path: str, value: Any) -> None:
    found = [
        dimension.name
        for dimension in study(name).dimensions
        if (dimension.name == path and dimension.contains(value))
        or any(path in set_ and set_[path] == value for set_ in dimension.labels.values())
    ]
    assert len(found) == 1


@pytest.mark.parametrize("quick", [False, True])
def test_methods_are_given_equal_work(quick: bool) -> None:
    loaded = study("method", quick)
    costs = {}
    for point in loaded.planned:
        config = loaded.config(point, 0)
        assert config.training.images is not None
        costs[point["method"]] = training_macs(config) * config.training.images
    assert set(costs) == {"unet", "pix2pix", "cyclegan"}
    assert max(costs.values()) / min(costs.values()) < 1.01


def test_levels_of_scenes_are_classes_that_they_have() -> None:
    known = {"mountains", "sea", "meadow", "village"}
    choice = study("dataset-choice").space["pictures"]
    named = [set(set_["data.classes"] or known) for set_ in choice.labels.values()]
    assert set.union(*named) == known
    assert all(classes <= known for classes in named)


@pytest.mark.parametrize("name", NAMES)
def test_own_pictures_need_no_other_file(name: str, tmp_path: Any) -> None:
    """`--data` sets source and root; classes and official numbers are the user's to change."""
    given = {"data.source": "folder", "data.root": str(tmp_path)}
    loaded = load_study(name, given)
    assert loaded.base_config["data"]["source"] == "folder"
    assert loaded.space.keys() == study(name).space.keys()


@pytest.mark.parametrize("name", NAMES)
def test_quick_says_nothing_twice(name: str) -> None:
    """Every change of `quick` changes something."""
    values = read_yaml(STUDIES / f"{name}.yaml")
    for key, value in values["quick"].items():
        if key in values.get("fixed", {}):
            assert values["fixed"][key] != value
        if key.startswith("space."):
            small = study(name, quick=True).space[key.removeprefix("space.")]
            whole = study(name).space[small.name]
            assert small != whole
