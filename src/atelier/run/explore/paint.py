"""Painting what was planned: one picture after another, each a file of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from atelier.engines.session import Session
from atelier.engines.table import choose, lacking
from atelier.errors import AtelierError, Cancelled, OutputError, TargetError
from atelier.image import Limits
from atelier.progress import Progress, Report, silent
from atelier.request import Outputs
from atelier.run.explore.records import checkpoint_of, write_record
from atelier.run.explore.variant import Variant
from atelier.run.made import Made
from atelier.run.make import make
from atelier.run.resolver import Local

Explain = Callable[[Exception], tuple[str, int] | None]
"""An error to what to say of it and its exit code; None for one that is to be raised."""


def explain(error: Exception) -> tuple[str, int] | None:
    """Explain the errors that atelier raises on purpose; any other is a fault of the program."""
    return (str(error), error.exit_code) if isinstance(error, AtelierError) else None


def paint(
    variants: Sequence[Variant],
    *,
    limits: Limits = Limits(),
    session: Session | None = None,
    report: Report = silent,
    explain: Explain = explain,
) -> tuple[Variant, ...]:
    """Paint all variants that are not there. One that fails keeps its error, and the rest go on.

    A report that raises Cancelled ends the work: the variant at hand is `stopped`, to be gone on with by another call where it was
    painted by optimisation, and those after it are `waiting`. Raises OutputError where pictures cannot be written at all.
    """
    done = list(variants)
    missing = [i for i, variant in enumerate(variants) if variant.state != "painted"]
    if missing and len(missing) < len(variants):
        report(Progress("exploring", note=f"{len(variants) - len(missing)} of {len(variants)} pictures are there already"))
    _make_folders([variants[i] for i in missing])
    session = session or Session()  # models are opened once, and not anew for every picture
    for count, i in enumerate(missing):
        words = ", ".join(label.replace("\n", ", ") for label in variants[i].labels.values())
        try:
            within = _count(report, f"{count + 1} of {len(missing)} ({words})", count, len(missing))
            done[i] = _paint_one(variants[i], limits, session, within, explain)
        except Cancelled:
            break
        if done[i].state == "stopped":
            break
    return tuple(done)


def _make_folders(variants: Sequence[Variant]) -> None:
    for folder in {variant.path.parent for variant in variants}:
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise TargetError(f"{folder} cannot be made: {error.strerror or error}") from error


def _paint_one(variant: Variant, limits: Limits, session: Session, report: Report, explain: Explain) -> Variant:
    """Paint a variant and write down what came of it. Raises Cancelled, OutputError, and what is not to be explained."""
    try:
        made = _make(variant, limits, session, report)
    except (Cancelled, OutputError):  # after a picture that cannot be written the next one would fare no better
        raise
    except Exception as error:
        if (answer := explain(error)) is None:
            raise
        return dataclasses.replace(variant, state="failed", error=answer[0], exit_code=answer[1])
    state = "painted" if made.finished else "stopped"
    done = dataclasses.replace(variant, state=state, seconds=made.seconds, iterations=made.iterations, losses=dict(made.losses))
    write_record(done)
    return done


def _make(variant: Variant, limits: Limits, session: Session, report: Report) -> Made:
    """Go from the request to the file, with a checkpoint where the engine has one."""
    outputs = Outputs(str(variant.path))
    if not lacking(choose(variant.request), ["checkpoint"]):
        outputs = dataclasses.replace(outputs, checkpoint=str(checkpoint_of(variant.path)))
    return make(variant.request, outputs, Local(limits), session, report)


def _count(report: Report, what: str, done: int, total: int) -> Report:
    """Make a report that counts pictures out of one for the steps of a picture."""
    report(Progress("exploring", done, total, within=what))

    def pass_on(progress: Progress) -> None:
        where = f"{what}, {progress.step}/{progress.of}" if progress.of else what
        report(dataclasses.replace(progress, within=where, step=done, of=total, preview=None, state=None))

    return pass_on
