"""What `colorsweep studies` does."""

from colornet.answer import Answer, aligned
from colornet.catalog import builtin_names, find_yaml, read_yaml
from spaces.loading import STUDIES, load_study


def studies(name: str | None = None) -> Answer:
    """List the built-in studies, or print one to start your own from.

    Parameters
    ----------
    name
        The study to print; `colorsweep studies NAME > mine.yaml`.
    """
    if name is not None:
        path = find_yaml(name, STUDIES, "study")
        load_study(name)
        return Answer(path.read_text().rstrip("\n"), read_yaml(path))
    listed = {found: read_yaml(STUDIES / f"{found}.yaml") for found in builtin_names(STUDIES)}
    rows = [(found, study["question"]) for found, study in listed.items()]
    values = {
        found: {
            "question": study["question"],
            "asked_in": study.get("asked_in", []),
            "base": study["base"],
            "trials": study["budget"]["trials"],
        }
        for found, study in listed.items()
    }
    return Answer(aligned(rows), {"studies": values})
