"""The `colorsweep` command: names subcommands, prints their results, turns errors into codes.

Subcommands are import strings, so that `--help` and the reading commands load neither torch nor
Ray. stdout carries results only; progress, logs and warnings go to stderr.
"""

import json
import logging
import sys
import warnings
from collections.abc import Sequence
from importlib import metadata
from typing import Annotated, Any

from colornet.interrupt import write_stderr

try:
    from cyclopts import App, CycloptsError, Parameter

    from colornet import streams
    from colornet.errors import (
        INTERRUPTED,
        ColorsweepError,
        InputError,
        RedactingFilter,
        StorageError,
        from_os_error,
        printable,
        user_message,
    )
except KeyboardInterrupt:  # libraries take a while to load
    write_stderr("Interrupted")
    sys.exit(130)

app = App(
    name="colorsweep",
    help="Find out how to train image-colorization GANs: sweep, report, pick, train, colorize.",
    help_format="plaintext",
    version=lambda: metadata.version("colorsweep"),
    version_flags=["--version"],
)
for of_cyclopts in (app, app.meta):
    of_cyclopts.suppress_keyboard_interrupt = False  # which would end the process without a word
GROUPS = {
    "data": "List, check and pack pictures.",
    "manifest": "Print a sweep as a scheduler's file.",
    "export": "Write a sweep for Optuna or a spreadsheet.",
}
COMMANDS = {
    "demo": ("search.demo:demo", "Run the whole path in small, on built-in pictures."),
    "studies": ("reports.commands:studies", "List the studies, print one, or a sweep's next one."),
    "presets": ("colornet.commands:presets", "List the presets, or print one."),
    "run": ("search.commands:run", "Run a study as a sweep."),
    "plan": ("search.commands:plan", "Check a study and estimate what it takes to run."),
    "submit": ("search.cluster.job_commands:submit", "Run a study on a cluster, as a Ray job."),
    "logs": ("search.cluster.job_commands:logs", "Print a job's output, or a sweep's events."),
    "stop": ("search.cluster.job_commands:stop", "Stop a sweep, to be resumed later."),
    "doctor": ("search.cluster.commands:doctor", "Check that a machine or cluster is ready."),
    "status": ("search.commands:status", "Show a sweep's state."),
    "resume": ("search.commands:resume", "Resume a sweep that was stopped or killed."),
    "extend": ("search.commands:extend", "Give a sweep more trials or seeds, and resume it."),
    "confirm": ("search.commands:confirm", "Train the best again with fresh seeds."),
    "report": ("reports.commands:report", "Build a sweep's report, one HTML file."),
    "best": ("reports.commands:best", "Write the best configuration to best.yaml."),
    "train": ("search.final_training:train", "Train a configuration finally, to a model."),
    "colorize": ("colornet.commands:colorize", "Colorize pictures with a model."),
    "data list": ("colornet.commands:data_list", "List the sources of pictures."),
    "data check": ("colornet.commands:data_check", "Find what is wrong with pictures."),
    "data pack": ("colornet.commands:data_pack", "Decode pictures once, into a folder."),
    "manifest kuberay": ("search.cluster.commands:manifest_kuberay", "Print a sweep as a RayJob."),
    "manifest slurm": ("search.cluster.commands:manifest_slurm", "Print it as a batch script."),
    "export csv": ("reports.export:export_csv", "Write a sweep's trials as a table."),
    "export optuna": ("search.export:export_optuna", "Write a sweep as an Optuna journal."),
}
apps = {"": app}
for name, text in GROUPS.items():
    apps[name] = App(name=name, help=text, help_format="plaintext")
    app.command(apps[name])
for name, (target, text) in COMMANDS.items():
    group, _, command = name.rpartition(" ")
    apps[group].command(target, name=command, help=text)


@app.meta.default
def _launch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    debug: Annotated[bool, Parameter(name="--debug", negative=())] = False,
) -> int:
    """Run one subcommand.

    Parameters
    ----------
    as_json
        Print the result as JSON.
    debug
        Show the traceback of an error.
    """
    try:
        _refuse_empty(tokens)
        result = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
        return _show(result, as_json)
    except CycloptsError as error:
        print(user_message(str(error)), file=sys.stderr)
        return 2
    except BrokenPipeError:
        streams.discard_stdout()
        return 0
    except (ColorsweepError, OSError, MemoryError, RecursionError) as error:
        if debug:
            raise
        user_error = _user_error(error)
        print(user_error, file=sys.stderr)
        return user_error.exit_code


def _refuse_empty(tokens: Sequence[str]) -> None:
    """Refuse what a shell leaves of an unset variable: an empty path is the working folder."""
    for index, token in enumerate(tokens):
        name = token.removesuffix("=")
        if token and not (name != token and name.startswith("-") and "=" not in name):
            continue
        before = tokens[index - 1] if index and not token else ""
        where = name or (before if before.startswith("-") else f"argument {index}")
        raise InputError(f"{where}: is empty.\nGive it a value, or leave it out.")


def _user_error(error: BaseException) -> ColorsweepError:
    """The message and exit code of an error that ends a command."""
    if isinstance(error, ColorsweepError):
        return error
    if isinstance(error, OSError):
        return from_os_error(error)
    kind = "more memory" if isinstance(error, MemoryError) else "deeper nesting"
    return ColorsweepError(f"needs {kind} than there is.\nSee where with --debug.")


def _show(result: Any, as_json: bool) -> int:
    if result is None or isinstance(result, int):
        return result or 0
    if as_json:
        streams.write_result(json.dumps(result.data(), indent=1, allow_nan=False))
    else:
        streams.write_result(printable(result.text()))
    return getattr(result, "exit_code", 0)


class _Stderr(logging.Handler):
    """Logs to what `sys.stderr` is at the time: a live display takes its place while it runs."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `colorsweep` with the process's arguments and exit with its code."""
    had_stdout = streams.open_standard_streams()
    handler = _Stderr()
    handler.addFilter(RedactingFilter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, format="%(message)s")
    logging.getLogger("colorsweep").setLevel(logging.INFO)
    # What Pillow thinks of damaged metadata comes without the name of the picture.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    code = 0
    try:
        code = app.meta(
            arguments, result_action="return_value", exit_on_error=False, print_error=False
        )
        streams.write_result("", end="")
        if not had_stdout:
            raise StorageError("stdout: cannot be written: it is closed")
    except CycloptsError as error:
        print(user_message(str(error)), file=sys.stderr)
        code = 2
    except StorageError as error:
        print(error, file=sys.stderr)
        code = code or error.exit_code
    except OSError as error:  # of help, which is printed by itself
        streams.discard_stdout()
        if not isinstance(error, BrokenPipeError):
            print(f"stdout: {from_os_error(error)}", file=sys.stderr)
            code = 1
    except KeyboardInterrupt:
        write_stderr("Interrupted")
        code = INTERRUPTED
    sys.exit(code)
