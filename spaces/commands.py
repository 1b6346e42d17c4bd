"""What `colorsweep studies` does."""

from typing import Any

from colornet.cli_result import CliResult, align_columns
from colornet.config.catalog import builtin_names, find_yaml, read_yaml
from colornet.config.reading import read_text
from spaces.loading import STUDIES, load_study
from spaces.study import Study


def studies(name: str | None = None) -> CliResult:
    """List the built-in studies, or print one to start your own from.

    Parameters
    ----------
    name
        The study to print; `colorsweep studies NAME > mine.yaml`.
    """
    if name is not None:
        path = find_yaml(name, STUDIES, "study")
        load_study(name)
        return CliResult(read_text(path).rstrip("\n"), read_yaml(path))
    rows = [("study", "design", "trials".rjust(8), "quick".rjust(8), "question")]
    values = {}
    for found in builtin_names(STUDIES):
        whole, quick = load_study(found), load_study(found, quick=True)
        rows.append((found, whole.file.design, _trials(whole), _trials(quick), whole.file.question))
        values[found] = _described(whole, quick)
    note = "Trials: in full and with --quick; + those that confirm the best of them."
    return CliResult(f"{align_columns(rows)}\n\n{note}", {"studies": values})


def _described(whole: Study, quick: Study) -> dict[str, Any]:
    """What programs read of a study, in full and in its quick variant."""
    return {
        "question": whole.file.question,
        "asked_in": whole.file.asked_in,
        "base": whole.file.base,
        "design": whole.file.design,
        "trials": whole.trials,
        "confirming": whole.confirming,
        "quick": {"trials": quick.trials, "confirming": quick.confirming},
    }


def _trials(study: Study) -> str:
    """Trials of the search + those that confirm, aligned to the right."""
    confirming = study.confirming
    return (f"{study.trials} + {confirming}" if confirming else str(study.trials)).rjust(8)
