"""Files that anybody may have damaged: each is used, or refused in a sentence, soon.

Small files of every kind are cut, have bytes changed, put in and left out, and values of their own
kind replaced, by a seeded chance. The commands that read them run in this process; whatever they
raise is one of this project's errors, of three lines at most, and nothing outside is written.
"""

import hashlib
import io
import json
import logging
import pickle
import random
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from colornet.config.catalog import load_config, to_yaml
from colornet.config.reading import parse_yaml
from colornet.config.sections.data import FolderData
from colornet.data.check import check
from colornet.data.cifar_batches import read_python_batch
from colornet.data.packed import open_pack
from colornet.errors import ColorsweepError, InputError
from colornet.storage import Storage
from reports.commands import best, report
from reports.export import export_csv
from reports.tables import open_sweep
from search.records.frames import read_frame
from search.records.lease import Lease, holder
from search.records.reader import driver_of, read_provenance, read_study, read_sweep
from search.run.recorder import Recorder
from search.status import status_of, status_text
from spaces.loading import load_study
from spaces.study import Study

GOLDEN = Path(__file__).parent / "golden"
FAST, SLOW = 25, 3000
LIMIT = 5.0
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**30, 10**399, 0.5, -0.0, 1e308, "", " ", "x",
    "é", "\u202e", "\x1b[31m", "../..", "/etc/passwd", "a\0b", "x" * 5000, "1e-5", "nan", "null",
    [], [None], [[]], {}, {"": None}, {"a": {"b": []}},
]  # fmt: skip
"""What takes the place of a value."""
RAW = [
    b"",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"[" * 3000,
    b"{" * 3000,
    b'"',
    b"\x1b[2J",
    b"- " * 900,
]
"""What is put between bytes."""


def bytes_changed(data: bytes, chance: random.Random) -> bytes:
    """The same bytes, cut, flipped, with some put in or left out."""
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 1, 2, 5])):
        place = chance.randrange(len(changed) + 1)
        match chance.randrange(5):
            case 0:
                del changed[place:]
            case 1 if place < len(changed):
                changed[place] ^= 1 << chance.randrange(8)
            case 2:
                changed[place:place] = chance.choice(RAW)
            case 3:
                del changed[place : place + chance.choice([1, 4, 50])]
            case _:
                changed[place:place] = changed[max(0, place - 40) : place]
    return bytes(changed)


def values_changed(data: Any, chance: random.Random) -> Any:
    """The same nested data, a value of which is odd, gone, or elsewhere."""
    places: list[tuple[Any, Any]] = []

    def look(value: Any) -> None:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            places.append((value, key))
            if isinstance(value[key], dict | list):
                look(value[key])

    data = json.loads(json.dumps(data))
    look(data)
    inside, key = chance.choice(places)
    match chance.randrange(4):
        case 0:
            del inside[key]
        case 1 if isinstance(inside, dict):
            inside[f"{key}x"] = inside.pop(key)
        case _:
            inside[key] = chance.choice(ODD)
    return data


def cases(count: int, whole: bytes, data: Any = None, dump: Callable[[Any], str] = json.dumps):
    """Damaged files: (seed, bytes), half of them by bytes, half by values where there are any."""
    for seed in range(count):
        chance = random.Random(seed)
        if data is not None and seed % 2:
            yield seed, dump(values_changed(data, chance)).encode("utf-8", "surrogatepass")
        else:
            yield seed, bytes_changed(whole, chance)


def survives(seed: int, run: Callable[[], object]) -> bool:
    """Run what reads a file; whether it was taken. Whatever is raised has to be ours, and soon."""
    began = time.process_time()
    try:
        run()
        taken = True
    except ColorsweepError as error:
        assert 1 <= len(str(error).splitlines()) <= 3, seed
        assert "\x1b" not in str(error)
        assert max(map(len, str(error).splitlines())) <= 1300, seed
        taken = False
    except Exception as error:
        raise AssertionError(f"seed {seed}") from error
    assert time.process_time() - began < LIMIT, seed
    return taken


def number_of_cases(kind: str) -> Any:
    """Few of a kind in the fast tests, many in the slow ones."""
    slow = pytest.param(SLOW, marks=pytest.mark.slow, id=f"{kind}-many")
    return pytest.mark.parametrize("count", [pytest.param(FAST, id=kind), slow])


