"""Worker processes of this machine: started, started again when they end, stopped with the server."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import IO

from atelier.service.config import Config
from atelier.service.logs import log
from atelier.service.store import Store

LOOK = 0.2
"""Seconds between looks at the workers."""
SWEEP = 1.0
"""Seconds between looks for leases whose time is over."""


@dataclass
class Hand:
    """A worker process. name: under which it holds jobs. stdin: while it is open, the worker lives."""

    number: int
    name: str
    process: subprocess.Popen[bytes]
    stdin: IO[bytes]
    since: float = field(default_factory=time.monotonic)


class Supervisor:
    """Keeps so many workers alive. wake, poke: pipes to them and from them."""

    def __init__(self, config: Config, store: Store) -> None:
        self.config, self.store = config, store
        self._wake_read, self._wake = os.pipe()
        self.poke, self._poke = os.pipe()
        os.set_blocking(self._wake, False)
        self.hands: list[Hand] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        self.hands = [self._hire(number) for number in range(self.config.workers)]
        self._thread.start()

    def wake(self) -> None:
        """Say that there is a new job."""
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes everybody anyway
            os.write(self._wake, b".")

    @property
    def alive(self) -> int:
        return sum(hand.process.poll() is None for hand in self.hands)

    def stop(self) -> None:
        """Let workers finish, or put back, what they have; then end them."""
        self._stopping.set()
        for hand in self.hands:
            hand.process.terminate()
        until = time.monotonic() + self.config.grace + 5
        for hand in self.hands:
            try:
                hand.process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                hand.process.kill()
                hand.process.wait()
                self.store.abandon(hand.name, "the service was stopped")
            hand.stdin.close()

    def _hire(self, number: int) -> Hand:
        name = f"{os.uname().nodename[:30]}-{os.getpid()}-{number}-{os.urandom(4).hex()}"
        environment = {
            **os.environ, "ATELIER_WAKE": str(self._wake_read), "ATELIER_POKE": str(self._poke),
            "ATELIER_WORKER_NAME": name,
        }  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-m", "atelier.service.worker"], stdin=subprocess.PIPE, env=environment,
            pass_fds=(self._wake_read, self._poke), start_new_session=True,
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(self.config.to_json().encode() + b"\n")
        process.stdin.flush()
        return Hand(number, name, process, process.stdin)

    def _watch(self) -> None:
        swept = 0.0
        while not self._stopping.wait(LOOK):
            try:
                for at, hand in enumerate(self.hands):
                    if hand.process.poll() is not None and not self._stopping.is_set():
                        self.hands[at] = self._again(hand)
                if time.monotonic() - swept > SWEEP:
                    swept = time.monotonic()
                    self.store.recover()
            except Exception as error:  # a database that is away for a moment
                log.error("the workers could not be looked after", exc_info=error)

    def _again(self, hand: Hand) -> Hand:
        """Another worker in the place of one that ended."""
        reason = ended(hand.process.returncode)
        log.error("a worker ended", extra={"worker": hand.name, "reason": reason})
        with contextlib.suppress(OSError):
            hand.stdin.close()
        self.store.abandon(hand.name, reason)
        if time.monotonic() - hand.since < 2:  # it does not even start: not so fast
            time.sleep(1)
        return self._hire(hand.number)


def ended(code: int) -> str:
    """What an exit code says, in words."""
    known = {-9: "it was killed, perhaps for want of memory", -14: "it went over its time", -11: "it crashed", -6: "it crashed"}
    return f"the worker ended: {known.get(code, f'signal {-code}' if code < 0 else f'exit code {code}')}"
