"""The `colorsweep` command: its surface, its exit codes, what it loads and what it refuses."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from colornet.config.catalog import to_yaml
from colornet.errors import (
    ColorsweepError,
    InputError,
    InUseError,
    NoValidTrialError,
    TrainingInterrupted,
)
from search import cli
from search.records.lease import Lease

SURFACE = {
    "demo": ["--out"],
    "studies": ["--name", "--next"],
    "presets": ["--name"],
    "data list": [],
    "data check": ["--classes", "--image-size", "--list-file", "--path", "--set", "--source"],
    "data pack": [
        *["--classes", "--image-size", "--list-file", "--out", "--path", "--set", "--source", "-o"],
    ],
    "run": [
        *[
            "--address",
            "--data",
            "--learn-from",
            "--out",
            "--quick",
            "--set",
            "--study",
            "--trials",
        ],
        *["--when-spent", "-n"],
    ],
    "plan": [
        *[
            "--cpus",
            "--data",
            "--gpus",
            "--learn-from",
            "--out",
            "--probe",
            "--quick",
            "--set",
            "--study",
        ],
        *["--trials", "--when-spent", "-n"],
    ],
    "doctor": ["--address", "--data", "--image-size", "--storage"],
    "manifest kuberay": [
        *[
            "--cpus",
            "--data",
            "--gpus",
            "--image",
            "--learn-from",
            "--nodes",
            "--out",
            "--quick",
            "--set",
        ],
        *["--storage", "--study", "--target", "--trials", "--when-spent", "-n", "-o"],
    ],
    "manifest slurm": [
        *[
            "--cpus",
            "--data",
            "--gpus",
            "--learn-from",
            "--nodes",
            "--out",
            "--quick",
            "--set",
            "--storage",
        ],
        *["--study", "--target", "--trials", "--when-spent", "-n", "-o"],
    ],
    "submit": [
        *[
            "--address",
            "--data",
            "--follow",
            "--learn-from",
            "--out",
            "--quick",
            "--set",
            "--ship",
            "--study",
        ],
        *["--trials", "--when-spent", "-f", "-n"],
    ],
    "logs": ["--address", "--follow", "--sweep", "-f"],
    "stop": ["--address", "--sweep"],
    "status": ["--address", "--sweep"],
    "resume": ["--accept", "--address", "--ship", "--study", "--sweep", "--take-over"],
    "extend": [
        *["--accept", "--address", "--replicates", "--study", "--sweep", "--take-over"],
        *["--trials", "-n"],
    ],
    "confirm": ["--address", "--replicates", "--sweep", "--take-over", "--top"],
    "report": [
        *["--every", "--no-pictures", "--out", "--pictures", "--watch", "-o", "SWEEPS"],
    ],
    "export csv": ["--out", "--sweep", "-o"],
    "export optuna": ["--out", "--sweep", "-o"],
    "best": ["--by", "--model", "--out", "--sweep", "--top", "-o"],
    "train": [
        *[
            "--address",
            "--config",
            "--follow",
            "--gpus-per-worker",
            "--keep",
            "--out",
            "--scale-lr",
        ],
        *["--set", "--ship", "--workers", "-f"],
    ],
    "colorize": [
        *["--max-pixels", "--model", "--out", "--overwrite", "--pictures", "--size", "-o"],
    ],
}
"""Every command and option that people may have in their scripts."""


class Result:
    """What a command left: exit code, stdout, stderr."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


Call = Callable[..., Result]


