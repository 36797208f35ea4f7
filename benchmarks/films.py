"""Films by the networks that ship, beside the same painted frame by frame: steadiness, detail, strokes, and frames a second, in one run.

    python benchmarks/films.py [--clips fox,cars,flower_sound,phone_rotated_sound] [--styles starry-night] [--temporal fast]
                               [--seconds 3] [--keep DIR]

Each clip is painted twice through the whole way, from file to file with its sound: decoded, followed, painted, coded. The two are then
judged alike, along the film's own motion as another method finds it than the one that was painted by (docs/films.md).
`--speed` paints all of each clip, and judges nothing. `--memory` paints a film of ten minutes, 160 px wide, and says how the
memory of the process grew.
"""

from __future__ import annotations

import argparse
import dataclasses
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import machine
import pairs
from atelier.image import Image
from atelier.judging.clip import ClipVerdict, judge_clip, paired
from atelier.media import open_still
from atelier.progress import Progress
from atelier.request import Outputs, Request, Style
from atelier.run import Session, make

CLIPS = ("fox", "cars", "flower_sound", "phone_rotated_sound")
LARGEST = 640
"""Long side at which clips are painted that are larger, px."""
STYLES = {"starry-night": "starry_night", "great-wave": "great_wave", "the-scream": "the_scream", "udnie": "udnie"}
"""Styles by name, and the paintings they were made from."""
SIDE, SHOWN = 512, 4
"""Long side at which strokes are judged, px, and frames they are judged in."""
MEASURES = ("warping_1", "warping_10", "detail", "strokes", "flicker_fast")


def main() -> None:
    options = pairs.parser(__doc__ or "")
    options.add_argument("--clips", default=",".join(CLIPS))
    options.add_argument("--styles", default="starry-night")
    options.add_argument("--temporal", default="fast", choices=("fast", "best"))
    options.add_argument("--seconds", type=float, help="of each clip; default: all of it")
    options.add_argument("--keep", type=Path, metavar="DIR", help="leave the films there")
    options.add_argument("--speed", action="store_true")
    options.add_argument("--memory", action="store_true")
    arguments = options.parse_args()
    pairs.ready(arguments)
    folder = pairs.needed(arguments)
    about = machine.introduce()
    with tempfile.TemporaryDirectory() as temporary:
        place = arguments.keep or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        if arguments.memory:
            rows = memory_rows(folder, place, 5.0 if arguments.quick else 600.0)
        else:
            rows = list(film_rows(arguments, folder, place))
    pairs.write(arguments, "films", about, rows)


def film_rows(arguments: argparse.Namespace, folder: Path, place: Path) -> Any:
    """A row for each clip and style; printed as they come."""
    seconds = 0.4 if arguments.quick else arguments.seconds
    session = Session()
    for clip in arguments.clips.split(","):
        for style in arguments.styles.split(","):
            source = clip_file(folder, clip)
            row: dict[str, Any] = {"clip": clip, "style": style}
            ways = (arguments.temporal,) if arguments.speed else ("off", arguments.temporal)
            for way in ways:
                target = place / f"{clip}-{style}-{way}.mp4"
                row |= {f"{way} {name}": value for name, value in painted(source, target, style, way, seconds, session).items()}
            if not arguments.speed:
                verdicts = [judged(place / f"{clip}-{style}-{way}.mp4", source, folder, style, arguments.quick) for way in ways]
                row |= compared(*verdicts)
            print(
                "  ".join(f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in row.items()),
                flush=True,
            )
            yield row


def clip_file(folder: Path, name: str) -> Path:
    """A clip by name, or a path as it is. Raises Absent."""
    if Path(name).is_file():
        return Path(name)
    found = sorted((folder / "video").glob(f"{name}.*"))
    if not found:
        raise pairs.Absent(f"no clip {name!r} in {folder}/video")
    return found[0]


