"""Manifests: held to the fields that KubeRay publishes, and their scripts run by bash."""

import io
import os
import re
import shlex
import stat
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from colornet.config.catalog import parse_yaml
from colornet.errors import InputError
from search import cli
from search.cluster.manifest import MAX_NAME, job_name, kuberay, slurm
from search.options import Nodes
from spaces.loading import STUDIES, load_study
from spaces.study import Study

FIELDS = Path(__file__).with_name("rayjob_fields.txt")
MakeStudy = Callable[..., Study]
PLANTED = ("environment", "url", "file", "study", "config")
SECRETS = {name: f"canary-{name}-0815" for name in PLANTED}


def documents(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The ConfigMap and the RayJob of a manifest."""
    config, job = YAML(typ="safe", pure=True).load_all(io.StringIO(text))
    return config, job


def rayjob(study: Study, nodes: Nodes | None = None, **changes: Any) -> str:
    """A manifest for a claim named `claim`."""
    options = {"storage": "claim", "image": None, "out": None, **changes}
    return kuberay(study, nodes or Nodes(nodes=2, cpus=4, gpus=0), **options)


def published() -> dict[str, str]:
    """{path of a field: its type}."""
    lines = [line for line in FIELDS.read_text().splitlines() if not line.startswith("#")]
    found = dict(line.split() for line in lines)
    pods = [path for path, kind in found.items() if kind == "POD"]
    inner = {path: kind for path, kind in found.items() if path.startswith("POD.")}
    whole = {path: kind for path, kind in found.items() if path not in {*inner, *pods}}
    return whole | {
        pod + path.removeprefix("POD"): kind for pod in pods for path, kind in inner.items()
    }


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of everything in a document that holds nothing else."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for inner in value:
            yield from leaves(inner, f"{path}[]")
    elif value != {} or not path.endswith("rayStartParams"):
        yield path, value


def kind_of(value: Any) -> str:
    kinds = {str: "string", bool: "boolean", int: "integer", dict: "object"}
    return kinds[type(value)]


def unpublished(document: Mapping[str, Any]) -> list[str]:
    """Fields that KubeRay does not know, or knows with another type."""
    fields, wrong = published(), []
    for path, value in leaves(document):
        kind = fields.get(path) or fields.get(re.sub(r"\.[^.]+(\.io/gpu)?$", ".*", path))
        if "nvidia.com/gpu" in path:
            kind = fields.get(path.removesuffix("nvidia.com/gpu") + "*")
        if kind != kind_of(value):
            wrong.append(f"{path}: {kind_of(value)}")
    return wrong


@pytest.mark.parametrize("gpus", [0, 2])
def test_every_field_is_published(make_study: MakeStudy, gpus: int) -> None:
    config, job = documents(rayjob(make_study(), Nodes(nodes=3, cpus=8, gpus=gpus)))
    assert unpublished(job) == []
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert set(config) == {"apiVersion", "kind", "metadata", "data"}


@pytest.mark.parametrize(
    "change", [{"spec": {"entryPoint": "x"}}, {"spec": {"backoffLimit": "5"}}, {"status": "x"}]
)
def test_a_field_that_is_not_published_is_seen(change: dict[str, Any]) -> None:
    assert len(unpublished(change)) == 1


def test_what_a_rayjob_asks_for(make_study: MakeStudy) -> None:
    config, job = documents(rayjob(make_study(), Nodes(nodes=3, cpus=8, gpus=2), image="here/it:1"))
    spec, cluster = job["spec"], job["spec"]["rayClusterSpec"]
    assert job["metadata"]["name"] == config["metadata"]["name"]
    assert spec["backoffLimit"] > 0
    assert spec["shutdownAfterJobFinishes"] is True
    assert cluster["authOptions"] == {"mode": "token", "secretName": "colorsweep-token"}
    (workers,) = cluster["workerGroupSpecs"]
    assert [workers[f"{one}eplicas"] for one in ("r", "minR", "maxR")] == [3, 3, 3]
    (container,) = workers["template"]["spec"]["containers"]
    assert container["image"] == "here/it:1"
    assert container["resources"]["limits"] == container["resources"]["requests"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "2"
    head = cluster["headGroupSpec"]
    assert head["rayStartParams"]["num-cpus"] == "0"
    (driver,) = head["template"]["spec"]["containers"]
    for pod, one in ((head, driver), (workers, container)):
        volumes = {volume["name"] for volume in pod["template"]["spec"]["volumes"]}
        assert {mount["name"] for mount in one["volumeMounts"]} == volumes
    assert "nvidia.com/gpu" not in driver["resources"]["limits"]


@pytest.mark.parametrize("name", ["demo", "learning-rate-balance", "everything"])
def test_the_study_is_the_same_on_the_other_side(name: str, tmp_path: Path) -> None:
    study = load_study(name, quick=True)
    config, _ = documents(rayjob(study))
    script = slurm(study, Nodes(nodes=1, cpus=2, gpus=0), storage=tmp_path, out=None)
    written = re.search(r"<<'(\w+)'\n(.*?)\n\1\n", script, re.DOTALL)
    assert written is not None
    for text in (config["data"]["study.yaml"], written[2]):
        assert Study.from_data(parse_yaml(text, "it"), "it").to_data() == study.to_data()


@pytest.mark.parametrize("study", ["a", "1 & 2", "x" * 90, "Ärger/..", "", "a--b-", "---"])
def test_names_of_jobs_are_labels(study: str) -> None:
    name = job_name(study)
    assert re.fullmatch("[a-z]([a-z0-9-]*[a-z0-9])?", name)
    assert "--" not in name
    assert len(name) <= MAX_NAME
    assert name != job_name(study)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"out": "/elsewhere"}, "--out: /elsewhere: is lost with its pod"),
        ({"out": "/storage"}, "--out: /storage: is lost with its pod"),
        ({"out": "/storage/../x"}, "is lost with its pod"),
        ({"storage": "Bad Claim"}, "is no name of a persistent volume claim"),
    ],
)
def test_what_pods_would_not_see_is_refused(
    changes: dict[str, Any], says: str, make_study: MakeStudy
) -> None:
    with pytest.raises(InputError, match=says):
        rayjob(make_study(), **changes)


@pytest.mark.parametrize(
    ("root", "refused"),
    [("/home/me/photos", True), ("/storage/photos", False), ("s3://bucket/photos", False)],
)
def test_pictures_lie_where_pods_see_them(root: str, refused: bool) -> None:
    study = load_study("demo", {"data.source": "folder", "data.root": root})
    if not refused:
        assert root in rayjob(study)
        return
    with pytest.raises(InputError, match="no pod sees it") as raised:
        rayjob(study)
    assert "colorsweep data pack /home/me/photos -o" in str(raised.value)


@pytest.mark.parametrize(
    ("resources", "nodes", "says"),
    [
        ({"gpus": 1.0}, Nodes(nodes=2, cpus=4, gpus=0), "a node has 0 cards"),
        ({"gpus": 2.0}, Nodes(nodes=2, cpus=4, gpus=1), "a node has 1 card,"),
        ({"workers": 5}, Nodes(nodes=2, cpus=2, gpus=0), "room for 4 workers"),
    ],
)
def test_a_trial_that_does_not_fit_is_refused(
    resources: dict[str, Any], nodes: Nodes, says: str, make_study: MakeStudy, tmp_path: Path
) -> None:
    study = make_study(resources=resources)
    for write in (
        lambda: rayjob(study, nodes),
        lambda: slurm(study, nodes, storage=tmp_path, out=None),
    ):
        with pytest.raises(InputError, match=says):
            write()


@pytest.mark.parametrize(
    ("resources", "says"),
    [
        ({"gpus": 0.5}, "8 trials, 4 at a time with 4 CPUs and 0.5 card each"),
        ({"gpus": 0.5, "concurrent": 3}, "8 trials, 3 at a time with 4 CPUs and 0.5 card each"),
        ({"workers": 2}, "8 trials, 1 at a time with 2 workers of 8 CPUs and 1 card each"),
    ],
)
def test_how_many_trials_run_at_a_time_is_said(
    resources: dict[str, Any], says: str, make_study: MakeStudy
) -> None:
    assert says in rayjob(make_study(resources=resources), Nodes(nodes=2, cpus=8, gpus=1))


@pytest.mark.parametrize("claim", ["null", "true", "no", "123", "1e5", "0x1f", "1.5", "claim"])
def test_a_claim_is_text_whatever_it_is_called(claim: str, make_study: MakeStudy) -> None:
    _, job = documents(rayjob(make_study(), storage=claim))
    cluster = job["spec"]["rayClusterSpec"]
    for pod in (cluster["headGroupSpec"], cluster["workerGroupSpecs"][0]):
        (volume,) = (v for v in pod["template"]["spec"]["volumes"] if v["name"] == "storage")
        assert volume["persistentVolumeClaim"]["claimName"] == claim


@pytest.mark.parametrize("odd", ["a\nkind: x", "a\rb", "a\u2028b", "a\x85b", "a\x1bb", "a\tb"])
def test_a_name_that_no_line_can_hold_is_refused(
    odd: str, make_study: MakeStudy, tmp_path: Path
) -> None:
    study, nodes = make_study(), Nodes(nodes=1, cpus=2, gpus=0)
    writes = (
        ("--image", lambda: rayjob(study, image=odd)),
        ("--out", lambda: rayjob(study, out=f"/storage/{odd}")),
        ("--out", lambda: slurm(study, nodes, storage=tmp_path, out=f"/shared/{odd}")),
        ("--storage", lambda: slurm(study, nodes, storage=tmp_path / odd, out=None)),
    )
    for option, write in writes:
        with pytest.raises(InputError, match=f"{option}: .*holds a line end or a control"):
            write()


@pytest.mark.parametrize("name", ["{{x}}", "${x}", "%s", "a: b #c", "it's", '"q"', "é😀", "a\\b"])
def test_a_folder_with_an_odd_name_is_the_same_on_the_other_side(
    name: str, make_study: MakeStudy
) -> None:
    config, _ = documents(rayjob(make_study(), out=f"/storage/{name}", image=name))
    (line,) = (line for line in config["data"]["run.sh"].splitlines() if line.startswith("OUT="))
    assert shlex.split(line) == [f"OUT=/storage/{name}"]


def stub(folder: Path, name: str, script: str) -> None:
    """A command that does as a script says."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def bash(script: str, stubs: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A script run by bash, to which the stubs' commands come first."""
    path = f"{stubs}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "PATH": path, **variables},
        capture_output=True,
        text=True,
        timeout=30,
    )