@pytest.fixture
def call(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Call:
    """Runs a command in this process, in an empty folder."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def run(*words: str) -> Result:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main(words)
        return Result(int(ended.value.code or 0), *capfd.readouterr())

    return run


def names_of(app: Any) -> list[str]:
    shown = [argument for argument in app.assemble_argument_collection() if argument.show]
    return sorted(name for argument in shown for name in argument.names)


def test_the_surface_is_frozen() -> None:
    found = {}
    for group, app in cli.apps.items():
        for name in app:
            if not name.startswith("-") and name not in cli.GROUPS:
                found[f"{group} {name}".strip()] = names_of(app[name])
    assert found == SURFACE
    assert names_of(cli.app.meta) == ["--debug", "--json"]


@pytest.mark.parametrize("command", sorted(SURFACE))
def test_every_command_explains_its_options(call: Call, command: str) -> None:
    found = call(*command.split(), "--help")
    assert (found.code, found.err) == (0, "")
    assert f"colorsweep {command}" in found.out
    for option in SURFACE[command]:
        assert option in found.out or option.removeprefix("--").upper() in found.out


def test_help_names_every_command(call: Call) -> None:
    found = call("--help")
    assert found.code == 0
    for command in SURFACE:
        assert command.split()[0] in found.out
    assert call().out == found.out


def test_a_dashboard_drives_no_sweep(call: Call) -> None:
    found = call("run", "demo", "--address", "http://127.0.0.1:8265")
    assert (found.code, found.out) == (2, "")
    assert "colorsweep submit" in found.err


def test_no_secret_is_logged_or_recorded(
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SOME_PASSWORD", "correct-horse")
    logging.getLogger().handlers.clear()
    call("studies")
    logging.getLogger("colorsweep").warning("it is %s", "correct-horse")
    assert capfd.readouterr().err == "it is ***\n"
    found = call("run", "demo", "--set", "question=correct-horse", "--out", "sweep")
    assert (found.code, found.out) == (2, "")
    assert "question: holds a secret" in found.err
    assert "correct-horse" not in found.err
    assert not (tmp_path / "work" / "sweep").exists()


def test_what_pillow_thinks_of_metadata_is_not_said(
    call: Call, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(4):
        exif = b"MM\0*\0\0\0\x08\0\x09" + bytes(number)  # nine entries, none of them there
        pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png", exif=exif)
    found = call("data", "check", str(folder))
    assert re.search("usable +4", found.out)
    assert (found.err, recwarn.list) == ("", [])


def test_the_version(call: Call) -> None:
    assert call("--version").out.strip() == "0.1.0"


READING: list[tuple[str, ...]] = [
    ("studies",),
    ("studies", "demo"),
    ("presets", "pix2pix-small"),
    ("data", "list"),
    ("status", "SWEEP"),
    ("report", "SWEEP"),
    ("best", "SWEEP", "--top", "2"),
]


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_reading_commands_answer_on_stdout_for_people_and_programs(
    call: Call, played: Path, words: tuple[str, ...]
) -> None:
    words = tuple(str(played) if word == "SWEEP" else word for word in words)
    people, programs = call(*words), call(*words, "--json")
    for found in (people, programs):
        assert (found.code, found.err) == (0, "")
        assert found.out.endswith("\n")
    assert not people.out.startswith("{")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    values = json.loads(programs.out, parse_constant=refuse)
    assert isinstance(values, dict) and values


def test_status_of_a_finished_sweep(call: Call, played: Path) -> None:
    found = json.loads(call("status", str(played), "--json").out)
    assert found["states"] == {"completed": 4, "failed": 1, "diverged": 1}
    assert (found["trials"], found["done"], found["driver"]) == (6, 6, None)
    assert found["best"] == {
        "trial": "t00000",
        "column": "val_ab_mae",
        "value": 5.0,
        "replicates": 1,
        "basis": "search",
        "unmet": [],
        "trivial": None,
    }
    assert (found["finished"], found["budget"], found["to_confirm"]) == (True, {}, 0)
    assert found["problems"] == []
    text = call("status", str(played)).out
    assert "6 of 6 done (4 completed, 1 diverged, 1 failed)" in text
    assert text.splitlines()[-1].split()[:3] == ["Next", "colorsweep", "report"]


def test_status_of_a_sweep_that_has_not_begun(call: Call, make_sweep: Callable[..., Path]) -> None:
    found = call("status", str(make_sweep(3)))
    assert found.code == 0
    assert "0 of 3 done (none started)" in found.out
    assert "colorsweep resume" in found.out


def test_status_while_a_driver_holds_it(call: Call, make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep(3)
    with Lease(folder):
        found = json.loads(call("status", str(folder), "--json").out)
    assert set(found["driver"]) == {"host", "pid", "since"}


def test_status_names_damaged_parts(call: Call, played: Path) -> None:
    part = sorted(played.glob("records/ticks/*.parquet"))[0]
    part.write_bytes(part.read_bytes()[:-3])
    found = json.loads(call("status", str(played), "--json").out)
    assert [part.name in problem for problem in found["problems"]] == [True]
    assert part.name in call("status", str(played)).out


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ColorsweepError("why"), 1),
        (InputError("why"), 2),
        (InUseError("why"), 3),
        (NoValidTrialError("why"), 4),
        (TrainingInterrupted("why"), 130),
    ],
)
def test_exit_codes(
    call: Call, monkeypatch: pytest.MonkeyPatch, error: ColorsweepError, code: int
) -> None:
    def fail(_sweep: str | None) -> None:
        raise error

    monkeypatch.setattr("search.records.reader.find_sweep", fail)
    found = call("status")
    assert (found.code, found.out) == (code, "")
    assert found.err == "why\n"


def interrupted(code: str, tmp_path: Path, *words: str) -> tuple[int, str]:
    """Exit code and stderr of a command that is sent SIGINT where `code` is run."""
    found = subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "COLORSWEEP_CACHE": str(tmp_path / "cache")},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        timeout=120,
    )
    assert found.stdout == ""
    return found.returncode, found.stderr


SENT = "lambda *_, **__: os.kill(os.getpid(), signal.SIGINT)"


def test_an_interrupted_command_says_so_on_one_line(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, search.cli, search.records.reader;"
        f"search.records.reader.find_sweep = {SENT};"
        "search.cli.main(sys.argv[1:])"
    )
    for words in (["status"], ["report"], ["status", "--json"]):
        assert interrupted(code, tmp_path, *words) == (130, "Interrupted\n")


def test_a_command_is_interrupted_while_libraries_load(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "class Loading:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'cyclopts':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Loading())\n"
        "from search.cli import main\n"
        "main()"
    )
    assert interrupted(code, tmp_path, "studies") == (130, "Interrupted\n")


def test_a_sweep_that_is_interrupted_before_ray_starts_says_how_it_goes_on(
    tmp_path: Path,
) -> None:
    code = (
        "import os, signal, sys, search.cli, search.run.sweep;"
        f"search.run.sweep.run = {SENT};"
        "search.cli.main(sys.argv[1:])"
    )
    small = ["--set", "data.pictures=64"]
    words = ["run", "demo", "--out", "s", "--trials", "2", *small]
    status, said = interrupted(code, tmp_path, *words)
    assert status == 130
    assert said.splitlines()[-1] == "Interrupted. Resume with: colorsweep resume s"


def test_debug_shows_where_it_went_wrong(call: Call) -> None:
    with pytest.raises(InputError, match="nosuch"):
        call("studies", "nosuch", "--debug")


def test_a_sweep_without_a_valid_trial(call: Call, make_sweep: Callable[..., Path]) -> None:
    found = call("best", str(make_sweep(3)))
    assert (found.code, found.out) == (4, "")
    assert len(found.err.splitlines()) <= 3


@pytest.mark.parametrize(
    "words",
    [
        ("nosuch",),
        ("run",),
        ("run", "demo", "--nosuch", "1"),
        ("run", "demo", "--trials", "many"),
        ("studies", "demo", "demo"),
        ("data", "nosuch"),
        ("data", "pack", "x"),
        ("best", "--top"),
        ("colorize",),
    ],
    ids=" ".join,
)
def test_words_that_are_unknown_or_missing(call: Call, words: tuple[str, ...]) -> None:
    refused(call(*words))


def refused(found: Result, *said: str) -> None:
    """Exit 2, at most three lines on stderr, nothing on stdout or in the working folder."""
    assert found.code == 2
    assert found.out == ""
    assert 1 <= len(found.err.splitlines()) <= 3, found.err
    assert "Traceback" not in found.err
    for words in said:
        assert words in found.err
    assert list(Path.cwd().rglob("*")) == []


BASE: dict[str, Any] = {
    "version": 1,
    "question": "Why?",
    "base": "pix2pix-small",
    "space": {"optimizer.lr_ratio": {"loguniform": [0.05, 10]}},
    "objectives": {"val_ab_mae": "minimize"},
    "budget": {"trials": 4},
}
RATIO = "optimizer.lr_ratio"
STUDIES: dict[str, tuple[Any, str]] = {
    "YAML error": ("version: 1\nspace: [1, 2\n", "line 3"),
    "duplicate key": ("version: 1\nbase: a\nversion: 1\n", "line 3"),
    "empty": ("", "no mapping"),
    "unknown key": ({"trails": 4}, "unknown key"),
    "unknown key nearby": ({"objective": {}}, "Did you mean 'objectives'?"),
    "low > high": ({"space": {RATIO: {"uniform": [2, 1]}}}, "low is not below high"),
    "log at 0": ({"space": {RATIO: {"loguniform": [0, 1]}}}, "starts above 0"),
    "text": ({"space": {RATIO: {"uniform": ["0.1", 1]}}}, "is text, not a number"),
    "unknown word": ({"space": {RATIO: {"normal": [0, 1]}}}, "unknown distribution word"),
    "unknown metric": ({"objectives": {"val_fid": "minimize"}}, "unknown metric"),
    "direction": ({"objectives": {"val_ab_mae": "maximize"}}, "is to be minimized"),
    "bound": ({"decide": {"by": "val_ab_mae", "subject_to": {"val_ssim": "8"}}}, "no bound"),
    "condition on nothing": (
        {"space": {RATIO: {"uniform": [0.1, 1], "when": {"nosuch": 1}}}},
        "no dimension",
    ),
    "circle": ({"space": {RATIO: {"uniform": [0.1, 1], "when": {RATIO: 0.5}}}}, "in a circle"),
    "impossible value": (
        {
            "space": {
                "loss.adversarial": {"choice": ["bce"]},
                RATIO: {"uniform": [0.1, 1], "when": {"loss.adversarial": "hinge"}},
            }
        },
        "never has that value",
    ),
    "start outside": ({"start_from": [{RATIO: 100}]}, "outside the dimension's range"),
    "dropout": ({"space": {"generator.dropout": {"uniform": [0, 1]}}}, "generator.dropout: 1.0"),
    "size": ({"fixed": {"data.image_size": 40}}, "take 32 or 48"),
    "later version": ({"version": 2}, "version"),
}


@pytest.mark.parametrize("case", sorted(STUDIES))
def test_studies_that_cannot_be_run(call: Call, tmp_path: Path, case: str) -> None:
    values, said = STUDIES[case]
    path = tmp_path / "mine.yaml"
    path.write_text(values if isinstance(values, str) else to_yaml({**BASE, **values}))
    refused(call("run", str(path)), "mine.yaml", said)


FEW = ("--set", "data.pictures=80")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "nosuch"), "no built-in study"),
        (("run", "demmo"), "Did you mean 'demo'?"),
        (("run", "nosuch.yaml"), "not found"),
        (("run", "demo", "--set", "training.images"), "no PATH=VALUE"),
        (("run", "demo", "--set", "training.image=4"), "Did you mean 'training.images'?"),
        (("run", "demo", "--set", "training.images=many"), "is text, not a number"),
        (("run", "demo", "--set", "data.image_size=30"), "take 16 or 32"),
        (("run", "demo", "--trials", "0"), "budget.trials: 0"),
        (("run", "demo", "--data", "TMP/missing"), "no such folder"),
        (("run", "demo", "--data", "TMP/empty"), "an empty folder"),
        (("run", "demo", "--data", "TMP/notes"), "no picture in 1 file"),
        (("run", "demo", "--data", "TMP/notes/notes.txt"), "notes.txt"),
        (("run", "demo", "--out", "TMP/notes"), "is not an empty folder"),
        (("run", "demo", "--out", "TMP/notes/notes.txt"), "is not an empty folder"),
        (("run", "demo", *FEW, "--out", "/proc/nosuch/sweep"), "cannot be written"),
        (("resume",), "no sweep there"),
        (("resume", "TMP/notes"), "holds no study.yaml"),
        (("resume", "nosuch"), "no such sweep"),
        (("status", "TMP/notes"), "holds no study.yaml"),
        (("report", "TMP/notes"), "holds no study.yaml"),
        (("best", "TMP/notes"), "holds no study.yaml"),
        (("best", "TMP/notes", "--top", "0"), "--top: 0"),
        (("studies", "nosuch"), "no built-in study"),
        (("presets", "nosuch"), "no built-in preset"),
        (("data", "check", "TMP/missing"), "no such folder"),
        (("data", "check", "TMP/empty"), "an empty folder"),
        (("data", "pack", "TMP/notes", "-o", "TMP/packed"), "no picture in 1 file"),
        (("train", "nosuch"), "no built-in preset"),
        (("train", "unet-smal"), "Did you mean 'unet-small'?"),
        (("train", "unet-small", "--set", "generator.dropout=1"), "generator.dropout: 1"),
        (("train", "unet-small", "--set", "nosuch=1"), "no such config path"),
        (("train", "TMP/notes/notes.txt"), "notes.txt: holds no mapping"),
        (("colorize", "TMP/notes", "TMP/picture.png"), "not a model folder"),
        (("colorize", "TMP/missing", "TMP/picture.png"), "missing: not found"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done(call: Call, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "notes.txt").write_text("no picture")
    Image.new("RGB", (8, 8)).save(tmp_path / "picture.png")
    before = sorted(tmp_path.rglob("*"))
    refused(call(*(word.replace("TMP", str(tmp_path)) for word in words)), said)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_second_driver_is_turned_away(call: Call, make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep(2)
    with Lease(folder):
        before = sorted(folder.rglob("*"))
        found = call("resume", str(folder))
        assert (found.code, found.out) == (3, "")
        assert "in use by process" in found.err
        assert sorted(folder.rglob("*")) == before


def test_a_cluster_that_does_not_answer(
    call: Call, make_sweep: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ray.is_initialized", lambda: False)  # whatever other tests have started
    pictures = {"data.pictures": 80, "data.image_size": 16, "training.batch_size": 8}
    folder = make_sweep(2, fixed={**pictures, "training.images": 64, "training.ticks": 2})
    found = call("resume", str(folder), "--address", "127.0.0.1:9")
    assert (found.code, found.out) == (3, "")
    assert "127.0.0.1:9: no Ray cluster answers" in found.err
    assert len(found.err.splitlines()) <= 3


class Isolated:
    """Runs several commands in one fresh interpreter."""

    PROGRAM = """
        import contextlib, io, json, sys
        from importlib.machinery import PathFinder

        blocked = json.loads(sys.argv[1])

        class Without(PathFinder):
            @classmethod
            def find_spec(cls, name, path=None, target=None):
                if name.partition(".")[0] in blocked:
                    return None
                return PathFinder.find_spec(name, path, target)

        sys.meta_path[sys.meta_path.index(PathFinder)] = Without
        results = []
        for words in json.loads(sys.argv[2]):
            out, err, code = io.StringIO(), io.StringIO(), 0
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                try:
                    from search.cli import main
                    main(words)
                except SystemExit as ended:
                    code = ended.code or 0
            results.append([code, out.getvalue(), err.getvalue()])
        heavy = ("torch", "ray", "kornia", "safetensors")
        print(json.dumps([results, [name for name in heavy if name in sys.modules]]))
    """

    def __init__(self, folder: Path, blocked: list[str], *commands: list[str]) -> None:
        program = [sys.executable, "-c", textwrap.dedent(self.PROGRAM)]
        words = [json.dumps(blocked), json.dumps(commands)]
        root = Path(cli.__file__).parent.parent
        done = subprocess.run(
            program + words,
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(root), "HOME": str(folder)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        results, self.loaded = json.loads(done.stdout)
        self.results = [Result(*result) for result in results]


LIBRARIES = ["torch", "ray", "kornia", "safetensors"]


@pytest.mark.parametrize("blocked", [[], LIBRARIES], ids=["train installed", "core alone"])
def test_reading_loads_neither_torch_nor_ray_and_does_without(
    played: Path, tmp_path: Path, blocked: list[str]
) -> None:
    sweep = str(played)
    commands = [["--help"], ["status", sweep], ["report", sweep], ["best", sweep, "--top", "2"]]
    commands += [["studies", "demo"], ["presets", "pix2pix"], ["data", "list"]]
    commands += [["data", "check", str(tmp_path)]]
    found = Isolated(tmp_path, blocked, *commands)
    assert [result.code for result in found.results[:-1]] == [0] * 7
    assert found.results[-1].code == 2
    assert found.loaded == []
    assert (played / "report.html").stat().st_size > 100_000
    assert (played / "best-1.yaml").exists()


def test_a_status_takes_no_time_to_load_scipy(played: Path, tmp_path: Path) -> None:
    (result,) = Isolated(tmp_path, ["scipy"], ["status", str(played)]).results
    assert result.code == 0, result.err


def test_without_the_libraries_training_commands_say_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    for name in ("model.safetensors", "config.yaml"):
        (tmp_path / "model" / name).touch()
    before = sorted(tmp_path.rglob("*"))
    commands = [["run", "demo"], ["resume"], ["train", "unet-small"], ["demo"]]
    commands += [["colorize", "model", "model"]]
    found = Isolated(tmp_path, LIBRARIES, *commands)
    for result, words in zip(found.results, commands, strict=True):
        assert (result.code, result.out) == (2, "")
        assert result.err.splitlines() == [
            f"colorsweep {words[0]}: needs torch, ray, kornia, safetensors, not installed here.",
            "Install with: pip install 'colorsweep[train]'",
        ]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["best", "sweep", "-o", ""], "-o"),
        (["report", "sweep", "-o", ""], "-o"),
        (["report", "sweep", "--out="], "--out"),
        (["colorize", "model", ""], "argument 2"),
        (["status", ""], "argument 1"),
        (["data", "check", "--path", ""], "--path"),
        (["export", "csv", "sweep", "--out", ""], "--out"),
    ],
)
def test_an_empty_value_is_refused(call: Call, arguments: list[str], named: str) -> None:
    found = call(*arguments)
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith(f"{named}: is empty.\n")