def painted(source: Path, target: Path, style: str, way: str, seconds: float | None, session: Session) -> dict[str, Any]:
    """Paint a clip: frames, and frames a second from the file's opening to the film's end."""
    from atelier.media.films import open_film

    size = LARGEST if max(open_film(str(source)).size) > LARGEST else None
    request = Request("stylize", str(source), (Style(style),), size=size, temporal=way, end=seconds)
    began = time.perf_counter()
    made = make(request, Outputs(str(target)), session=session)
    return {"frames": made.iterations, "frames/s": made.iterations / (time.perf_counter() - began)}


def judged(film: Path, source: Path, folder: Path, style: str, quick: bool) -> ClipVerdict:
    """A painted clip, judged, with its strokes by VGG-19 in some frames where that and the painting are here."""
    verdict = judge_clip(str(film), str(source))
    if quick or style not in STYLES or not pairs.vgg(required=False):
        return verdict
    painting = open_still(pairs.find(folder, "paintings", STYLES[style]))
    judge = machine.Judge(SIDE)
    found = [judge(photo, painting, picture).strokes for photo, picture in shown(film, source)]
    return dataclasses.replace(verdict, strokes=sum(found) / len(found), style_frames=tuple(found))


def shown(film: Path, source: Path) -> list[tuple[Image, Image]]:
    """Some frames of a source and of its painting."""
    frames = list(paired(str(film), str(source), 0.0))
    chosen = [frames[(2 * at + 1) * len(frames) // (2 * SHOWN)] for at in range(SHOWN)]
    return [(Image(photo.pixels), Image(picture.pixels)) for picture, photo in chosen]


def compared(alone: ClipVerdict, ours: ClipVerdict) -> dict[str, Any]:
    """Ratios of what was measured, of ours to frame by frame; and both films' errors beside the source's own."""
    row: dict[str, Any] = {}
    for name in MEASURES:
        one, other = (numbers(verdict)[name] for verdict in (alone, ours))
        row[name] = other / one if one and other else None
    for name in ("warping_1", "warping_10"):
        row |= {f"{name} off": getattr(alone, name), f"{name} ours": getattr(ours, name)}
    return row | {"input_1": alone.input_1, "input_10": alone.input_10}


def numbers(verdict: ClipVerdict) -> dict[str, Any]:
    """A verdict's numbers by name; flicker_fast: power of its fastest band."""
    return {**dataclasses.asdict(verdict), "flicker_fast": verdict.flicker[-1]}


def memory_rows(folder: Path, place: Path, seconds: float) -> list[dict[str, Any]]:
    """Peak memory of the process after each tenth of a long film."""
    source = place / "long.mp4"
    looped(clip_file(folder, "fox"), source, seconds)
    request = Request("stylize", str(source), (Style("starry-night"),))
    rows: list[dict[str, Any]] = []

    def watch(progress: Progress) -> None:
        if progress.stage == "painting" and progress.of and progress.step * 10 // progress.of >= len(rows) + 1:
            rows.append({"frame": progress.step, "MiB": now_held(), "peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024})
            print(rows[-1], flush=True)

    make(request, Outputs(str(place / "long-painted.mp4")), report=watch)
    return rows


def now_held() -> float:
    """Memory that the process holds now, MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def looped(source: Path, target: Path, seconds: float, width: int = 160) -> None:
    """A film that goes on for so long, made of one that is repeated."""
    import itertools

    from atelier.media.films import open_film, writing_of
    from atelier.media.films.encoding import Piece

    film = open_film(str(source))
    size = (width, round(width * film.size[1] / film.size[0] / 2) * 2)
    frames: Sequence[Any] = [moment.levels for moment in film.moments(size)]
    piece = Piece(target, writing_of(str(target)), size, 1 / film.rate, film.rate, (1, 1))
    for number in range(round(seconds * film.rate)):
        piece.put(next(itertools.islice(frames, number % len(frames), None)), number)
    piece.close()


if __name__ == "__main__":
    pairs.run(main)
