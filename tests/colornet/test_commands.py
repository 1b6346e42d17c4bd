"""What `presets`, `data …` and `train` answer, without training anything."""

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from colornet import commands
from colornet.cli_result import CliResult
from colornet.config.catalog import PRESETS, builtin_names, parse_yaml, preset_values
from colornet.config.config import parse_config
from colornet.config.paths import TAGS, known_paths
from colornet.errors import InputError


def test_presets_are_listed_with_what_they_weigh_and_cost() -> None:
    answer = commands.presets()
    names = builtin_names(PRESETS)
    listed = answer.data()["presets"]
    assert list(listed) == names
    head, *lines = answer.text().splitlines()
    assert head.split()[:4] == ["preset", "method", "px", "generator"]
    assert [line.split()[0] for line in lines[: len(names)]] == names
    for name, line in zip(names, lines, strict=False):
        counts = {key: value for key, value in listed[name].items() if key != "config"}
        assert all(isinstance(value, int) for value in counts.values())
        assert f"{counts['generator_parameters']:,}" in line
        assert listed[name]["config"] == preset_values(name)
        assert listed[name]["config"]["about"].partition(" (")[0] in line


def test_presets_are_listed_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "find_spec", lambda name: None)
    answer = commands.presets()
    assert "colorsweep[train]" in answer.text()
    assert list(answer.data()["presets"]) == builtin_names(PRESETS)


@pytest.mark.parametrize("name", builtin_names(PRESETS))
def test_a_printed_preset_is_a_config(name: str) -> None:
    answer = commands.presets(name)
    assert parse_yaml(answer.text(), name) == answer.data() == preset_values(name)
    parse_config(parse_yaml(answer.text(), name), name)


