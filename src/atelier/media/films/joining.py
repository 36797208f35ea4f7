"""Pieces of film into one, with sound and subtitles beside them."""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atelier.media.files import atomic_path
from atelier.media.films.codecs import Writing
from atelier.media.films.encoding import refused
from atelier.media.films.parts import Parts
from atelier.media.films.reading import Film, import_av, open_container
from atelier.media.films.spherical import mark_spherical

if TYPE_CHECKING:
    from av.container import InputContainer

TAKES = {
    "mp4": ({"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"}, {"mov_text"}, "aac"),
    "mov": ({"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s24le", "pcm_s16be"}, {"mov_text"}, "aac"),
    "matroska": ({"*"}, {"subrip", "ass", "ssa", "webvtt", "dvd_subtitle", "hdmv_pgs_subtitle"}, "aac"),
    "webm": ({"opus", "vorbis"}, {"webvtt"}, "libopus"),
}
"""Container -> the sound and the subtitles it takes as they are, and what other sound is coded as."""
Timed = tuple[float, int, Any]
"""Seconds, a number that makes it unlike others, and a packet."""


@dataclass(frozen=True)
class Beside:
    """Where sound and subtitles come from. film: None for none. begin, end: s of the film."""

    film: Film | None = None
    sound: bool = True


def join(
    parts: Parts, target: Path, writing: Writing, time_base: Fraction, beside: Beside, metadata: dict[str, str], *, around: bool = False
) -> tuple[str, ...]:
    """Write the film, whole or not at all. around: whether it is a panorama, which MP4 and QuickTime say.

    Gives notes on what could not be taken along. Raises OutputError.
    """
    if writing.moving:
        from atelier.media.films.moving import write_moving

        write_moving(parts, target, writing, time_base)
        return ()
    boxes = writing.container in ("mp4", "mov")
    flags = "+use_metadata_tags" if around else "+faststart+use_metadata_tags"  # what is told of all around goes to the end
    options = {"movflags": flags, "brand": "mp42"} if boxes else {}
    if writing.container == "mov":
        options.pop("brand")
    with atomic_path(target) as path, refused(target):
        notes = _join(parts, path, writing, time_base, beside, metadata, options)
        if around and boxes:
            mark_spherical(Path(path))
        elif around:
            notes.append("players cannot tell that it is a panorama: of films, .mp4 and .mov say so")
    return tuple(notes)


def _join(
    parts: Parts, path: Path, writing: Writing, time_base: Fraction, beside: Beside, metadata: dict[str, str], options: dict[str, str]
) -> list[str]:
    av = import_av()
    with contextlib.ExitStack() as held:
        out = held.enter_context(av.open(str(path), "w", format=writing.container, options=options))
        out.metadata.update(metadata)
        first = held.enter_context(av.open(str(parts.folder / parts.list[0].name)))
        track = out.add_stream_from_template(first.streams.video[0], opaque=True)
        track.time_base = time_base
        if writing.codec.tag and writing.container in ("mp4", "mov"):
            track.codec_context.codec_tag = writing.codec.tag
        feeds = [_pictures(parts, track, time_base)]
        notes: list[str] = []
        if beside.film is not None and beside.sound:
            film = beside.film
            source = held.enter_context(open_container(film.path, film.name))
            tracks, notes = _tracks(source, out, writing.container)
            lasting = float((parts.list[-1].last + 1) * time_base) + 0.5 / max(float(film.rate), 1.0)
            if tracks:
                feeds.append(_sounds(source, tracks, film, lasting))
        for _, _, packet in heapq.merge(*feeds):
            out.mux(packet)
    return notes


def _pictures(parts: Parts, track: Any, time_base: Fraction) -> Iterator[Timed]:
    """The packets of all pieces, each moved to its time. What is decoded later than the piece before ends stays so."""
    av = import_av()
    decoded, number = -(10**15), 0
    for part in parts.list:
        with av.open(str(parts.folder / part.name)) as piece:
            own = piece.streams.video[0]
            for packet in piece.demux(own):
                if packet.size == 0 or packet.pts is None:
                    continue
                pts = round(packet.pts * own.time_base / time_base) + part.first
                dts = round(packet.dts * own.time_base / time_base) + part.first if packet.dts is not None else pts
                decoded = max(decoded + 1, dts)
                packet.pts, packet.dts, packet.time_base, packet.stream = max(pts, decoded), decoded, time_base, track
                if packet.duration:
                    packet.duration = max(1, round(packet.duration * own.time_base / time_base))
                number += 1
                yield float(decoded * time_base), number, packet