def run_script(study: Study, out: Path) -> str:
    """The `run.sh` of a sweep in a folder with an awkward name."""
    script = slurm(study, Nodes(nodes=1, cpus=2, gpus=0), storage=out.parent, out=str(out))
    return re.findall(r"run\.sh\" <<'(\w+)'\n(.*?)\n\1\n", script, re.DOTALL)[0][1]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where the sweep goes."""
    return tmp_path / "it's a $HOME `sweep`"


def test_a_sweep_that_is_not_there_begins(make_study: MakeStudy, out: Path, tmp_path: Path) -> None:
    out.mkdir()
    (out / "provenance.json").write_text("{}")
    stub(tmp_path / "bin", "colorsweep", f'printf "%s|" "$@"; ls -A "{tmp_path}/it"*; exit 4')
    done = bash(run_script(make_study(), out), tmp_path / "bin")
    assert done.stdout == f"run|{out}.job/study.yaml|--out|{out}|--address|auto|"
    assert done.returncode == 4


@pytest.mark.parametrize(
    ("codes", "ended", "calls"), [("0", 0, 1), ("1", 1, 1), ("3 0", 0, 2), ("3 3 3 3", 3, 4)]
)
def test_a_sweep_that_is_there_goes_on(
    *, codes: str, ended: int, calls: int, make_study: MakeStudy, out: Path, tmp_path: Path
) -> None:
    """Exit code 3 is a driver that was lost and still holds the sweep for a while."""
    out.mkdir()
    (out / "study.yaml").write_text("")
    (tmp_path / "codes").write_text("\n".join(codes.split()) + "\n")
    took = f'code=$(head -n 1 {tmp_path}/codes); sed -i 1d {tmp_path}/codes; exit "$code"'
    stub(tmp_path / "bin", "colorsweep", f'printf "%s|" "$@"; echo; {took}')
    stub(tmp_path / "bin", "sleep", "")
    done = bash(run_script(make_study(), out), tmp_path / "bin")
    assert done.stdout == f"resume|{out}|--address|auto|\n" * calls
    assert done.returncode == ended


def test_a_batch_script_starts_ray_on_every_node(
    make_study: MakeStudy, out: Path, tmp_path: Path
) -> None:
    stubs = tmp_path / "bin"
    stub(stubs, "scontrol", 'test "$*" = "show hostnames node[1-2]" && printf "node1\\nnode2\\n"')
    stub(stubs, "hostname", "echo 10.1.2.3 fe80::1")
    stub(stubs, "srun", 'for it; do shift; case "$it" in --*) ;; *) exec "$it" "$@";; esac; done')
    stub(stubs, "colorsweep", "exit $ENDS")
    shown = 'printf "%s|" "$@"; env | grep ^RAY_ | sort'
    stub(stubs, "ray", shown + '; while [ "$1" != -- ]; do shift; done; shift; "$@"; exit 1')
    script = slurm(make_study(), Nodes(nodes=2, cpus=4, gpus=0), storage=tmp_path, out=str(out))
    variables = {"SLURM_JOB_NODELIST": "node[1-2]", "SLURM_JOB_ID": "31234"}
    done = bash(script, stubs, **variables, ENDS="4", RAY_AUTH_TOKEN=SECRETS["environment"])
    assert done.returncode == 4, done.stderr
    first, *environment = done.stdout.splitlines()
    assert first.startswith(
        "symmetric-run|--address|10.1.2.3:21234|--min-nodes|2|--num-cpus=4|--num-gpus=0|--|bash|"
    )
    token = Path(f"{out}.job/token")
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert len(token.read_text()) == 64
    assert f"RAY_AUTH_TOKEN_PATH={token}" in environment
    assert token.read_text() not in script + done.stdout + done.stderr
    again = bash(script, stubs, **variables, ENDS="0")
    assert again.returncode == 0
    stub(stubs, "ray", "exit 0")  # no head: nothing of the sweep was run
    assert bash(script, stubs, **variables).returncode == 1
    assert Path(f"{out}.job/token").read_text() == token.read_text()


def test_directives_come_before_commands(make_study: MakeStudy, tmp_path: Path) -> None:
    lines = slurm(
        make_study(), Nodes(nodes=2, cpus=4, gpus=1), storage=tmp_path, out=None
    ).splitlines()
    first_command = next(at for at, line in enumerate(lines) if line and line[0] != "#")
    directives = [at for at, line in enumerate(lines) if line.startswith("#SBATCH ")]
    assert directives
    assert max(directives) < first_command
    assert "#SBATCH --gpus-per-node=1" in lines


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """A function of arguments that gives exit code and everything that was printed."""

    def start(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        printed = capsys.readouterr()
        return int(str(ended.value.code)), printed.out + printed.err

    return start


@pytest.mark.parametrize(("kind", "start"), [("kuberay", "kubectl apply -f"), ("slurm", "sbatch")])
def test_a_manifest_is_printed_or_written(
    kind: str, start: str, run: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    code, printed = run("manifest", kind, "demo", "--trials", "5", "--quick")
    assert code == 0
    assert "5 trials, " in printed
    file = tmp_path / "a file"
    code, printed = run("manifest", kind, "demo", "-o", str(file))
    assert code == 0
    assert f"Next   {start} '{file}'" in printed
    assert "colorsweep resume" in file.read_text()
    code, printed = run("manifest", kind, "demo", "-o", "/proc/none/file")
    assert code == 2
    assert "/proc/none/file: cannot be written" in printed


def test_pictures_that_only_the_cluster_has(run: Callable[..., tuple[int, str]]) -> None:
    options = ["--data", "/storage/cifar", "--set", "data.source=cifar10"]
    code, printed = run("manifest", "kuberay", "demo", *options)
    assert code == 0
    assert "root: /storage/cifar" in printed
    assert "source: cifar10" in printed


@pytest.mark.parametrize("kind", ["kuberay", "slurm"])
def test_no_planted_secret_is_printed(
    kind: str,
    run: Callable[..., tuple[int, str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    monkeypatch.setenv("MY_API_KEY", SECRETS["environment"])
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text(SECRETS["file"])
    study = tmp_path / "mine.yaml"
    demo = (STUDIES / "demo.yaml").read_text()
    study.write_text(re.sub("question: .*", f"question: token={SECRETS['study']}?", demo))
    code, printed = run("manifest", kind, str(study))
    assert code == 2
    assert "mine: question: holds a secret, which the files of a sweep would show" in printed
    options = ["--set", "data.source=folder", "--set", f"data.root=s3://b?key={SECRETS['config']}"]
    roots = (f"s3://me:{SECRETS['url']}@b/x", f"s3://b/{SECRETS['environment']}")
    for chosen in (options, *(["--data", root] for root in roots)):
        code, said = run("manifest", kind, "demo", *chosen)
        assert code == 2
        assert "data.root: holds a secret" in said
        printed += said
    code, said = run("manifest", kind, "demo")
    assert code == 0
    assert [name for name, one in SECRETS.items() if one in printed + said] == []