@pytest.fixture(autouse=True)
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The working folder, in which nothing may be left but what a test puts there itself."""
    monkeypatch.setenv("COLORSWEEP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLORSWEEP_OUT", str(tmp_path / "sweeps"))
    logging.getLogger("colorsweep").setLevel(logging.ERROR)
    beside = tmp_path / "beside"
    beside.mkdir()
    monkeypatch.chdir(beside)
    yield
    logging.getLogger("colorsweep").setLevel(logging.NOTSET)
    assert list(beside.iterdir()) == []


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    return shutil.copytree(GOLDEN / "sweep-1", tmp_path / "sweep")


def read_all(folder: Path) -> None:
    """What status, best, report and export read and work out of a sweep."""
    status_text(status_of(str(folder)))
    tables = open_sweep(str(folder))
    tables.ranked, tables.argument, tables.how_ended()


@number_of_cases("study")
def test_study(tmp_path: Path, count: int) -> None:
    text = (
        "version: 1\nquestion: Which?\nbase: pix2pix-small\n"
        "fixed: {training.images: 64, data.image_size: 16}\n"
        "space:\n  optimizer.generator_lr: {loguniform: [1e-5, 1e-2]}\n"
        "  loss.l1_weight: {loguniform: [1, 300], or: 0}\n"
        "  loss.adversarial: {choice: [bce, lsgan]}\n"
        "  loss.label_smoothing: {uniform: [0.0, 0.3], when: {loss.adversarial: [bce]}}\n"
        "objectives: {val_ab_mae: minimize}\nbudget: {trials: 4}\n"
    )
    path = tmp_path / "mine.yaml"
    for seed, damaged in cases(count, text.encode(), parse_yaml(text, ""), to_yaml):
        path.write_bytes(damaged)
        survives(seed, lambda: load_study(str(path)))


@number_of_cases("config")
def test_config(tmp_path: Path, count: int) -> None:
    whole = (GOLDEN / "model-1" / "config.yaml").read_bytes()
    path = tmp_path / "mine.yaml"
    for seed, damaged in cases(count, whole, parse_yaml(whole.decode(), ""), to_yaml):
        path.write_bytes(damaged)
        survives(seed, lambda: load_config(str(path)))


@number_of_cases("best")
def test_best_yaml(tmp_path: Path, count: int) -> None:
    from colornet.config.config import parse_config
    from colornet.training.final_checks import model_name

    config = parse_yaml((GOLDEN / "model-1" / "config.yaml").read_text(), "")
    origin = {"sweep": "s", "point_id": "p", "trials": ["t00000"], "confirmed": None}
    data = {"version": 1, "config": config, "final": config, "from": origin, "command": "x"}
    path = tmp_path / "best.yaml"

    def read() -> None:
        load_config(str(path))
        written = parse_yaml(path.read_text(), str(path))
        if "config" in written:
            parse_config(written["config"], "best.yaml")
        assert "/" not in model_name("best.yaml", written.get("from"))

    for seed, damaged in cases(count, to_yaml(data).encode(), data, to_yaml):
        path.write_bytes(damaged)
        survives(seed, read)


@number_of_cases("resolved study")
def test_the_study_of_a_sweep(sweep: Path, count: int) -> None:
    whole = (sweep / "study.yaml").read_bytes()
    for seed, damaged in cases(count, whole, parse_yaml(whole.decode(), ""), to_yaml):
        (sweep / "study.yaml").write_bytes(damaged)
        survives(seed, lambda: Study.from_data(read_study(Storage.at(sweep)), "study.yaml"))
        if seed % 50 == 0:
            survives(seed, lambda: read_all(sweep))


INSTEAD: list[Any] = [3, 10**12, -1, 10**399, 0.5, "x", "many", [], ["x"], [3], None, {}, {"x": 3}]


def nodes_of(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in nested data."""
    if not isinstance(data, dict | list):
        return []
    keys = list(data) if isinstance(data, dict) else range(len(data))
    return [way for key in keys for way in ((*path, key), *nodes_of(data[key], (*path, key)))]


