"""Which room may import which, how large a module may grow, and what none may call."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("colornet", "spaces", "search", "reports")
MAX_LINES = 450
MAX_FUNCTION_LINES = 60
"""Without the docstring, which of a command is its help."""

TORCH_FREE = {
    "colornet.cli_result",
    "colornet.training.budget",
    "colornet.model.card",
    "colornet.config.catalog",
    "colornet.config.config",
    "colornet.data",
    "colornet.errors",
    "colornet.reachable",
    "colornet.interrupt",
    "colornet.evaluation.discriminator_stats",
    "colornet.config.columns",
    "colornet.model.folder",
    "colornet.config.paths",
    "colornet.training.final_checks",
    "colornet.provenance",
    "colornet.config.reading",
    "colornet.redaction",
    "colornet.config.sections",
    "colornet.storage",
    "colornet.streams",
    "colornet.config.validation",
}
"""Foundations that every room may use; `colornet.data` stands for all that is in it."""
TORCH = {"torch", "torchvision", "kornia", "safetensors"}
DOORS = {
    "ray": {
        "colornet.training.distributed",
        "search.cluster.auth",
        "search.cluster.jobs",
        "search.cluster.cluster_probe",
        "search.run.worker_group",
        "search.cluster.node_probe",
        "search.run.preflight",
        "search.run.sweep",
        "search.run.trial_actor",
        "search.run.tune",
    },
    "torch": {"search.run.trial_actor"},  # sees to it that a trial's threads are its CPUs
}
"""The only modules (outside colornet, for torch) that may import a library."""

Import = tuple[str, int]


def modules() -> list[str]:
    """Dotted names of all modules of the four rooms."""
    found = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    return sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in found
    )


def source_of(module: str) -> Path:
    """The file of a module."""
    path = ROOT / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def tree_of(module: str) -> ast.Module:
    """The parsed file of a module."""
    return ast.parse(source_of(module).read_text(), str(source_of(module)))


def imports_of(tree: ast.Module) -> Iterator[Import]:
    """(dotted name, line) of every import, at the top or nested.

    `from a import b` counts as `a.b` where that is a module of ours, as `a` elsewhere. What is
    imported for type checking only counts too: an annotation is knowledge of a room.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                ours = node.module.split(".")[0] in ROOMS and source_of(inner).exists()
                yield (inner if ours else node.module, node.lineno)


def is_in(name: str, allowed: set[str]) -> bool:
    """Whether a dotted name is one of these modules, or inside one."""
    return any(name == one or name.startswith(f"{one}.") for one in allowed)


def may_import(module: str, name: str) -> bool:
    """The table of which room may import what; the standard library is everybody's."""
    top, room = name.split(".")[0], module.split(".")[0]
    if top in sys.stdlib_module_names:
        return True
    if top == "ray" or (top in TORCH and room != "colornet"):
        return module in DOORS.get(top, ())
    if room == "colornet":
        if top in TORCH and is_in(module, TORCH_FREE):
            return False
        return top not in {"spaces", "search", "reports", "optuna", "pandas", "plotly"}
    if room == "spaces":
        return is_in(name, TORCH_FREE | {"spaces", "pydantic", "optuna.distributions"})
    own = {
        f"search.{name}"
        for name in (
            *("frames", "lease", "losses", "parts", "recordedstudy", "records", "ranking"),
            "rows",
        )
    }
    libraries = {"pyarrow", "pandas", "numpy", "filelock", "pydantic"}
    if module in own:
        return is_in(name, TORCH_FREE | own | libraries)
    if room == "search":
        return top not in {"reports", "plotly"}
    readable = {
        "search.records.reader",
        "search.core.ranking",
        "search.core.finished",
        "spaces.study",
        "reports",
    }
    libraries = {"plotly", "pandas", "numpy", "scipy", "optuna", "PIL"}
    return is_in(name, TORCH_FREE | readable | libraries | {"jinja2", "markupsafe", "cyclopts"})


@pytest.mark.parametrize("module", modules())
def test_a_module_imports_what_its_room_may(module: str) -> None:
    forbidden = [
        f"{source_of(module).relative_to(ROOT)}:{line} imports {name}"
        for name, line in imports_of(tree_of(module))
        if not may_import(module, name)
    ]
    assert forbidden == []


@pytest.mark.parametrize(
    ("module", "name", "allowed"),
    [
        ("colornet.training.loop", "torch", True),
        ("colornet.training.loop", "ray.train", False),
        ("colornet.training.distributed", "ray.train.torch", True),
        ("colornet.config.config", "torch", False),
        ("colornet.data.sources.scenes", "torch", False),
        ("colornet.config.config", "spaces.study", False),
        ("colornet.data.packed", "numpy", True),
        ("spaces.study", "colornet.config.config", True),
        ("spaces.study", "colornet.training.loop", False),
        ("spaces.distributions", "optuna.distributions", True),
        ("spaces.distributions", "optuna", False),
        ("search.run.recorder", "ray", False),
        ("search.run.recorder", "torch", False),
        ("search.run.tune", "ray.tune", True),
        ("search.run.recorder", "reports.tables", False),
        ("search.records.reader", "search.core.ask_tell", False),
        ("search.core.ranking", "optuna", False),
        ("search.core.ranking", "search.records.reader", True),
        ("reports.page", "search.records.reader", True),
        ("reports.page", "search.core.finished", True),
        ("reports.page", "search.run.recorder", False),
        ("reports.page", "spaces.study", True),
        ("reports.page", "spaces.distributions", False),
        ("reports.page", "torch", False),
        ("reports.page", "colornet.model.model", False),
    ],
)
def test_the_table_itself(module: str, name: str, allowed: bool) -> None:
    assert may_import(module, name) is allowed


