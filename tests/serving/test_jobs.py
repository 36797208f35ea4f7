"""Jobs over HTTP, from request to result."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from atelier.image import decode
from atelier.service.app import sweep
from atelier.service.jobs import span_of
from atelier.service.problem import Problem
from serving.conftest import Running, Serve

NOBODY = "0" * 32


def test_a_photo_becomes_a_painting(running: Running, photo_bytes: bytes) -> None:
    job = running.post(photo=photo_bytes, style="udnie", size=32, strength=0.5)
    assert (job["state"], job["attempt"]) == ("queued", 0)
    there = running.get(f"jobs/{job['id']}/result")
    assert (there.status_code, there.headers["retry-after"]) == (409, "1")
    assert running.get(f"jobs/{job['id']}").json()["before"] == 0
    assert running.worker.step()
    assert not running.worker.step()
    done = running.get(f"jobs/{job['id']}").json()
    assert (done["state"], done["width"], done["height"], done["media_type"]) == ("done", 32, 22, "image/png")
    result = running.get(f"jobs/{job['id']}/result")
    assert result.headers["content-type"] == "image/png"
    assert decode(result.content).size == (32, 22)
    assert len(result.content) == done["bytes"]
    assert [each["id"] for each in running.get("jobs").json()["jobs"]] == [job["id"]]


def test_paintings_masks_and_mixes(running: Running, photo_bytes: bytes, painting_bytes: bytes) -> None:
    assert running.paint(photo=photo_bytes, style=painting_bytes, format="webp")["media_type"] == "image/webp"
    mixed = [json.dumps({"source": "udnie", "weight": 0.3}), "starry-night"]
    assert running.paint(photo=photo_bytes, style=mixed)["state"] == "done"
    assert running.paint(photo=photo_bytes, style=painting_bytes, mask=photo_bytes)["error"] is None
    own = json.dumps([{"source": "upload:mine", "size": 2}])
    assert running.paint(photo=photo_bytes, styles=own, mine=painting_bytes)["state"] == "done"
    drawn = running.paint(photo=photo_bytes, task="draw", count=3, format="svg")
    assert running.get(f"jobs/{drawn['id']}/result").content.startswith((b"<svg", b"<?xml"))


def test_a_bad_photo_fails_its_job_with_the_reason(running: Running) -> None:
    job = running.paint(photo=b"no picture", style="udnie")
    assert (job["state"], job["error"]["status"]) == ("failed", 422)
    assert "not a picture" in job["error"]["detail"]
    assert running.get(f"jobs/{job['id']}/result").status_code == 422


def test_a_photo_over_the_limit_fails_with_413(serve: Serve, photo_bytes: bytes) -> None:
    running = serve(pixels=1000)
    job = running.paint(photo=photo_bytes, style="udnie")
    assert (job["state"], job["error"]["status"]) == ("failed", 413)


def test_a_result_has_a_tag_and_parts(running: Running, photo_bytes: bytes) -> None:
    path = f"jobs/{running.paint(photo=photo_bytes, style='udnie')['id']}/result"
    whole = running.get(path)
    tag = whole.headers["etag"]
    assert running.get(path, headers={"If-None-Match": tag}).status_code == 304
    part = running.get(path, headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, whole.content[4:8])
    assert part.headers["content-range"] == f"bytes 4-7/{len(whole.content)}"
    assert running.get(path, headers={"Range": "bytes=-4"}).content == whole.content[-4:]
    assert running.get(path, headers={"Range": "bytes=4-7", "If-Range": '"other"'}).content == whole.content
    assert running.get(path, headers={"Range": "bytes=99999999-"}).status_code == 416
    head = running.client.head(f"/v1/{path}")
    assert (head.headers["content-length"], head.content) == (str(len(whole.content)), b"")


@pytest.mark.parametrize(
    ("given", "span"),
    [("bytes=0-0", (0, 1)), ("bytes=5-", (5, 10)), ("bytes=-3", (7, 10)), ("bytes=0-99", (0, 10)), ("bytes=-99", (0, 10)),
     ("lines=1-2", None),
     ("bytes=1-2,4-5", None), ("bytes=-", None), ("bytes=a-b", None), ("bytes=3-1", None), ("", None), (None, None)],
)  # fmt: skip
def test_spans_of_bytes(given: str | None, span: tuple[int, int] | None) -> None:
    assert span_of(given, 10) == span


def test_a_span_that_is_not_there() -> None:
    for given in ("bytes=10-", "bytes=-0"):
        with pytest.raises(Problem):
            span_of(given, 10)


def test_the_same_key_of_idempotency_makes_one_job(running: Running, photo_bytes: bytes) -> None:
    once = {"Idempotency-Key": "order 1"}
    first = running.post(photo=photo_bytes, style="udnie", headers=once)
    again = running.post(200, photo=photo_bytes, style="udnie", headers=once)
    assert first["id"] == again["id"]
    other = running.post(422, photo=photo_bytes, style="starry-night", headers=once)
    assert other["errors"][0]["field"] == "Idempotency-Key"
    assert len(running.get("jobs").json()["jobs"]) == 1


def test_a_waiting_job_is_cancelled_at_once(running: Running, photo_bytes: bytes) -> None:
    job = running.post(photo=photo_bytes, style="udnie")
    assert running.client.delete(f"/v1/jobs/{job['id']}").json()["state"] == "cancelled"
    assert running.get(f"jobs/{job['id']}/result").status_code == 410
    assert not running.worker.step()
    assert running.client.delete(f"/v1/jobs/{NOBODY}").status_code == 404
    assert running.get(f"jobs/{NOBODY}").status_code == 404


def test_what_happens_is_told_as_events(running: Running, photo_bytes: bytes) -> None:
    job = running.paint(photo=photo_bytes, style="udnie")
    with running.client.stream("GET", f"/v1/jobs/{job['id']}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        name, data = [line for line in stream.iter_lines() if line]
    assert name == "event: state"
    assert json.loads(data.removeprefix("data: "))["state"] == "done"


def test_results_expire_with_all_files_of_the_job(serve: Serve, photo_bytes: bytes, quick_networks: None) -> None:
    running = serve(keep=0.01)
    job = running.paint(photo=photo_bytes, style="udnie")
    files = Path(running.config.files_url)
    assert [path for path in files.rglob("*") if path.is_file()]
    time.sleep(0.02)
    sweep(running.worker.store, running.worker.files)
    assert running.get(f"jobs/{job['id']}").status_code == 404
    assert not [path for path in files.rglob("*") if path.is_file()]


def test_jobs_are_listed_by_page(running: Running, photo_bytes: bytes) -> None:
    ids = [running.post(photo=photo_bytes, style="udnie")["id"] for _ in range(3)]
    first = running.get("jobs?limit=2").json()
    second = running.client.get(first["next"]).json()
    assert [each["id"] for each in first["jobs"] + second["jobs"]] == ids[::-1]
    assert running.get("jobs?state=done").json()["jobs"] == []


def test_what_there_is(running: Running) -> None:
    assert running.get("health").json()["status"] == "ok"
    styles = running.get("styles").json()
    udnie = next(each for each in styles if each["name"] == "udnie")
    small = running.client.get(udnie["thumbnail"])
    assert small.headers["content-type"] == "image/jpeg"
    assert decode(small.content).size[0] > 16
    assert running.client.get(udnie["thumbnail"], headers={"If-None-Match": small.headers["etag"]}).status_code == 304
    assert running.get("styles/none/thumbnail").status_code == 404
    assert "gatys" in [each["name"] for each in running.get("recipes").json()]
    assert "strength" in running.get("options/stylize").json()["properties"]
    assert 'atelier_jobs{state="queued"} 0.0' in running.get("metrics").text
    told = running.get("openapi.json").json()
    assert "strength" in told["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
