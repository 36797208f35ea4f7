"""The service against its own description: requests that schemathesis makes up, and what the description promises of answers."""

from __future__ import annotations

import random

import hypothesis
import pytest

from atelier.service.keys import add_key
from serving.conftest import Serve

schemathesis = pytest.importorskip("schemathesis")

from schemathesis.specs.openapi.checks import positive_data_acceptance  # noqa: E402

APART = [positive_data_acceptance]
"""A schema cannot say which options go together."""
EXAMPLES = 12
"""Requests made up for each operation and phase."""


@pytest.mark.system
def test_every_answer_is_as_described(serve: Serve) -> None:
    running = serve(queue=100_000, hosts=("testserver", "localhost"), keys=True)
    key = add_key(running.worker.store.engine, "fuzz", ("read", "write", "metrics"), rate=1_000_000, active=1_000_000)
    told = schemathesis.openapi.from_asgi("/v1/openapi.json", running.client.app)
    random.seed(0)
    met: dict[str, set[int]] = {}
    for found in told.get_all_operations():
        operation = found.ok()

        @hypothesis.seed(1)
        @hypothesis.settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck))
        @hypothesis.given(case=operation.as_strategy())
        def check(case: object) -> None:
            response = case.call(headers={"Authorization": f"Bearer {key}"})  # type: ignore[attr-defined]
            met.setdefault(case.operation.label, set()).add(response.status_code)  # type: ignore[attr-defined]
            case.validate_response(response, excluded_checks=APART)  # type: ignore[attr-defined]

        check()
    assert not [status for each in met.values() for status in each if status >= 500]
    assert len(met) >= 10
