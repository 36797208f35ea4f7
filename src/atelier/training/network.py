"""A network of one's own: folders of photos and paintings in, a folder with a painter that atelier can paint with out.

The folder holds `checkpoint.pt`, from which the same training goes on, bit for bit on a processor; `log.jsonl`, which `atelier plot` draws;
`samples/`, sheets of a few photos in a few styles; `network.safetensors`, the weights in half precision with their plan; and
what the engine takes: `painter.onnx` and `reader.onnx`, or `styles.onnx` and `styles.safetensors`; and of a table, once the training ends,
`plain/NAME.onnx`, a model a style that paints by itself.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.numpy
import safetensors.torch
import torch
from torch import Tensor, nn

from atelier.engines.network.catalogue import SUFFIX, models_folder
from atelier.engines.network.plan import Plan
from atelier.errors import OutputError, SettingError, TargetError, WeightsError
from atelier.image import Image, encode
from atelier.media import atomic_file, atomic_write
from atelier.perception.network import Network
from atelier.progress import Progress, Report, silent
from atelier.training.data import (
    LARGEST_SPREAD,
    LOOK_SIZES,
    SHORTEST,
    Opening,
    Pictures,
    calm_photos,
    find,
    painting_looks,
    photo_crops,
    some,
    whole_photos,
)
from atelier.training.export.plain import plain_model
from atelier.training.kept import part_of, read_network, read_onnx, style_rows
from atelier.training.loop import Lessons, Trainer, run
from atelier.training.objective import GIVEN, Eye
from atelier.training.painter import Painter, Reader
from atelier.training.samples import arrays, export, sheet
from atelier.training.settings import TrainSettings
from atelier.training.team import Team, team

SHIPPED = "shipped"
"""What `--start` calls the networks that ship."""
MAY_CHANGE = ("steps", "seconds", "every", "threads", "precision", "rate", "decay", "contents", "content")
"""Settings that a training may go on with other values of."""
PAINTING_SHORT = 1024
PHOTO_SHORT = 512
CALM_SIDE = 384
"""Side of composed pictures, px."""


@dataclass(frozen=True)
class Trained:
    """What a training came to. left_out: pictures that could not be used. digest: of all weights, the same on all processes."""

    folder: Path
    steps: int
    finished: bool
    seconds: float
    losses: dict[str, float]
    left_out: int
    digest: str
    weights: dict[str, Tensor] = field(repr=False)


def train_network(
    photos: Path,
    out: Path,
    styles: Path | None = None,
    paintings: Path | None = None,
    settings: TrainSettings = TrainSettings(),
    seed: int = 0,
    device: str = "auto",
    report: Report = silent,
) -> Trained:
    """Train, or go on where the training in `out` stopped. A report that raises Cancelled stops it, and leaves what there is by then.

    photos: a folder of them; styles: of paintings that are learned by name; paintings: of others, for a reader. All are looked through
    with the folders within. Raises SettingError, SourceError, WeightsError, OutputError, Diverged; Cancelled before the first step.
    """
    if not settings.reader and styles is None:
        raise SettingError("styles", "without a reader a network knows the styles it is given: give `styles`")
    if not settings.reader and paintings is not None:
        raise SettingError("paintings", "`paintings` are for a reader to learn on: leave them out, or do not say `no_reader`")
    if styles is None and paintings is None:
        raise SettingError("styles", "nothing to learn from: give `styles`, `paintings` or both")
    if settings.threads:
        torch.set_num_threads(settings.threads)
    with team(device) as processes:
        folder = _folder(out)
        _folder(out / "samples")
        lessons, left_out = gathered(photos, styles, paintings, settings, seed, processes.device, report if processes.rank == 0 else silent)
        trainer = built(lessons, settings, seed, processes)
        notes = resume(trainer, folder)
        for note in notes if processes.rank == 0 else []:
            report(Progress("training", note=note))
        processes.together()
        written = Written(trainer, folder) if processes.rank == 0 else None
        finished = run(
            trainer,
            report,
            log=written.log if written else lambda record: None,
            save=written.save if written else lambda: None,
        )
        if written:
            written.finish()
        weights = dict(trainer.average)
        return Trained(folder, trainer.step, finished, trainer.seconds, dict(trainer.running), left_out, digest(trainer), weights)


def _folder(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TargetError(f"`out` {out} cannot be a folder: {error.strerror or error}") from error
    return out


# Before ---------------------------------------------------------------------------------------------------------------


def gathered(
    photos: Path, styles: Path | None, paintings: Path | None, settings: TrainSettings, seed: int, device: str, report: Report
) -> tuple[Lessons, int]:
    """Everything to train with, opened; and how many pictures were left out."""
    network = Network.load(settings.features, device)
    eye = Eye(network)
    giver = Eye(network if settings.features == "pocket" else Network.load("pocket", device), border=0)
    left_out = 0

    def pictures(folder: Path, what: str, most: int) -> list[Path]:
        return some(find(folder, what), most, seed)

    opening = Opening("photos", max(PHOTO_SHORT, settings.crop), SHORTEST, report)
    least = settings.batch if settings.together else 1
    paths = pictures(photos, "photos", max(1, settings.photo_crops // least))
    each = max(least, -(-settings.photo_crops // len(paths)))
    opened = [*opening(paths), *calm_photos(round(settings.calm * len(paths)), CALM_SIDE, seed)]
    crops = photo_crops(iter(opened), each, settings.crop, seed)
    own = Pictures(crops, eye, giver, photos=True, seen=settings.seen, read=settings.reader, each=each)
    wholes = None
    if settings.whole:
        sides = whole_photos(iter(opened), (1.5 * settings.crop, 2.0 * settings.crop), seed)
        wholes = Pictures(sides, eye, giver, photos=True, seen=settings.seen, read=settings.reader)
    left_out += opening.left_out

    named = others = None
    if styles:
        held = {name.strip() for name in settings.hold_out.split(",") if name.strip()}
        paths = find(styles, "styles")
        if unknown := held - {path.stem for path in paths}:
            raise SettingError("hold_out", f"there is no such painting in {styles}", sorted(unknown)[0])
        paths = [path for path in paths if path.stem not in held]
        if not paths:
            raise SettingError("hold_out", "`hold_out` leaves no style to learn")
        if len({path.stem for path in paths}) < len(paths) or "photo" in {path.stem for path in paths}:
            raise SettingError("styles", f"styles go by the names of their files: in {styles} two have one name, or one is called photo")
        opening = Opening("styles", PAINTING_SHORT, 1, report)
        looks: list[Tensor] = []
        names = []
        spread = settings.style_size / LARGEST_SPREAD, settings.style_size * LARGEST_SPREAD
        each = settings.style_crops if settings.reader else 1  # a table is taught by whole paintings
        for at, image in opening(paths):
            looks += painting_looks(image, each, spread, seed, at, settings.varied)
            names.append(paths[at].stem)
        named = Pictures(looks, eye, giver, photos=False, seen=settings.seen, names=names, each=each)
        left_out += opening.left_out
    if paintings:
        opening = Opening("paintings", PAINTING_SHORT, 1, report)
        paths = pictures(paintings, "paintings", max(1, settings.painting_looks // 2))
        each = max(2, settings.painting_looks // len(paths))
        looks = [look for at, image in opening(paths) for look in painting_looks(image, each, LOOK_SIZES, seed + 1, at, settings.varied)]
        others = Pictures(looks, eye, giver, photos=False, seen=settings.seen)
        left_out += opening.left_out
    return Lessons(own, wholes, named, others), left_out


def built(lessons: Lessons, settings: TrainSettings, seed: int, processes: Team) -> Trainer:
    """The network before its first step."""
    giver = lessons.photos.giver
    seen = tuple(len(giver.network.weights[name][1]) for name in GIVEN) if settings.seen else ()
    plan = Plan(
        fine=settings.fine, wide=settings.wide, deep=settings.deep, half=settings.half,
        blocks=settings.blocks, deep_blocks=settings.deep_blocks, fine_blocks=settings.fine_blocks, rank=settings.rank,
        output=settings.output, norm=settings.norm, seen=seen,
    )  # fmt: skip
    torch.manual_seed(seed)
    parts: dict[str, nn.Module] = {"painter": Painter(plan).to(processes.device).to(memory_format=torch.channels_last)}  # type: ignore[call-overload]
    if settings.reader:
        parts["reader"] = Reader(plan, giver.channels, hidden=settings.reader_hidden, code=settings.reader_code).to(processes.device)
    else:
        assert lessons.named is not None
        parts["table"] = table(plan, len(lessons.named.names) + 1).to(processes.device)
    if settings.start:
        begin(parts, settings.start, plan, lessons)
    return Trainer(parts, plan, lessons, settings, seed, processes, frozen=("painter",) if settings.freeze_body else ())


def table(plan: Plan, rows: int) -> nn.Embedding:
    """Styles that begin as no style: of each pair of factors one is random and one 0, so that their product is 0 but not its gradient."""
    made = nn.Embedding(rows, plan.numbers)
    with torch.no_grad():
        made.weight.zero_()
        factors = made.weight[:, 2 * plan.channels : -plan.gains].view(rows, 2, 2, plan.deep, plan.rank)
        nn.init.normal_(factors[:, :, 1], std=plan.deep**-0.5)
        made.weight[:, -plan.gains :] = 0.1
    return made


def begin(parts: Mapping[str, nn.Module], start: str, plan: Plan, lessons: Lessons) -> None:
    """Take over an earlier network's weights where they fit; a table of styles from what its reader reads, or from the styles that
    go with its body. start: as `--start` has it. Raises WeightsError."""
    device = lessons.photos.eye.device
    path = models_folder() if start == SHIPPED else Path(start)
    whole = not path.is_dir() or (path / "network.safetensors").exists()
    tensors = read_network(path)[0] if whole else read_onnx(path, "table" in parts)
    tensors = {name: value.float().to(device) for name, value in tensors.items()}
    taken = 0
    for name, module in parts.items():
        if isinstance(module, Reader) and module.begin(part_of(tensors, name)):
            taken += 1
            continue
        state = module.state_dict()
        for key, value in state.items():
            given = tensors.get(f"{name}.{key}")
            if given is not None and given.shape == value.shape:
                value.copy_(given)
                taken += value.ndim > 1  # the last layer's bias fits every network
    if not taken:
        raise WeightsError(f"`start` {start}: none of its weights fit a network of this shape; give its `wide`, `blocks` and so on")
    if "table" not in parts or lessons.named is None or "table.weight" in tensors:
        return
    weight = parts["table"].get_parameter("weight")
    reads = part_of(tensors, "reader")
    if reads:
        try:
            hidden, code = (len(reads[f"{layer}.bias"]) for layer in ("hidden.1", "hidden.3"))
            reader = Reader(plan, lessons.photos.giver.channels, hidden=hidden, code=code).to(device)
            reader.load_state_dict(reads)
        except (RuntimeError, KeyError) as error:
            raise WeightsError(f"`start` {start}: its reader is for a network of another shape") from error
        looks = [lessons.named.look(i * lessons.named.each) for i in range(len(lessons.named.names))]
        with torch.no_grad():
            read = reader({name: torch.stack([look.read[name] for look in looks]).to(device) for name in looks[0].read})
            weight[:-1] = read
            weight[-1] = read.mean(0)
    elif not whole and (path / f"styles{SUFFIX}").exists():
        rows = style_rows(path / f"styles{SUFFIX}", lessons.named.names)
        if rows.shape == weight.shape:
            with torch.no_grad():
                weight.copy_(torch.from_numpy(rows))


# Going on -------------------------------------------------------------------------------------------------------------


def belongs(trainer: Trainer) -> dict[str, Any]:
    """What must be the same for a training to go on, and, under `pictures`, for it to go on exactly."""
    lessons = trainer.lessons
    settings = {name: value for name, value in dataclasses.asdict(trainer.settings).items() if name not in MAY_CHANGE}
    names = list(lessons.named.names) if lessons.named and "table" in trainer.parts else []
    digests = [each.digest if each else 0 for each in (lessons.photos, lessons.wholes, lessons.named, lessons.others)]
    return {"settings": settings, "names": names, "seed": trainer.seed, "pictures": [*digests, trainer.team.size]}


def resume(trainer: Trainer, folder: Path) -> list[str]:
    """Go on from the folder's checkpoint, if there is one: what is to be said about it. Raises SettingError, WeightsError."""
    path = folder / "checkpoint.pt"
    if not path.exists():
        return []
    try:
        kept = torch.load(path, map_location=trainer.device, weights_only=True)
        was, state = kept["belongs"], kept["state"]
    except Exception as error:  # torch raises whatever its pickle and zip readers do
        raise WeightsError(f"{path} is no checkpoint of a training, or is damaged: move it away to begin anew") from error
    now = belongs(trainer)
    for name, value in now["settings"].items():
        if name not in was["settings"]:
            raise SettingError("out", f"{folder} has a training by another version of atelier: take another `out`, and `start` {folder}")
        if was["settings"][name] != value:
            flag = f"`{name}`"
            raise SettingError(
                name, f"{folder} has a training with {flag} {was['settings'][name]}, not {value}: go on with that, or take another `out`"
            )
    if was["seed"] != now["seed"]:
        raise SettingError(
            "seed", f"{folder} has a training with `seed` {was['seed']}, not {now['seed']}: go on with that, or take another `out`"
        )
    if was["names"] != now["names"]:
        raise SettingError(
            "styles", f"{folder} has a training of other styles ({', '.join(was['names'])}): go on with these, or take another `out`"
        )
    trainer.restore(state)
    log = folder / "log.jsonl"
    if log.exists() and trainer.team.rank == 0:  # what was logged after the checkpoint comes again
        lines = [line for line in log.read_text(encoding="utf-8").splitlines() if _step(line) <= trainer.step]
        atomic_write("".join(f"{line}\n" for line in lines).encode(), log)
    notes = [f"going on from step {trainer.step} in {folder}"]
    if was["pictures"] != now["pictures"]:
        notes.append("the pictures, or the number of processes, are not those it began with: it goes on, but not exactly as it would have")
    return notes