def test_every_option_of_every_source_is_listed() -> None:
    answer = commands.data_list()
    for name, kind in TAGS["data"][1].items():
        assert f"{name}: " in answer.text()
        options = answer.data()["sources"][name]["options"]
        assert {f"data.{option}" for option in options} < set(known_paths())
        assert set(options) == set(kind.model_fields) - {"source"}
        assert all(f"  data.{option}" in answer.text() for option in options)
    assert answer.data()["sources"]["folder"]["options"]["root"]["required"] is True
    assert answer.data()["sources"]["scenes"]["options"]["image_size"]["default"] == 32
    json.dumps(answer.data(), allow_nan=False)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    chance = np.random.default_rng(0)
    for kind in ("sea", "wood"):
        (folder / kind).mkdir(parents=True)
        for index in range(12):
            pixels = chance.integers(0, 256, (12, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / kind / f"{index}.png")
    return folder


def test_check_finds_a_sound_folder_sound(pictures: Path) -> None:
    answer = commands.data_check(pictures, options=commands.PictureOptions(image_size=8))
    assert answer.exit_code == 0
    json.dumps(answer.data(), allow_nan=False)


def test_check_answers_1_when_nothing_could_be_trained(pictures: Path) -> None:
    for path in pictures.rglob("*.png"):
        path.write_bytes(path.read_bytes()[:30])
    assert (
        commands.data_check(pictures, options=commands.PictureOptions(image_size=8)).exit_code == 1
    )


def test_pack_says_what_it_made_and_how_to_use_it(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "packed"
    answer = commands.data_pack(
        pictures, out=out, options=commands.PictureOptions(image_size=8, classes=["sea"])
    )
    assert answer.data()["pictures"] == 12
    assert answer.data()["splits"].keys() == {"train", "val", "test"}
    assert sum(answer.data()["splits"].values()) == 12
    next_line = answer.text().splitlines()[-1]
    assert f"--data {out} --set data.image_size=8" in next_line
    assert out.is_dir()


@pytest.mark.parametrize("command", ["check", "pack"])
def test_any_option_of_pictures_can_be_set(pictures: Path, tmp_path: Path, command: str) -> None:
    def ask(*settings: str) -> CliResult:
        options: dict[str, Any] = {"image_size": 8, "settings": list(settings)}
        if command == "check":
            return commands.data_check(pictures, options=commands.PictureOptions(**options))
        return commands.data_pack(
            pictures,
            out=str(tmp_path / f"{len(settings)}"),
            options=commands.PictureOptions(**options),
        )

    Image.effect_noise((90, 90), 90).convert("HSV").convert("RGB").save(pictures / "sea" / "x.png")
    over = ask("data.max_pixels=8000", "data.max_bad_fraction=1")
    under = ask("data.max_pixels=8100")
    if command == "check":
        ((name, reason),) = [one.values() for one in over.data()["bad"]]
        assert name == "sea/x.png" and "(data.max_pixels)" in reason
        assert under.data()["bad"] == []
    else:
        assert (over.data()["bad"], under.data()["bad"]) == (1, 0)
    for wrong in ("data.max_pixel=3", "training.images=3", "data", "data.root=x", "data.rules=9"):
        with pytest.raises(InputError, match=wrong.partition("=")[0].split(".")[-1]):
            ask(wrong)


class TestTrain:
    """`train_final` is replaced: what it is asked for, and what is said of its results."""

    RESULTS: ClassVar[dict[str, Any]] = {
        "images": 64,
        "seconds": 2.0,
        "test_ab_mae": 5.0,
        "test_ab_mae_baseline": 20.0,
        "test_colorfulness_ratio": 0.9,
        "weights": "Its weights are those of the last tick, 4, the best by val_ab_mae.",
        "promise": None,
        "notes": ["A note."],
        "shortfalls": [],
    }

    @pytest.fixture(autouse=True)
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
        import sys
        from types import ModuleType

        asked: list[tuple[Any, ...]] = []
        results = self.RESULTS
        stand_in = ModuleType("colornet.training.distributed")

        def train_final(*arguments: Any, **options: Any) -> dict[str, Any]:
            asked.append(arguments)
            self.options = options
            return results

        stand_in.train_final = train_final  # ty: ignore[unresolved-attribute]
        stand_in.Workers = lambda *values: values  # ty: ignore[unresolved-attribute]
        monkeypatch.setitem(sys.modules, "colornet.training.distributed", stand_in)
        monkeypatch.setattr("colornet.training.final_checks.prepare", lambda config, folder: config)
        return asked

    def test_a_preset(self, asked: list[tuple[Any, ...]]) -> None:
        answer = commands.train("unet-small", settings=["training.images=64"])
        ((config, folder, _show, origin),) = asked
        assert (config.training.images, folder, origin) == (64, Path("models/unet-small"), None)
        assert answer.data() == {"model": "models/unet-small", **self.RESULTS}
        assert "ab MAE 5, 0.25 x the best single color" in answer.text()
        assert "colorsweep colorize models/unet-small" in answer.text()
        assert "those of the last tick, 4, the best by val_ab_mae" in answer.text()
        assert self.options["keep"] == "best"

    def test_a_model_that_falls_short_says_so_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        wrong = ["It is no better than one color everywhere.", "It overfits."]
        monkeypatch.setitem(self.RESULTS, "shortfalls", wrong)
        answer = commands.train("unet-small", keep="last")
        lines = [" ".join(line.split()) for line in answer.text().splitlines()]
        assert lines[:2] == [f"Not usable {wrong[0]}", wrong[1]]
        assert "colorize" not in answer.text()
        assert self.options["keep"] == "last"

    def test_what_the_sweep_objects_is_said_before_it_trains(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        final = preset_values("unet-small")
        best = {"config": final, "final": final, "from": {"objection": "Nothing to recommend yet"}}
        (tmp_path / "best.yaml").write_text(json.dumps(best))
        commands.train(str(tmp_path / "best.yaml"))
        assert caplog.messages == ["Nothing to recommend yet"]

    def test_a_best_yaml_names_the_model_and_its_origin(
        self, asked: list[tuple[Any, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        final = preset_values("unet-small")
        origin = {"sweep": "s1", "point_id": "p1"}
        best = {"version": 1, "config": final, "final": final, "from": origin}
        (tmp_path / "best.yaml").write_text(json.dumps(best))
        monkeypatch.setitem(self.RESULTS, "promise", "The sweep promised nothing.")
        answer = commands.train(str(tmp_path / "best.yaml"))
        assert asked[0][1:] == (Path("models/s1-p1"), asked[0][2], origin)
        assert self.options["searched"].to_dict() == final
        assert "Promise  The sweep promised nothing." in answer.text()

    def test_workers_and_the_rates_that_their_batch_gets(
        self, asked: list[tuple[Any, ...]], tmp_path: Path
    ) -> None:
        searched = preset_values("unet-small")
        rate = searched["optimizer"]["generator_lr"]
        best = {"config": searched, "final": searched, "from": {"sweep": "s1"}}
        (tmp_path / "best.yaml").write_text(json.dumps(best))
        file, wider = str(tmp_path / "best.yaml"), ["training.batch_size=128"]
        commands.train(file, settings=wider, workers=4, gpus_per_worker=2, address="auto")
        assert self.options["workers"] == (4, 2, "auto")
        commands.train(file, settings=wider, scale_lr="linear")
        commands.train(file, settings=wider, scale_lr="sqrt")
        commands.train(file, scale_lr="linear")
        rates = [config.optimizer.generator_lr for config, *_ in asked]
        assert rates == pytest.approx([rate, 4 * rate, 2 * rate, rate])
        assert self.options["notes"] == [
            "Learning rates as chosen, for batches of 32 (--scale-lr linear)."
        ]

    @pytest.mark.parametrize(
        "origin",
        [None, 3, [], {}, {"sweep": "../../x", "point_id": "/etc"}, {"sweep": "..", "point_id": 3}],
    )
    def test_an_edited_best_yaml_does_not_lead_out_of_models(
        self, asked: list[tuple[Any, ...]], tmp_path: Path, origin: Any
    ) -> None:
        final = preset_values("unet-small")
        best = {"version": 1, "config": final, "final": final, "from": origin}
        (tmp_path / "best.yaml").write_text(json.dumps(best))
        commands.train(str(tmp_path / "best.yaml"))
        assert asked[0][1].parent == Path("models")
        assert asked[0][1].name not in ("", "..")

    @pytest.mark.parametrize("missing", ["test_ab_mae_baseline", "all"])
    def test_without_colored_test_pictures(
        self, monkeypatch: pytest.MonkeyPatch, missing: str
    ) -> None:
        for name in list(self.RESULTS):
            if name == missing or (missing == "all" and name.startswith("test_")):
                monkeypatch.delitem(self.RESULTS, name)
        assert "no test pictures with color" in commands.train("unet-small").text()
