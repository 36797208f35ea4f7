"""Jobs in the database: each is taken by one worker, finished once, and lost by none. On SQLite, and on a real PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy")
from sqlalchemy import inspect

from atelier.service.config import Config
from atelier.service.database import connect, migrate
from atelier.service.keys import Keys, add_key, list_keys, revoke_key
from atelier.service.problem import Problem
from atelier.service.store import Job, Made, Store
from atelier.service.tables import metadata
from serving.servers import postgresql

MADE = Made("results/x.png", "tag", "image/png", 10, 4, 3, 0.5)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as url:
        yield Config("", url).database_url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    url = f"sqlite:///{tmp_path}/jobs.sqlite" if request.param == "sqlite" else request.getfixturevalue("server")
    if "together" not in request.node.name:
        migrate(url)
    yield url
    engine = connect(url)
    with engine.execution_options(writing=True).begin() as connection:
        for table in ("jobs", "keys"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    engine.dispose()


@pytest.fixture
def store(database: str) -> Store:
    return Store(database, tries=2)


def add(store: Store, owner: str = "a", **more: Any) -> Job:
    return store.add(owner, "{}", "digest", **{"queue": 1000, "active": None, **more})


def test_servers_that_start_together_make_the_tables_that_the_code_has(database: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    program = f"from atelier.service.database import migrate; migrate({database!r})"
    started = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]  # servers that start together
    assert [each.wait(30) for each in started] == [0, 0]
    engine = connect(database)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert set(inspect(connection).get_table_names()) == {"jobs", "keys", "totals", "alembic_version"}


def test_a_job_from_the_queue_to_its_end(store: Store) -> None:
    job = add(store)
    taken = store.take("w", 5)
    assert taken is not None and taken.id == job.id
    assert (taken.state, taken.worker, taken.attempt) == ("running", "w", 1)
    assert store.take("w", 5) is None
    before = store.sums()
    assert store.renew(taken, 5, '{"step": 1}') == "held"
    assert store.finish(taken, MADE)
    assert not store.finish(taken, MADE)
    done = store.get(job.id, "a")
    assert done is not None and (done.state, done.result, done.progress) == ("done", MADE.result, '{"step": 1}')
    assert store.get(job.id, "b") is None
    after = store.sums()
    assert (after["done"] - before["done"], after["seconds"] - before["seconds"]) == (1, 0.5)


def test_a_lease_that_is_over_goes_to_another_and_the_first_counts_for_nothing(store: Store) -> None:
    add(store)
    first = store.take("first", 0.01)
    assert first is not None
    time.sleep(0.05)
    second = store.take("second", 5)
    assert second is not None and (second.id, second.attempt) == (first.id, 2)
    assert store.renew(first, 5) == "lost"
    assert not store.finish(first, MADE)
    assert not store.fail(first, Problem(500, "x"))
    assert store.finish(second, MADE)


def test_what_is_tried_too_often_fails_with_its_reason(store: Store) -> None:
    job = add(store)
    for _ in range(2):
        assert store.take("w", 5) is not None
        store.abandon("w", "it was killed")
    assert store.take("w", 5) is None
    failed = store.get(job.id)
    assert failed is not None and failed.state == "failed"
    assert "it was killed, 2 times" in failed.error


def test_what_is_put_back_was_never_tried_and_keeps_its_place(store: Store) -> None:
    first, second = add(store), add(store)
    taken = store.take("w", 5)
    assert taken is not None and taken.id == first.id
    assert store.place(second) == 0
    assert store.release(taken)
    assert store.place(second) == 1
    again = store.take("w", 5)
    assert again is not None and (again.id, again.attempt) == (first.id, 1)


def test_owners_take_turns(store: Store) -> None:
    jobs = [add(store, owner) for owner in "aaaab"]
    taken = [store.take(f"w{number}", 5) for number in range(3)]
    assert [job.owner for job in taken if job] == ["a", "b", "a"]
    assert taken[0] is not None and taken[0].id == jobs[0].id


def test_a_running_job_is_asked_to_stop(store: Store) -> None:
    job = add(store)
    taken = store.take("w", 5)
    assert taken is not None
    assert store.cancel(job.id, "b") is None
    asked = store.cancel(job.id, "a")
    assert asked is not None and asked.state == "running"
    assert store.renew(taken, 5) == "stopping"
    store.abandon("w", "it was killed")  # before it could
    stopped = store.get(job.id)
    assert stopped is not None and stopped.state == "cancelled"


def test_the_queue_and_an_owners_share_of_it_have_an_end(store: Store) -> None:
    add(store, active=1)
    with pytest.raises(Problem, match="at once") as busy:
        add(store, active=1)
    assert (busy.value.status, busy.value.headers) == (429, {"Retry-After": "2"})
    add(store, "b", active=1)
    with pytest.raises(Problem, match="full"):
        add(store, queue=2)


def test_many_workers_take_each_job_once(store: Store) -> None:
    ids = {add(store, "ab"[number % 2]).id for number in range(40)}

    def work(name: str) -> list[str]:
        found = []
        while (job := store.take(name, 30)) is not None or store.counts()["queued"]:
            if job is not None:
                found.append(job.id)
                assert store.finish(job, MADE)
        return found

    with ThreadPoolExecutor(6) as pool:
        found = [id for each in pool.map(work, map(str, range(6))) for id in each]
    assert len(found) == 40
    assert set(found) == ids


def test_one_key_of_idempotency_at_the_same_time_makes_one_job(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(lambda _: add(store, idempotency="once"), range(8)))
    assert len({job.id for job in jobs}) == 1
    assert add(store, "b", idempotency="once").id != jobs[0].id
    with pytest.raises(Problem, match="another request"):
        store.add("a", "{}", "other", "once", queue=10, active=None)


def test_what_is_old_goes(database: str) -> None:
    store = Store(database, keep=0.0)
    add(store)
    taken = store.take("w", 5)
    assert taken is not None and store.finish(taken, MADE)
    waiting = add(store)
    time.sleep(0.01)
    assert [job.id for job in store.expire()] == [taken.id]
    assert store.get(waiting.id) is not None


def test_keys_are_kept_as_hashes_and_may_do_what_they_may(store: Store) -> None:
    secret = add_key(store.engine, "shop", ("read",), rate=3)
    with store.engine.connect() as connection:
        assert secret not in str(list(connection.exec_driver_sql("SELECT * FROM keys")))
    keys = Keys(store.engine, True)
    assert keys.find(secret, "read").name == "shop"
    for given, scope, status in ((None, "read", 401), ("atl_wrong", "read", 401), (secret, "write", 403)):
        with pytest.raises(Problem) as refused:
            keys.find(given, scope)
        assert refused.value.status == status
    keys.find(secret, "read")
    keys.find(secret, "read")
    with pytest.raises(Problem, match="a minute") as refused:
        keys.find(secret, "read")
    assert refused.value.status == 429 and int(refused.value.headers["Retry-After"]) >= 1
    assert [key.name for key in list_keys(store.engine)] == ["shop"]
    revoke_key(store.engine, "shop")
    with pytest.raises(Problem, match="not known"):
        Keys(store.engine, True).find(secret, "read")
