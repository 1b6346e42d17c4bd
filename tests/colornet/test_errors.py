"""Exit codes and hints."""

import pickle

import pytest

from colornet.errors import (
    ClusterError,
    ColorsweepError,
    DivergedError,
    InputError,
    InUseError,
    NoValidTrialError,
    StorageError,
    TrainingInterrupted,
    did_you_mean,
    find_os_error,
    os_error_reason,
)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (ColorsweepError, 1),
        (InputError, 2),
        (InUseError, 3),
        (ClusterError, 3),
        (NoValidTrialError, 4),
        (StorageError, 1),
        (TrainingInterrupted, 130),
    ],
)
def test_exit_codes(kind: type[ColorsweepError], code: int) -> None:
    assert kind("why").exit_code == code
    assert str(kind("why")) == "why"


def test_a_divergence_knows_its_step() -> None:
    error = DivergedError("loss_l1 is nan", 17)
    assert (error.exit_code, error.step, str(error)) == (1, 17, "loss_l1 is nan")


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("x", [], "There are none."),
        ("tep", ["tpe", "random"], "Did you mean 'tpe'?"),
        ("zzz", ["tpe", "random"], "Known: random, tpe."),
        ("", ["tpe"], "Known: tpe."),
    ],
)
def test_did_you_mean(word: str, known: list[str], hint: str) -> None:
    assert did_you_mean(word, known) == hint


def test_errors_reach_other_processes() -> None:
    error = pickle.loads(pickle.dumps(DivergedError("loss_l1 became nan", 7)))
    assert (str(error), error.step) == ("loss_l1 became nan", 7)


def test_what_the_system_said_is_found_among_causes() -> None:
    full = OSError(28, "No space left on device")
    error = RuntimeError("unexpected pos 704 vs 598")
    error.__context__ = full
    assert str(StorageError.at("/sweep", error)) == (
        "/sweep: cannot be written: No space left on device"
    )
    assert find_os_error(error) is full
    assert find_os_error(RuntimeError("another")) is None
    assert os_error_reason(OSError("AWS Error\nDetails")) == "AWS Error"
    assert os_error_reason(ValueError("a line\nand more")) == "a line"


def test_a_long_list_of_what_is_known_is_cut() -> None:
    names = [f"val_metric_{number:02d}" for number in range(60)]
    hint = did_you_mean("zzz", names)
    assert hint.startswith("Known: val_metric_00, val_metric_01, ")
    assert hint.endswith(", … and 47 more.")
    assert len(hint) < 250
