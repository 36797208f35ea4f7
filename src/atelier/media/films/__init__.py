"""Films: many pictures, each with its time, and the sound beside them. Read and written by PyAV (the extra `video`)."""

from atelier.media.films.codecs import FILMS, Writing, check_film, writing_of
from atelier.media.films.folder import FrameFolder, check_frames, is_pattern
from atelier.media.films.moment import Moment, Span
from atelier.media.films.reading import Film, comment_of, is_film, open_film
from atelier.media.films.threads import Ahead, Behind
from atelier.media.films.writing import FilmWriter

__all__ = [
    "FILMS",
    "Ahead",
    "Behind",
    "Film",
    "FilmWriter",
    "FrameFolder",
    "Moment",
    "Span",
    "Writing",
    "check_film",
    "check_frames",
    "comment_of",
    "is_film",
    "is_pattern",
    "open_film",
    "writing_of",
]
