"""Logs as JSON lines on standard error: time, level, event, and what it is about, such as the job."""

from __future__ import annotations

import json
import logging
import sys
import time

log = logging.getLogger("atelier.service")
PLAIN = set(vars(logging.makeLogRecord({}))) | {"message", "taskName"}


class Lines(logging.Formatter):
    """A record as a line of JSON; what was given as `extra` beside it."""

    def format(self, record: logging.LogRecord) -> str:
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        entry = {"time": when, "level": record.levelname.lower(), "event": record.getMessage(), "process": record.process}
        entry |= {name: value for name, value in vars(record).items() if name not in PLAIN and not name.startswith("_")}
        if record.exc_info and record.exc_info[1] is not None:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


def set_up(level: int = logging.INFO) -> None:
    """Send what is logged to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    log.handlers[:] = [handler]
    log.setLevel(level)
    log.propagate = False
