"""Who may do what: keys in the database as hashes, with scopes, a rate and a number of jobs at once."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from dataclasses import dataclass

from sqlalchemy import Engine, select, update

from atelier.errors import SettingError
from atelier.service.problem import Problem
from atelier.service.tables import keys

SCOPES = ("read", "write", "metrics", "admin")
"""Look at one's own jobs; make and cancel them; read metrics; see those of all."""
PREFIX = "atl_"
FRESH = 10.0
"""Seconds that a key is believed before it is looked up again."""


@dataclass(frozen=True)
class Key:
    """Somebody who may use the service. id: "" for everybody, where there are no keys. rate: requests a minute. active: jobs waiting or
    running at once; None for any number."""

    id: str = ""
    name: str = "everybody"
    scopes: tuple[str, ...] = SCOPES
    rate: int | None = None
    active: int | None = None

    @property
    def owner(self) -> str | None:
        """Whose jobs it sees; None for those of all."""
        return None if "admin" in self.scopes and self.id else self.id


EVERYBODY = Key(scopes=("read", "write", "metrics"))


def hash_key(secret: str) -> str:
    """What is kept of a key. Keys are 256 random bits, so that one round of SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def add_key(engine: Engine, name: str, scopes: tuple[str, ...] = ("read", "write"), rate: int = 600, active: int = 100) -> str:
    """Make a key; it is shown this once. Raises SettingError for a name that is taken, and scopes that nobody knows."""
    if unknown := [each for each in scopes if each not in SCOPES]:
        raise SettingError("scopes", f"choose from {', '.join(SCOPES)}", unknown[0])
    if not name or len(name) > 64:
        raise SettingError("name", "must have 1 to 64 signs", name)
    secret = PREFIX + secrets.token_urlsafe(32)
    row = {"id": secrets.token_hex(8), "name": name, "hash": hash_key(secret), "scopes": ",".join(scopes), "rate": rate, "active": active}
    with engine.execution_options(writing=True).begin() as connection:
        if connection.execute(select(keys.c.id).where(keys.c.name == name)).first():
            raise SettingError("name", "there is a key of that name", name)
        connection.execute(keys.insert().values(**row, created=time.time()))
    return secret


def revoke_key(engine: Engine, name: str) -> None:
    """Make a key worthless, within FRESH seconds. Raises SettingError where there is none."""
    with engine.execution_options(writing=True).begin() as connection:
        mine = (keys.c.name == name, keys.c.revoked.is_(None))
        if not connection.execute(update(keys).where(*mine).values(revoked=time.time())).rowcount:
            raise SettingError("name", "there is no such key", name)


def list_keys(engine: Engine) -> list[Key]:
    """The keys that are good for something."""
    with engine.connect() as connection:
        return [_key(row) for row in connection.execute(select(keys).where(keys.c.revoked.is_(None)).order_by(keys.c.created))]


class Keys:
    """Looks keys up, and counts what they are used for. Of one server: several have a rate each."""

    def __init__(self, engine: Engine, required: bool) -> None:
        self.engine, self.required = engine, required
        self._known: dict[str, tuple[float, Key | None]] = {}
        self._left: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def find(self, secret: str | None, scope: str) -> Key:
        """The key that may do this. Raises Problem: 401 for none, 403 for one without the scope, 429 for one used too often."""
        if not self.required:
            return EVERYBODY
        if not secret:
            raise Problem(401, "a key is needed", "send it as Authorization: Bearer KEY")
        key = self._look_up(hash_key(secret))
        if key is None:
            raise Problem(401, "the key is not known", "send a key that this service has made")
        if scope not in key.scopes and "admin" not in key.scopes:
            raise Problem(403, "the key may not do this", f"it lacks the scope {scope}")
        self._count(key)
        return key

    def _look_up(self, hashed: str) -> Key | None:
        now = time.monotonic()
        with self._lock:
            when, key = self._known.get(hashed, (-FRESH, None))
        if now - when < FRESH:
            return key
        with self.engine.connect() as connection:
            row = connection.execute(select(keys).where(keys.c.hash == hashed, keys.c.revoked.is_(None))).first()
        key = None if row is None else _key(row)
        with self._lock:
            if len(self._known) > 10_000:  # of keys that were guessed
                self._known.clear()
            self._known[hashed] = now, key
        return key

    def _count(self, key: Key) -> None:
        """A bucket of a minute's requests that fills at its rate."""
        assert key.rate is not None
        now = time.monotonic()
        with self._lock:
            left, when = self._left.get(key.id, (float(key.rate), now))
            left = min(float(key.rate), left + (now - when) * key.rate / 60)
            if left < 1:
                raise Problem(429, "too many requests", f"this key has {key.rate} a minute", retry=(1 - left) * 60 / key.rate)
            self._left[key.id] = left - 1, now


def _key(row: object) -> Key:
    scopes = tuple(row.scopes.split(","))  # type: ignore[attr-defined]
    return Key(row.id, row.name, scopes, row.rate, row.active)  # type: ignore[attr-defined]
