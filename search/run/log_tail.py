"""The last lines that a training's process logged, for a trial's record."""

import logging
import traceback
from collections import deque
from types import TracebackType

from colornet.redaction import redact

LINES = 40


class LogTail(logging.Handler):
    """Keeps the last `LINES` lines of whatever is logged or warned of while it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=LINES)
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))

    def __enter__(self) -> "LogTail":
        logging.captureWarnings(True)
        logging.getLogger().addHandler(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        logging.getLogger().removeHandler(self)
        logging.captureWarnings(False)

    def emit(self, record: logging.LogRecord) -> None:
        """Take a message; one that cannot be formatted is `logging`'s to complain of."""
        try:
            self._lines.extend(self.format(record).splitlines())
        except Exception:  # as every handler does: a log line ends no training
            self.handleError(record)

    def failed(self, error: BaseException) -> None:
        """Add where an error came from."""
        for entry in traceback.format_exception(error):
            self._lines.extend(entry.rstrip().splitlines())

    @property
    def text(self) -> str | None:
        """The lines, without secrets; None where there are none."""
        return redact("\n".join(self._lines)) if self._lines else None
