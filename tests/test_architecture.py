"""Which folder may import which, how long a function may grow, and what none may call.

One test a rule; each lists every offender with its file and line.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("colornet", "spaces", "search", "reports")
MAX_FUNCTION_LINES = 60
"""Without the docstring, which of a command is its help."""

FOUNDATIONS = {
    "colornet.cli_result",
    "colornet.config",
    "colornet.data",
    "colornet.errors",
    "colornet.evaluation.discriminator_stats",
    "colornet.interrupt",
    "colornet.model.card",
    "colornet.model.folder",
    "colornet.model.lightness",
    "colornet.provenance",
    "colornet.redaction",
    "colornet.storage",
    "colornet.streams",
    "colornet.training.final_checks",
}
"""Torch-free modules and folders that every room may use."""

COLORNET = {
    *("colornet", "colornet.config", "colornet.data", "colornet.evaluation", "colornet.model"),
    *("colornet.networks", "colornet.training"),
}

FOLDERS: dict[str, set[str]] = {
    # how one training learns
    "colornet.config": {"colornet"},
    "colornet.data": {"colornet", "colornet.config"},
    "colornet.networks": {"colornet", "colornet.config"},
    "colornet.evaluation": {
        *("colornet", "colornet.config", "colornet.data", "colornet.networks"),
    },
    "colornet.model": {
        *("colornet", "colornet.config", "colornet.data", "colornet.networks"),
    },
    "colornet.training": {
        *("colornet", "colornet.config", "colornet.data", "colornet.networks"),
        *("colornet.evaluation", "colornet.model"),
    },
    "colornet": {
        *("colornet.config", "colornet.data", "colornet.evaluation", "colornet.model"),
        "colornet.training",
    },
    # what is asked
    "spaces": FOUNDATIONS,
    # how trials are chosen, placed, recorded
    "search.records": FOUNDATIONS,
    "search.core": {*FOUNDATIONS, "spaces", "search.records"},
    "search.run": {
        *COLORNET,
        *("spaces", "search.core", "search.records", "search.cluster.auth"),
    },
    "search.plan": {*COLORNET, "spaces", "search.core", "search.records", "search.run"},
    "search.cluster": {
        *COLORNET,
        *("spaces", "search", "search.core", "search.records", "search.run"),
    },
    "search": {
        *COLORNET,
        *("spaces", "search.core", "search.records", "search.run", "search.plan"),
        "search.cluster",
    },
    # how people read and decide
    "reports.analysis": {
        *FOUNDATIONS,
        *("search.records.reader", "search.core.ranking", "search.core.imputation"),
        *("search.core.outliers", "search.core.surrogate", "spaces.study", "spaces.dimensions"),
        "reports",
    },
    "reports.charts": {
        *FOUNDATIONS,
        *("search.records.reader", "search.core.ranking", "spaces.study"),
        *("spaces.dimensions", "reports", "reports.analysis"),
    },
    "reports.answers": {
        *FOUNDATIONS,
        *("search.records.reader", "search.core.ranking", "search.core.finished", "spaces.study"),
        *(
            "search.records.pictures",
            "search.core.offset",
            "spaces.earlier",
            "spaces.dimensions",
            "reports",
            "reports.analysis",
            "reports.charts",
        ),
    },
    "reports.page": {
        *FOUNDATIONS,
        *("search.records.reader", "search.core.ranking", "search.core.finished", "spaces.study"),
        *("spaces.dimensions", "reports", "reports.analysis", "reports.charts", "reports.answers"),
    },
    "reports": {
        *FOUNDATIONS,
        *("search.records.reader", "search.core.ranking", "search.core.finished", "spaces.study"),
        *(
            "spaces.commands",
            "spaces.dimensions",
            "reports.analysis",
            "reports.charts",
            "reports.answers",
            "reports.page",
        ),
    },
}
"""What of ours each folder may import beside itself.