def _tracks(source: InputContainer, out: Any, container: str) -> tuple[dict[int, Any], list[str]]:
    """The tracks of sound and subtitles to fill, by the number of the one they come from; and notes on those left out."""
    sounds, subtitles, other = TAKES[container]
    tracks: dict[int, Any] = {}
    notes: list[str] = []
    streams: list[Any] = [*source.streams.audio, *source.streams.subtitles]
    for stream in streams:
        name = stream.codec_context.name if stream.codec_context else "unknown"
        sound = stream.type == "audio"
        if name in (sounds if sound else subtitles) or (sound and "*" in sounds):
            tracks[stream.index] = Copy(out.add_stream_from_template(stream))
        elif sound:
            tracks[stream.index] = Recode(
                stream, out.add_stream(other, rate=48000 if other == "libopus" else stream.codec_context.sample_rate)
            )
            notes.append(f"the sound is coded anew, from {name} to {other.removeprefix('lib')}: {container} does not take it as it is")
        else:
            notes.append(f"subtitles of the kind {name} are left out: {container} does not take them; write .mkv or .mp4")
        if stream.index in tracks and stream.language:
            tracks[stream.index].track.metadata["language"] = stream.language
    return tracks, list(dict.fromkeys(notes))


@dataclass
class Copy:
    """Packets as they are."""

    track: Any

    def take(self, packet: Any, shift: Fraction) -> Iterator[Any]:
        ticks = round(shift / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts - ticks
        packet.dts = None if packet.dts is None else packet.dts - ticks
        packet.stream = self.track
        yield packet

    def end(self) -> Iterator[Any]:
        return iter(())


class Recode:
    """Sound that is decoded and coded anew."""

    def __init__(self, stream: Any, track: Any) -> None:
        from av.audio.resampler import AudioResampler

        self.track = track
        track.codec_context.layout = "stereo" if stream.channels and stream.channels > 1 else "mono"
        context = track.codec_context
        wanted = context.codec.audio_formats[0].name if context.codec.audio_formats else "fltp"
        context.format = wanted
        self._resampler = AudioResampler(format=wanted, layout=context.layout, rate=context.sample_rate)

    def take(self, packet: Any, shift: Fraction) -> Iterator[Any]:
        for frame in packet.decode():
            if frame.pts is not None:
                frame.pts -= round(shift / frame.time_base)
            for sound in self._resampler.resample(frame):
                yield from self.track.encode(sound)

    def end(self) -> Iterator[Any]:
        for sound in self._resampler.resample(None):
            yield from self.track.encode(sound)
        yield from self.track.encode(None)


def _sounds(source: InputContainer, tracks: dict[int, Any], film: Film, lasting: float) -> Iterator[Timed]:
    """The packets of sound and subtitles within the film's span, moved to where that begins. lasting: s of the pictures."""
    shift = film.start + Fraction(film.span.begin).limit_denominator(10**6)
    number = 10**9
    streams = [source.streams[index] for index in tracks]
    if film.span.begin:
        with contextlib.suppress(Exception):
            source.seek(int(shift * 1_000_000))
    ended: set[int] = set()
    for packet in source.demux(*streams):
        if packet.size == 0 or packet.pts is None:
            continue
        at, index = float(packet.pts * packet.time_base - shift), packet.stream.index
        if at >= lasting:
            ended.add(index)
            if len(ended) == len(streams):
                break
            continue
        if film.span.begin and at < -0.03:
            continue
        for made in tracks[index].take(packet, shift):
            number += 1
            yield max(at, 0.0), number, made
    for track in tracks.values():
        for made in track.end():
            number += 1
            yield lasting, number, made