def test_nested_and_type_checking_imports_are_seen() -> None:
    tree = ast.parse("if TYPE_CHECKING:\n    import ray\ndef f():\n    from torch import nn\n")
    assert list(imports_of(tree)) == [("ray", 2), ("torch", 4)]


def test_the_torch_free_foundations_exist() -> None:
    assert set(modules()) >= TORCH_FREE


@pytest.mark.parametrize("module", [m for m in modules() if source_of(m).name == "__init__.py"])
def test_package_files_hold_a_docstring_and_nothing_else(module: str) -> None:
    (only,) = tree_of(module).body
    assert isinstance(only, ast.Expr)
    assert isinstance(only.value, ast.Constant)
    assert isinstance(only.value.value, str)


def test_the_command_imports_no_room_but_what_every_end_needs() -> None:
    rooms = {name for name, _ in imports_of(tree_of("search.cli")) if name.split(".")[0] in ROOMS}
    assert rooms == {"colornet.errors", "colornet.interrupt", "colornet.streams"}


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many a function has, its docstring not counted."""
    told = ast.get_docstring(function, clean=False)
    return function.end_lineno - function.lineno + 1 - (told.count("\n") + 1 if told else 0)  # ty: ignore


@pytest.mark.parametrize("module", modules())
def test_a_module_fits_a_reader(module: str) -> None:
    lines = len(source_of(module).read_text().splitlines())
    assert lines <= MAX_LINES
    long = [
        f"{node.name}: {lines_of(node)} lines"
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and lines_of(node) > MAX_FUNCTION_LINES
    ]
    assert long == []


def dangerous_calls(tree: ast.Module) -> list[str]:
    """Calls that run what they read, or a shell."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        keywords = {word.arg: word.value for word in node.keywords}
        weights_only = keywords.get("weights_only")
        if (
            called in ("eval", "exec", "os.system", "os.popen", "__import__")
            or called.split(".")[0] in ("pickle", "cloudpickle", "dill", "marshal", "shelve")
            or called in ("yaml.load", "yaml.unsafe_load")
            or "shell" in keywords
            or (
                called == "torch.load"
                and not (isinstance(weights_only, ast.Constant) and weights_only.value is True)
            )
        ):
            found.append(f"line {node.lineno}: {ast.unparse(node)[:80]}")
    return found


@pytest.mark.parametrize("module", modules())
def test_nothing_runs_what_it_reads(module: str) -> None:
    assert dangerous_calls(tree_of(module)) == []


@pytest.mark.parametrize(
    "line",
    [
        "pickle.load(f)",
        "pickle.loads(b)",
        "torch.load(p)",
        "torch.load(p, weights_only=False)",
        "yaml.load(text)",
        "eval(text)",
        "exec(text)",
        "subprocess.run(text, shell=True)",
        "os.system(text)",
    ],
)
def test_dangerous_calls_are_seen(line: str) -> None:
    assert len(dangerous_calls(ast.parse(line))) == 1


def test_the_safe_forms_are_no_finding() -> None:
    safe = "torch.load(p, weights_only=True)\nsubprocess.run(['ls'])\nyaml.dump(x)\nmodel.eval()"
    assert dangerous_calls(ast.parse(safe)) == []


def hand_made_plurals(tree: ast.Module) -> list[str]:
    """Every `"s"` or `"s …"` that a condition or a product adds to a word."""
    found = []
    for node in ast.walk(tree):
        parts: list[ast.expr] = []
        if isinstance(node, ast.IfExp):
            parts = [node.body, node.orelse]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            parts = [node.left, node.right]
        for part in parts:
            text = part.value if isinstance(part, ast.Constant) else None
            if isinstance(text, str) and (text == "s" or text.startswith("s ")):
                found.append(f"line {node.lineno}: {ast.unparse(node)[:80]}")
    return found


@pytest.mark.parametrize("module", modules())
def test_counts_become_text_in_one_place(module: str) -> None:
    assert hand_made_plurals(tree_of(module)) == []


@pytest.mark.parametrize(
    "line", ["'s' if n > 1 else ''", "'' if n == 1 else 's in'", "'s' * (n > 1)"]
)
def test_hand_made_plurals_are_seen(line: str) -> None:
    assert len(hand_made_plurals(ast.parse(line))) == 1
