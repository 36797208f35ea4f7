"""Metrics for Prometheus: requests of this server, jobs of the whole service."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, Request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from starlette.responses import Response

from atelier.service.access import may
from atelier.service.keys import Key

if TYPE_CHECKING:
    from atelier.service.app import Service

router = APIRouter(tags=["operations"])
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Meters:
    """What this server counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter("atelier_http_requests", "Requests answered", labels, registry=self.registry)
        self.seconds = Histogram("atelier_http_seconds", "Seconds to answer", ("route",), buckets=SECONDS, registry=self.registry)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request. route: its pattern, of which there are few, never its path."""
        self.requests.labels(method if method in METHODS else "other", route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)


METHODS = ("GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS")


class Jobs:
    """What the database says, looked up when it is asked for."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def collect(self) -> Iterator[Any]:
        store = self.service.store
        jobs = GaugeMetricFamily("atelier_jobs", "Jobs by state", labels=["state"])
        for state, number in store.counts().items():
            jobs.add_metric([state], number)
        yield jobs
        oldest = store.oldest()
        yield GaugeMetricFamily("atelier_queue_seconds", "How long the first job waits", 0 if oldest is None else time.time() - oldest)
        yield GaugeMetricFamily("atelier_workers", "Workers of this server that are alive", self.service.alive)
        sums = store.sums()
        ended = CounterMetricFamily("atelier_jobs_ended", "Jobs that ended, by how", labels=["state"])
        for state in ("done", "failed", "cancelled"):
            ended.add_metric([state], sums.get(state, 0))
        yield ended
        yield CounterMetricFamily("atelier_jobs_retried", "Jobs whose worker ended", sums.get("retried", 0))
        yield CounterMetricFamily("atelier_painting_seconds", "Seconds of painting", sums.get("seconds", 0))


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(request: Request, key: Key = Depends(may("metrics"))) -> Response:
    """Metrics for Prometheus."""
    service: Service = request.app.state.service
    registry = CollectorRegistry()
    registry.register(Jobs(service))
    text = generate_latest(service.meters.registry) + generate_latest(registry)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")
