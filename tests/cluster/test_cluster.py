"""The same items on Ray: the same pictures, also when a machine is lost half-way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from atelier.batch import Here, Making, Outcome, find_photos, paint_all, plan
from atelier.errors import MissingExtra
from atelier.image import Image, encode
from atelier.media import open_still
from atelier.request import Style


def test_without_ray_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from atelier.cluster import Cluster

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"atelier\[cluster\]"):
        Cluster()


@pytest.mark.system
def test_a_machine_that_is_lost_loses_nothing(tmp_path: Path, picture: Callable[..., Image], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster as Machines

    from atelier.cluster import Cluster

    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(10):
        (photos / f"{number}.png").write_bytes(encode(picture(160, 120, number), "png"))
    (photos / "bad.png").write_bytes(b"no picture")
    found = find_photos([str(photos)])

    machines = Machines(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, "object_store_memory": 10**8})
    second = machines.add_node(num_cpus=1, object_store_memory=10**8)
    crew = Cluster(machines.address)
    done: list[Outcome] = []
    try:
        assert crew.workers == 2
        lost = threading.Event()
        for outcome in paint_all(plan(found, [(Style("udnie"),)], str(tmp_path / "ray"), Making()), crew):
            done.append(outcome)
            if len(done) == 3 and not lost.is_set():
                lost.set()
                threading.Thread(target=machines.remove_node, args=(second, False)).start()
                time.sleep(0.1)
    finally:
        crew.close()
        machines.shutdown()
    assert sorted(outcome.state for outcome in done) == ["done"] * 10 + ["failed"]

    monkeypatch.setenv("ATELIER_THREADS", "1")
    for outcome in paint_all(plan(found, [(Style("udnie"),)], str(tmp_path / "here"), Making()), Here()):
        if outcome.state == "done":
            here = open_still(outcome.item.output)
            there = open_still(tmp_path / "ray" / Path(outcome.item.output).name)
            assert (here.pixels == there.pixels).all()
