"""Options that several commands have, each described once."""

import shlex
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from colornet.cli_result import parse_settings

if TYPE_CHECKING:
    from spaces.study import Study

AtLeastNone = Annotated[int, Parameter(validator=Number(gte=0))]
AtLeastOne = Annotated[int, Parameter(validator=Number(gte=1))]
Settings = Annotated[list[str] | None, Parameter(name="--set", negative=())]
Names = Annotated[list[str] | None, Parameter(negative=())]
Trials = Annotated[int | None, Parameter(alias="-n")]
Address = Annotated[str | None, Parameter(env_var="COLORSWEEP_ADDRESS")]
Flag = Annotated[bool, Parameter(negative=())]
Follow = Annotated[bool, Parameter(alias="-f", negative=())]


@Parameter(name="*")
@dataclass(frozen=True)
class StudyOptions:
    """A study, and what is changed of it.

    `data`, `trials` and `when_spent` are short for `settings`. Where both name the same setting
    `settings` wins, whatever the command, and a note says so.

    Parameters
    ----------
    study
        Name of a built-in study, or a YAML file.
    data
        Pictures to train on, at a path that every node sees (on a pod below /storage): a folder,
        CIFAR-10 batches, Parquet, or the URI of a pack; short for --set data.source=… --set
        data.root=DIR.
    settings
        PATH=VALUE: a config path, which fixes a dimension of that name, or a study key.
    trials
        Number of trials; short for --set budget.trials=N.
    quick
        The study's own small variant.
    when_spent
        What becomes of running trials when a budget is spent: they finish, or are cut off; short
        for --set budget.when_spent=….
    learn_from
        An earlier sweep (folder, URI or beginning of its name) of whose trials the sampler is told.
    """

    study: str
    _: KW_ONLY
    data: str | None = None
    settings: Settings = None
    trials: Trials = None
    quick: Flag = False
    when_spent: Literal["finish", "cut"] | None = None
    learn_from: Names = None

    def load(self) -> "Study":
        """Load the study with these options; its notes say which of them another overrides.

        Raises:
            InputError: for whatever cannot be run.
        """
        from spaces.loading import load_study

        changes, notes = self.changes()
        loaded = load_study(self.study, changes, quick=self.quick)
        if self.learn_from:
            from search.core.learn_from import learn_from

            loaded = learn_from(loaded, self.learn_from)
        return replace(loaded, notes=(*notes, *loaded.notes))

    def changes(self) -> tuple[dict[str, Any], list[str]]:
        """What the options change of the study, {path: value}, and which `settings` override."""
        from colornet.data.check import detect_source

        explicit = parse_settings(self.settings or [])
        short: dict[str, tuple[str, Any]] = {}
        if (data := self.data) is not None:
            root = data if "://" in data else str(Path(data).expanduser().absolute())
            source = detect_source(Path(str(explicit.get("data.root", root))))
            short["data.source"] = (f"--data {data}, which looks like {source}", source)
            short["data.root"] = (f"--data {data}", root)
        if self.trials is not None:
            short["budget.trials"] = (f"--trials {self.trials}", self.trials)
        if self.when_spent is not None:
            option = f"--when-spent {self.when_spent}"
            short["budget.when_spent"] = (option, self.when_spent)
        both = {path: value for path in short if (value := _set_value(path, explicit))}
        notes = [
            f"--set {path}={both[path][0]} wins over {option}"
            for path, (option, value) in short.items()
            if path in both and both[path][0] != value
        ]
        implied = {path: value for path, (_, value) in short.items() if path not in both}
        return {**explicit, **implied}, notes

    def words(self) -> str:
        """The options as a user types them after a command's name."""
        options = [("--set", setting) for setting in self.settings or []]
        names = ("data", "trials", "when_spent")
        options += [(f"--{name.replace('_', '-')}", getattr(self, name)) for name in names]
        options += [("--learn-from", sweep) for sweep in self.learn_from or []]
        words = [str(word) for option in options if option[1] is not None for word in option]
        return shlex.join([self.study, *words, *(["--quick"] if self.quick else [])])


def _set_value(path: str, explicit: Mapping[str, Any]) -> tuple[Any] | None:
    """The value that `--set` gives a path, by itself or with the section that it lies in."""
    if path in explicit:
        return (explicit[path],)
    section, _, key = path.partition(".")
    whole = explicit.get(section)
    return (whole[key],) if isinstance(whole, Mapping) and key in whole else None


@Parameter(name="*")
@dataclass(frozen=True)
class SweepOptions:
    """A sweep that is there, and where it goes on.

    Parameters
    ----------
    sweep
        Folder, or the beginning of its name [the latest].
    take_over
        Take the sweep from another driver, which stops within seconds if it is alive.
    address
        Ray cluster to run on: auto or HOST:6379 [one is started here].
    """

    sweep: str | None = None
    _: KW_ONLY
    take_over: Flag = False
    address: Address = None


@Parameter(name="*")
@dataclass(frozen=True)
class ResumeOptions(SweepOptions):
    """The same, and what it goes on with.

    Parameters
    ----------
    study
        Take the study from this file, as far as its results can be mixed with those there are.
    accept
        Resume although the space was widened, or the search changed.
    """

    _: KW_ONLY
    study: str | None = None
    accept: Flag = False


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Nodes:
    """What a scheduler gives a sweep.

    Parameters
    ----------
    nodes
        Nodes, which of KubeRay are worker pods.
    cpus
        CPUs of each.
    gpus
        Cards of each.
    """

    nodes: AtLeastOne = 1
    cpus: AtLeastOne = 4
    gpus: AtLeastNone = 0