def _step(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


# Files ----------------------------------------------------------------------------------------------------------------


@dataclass
class Written:
    """The files of a training, each whole or as it was before."""

    trainer: Trainer
    folder: Path

    def log(self, record: Mapping[str, float]) -> None:
        if "total" not in record:  # nothing but steps for the photo itself so far
            return
        line = json.dumps({name: round(value, 6) for name, value in record.items()})
        path = self.folder / "log.jsonl"
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error

    def save(self) -> None:
        """Checkpoint first: what follows is made of it, and can be made again."""
        trainer = self.trainer
        with atomic_file(self.folder / "checkpoint.pt") as file:
            torch.save({"belongs": belongs(trainer), "state": trainer.state()}, file)
        painter, style = trainer.averaged()
        named = trainer.lessons.named
        about = {
            "plan": trainer.plan.to_json(),
            "steps": str(trainer.step),
            "seed": str(trainer.seed),
            "styles": json.dumps(list(named.names) if named else []),
        }
        atomic_write(
            safetensors.torch.save({k: v.half().cpu().contiguous() for k, v in trainer.average.items()}, about),
            self.folder / "network.safetensors",
        )
        export(self.folder, painter, style, trainer, about)
        # The sheet after all else: it is to be looked at only.
        atomic_write(encode(Image(sheet(trainer, painter, style)), "png"), self.folder / "samples" / f"{trainer.step:07}.png")

    def finish(self) -> None:
        """A model for each row of a table: photo in, picture out."""
        trainer = self.trainer
        painter, style = trainer.averaged()
        named = trainer.lessons.named
        if named is None or not isinstance(style, nn.Embedding) or trainer.plan.seen:
            return
        folder = _folder(self.folder / "plain")
        tensors = arrays(painter)
        for i, name in enumerate(named.names):
            numbers = style.weight[i].cpu().numpy()
            model = plain_model(tensors, trainer.plan, numbers, named.look(i * named.each).colors, metadata={"title": name})
            atomic_write(model, folder / f"{name}.onnx")


def digest(trainer: Trainer) -> str:
    """Of all weights as they are, not averaged."""
    import hashlib

    state = hashlib.sha256()
    for module in trainer.parts.values():
        for name, value in sorted(module.state_dict().items()):
            state.update(name.encode())
            state.update(value.detach().cpu().contiguous().numpy().tobytes())
    return state.hexdigest()
