"""What `colorsweep studies` does."""

from colornet.cli_result import CliResult, align_columns
from colornet.config.catalog import builtin_names, find_yaml, read_yaml
from colornet.config.reading import read_text
from spaces.loading import STUDIES, load_study


def print_study(name: str) -> CliResult:
    """A built-in study as it is written, or a file's."""
    path = find_yaml(name, STUDIES, "study")
    load_study(name)
    return CliResult(read_text(path).rstrip("\n"), read_yaml(path))


def list_studies() -> CliResult:
    """The built-in studies: how many trials they take, and what they ask."""
    rows = [("study", "design", "trials".rjust(8), "quick".rjust(8), "question")]
    values = {}
    for builtin in builtin_names(STUDIES):
        whole, quick = load_study(builtin), load_study(builtin, quick=True)
        cells = [
            f"{study.trials} + {study.confirming}" if study.confirming else str(study.trials)
            for study in (whole, quick)
        ]
        file = whole.file
        rows.append((builtin, file.design, cells[0].rjust(8), cells[1].rjust(8), file.question))
        values[builtin] = {
            "question": file.question,
            "asked_in": file.asked_in,
            "base": file.base,
            "design": file.design,
            "trials": whole.trials,
            "confirming": whole.confirming,
            "quick": {"trials": quick.trials, "confirming": quick.confirming},
        }
    note = "Trials: in full and with --quick; + those that confirm the best of them."
    return CliResult(f"{align_columns(rows)}\n\n{note}", {"studies": values})