@pytest.mark.parametrize(
    "count", [pytest.param(8, id="nodes"), pytest.param(1500, marks=pytest.mark.slow, id="many")]
)
def test_a_node_of_the_study_of_a_sweep(sweep: Path, count: int) -> None:
    """Every reading command refuses it or goes on; top keys are as likely as inner ones."""
    data = parse_yaml((sweep / "study.yaml").read_text(), "")
    data["decide"] = {"by": "val_ab_mae", "subject_to": {"val_psnr": ">= 10"}}
    by_key = {key: [(key,), *nodes_of(data[key], (key,))] for key in data}
    out = sweep.parent / "out"
    for seed in range(count):
        chance = random.Random(seed)
        changed = json.loads(json.dumps(data))
        *way, last = chance.choice(by_key[chance.choice(list(by_key))])
        inside = changed
        for key in way:
            inside = inside[key]
        inside[last] = chance.choice(INSTEAD)
        (sweep / "study.yaml").write_text(to_yaml(changed))
        survives(seed, lambda: status_text(status_of(str(sweep))))
        survives(seed, lambda: best(str(sweep), out=out / "best.yaml").text())
        survives(seed, lambda: export_csv(str(sweep), out=out / "out.csv"))
        if seed % 8 == 0:
            survives(seed, lambda: report(str(sweep), out=out / "page.html").text())
        shutil.rmtree(out, ignore_errors=True)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("trials", "many"),
        ("trials", 10**12),
        ("metrics", {"val_ab_mae": 3}),
        ("metrics.ab_mae.goal", "low"),
        ("decide", {"by": "val_ab_mae", "subject_to": {"val_psnr": ">= banana"}}),
        ("decide", {"by": ["val_ab_mae"]}),
        ("constraints", {"gmac_per_picture": "cheap"}),
        ("objectives", {"val_ab_mae": "less"}),
        ("space.loss.l1_weight", 5),
        ("space.loss.l1_weight.type", "normal"),
        ("space.loss.label_smoothing.when", 5),
        ("space.loss.label_smoothing.when", {"loss.adversarial": 5}),
        ("confirm", {"top": 10**12, "replicates": 10**12}),
        ("confirm.top", "all"),
        ("budget.images", "many"),
    ],
)
def test_a_study_of_another_shape_is_refused_by_every_reader(
    sweep: Path, path: str, value: Any
) -> None:
    data = parse_yaml((sweep / "study.yaml").read_text(), "")
    inside, key = data, path
    while key not in inside and "." in key:
        found = max((name for name in inside if key.startswith(f"{name}.")), key=len)
        inside, key = inside[found], key[len(found) + 1 :]
    inside[key] = value
    (sweep / "study.yaml").write_text(to_yaml(data))
    for run in (status_of, best, report, export_csv):
        began = time.process_time()
        with pytest.raises(InputError) as caught:
            run(str(sweep))
        assert f"study.yaml: {path}" in str(caught.value), run
        assert len(str(caught.value).splitlines()) <= 3
        assert time.process_time() - began < 2


@pytest.mark.parametrize("key", ["metrics", "decide", "confirm", "constraints", "final", "trials"])
def test_a_key_that_no_reader_needs_may_be_absent(sweep: Path, key: str) -> None:
    data = parse_yaml((sweep / "study.yaml").read_text(), "")
    del data[key]
    (sweep / "study.yaml").write_text(to_yaml(data))
    assert best(str(sweep), out=sweep.parent / "out" / "best.yaml").data()["points"]


def test_a_space_of_nothing_is_read(sweep: Path) -> None:
    data = parse_yaml((sweep / "study.yaml").read_text(), "")
    (sweep / "study.yaml").write_text(to_yaml({**data, "space": {}}))
    assert read_study(Storage.at(sweep))["space"] == {}


@number_of_cases("provenance")
def test_provenance(sweep: Path, count: int) -> None:
    from reports.page.summary import provenance

    whole = (sweep / "provenance.json").read_bytes()
    shutil.rmtree(sweep / "records")
    tables = open_sweep(str(sweep))

    def read() -> None:
        found, problems = read_provenance(Storage.at(sweep))
        if seed % 10:
            return
        records = replace(tables.records, provenance=found, problems=problems)
        provenance(replace(tables, records=records))

    for seed, damaged in cases(count, whole, json.loads(whole)):
        (sweep / "provenance.json").write_bytes(damaged)
        assert survives(seed, read), seed


@number_of_cases("lease")
def test_lease(tmp_path: Path, count: int) -> None:
    folder = tmp_path / "sweep"
    with Lease(folder):
        data = holder(Storage.at(folder))
    whole = json.dumps(data).encode()
    for seed, damaged in cases(count, whole, data):
        (folder / "lease.json").write_bytes(damaged)
        assert survives(seed, lambda: driver_of(folder)), seed


@number_of_cases("index")
def test_index_of_a_pack(tmp_path: Path, count: int) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(24):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(pictures / f"{number}.png")
    data = FolderData(source="folder", root=str(pictures), image_size=8)
    pack = shutil.copytree(open_pack(data).path, tmp_path / "pack")
    whole = (pack / "index.json").read_bytes()
    packed = FolderData(source="folder", root=str(pack), image_size=8)
    for seed, damaged in cases(count, whole, json.loads(whole)):
        (pack / "index.json").write_bytes(damaged)
        survives(seed, lambda: open_pack(packed).summary())


