"""What every test may count on: private cache and sweep folders, no Ray usage statistics.

With pytest-xdist the tests of a file stay in one process, with their fixtures (`--dist loadfile`).
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that wait for Ray, then those that wait for a browser.

    They take the longest and need the least of a processor: begun last, they would be waited for.
    """
    waits = {"ray": 0, "browser": 1}
    first = {item.path: 2 for item in items}
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        first[item.path] = min([first[item.path], *(waits[name] for name in marks & waits.keys())])
    items.sort(key=lambda item: first[item.path])


@pytest.fixture(scope="session", autouse=True)
def private_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Packed pictures are shared by the tests of one run; nothing touches the user's cache.

    What commands write to the current folder goes to one that may be written to.
    """
    os.environ["COLORSWEEP_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    os.environ.pop("COLORSWEEP_OUT", None)
    os.environ.pop("COLORSWEEP_ADDRESS", None)
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("work"))
    yield
    os.chdir(before)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real pictures, where COLORSWEEP_TEST_DATA names one."""
    named = os.environ.get("COLORSWEEP_TEST_DATA")
    if not named:
        pytest.skip("COLORSWEEP_TEST_DATA names no folder of pictures")
    return Path(named)
