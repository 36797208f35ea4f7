"""The whole way: from a request to files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from atelier.engines.session import Session
from atelier.engines.table import choose, prefer, settle, spread_effort
from atelier.progress import Progress, Report, silent
from atelier.request import Outputs, Request
from atelier.run.film.targets import check_film_target, is_moving, wants_film
from atelier.run.job import HELD_PIXELS, check, names_read, open
from atelier.run.made import Made
from atelier.run.resolver import LOCAL, Resolver
from atelier.run.signing import changed
from atelier.run.sinks import check_targets, takes_windows, write
from atelier.run.solid.targets import check_solid_targets
from atelier.run.targets import check_outputs


def make(
    request: Request,
    outputs: Outputs,
    resolver: Resolver = LOCAL,
    session: Session | None = None,
    report: Report = silent,
    *,
    known: Mapping[str, Any] | None = None,
) -> Made:
    """Open, paint, write. What can be refused is refused before the work begins.

    known: digests of what a picture was made from, where that is repeated; what has changed since is noted. Raises AtelierError; a
    report that raises Cancelled ends the run with the best picture so far written.
    """
    request = refuse(request, outputs)
    with open(request, resolver, session, report, hold=not takes_windows(outputs), film=wants_film(request, outputs)) as job:
        if note := changed(job.inputs, known):
            report(Progress("opening", note=note))
        with write(job, outputs, report) as sink:
            for painted in job.frames(sink.report, sink.state):
                sink.put(painted)
    return sink.made


def preferred(request: Request, outputs: Outputs | None = None, resolver: Resolver = LOCAL) -> Request:
    """What `prefer` says of one photo. What is to be a film, and what is too large to be held, comes back as it is."""
    film = wants_film(request, outputs) if outputs is not None else request.content is not None and is_moving(request.content)
    if film:
        return request
    if outputs is not None and takes_windows(outputs) and request.content and (stream := resolver.stream(request.content)):
        width, height = stream.size
        stream.__exit__(None, None, None)
        if width * height >= HELD_PIXELS:
            return request
    return prefer(request, outputs)


def refuse(request: Request, outputs: Outputs) -> Request:
    """Refuse what cannot go well, without opening anything. The request comes back with its engine, which outputs may ask for.

    Raises SettingError, SourceError, TargetError.
    """
    request = spread_effort(request)
    settle(request, outputs)
    kind = choose(request, outputs)
    request, _ = check(dataclasses.replace(request, engine=kind.name))
    if wants_film(request, outputs):
        check_film_target(outputs)
    elif request.solid:
        check_solid_targets(outputs)
    else:
        check_targets(kind, outputs)
    check_outputs(outputs, names_read(request))
    return request
