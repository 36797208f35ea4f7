"""How close the small network comes to its teacher, on photos and paintings that it never saw.

    python benchmarks/distillation.py --checkpoint runs/pocket/checkpoint.pt

For each layer whose metric ships: the relative feature error |QS - T|²/|T|² and the relative Gram error |Q S Sᵀ Qᵀ - T Tᵀ|²/|T Tᵀ|²,
T the teacher's features, S the student's, Q the head it was trained with (the checkpoint has it; the network that ships only has
Q's triangular factor, which suffices for losses). Then, over pairs of a photo and a painting, the cosine between the gradients that
both networks give for the pixels of a picture, by the style loss and by the content loss: of the recoloured photo, and of a
picture half painted by the student itself, which is where an optimiser would find the student's holes.
"""

from __future__ import annotations

import statistics
from pathlib import Path

import torch
from torch import Tensor

import pairs
from atelier.engines.optimize.canvas import PixelCanvas
from atelier.engines.optimize.objective import Objective
from atelier.engines.optimize.solver import Solver
from atelier.engines.optimize.start import recolor
from atelier.engines.optimize.style import Exemplar
from atelier.image import Image
from atelier.perception.network import CONVS, Network, activations
from atelier.request import Settings, override
from atelier.training.pocket.losses import TAPS, second_moments
from atelier.training.pocket.student import convolutions, network_input


def errors(checkpoint: Path, pictures: list[Tensor]) -> dict[str, tuple[float, float]]:
    """Layer -> mean relative feature and Gram error."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    student, teacher = convolutions(state["average"], torch.float32), {n: (w.float(), b.float()) for n, (w, b) in state["teacher"].items()}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in TAPS}
    for picture in pictures:
        x = network_input(picture, state["input_scale"], torch.float32)
        with torch.inference_mode():
            s, t = activations(student, x, CONVS), activations(teacher, x, CONVS)
            for name in TAPS:
                q = state["average"][f"{name}.head"]
                tt, ss, ts = second_moments(t[name], t[name]), second_moments(s[name], s[name]), second_moments(t[name], s[name])
                power = tt.diagonal(dim1=1, dim2=2).sum()
                feature = ((ss * (q.T @ q)).sum() - 2 * (ts * q).sum() + power) / power
                found[name].append((float(feature), float((q @ ss @ q.T - tt).square().sum() / tt.square().sum())))
    return {name: (statistics.mean(f for f, _ in rows), statistics.mean(g for _, g in rows)) for name, rows in found.items()}


def cosines(student: Network, teacher: Network, content: Tensor, style: Tensor, iterations: int) -> dict[str, float]:
    """What is looked at -> cosine between the student's gradient and the teacher's, at the start and half painted."""
    start = recolor(content, [Exemplar(style)])
    canvas = PixelCanvas(start)
    solver = Solver(canvas, Objective(student, Settings(), content, [Exemplar(style)]), "lbfgs", 1.0)
    for _ in range(iterations):
        solver.step()
    out = {}
    for loss, given in (("style", {"content_weight": 0.0}), ("content", {"style_weight": 0.0})):
        settings = override(Settings(), {**given, "precision": "float32"})
        objectives = [Objective(network, settings, content, [Exemplar(style)]) for network in (student, teacher)]
        for label, picture in (("start", start), ("half painted", canvas.pixels.detach())):
            if loss == "content" and label == "start":
                continue  # next to nothing but colour differs there
            mine, theirs = (objective(picture)[0].flatten() for objective in objectives)
            out[f"{loss}, {label}"] = float(torch.nn.functional.cosine_similarity(mine, theirs, dim=0))
    return out


def tensor(image: Image) -> Tensor:
    return torch.tensor(image.pixels).permute(2, 0, 1)[None]


def main() -> None:
    parser = pairs.parser(__doc__ or "")
    parser.add_argument("--checkpoint", type=Path, required=True, help="of the training run")
    arguments = parser.parse_args()
    pairs.ready(arguments)
    size, iterations = (96, 4) if arguments.quick else (384, 30)
    folder = pairs.shared(arguments)
    if folder is None:
        raise pairs.Absent("photos and paintings the network never saw")
    photos = sorted((folder / "photos").glob("*.jpg"))[: 2 if arguments.quick else None]
    paintings = sorted((folder / "paintings").glob("*.jpg"))[: 2 if arguments.quick else None]
    opened = {path: tensor(pairs.sized(pairs.open_still(path), size)) for path in (*photos, *paintings)}
    for kind, paths in (("photos", photos), ("paintings", paintings)):
        print(f"{len(paths)} {kind} at {size} px: layer, relative feature error, relative Gram error")
        for name, (feature, gram) in errors(arguments.checkpoint, [opened[p] for p in paths]).items():
            print(f"  {name}  {feature:.3f}  {gram:.4f}")
    student, teacher = Network.load("pocket", dtype=torch.float32), Network.load("vgg19", dtype=torch.float32)
    rows = [cosines(student, teacher, opened[a], opened[b], iterations) for a, b in list(zip(photos, paintings, strict=False))[:8]]
    print(f"cosine with the teacher's gradient, mean and least over {len(rows)} pairs")
    for name in rows[0]:
        values = [row[name] for row in rows]
        print(f"  {name}: {statistics.mean(values):.3f}  {min(values):.3f}")


if __name__ == "__main__":
    pairs.run(main)