@number_of_cases("records")
def test_records(sweep: Path, count: int) -> None:
    """Parts are put under the name of their content, as by somebody who means it."""
    for table in ("trials", "ticks", "pictures"):
        parts = sorted((sweep / "records" / table).glob("*.parquet"))
        content, part = (
            pa.concat_tables(map(pq.read_table, parts), promote_options="default"),
            parts[0],
        )
        for other in parts[1:]:
            other.unlink()
        stream = io.BytesIO()
        pq.write_table(content, stream)
        whole = stream.getvalue()
        for seed in range(count // 3):
            chance = random.Random(seed)
            part.unlink()
            damaged = bytes_changed(whole, chance)
            if seed % 4:
                name = chance.choice(content.column_names)
                at, rows = content.column_names.index(name), content.column(name).to_pylist()
                for _ in range(chance.choice([1, 3])):
                    rows[chance.randrange(len(rows))] = odd_cell(content.field(name).type, chance)
                column = pa.array(rows, content.field(name).type)
                stream = io.BytesIO()
                pq.write_table(content.set_column(at, content.field(name), column), stream)
                damaged = stream.getvalue()
            head = part.name.rsplit("-", 1)[0]
            part = part.with_name(f"{head}-{hashlib.sha256(damaged).hexdigest()[:16]}.parquet")
            part.write_bytes(damaged)
            survives(seed, lambda: read_frame(Storage.at(sweep), table))  # noqa: B023
            if seed % 50 == 5:
                survives(seed, lambda: read_all(sweep))
                study = Study.from_data(read_sweep(sweep).study, "study.yaml")
                survives(seed, lambda: Recorder(sweep, study))  # noqa: B023
                page, out = sweep.parent / "page.html", sweep.parent / "out.csv"
                survives(seed, lambda: report(str(sweep), out=page).text())  # noqa: B023
                survives(seed, lambda: export_csv(str(sweep), out=out))  # noqa: B023
                out.unlink(missing_ok=True)
        part.unlink()
        part.with_name(
            f"part-0-000000000001-{hashlib.sha256(whole).hexdigest()[:16]}.parquet"
        ).write_bytes(whole)


def odd_cell(kind: pa.DataType, chance: random.Random) -> Any:
    """A value that a column of this type can hold, and nobody expects."""
    if pa.types.is_string(kind):
        texts = [
            None,
            "",
            "x",
            "[" * 2000,
            "{}",
            "[]",
            "null",
            '{"a": NaN}',
            '{"a": [1]}',
            "../x",
            "t00001",
            "\x1b[31m",
            "x" * 3000,
            '{"optimizer.generator_lr": "x"}',
            "\u202e",
        ]
        return chance.choice(texts)
    if pa.types.is_boolean(kind):
        return chance.choice([None, True, False])
    if pa.types.is_binary(kind):
        return chance.choice([None, b"", b"RIFF", b"\x89PNG\r\n\x1a\n", b"<svg onload=1>"])
    if pa.types.is_timestamp(kind):
        return chance.choice([None, 0, -(2**62), 2**62, 1_790_000_000_000_000])
    if pa.types.is_floating(kind):
        return chance.choice([None, float("nan"), float("inf"), -1e308, 0.0, 1e-320])
    most = 2**31 - 1 if kind == pa.int32() else 2**63 - 1
    return chance.choice([None, 0, 1, -1, 7, 2**20, most, -most])


@number_of_cases("picture")
def test_pictures(tmp_path: Path, count: int) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    chance = np.random.default_rng(0)
    pixels = Image.fromarray(chance.integers(0, 256, (12, 12, 3), np.uint8))
    kinds = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
    for kind in kinds:
        stream = io.BytesIO()
        pixels.save(stream, kind)
        for seed in range(count // len(kinds)):
            damaged = bytes_changed(stream.getvalue(), random.Random(seed))
            (folder / f"{kind}-{seed}.{kind.lower()}").write_bytes(damaged)
    data = FolderData(source="folder", root=str(folder), image_size=8)
    began = time.process_time()
    survives(0, lambda: check(data))
    assert time.process_time() - began < max(LIMIT, count / 100)


@number_of_cases("pickle")
def test_pickles(tmp_path: Path, count: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3072), np.uint8)
    batch = {b"data": pixels, b"labels": [1, 2], b"filenames": [b"a", b"b"]}
    whole = pickle.dumps(batch, protocol=2)
    places = [*range(80), *range(len(whole) - 160, len(whole))]
    path = tmp_path / "data_batch_1"
    for seed in range(count):
        damaged = bytearray(whole)
        chance = random.Random(seed)
        for _ in range(chance.choice([1, 2, 4])):
            damaged[chance.choice(places)] = chance.randrange(256)
        path.write_bytes(damaged if seed % 3 else bytes_changed(whole, chance))
        survives(seed, lambda: read_python_batch(path))
