"""The first look at storage by URI: does anybody answer there, and is there such a bucket?

A filesystem's client tries again for a minute and more where nobody answers, and can then not be
left alone: its process does not end before. So the look is had by a process of its own, which is
this file as a script; it needs nothing of this project.
"""

import json
import subprocess
import sys
from functools import cache
from typing import Any

PATIENCE = 6.0
"""Seconds in which storage has to answer."""
BUCKETS = ("s3", "gcs")
"""Names of filesystems whose first part of a path is a bucket."""


@cache
def check_answers(location: str) -> None:
    """Have a first look at a folder by URI, once in a process; a local path is not looked at.

    Raises:
        InputError: nobody answers in time, there is no such bucket, or it cannot be read.
    """
    from colornet.errors import InputError  # the script does not find it everywhere

    if "://" not in location or location.startswith("file://"):
        return
    try:
        done = subprocess.run(
            [sys.executable, "-P", __file__],
            input=location,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        said = json.loads(done.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        said = {"error": f"no answer within {PATIENCE:g} s"}
    except (ValueError, IndexError):
        return  # whoever uses the storage will say what is wrong with it
    if bucket := said.get("missing"):
        raise InputError(f"{location}: there is no bucket {bucket}: make it, or name another.")
    if error := said.get("error"):
        raise InputError(
            f"{location}: cannot be reached: {error}: see its name, the network, the credentials, "
            "and AWS_ENDPOINT_URL for a server of your own."
        )


def _look(location: str) -> dict[str, Any]:
    from pyarrow import fs

    try:
        filesystem, root = fs.FileSystem.from_uri(location)
        if isinstance(filesystem, fs.S3FileSystem):
            filesystem = _without_retries(filesystem)
        bucket = root.partition("/")[0] if filesystem.type_name in BUCKETS else ""
        if bucket and filesystem.get_file_info(bucket).type == fs.FileType.NotFound:
            return {"missing": bucket}
        filesystem.get_file_info(fs.FileSelector(root, allow_not_found=True))
    except (OSError, ValueError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return {"error": lines[0].rpartition("Details: ")[2].rstrip(".")[:200]}
    return {}


def _without_retries(filesystem: Any) -> Any:
    """The same S3, tried once."""
    from pyarrow import fs

    _, (options,) = filesystem.__reduce__()
    once = fs.AwsStandardS3RetryStrategy(max_attempts=1)
    return fs.S3FileSystem(**{**options, "retry_strategy": once})


if __name__ == "__main__":
    print(json.dumps(_look(sys.stdin.read())), flush=True)