`colornet`, `search` and `reports` stand for the modules at their top, any other folder for all that
is in it.
"""

LIBRARIES: dict[str, set[str]] = {
    "colornet": {
        *("cyclopts", "imagehash", "jinja2", "kornia", "numpy", "PIL", "pillow_heif", "pyarrow"),
        *("pydantic", "rich", "ruamel", "safetensors", "scipy", "torch", "xxhash", "yaml"),
    },
    "spaces": {"cyclopts", "numpy", "optuna.distributions", "pydantic"},
    "search.records": {"filelock", "numpy", "pandas", "pyarrow", "pydantic"},
    "search.core": {"numpy", "optuna", "pandas", "scipy"},
    "search": {
        *("cyclopts", "grpc", "jinja2", "numpy", "optuna", "packaging", "pandas", "PIL", "pyarrow"),
        *("requests", "rich"),
    },
    "reports": {
        *("cyclopts", "jinja2", "markupsafe", "numpy", "optuna", "pandas", "PIL", "plotly"),
        *("scipy", "statsmodels"),
    },
}
"""What of others' each room may import, or folder where that is named."""

TORCH = {"torch", "kornia", "safetensors"}
RAY = {
    "colornet.training.distributed",
    "search.cluster.auth",
    "search.cluster.cluster_probe",
    "search.cluster.jobs",
    "search.cluster.node_probe",
    "search.run.preflight",
    "search.run.sweep",
    "search.run.trial_actor",
    "search.run.tune",
    "search.run.worker_group",
}
"""The only modules that may import Ray."""
TORCH_DOORS = {"search.run.trial_actor"}
"""Of the other rooms those that may import torch: it sees to it that a trial's threads are its
CPUs."""


@cache
def modules() -> tuple[str, ...]:
    """Dotted names of all modules of the four rooms."""
    paths = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    names = (".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths)
    return tuple(sorted(name.removesuffix(".__init__") for name in names))


def source_of(module: str) -> Path:
    """The file of a module."""
    path = ROOT / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def tree_of(module: str) -> ast.Module:
    """The parsed file of a module."""
    return ast.parse(source_of(module).read_text(), str(source_of(module)))


def imports_of(tree: ast.Module) -> Iterator[tuple[str, int]]:
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
    """Whether a dotted name is one of these, or inside one."""
    return any(name == entry or name.startswith(f"{entry}.") for entry in allowed)


def folder_of(module: str) -> str:
    """The entry of `FOLDERS` that a module belongs to."""
    inner = ".".join(module.split(".")[:2])
    return inner if inner in FOLDERS else module.split(".")[0]


def may_import(module: str, name: str) -> bool:
    """Whether the tables above let a module import what has this dotted name."""
    top, folder = name.split(".")[0], folder_of(module)
    if top in sys.stdlib_module_names:
        return True
    if top == "ray":
        return module in RAY
    if top in TORCH:
        if module.split(".")[0] != "colornet":
            return module in TORCH_DOORS
        return not is_in(module, FOUNDATIONS)
    if top in ROOMS:
        if is_in(module, FOUNDATIONS) and module.split(".")[0] == "colornet":
            return is_in(name, FOUNDATIONS)
        allowed = FOLDERS[folder] | {folder}
        return folder_of(name) in allowed or is_in(name, allowed - FOLDERS.keys())
    return is_in(name, LIBRARIES.get(folder, LIBRARIES[module.split(".")[0]]))


Finder = Callable[[ast.Module], list[str]]


def offenders(find: Finder) -> list[str]:
    """What a finder has to say of every module, with the file."""
    return [
        f"{source_of(module).relative_to(ROOT)} {found}"
        for module in modules()
        for found in find(tree_of(module))
    ]


def test_a_module_imports_what_its_folder_may() -> None:
    forbidden = [
        f"{source_of(module).relative_to(ROOT)}:{line} imports {name}"
        for module in modules()
        for name, line in imports_of(tree_of(module))
        if not may_import(module, name)
    ]
    assert forbidden == []


@pytest.mark.parametrize(
    ("module", "name", "allowed"),
    [
        ("colornet.training.loop", "torch", True),
        ("colornet.training.loop", "ray.train", False),
        ("colornet.training.loop", "optuna", False),
        ("colornet.training.distributed", "ray.train.torch", True),
        ("colornet.networks.layers", "colornet.training.loop", False),
        ("colornet.config.config", "torch", False),
        ("colornet.config.config", "colornet.color", False),
        ("colornet.data.sources.scenes", "torch", False),
        ("colornet.config.config", "spaces.study", False),
        ("colornet.data.packed", "numpy", True),
        ("spaces.study", "colornet.config.config", True),
        ("spaces.study", "colornet.training.loop", False),
        ("spaces.dimensions", "optuna.distributions", True),
        ("spaces.dimensions", "optuna", False),
        ("search.run.recorder", "ray", False),
        ("search.run.recorder", "torch", False),
        ("search.run.tune", "ray.tune", True),
        ("search.run.recorder", "reports.tables", False),
        ("search.run.recorder", "search.plan.plan", False),
        ("search.run.recorder", "search.commands", False),
        ("search.records.reader", "search.core.ask_tell", False),
        ("search.core.ranking", "search.records.reader", True),
        ("search.core.ranking", "search.run.recorder", False),
        ("search.core.ranking", "ray", False),
        ("search.commands", "search.plan.plan", True),
        ("reports.page.page", "search.records.reader", True),
        ("reports.page.page", "search.core.finished", True),
        ("reports.page.page", "search.run.recorder", False),
        ("reports.page.page", "spaces.study", True),
        ("reports.page.page", "spaces.dimensions", True),
        ("reports.page.page", "torch", False),
        ("reports.page.page", "colornet.model.model", False),
        ("reports.analysis.levels", "reports.tables", True),
        ("reports.analysis.levels", "reports.answers.answer", False),
        ("reports.charts.endings", "reports.page.page", False),
        ("reports.answers.health", "reports.page.summary", False),
    ],
)
def test_the_tables_themselves(module: str, name: str, allowed: bool) -> None:
    assert may_import(module, name) is allowed


def test_nested_and_type_checking_imports_are_seen() -> None:
    tree = ast.parse("if TYPE_CHECKING:\n    import ray\ndef f():\n    from torch import nn\n")
    assert list(imports_of(tree)) == [("ray", 2), ("torch", 4)]


def test_the_tables_name_what_exists() -> None:
    assert {*FOUNDATIONS, *FOLDERS, *RAY, *TORCH_DOORS} <= set(modules())


def test_package_files_hold_a_docstring_and_nothing_else() -> None:
    packages = [module for module in modules() if source_of(module).name == "__init__.py"]
    more = [
        module
        for module in packages
        if len(tree_of(module).body) != 1 or not ast.get_docstring(tree_of(module))
    ]
    assert more == []


def test_the_command_imports_no_room_but_what_every_end_needs() -> None:
    rooms = {name for name, _ in imports_of(tree_of("search.cli")) if name.split(".")[0] in ROOMS}
    assert rooms == {"colornet.errors", "colornet.interrupt", "colornet.streams"}


def long_functions(tree: ast.Module) -> list[str]:
    """Functions that do not fit a screen, their docstring not counted."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node, clean=False)
            lines = (node.end_lineno or 0) - node.lineno + 1
            lines -= docstring.count("\n") + 1 if docstring else 0
            if lines > MAX_FUNCTION_LINES:
                found.append(f"line {node.lineno}: {node.name} has {lines} lines")
    return found


def test_a_function_fits_a_screen() -> None:
    assert offenders(long_functions) == []


def test_a_long_function_is_seen_and_its_docstring_not_counted() -> None:
    body = "    x = 1\n" * MAX_FUNCTION_LINES
    assert len(long_functions(ast.parse(f"def f():\n{body}"))) == 1
    told = '    """' + "\n" * 80 + '    """\n'
    assert long_functions(ast.parse(f"def f():\n{told}    x = 1\n")) == []


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


def test_nothing_runs_what_it_reads() -> None:
    assert offenders(dangerous_calls) == []


def unpicklers(tree: ast.Module) -> list[str]:
    """Classes that read pickles, whatever names they refuse."""
    return [
        f"line {node.lineno}: {node.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and any("Unpickler" in ast.unparse(base) for base in node.bases)
    ]


def test_only_the_reader_of_cifar_10_derives_from_an_unpickler() -> None:
    found = offenders(unpicklers)
    assert len(found) == 1 and found[0].startswith("colornet/data/cifar_pickle.py")


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


def test_counts_become_text_in_one_place() -> None:
    assert offenders(hand_made_plurals) == []


@pytest.mark.parametrize(
    "line", ["'s' if n > 1 else ''", "'' if n == 1 else 's in'", "'s' * (n > 1)"]
)
def test_hand_made_plurals_are_seen(line: str) -> None:
    assert len(hand_made_plurals(ast.parse(line))) == 1
