"""Distil `pocket`, the perceptual network that ships, from VGG-19.

    python -m atelier.training.pocket --photos DIR --paintings DIR --out runs/pocket

One command, resumable: run it again with the same --out and it goes on where it stopped. The recipe:

1.  **Start**: the student is cut out of the teacher. Layer by layer, a pivoted Cholesky factorisation of the teacher's
    channel covariance picks the channels that explain most of the rest, and least squares refits the convolution so that
    it computes them from the *student's own* previous layer (in the spirit of ThiNet, Luo et al. 2017, and channel pruning,
    He et al. 2017).
2.  **Loss**: at all 13 layers, a learned 1x1 head Q maps the student's channels to the teacher's; the loss is the relative
    feature error |QS - T|^2/|T|^2 plus the relative Gram error. Both are computed from S Sᵀ, T Sᵀ and T Tᵀ alone, so the
    wide QS is never formed.
3.  **Pictures it is optimised against while it learns**: a pool of pictures is painted by descending the student's own
    style loss, and the student is taught on them. An optimiser finds the holes in any student taught on clean photos.
4.  **Solver**: Muon for the convolutions (as matrices), AdamW for the heads and biases; warm-up, constant, linear decay;
    an exponential average of the weights is what is kept.

What ships is not Q but the k x k triangular factor R of Q = U R (U orthonormal): |R S| = |Q S|, so distances, Grams and
moments of R S are those in the teacher's metric.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image as PIL_Image
from safetensors.torch import save_file
from torch import Tensor

from atelier.errors import WeightsError
from atelier.perception.network import CONVS, MEAN, STYLE_LAYERS, activations, normalise
from atelier.perception.weights import load

WIDTHS = dict(zip(CONVS, (16, 16, 32, 32, 64, 64, 64, 64, 128, 128, 192, 192, 256), strict=True))
"""Wider where positions are few: the deep layers cost little time and are the hardest to imitate."""
TAPS = (*STYLE_LAYERS, "conv3_2", "conv4_2")
"""Layers whose metric ships: the style layers and two content layers."""
HINT_WEIGHT = 0.3
"""Of the feature error at the other layers from block 3 on, which guide the deep ones; their heads are then thrown away."""


# Pictures -------------------------------------------------------------------------------------------------------------


class Pictures:
    """A folder of pictures held in memory as uint8, cropped at random scales."""

    def __init__(self, folder: Path, rng: np.random.Generator, limit: int = 320) -> None:
        self.rng, self.images = rng, []
        for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in {".jpg", ".jpeg", ".png"}):
            with PIL_Image.open(path) as file:
                picture = file.convert("RGB")
            if (scale := limit / min(picture.size)) < 1:
                picture = picture.resize((round(picture.width * scale), round(picture.height * scale)), PIL_Image.Resampling.LANCZOS)
            self.images.append(np.asarray(picture))

    def crops(self, count: int, size: int) -> Tensor:
        """(count, 3, size, size) RGB in [0, 1], each a random crop at a random scale, half of them mirrored."""
        out = np.empty((count, size, size, 3), np.uint8)
        for i in range(count):
            image = self.images[self.rng.integers(len(self.images))]
            short = min(image.shape[:2])
            side = round(min(short, size * math.exp(self.rng.uniform(math.log(0.7), math.log(2.0)))))
            y, x = (int(self.rng.integers(0, n - side + 1)) for n in image.shape[:2])
            crop = PIL_Image.fromarray(image[y : y + side, x : x + side]).resize((size, size), PIL_Image.Resampling.BICUBIC)
            out[i] = np.asarray(crop)[:, :: 1 if self.rng.random() < 0.5 else -1]
        return torch.from_numpy(out).permute(0, 3, 1, 2).float() / 255


def hard_cases(photos: Tensor, paintings: Tensor, rng: np.random.Generator) -> Tensor:
    """Blends, noise on pictures and noise alone, at random colours and frequencies. Shapes as the inputs, in [0, 1]."""
    out = []
    for photo, painting in zip(photos, paintings, strict=True):
        _, h, w = photo.shape
        coarse = int(rng.choice([1, 1, 2, 4]))
        noise = torch.from_numpy(rng.standard_normal((1, 3, -(-h // coarse), -(-w // coarse))).astype(np.float32))
        noise = F.interpolate(noise, size=(h, w), mode="bilinear")[0] if coarse > 1 else noise[0]
        match rng.integers(4):
            case 0:
                x = torch.lerp(photo, painting, float(rng.uniform(0.2, 0.8)))
            case 1:
                x = photo + noise * float(rng.uniform(0.02, 0.3))
            case 2:
                x = painting.roll((int(rng.integers(h)), int(rng.integers(w))), (1, 2)) + noise * float(rng.uniform(0.02, 0.2))
            case _:
                x = painting.mean((1, 2), keepdim=True) + noise * float(rng.uniform(0.05, 0.4))
        out.append(x.clamp(0, 1))
    return torch.stack(out)


# The student ----------------------------------------------------------------------------------------------------------

Params = dict[str, Tensor]
"""`{layer}.weight` (out, in*9), `{layer}.bias` (out,), `{layer}.head` (teacher's channels, out); all float32."""


def convolutions(params: Params, dtype: torch.dtype) -> dict[str, tuple[Tensor, Tensor]]:
    """The parameters as convolutions, in the type and layout that run fastest."""
    out = {}
    for name in CONVS:
        weight, bias = params[f"{name}.weight"], params[f"{name}.bias"]
        kernel = weight.view(weight.shape[0], -1, 3, 3).to(dtype)
        out[name] = (kernel.contiguous(memory_format=torch.channels_last), bias.to(dtype))
    return out


def normalised_teacher(path: Path, pictures: Tensor, dtype: torch.dtype, device: str) -> tuple[dict[str, tuple[Tensor, Tensor]], float]:
    """VGG-19 with every layer scaled to unit root mean square over `pictures`; exact, since ReLU and max pooling are
    homogeneous. Also returns what the normalised input is divided by."""
    loaded = load(path)
    if max(abs(a - b) for a, b in zip(loaded.mean, MEAN, strict=True)) > 0.5:
        raise WeightsError(f"{path} subtracts other means than the student is to: {loaded.mean}")
    weights = {n: (torch.from_numpy(w).float().to(device), torch.from_numpy(b).float().to(device)) for n, (w, b) in loaded.layers.items()}
    x = normalise(pictures)
    before = input_scale = float(x.square().mean().sqrt())
    with torch.inference_mode():
        scales = {n: float(t.square().mean().sqrt()) for n, t in activations(weights, x, CONVS).items()}
    out = {}
    for name in CONVS:
        weight, bias = weights[name]
        kernel = (weight * (before / scales[name])).to(dtype).contiguous(memory_format=torch.channels_last)
        out[name] = (kernel, (bias / scales[name]).to(dtype))
        before = scales[name]
    return out, input_scale


def cut_from_teacher(teacher: dict[str, tuple[Tensor, Tensor]], x: Tensor, learned: Params | None = None, ridge: float = 1e-3) -> Params:
    """The student's start: chosen channels of the teacher, refitted by least squares on the pictures x (normalised).

    learned: layers of a narrower run, kept as they are where their shapes fit.
    """
    learned = learned or {}
    teacher = {n: (w.float(), b.float()) for n, (w, b) in teacher.items()}
    params: Params = {}
    with torch.inference_mode():
        target = activations(teacher, x.float(), CONVS)
        student = x.float()
        previous = CONVS[0]
        for name in CONVS:
            if name[4] != previous[4]:
                student = F.max_pool2d(student, 2)
            previous = name
            t = target[name].transpose(0, 1).flatten(1)  # (C, N)
            kept = learned.get(f"{name}.weight")
            if kept is not None and kept.shape == (WIDTHS[name], student.shape[1] * 9):
                params[f"{name}.weight"], params[f"{name}.bias"] = kept, learned[f"{name}.bias"]
                student = F.relu(F.conv2d(student, kept.view(len(kept), -1, 3, 3), learned[f"{name}.bias"], padding=1))
                if f"{name}.head" in learned:
                    params[f"{name}.head"] = learned[f"{name}.head"]
                    continue
            else:
                chosen = pivots(t @ t.T, WIDTHS[name])
                weight, bias = teacher[name]
                source = target[CONVS[CONVS.index(name) - 1]] if name != CONVS[0] else x.float()
                if name != CONVS[0] and source.shape[2:] != student.shape[2:]:
                    source = F.max_pool2d(source, 2)
                wanted = F.conv2d(source, weight[chosen], bias[chosen], padding=1).transpose(0, 1).flatten(1)  # (k, N)
                fan = student.shape[1] * 9
                moment = torch.zeros(fan + 1, fan + 1, device=x.device)
                cross = torch.zeros(len(chosen), fan + 1, device=x.device)
                step = wanted.shape[1] // len(x)
                for i, picture in enumerate(student):
                    patches = F.unfold(picture[None], 3, padding=1)[0]  # (fan, N/B)
                    patches = torch.cat([patches, patches.new_ones(1, patches.shape[1])])
                    z = wanted[:, i * step : (i + 1) * step]
                    moment += patches @ patches.T
                    cross += z @ patches.T
                moment += torch.eye(fan + 1, device=x.device) * ridge * moment.diagonal().mean()
                solved = torch.linalg.solve(moment, cross.T).T
                params[f"{name}.weight"], params[f"{name}.bias"] = solved[:, :-1].contiguous(), solved[:, -1].contiguous()
                student = F.relu(F.conv2d(student, solved[:, :-1].reshape(-1, student.shape[1], 3, 3), solved[:, -1], padding=1))
            s = student.transpose(0, 1).flatten(1)
            gram = s @ s.T
            gram += torch.eye(len(gram), device=x.device) * ridge * gram.diagonal().mean()
            params[f"{name}.head"] = torch.linalg.solve(gram, s @ t.T).T.contiguous()
    return {k: v.clone() for k, v in params.items()}


def pivots(covariance: Tensor, count: int) -> list[int]:
    """Channels chosen one by one, each the one least explained by those before it (pivoted Cholesky)."""
    residual = covariance.double().clone()
    chosen: list[int] = []
    for _ in range(count):
        i = int(residual.diagonal().argmax())
        chosen.append(i)
        column = residual[:, i] / residual[i, i].clamp_min(1e-12).sqrt()
        residual -= torch.outer(column, column)
    return sorted(chosen)


# Losses ---------------------------------------------------------------------------------------------------------------


def second_moments(a: Tensor, b: Tensor) -> Tensor:
    """(B, C, H, W), (B, D, H, W) -> (B, C, D): A Bᵀ averaged over positions.

    Accumulated in float32 whatever the inputs' type; bfloat16 rounds only the result, by 0.4 % an entry at the most.
    """
    return torch.bmm(a.flatten(2), b.flatten(2).transpose(1, 2)).float() / (a.shape[2] * a.shape[3])


def distillation_loss(
    student: dict[str, Tensor], target: dict[str, Tensor], heads: Params
) -> tuple[Tensor, dict[str, tuple[float, float]]]:
    """Relative feature and Gram errors over all layers, and both as numbers (feature, Gram) a layer."""
    total, numbers = torch.zeros((), device=next(iter(student.values())).device), {}
    for name, s in student.items():
        t, q = target[name], heads[f"{name}.head"]
        if name not in TAPS and name[4] in "12":
            continue
        tt = second_moments(t, t)
        power = tt.diagonal(dim1=1, dim2=2).sum(1)  # (B,)
        ss, ts = second_moments(s, s), second_moments(t, s)
        metric = q.T @ q
        feature = ((ss * metric).sum((1, 2)) - 2 * (ts * q).sum((1, 2)) + power) / power
        if name not in TAPS:
            total = total + HINT_WEIGHT * feature.clamp_min(1e-6).mean()
            continue
        # |Q SS Qᵀ - TT|² without forming Q SS Qᵀ (B, C, C): M = QᵀQ and QᵀTT Q are k x k.
        inner, crossed = ss @ metric, ss * (q.T @ (tt @ q))
        squared = tt.square().sum((1, 2))
        gram = ((inner * inner.transpose(1, 2)).sum((1, 2)) - 2 * crossed.sum((1, 2)) + squared) / squared
        # Bounded above, so that the few pictures that the student knows least do not drown the rest.
        gram = gram.clamp_min(0)
        total = total + feature.clamp_min(1e-6).mean() + 0.25 * (gram + 1e-4).sqrt().mean() + 0.75 * (gram / (1 + 0.5 * gram)).mean()
        numbers[name] = (float(feature.detach().mean()), float(gram.detach().mean()))
    return total, numbers


# Pictures that are being optimised against the student ----------------------------------------------------------------


class Pool:
    """Groups of pictures in the middle of being painted by Adam against the student's own style and content losses."""

    def __init__(self, groups: int, count: int, size: int) -> None:
        self.groups: list[dict[str, Tensor] | None] = [None] * groups
        self.count, self.size, self.turn = count, size, 0

    def fresh(self, photos: Pictures, paintings: Pictures, rng: np.random.Generator) -> dict[str, Tensor]:
        content, style = photos.crops(self.count, self.size), paintings.crops(self.count, self.size)
        if rng.random() < 0.3:
            content = paintings.crops(self.count, self.size)
        start = []
        for c, s in zip(content, style, strict=True):
            match rng.choice(4, p=[0.35, 0.35, 0.2, 0.1]):
                case 0:
                    x = c
                case 1:
                    x = recoloured(c, s)
                case 2:
                    x = torch.from_numpy(rng.random(c.shape).astype(np.float32))
                case _:
                    x = F.interpolate(F.avg_pool2d(recoloured(c, s)[None], 4), scale_factor=4, mode="bilinear")[0]
            start.append(x.clamp(0, 1))
        x = torch.stack(start)
        n = self.count
        return {
            "x": x, "content": content, "style": style, "m": torch.zeros_like(x), "v": torch.zeros_like(x),
            "step": torch.zeros(()), "life": torch.tensor(float(rng.integers(20, 250))),
            "rate": torch.from_numpy(np.exp(rng.uniform(math.log(0.01), math.log(0.06), (n, 1, 1, 1))).astype(np.float32)),
            "style_weights": torch.from_numpy(rng.dirichlet(np.ones(5), n).astype(np.float32)) * 5,
            "content_weight": torch.from_numpy(rng.choice([0.0, 0.05, 0.2, 0.5], n).astype(np.float32)),
        }  # fmt: skip

    def next(self, photos: Pictures, paintings: Pictures, rng: np.random.Generator, device: str) -> dict[str, Tensor]:
        self.turn = (self.turn + 1) % len(self.groups)
        group = self.groups[self.turn]
        if group is None or group["step"] >= group["life"]:
            group = {k: v.to(device) for k, v in self.fresh(photos, paintings, rng).items()}
            if self.groups[self.turn] is None:  # the first groups are at all ages
                group["life"] = group["life"] * (self.turn + 1) / len(self.groups)
            self.groups[self.turn] = group
        return group

    @staticmethod
    def paint(group: dict[str, Tensor], params: Params, input_scale: float, dtype: torch.dtype) -> None:
        """One Adam step of every picture of the group against the student as it is now."""
        convs = {n: (w.detach(), b.detach()) for n, (w, b) in convolutions(params, dtype).items()}
        layers = (*STYLE_LAYERS, "conv4_2")

        def see(x: Tensor) -> dict[str, Tensor]:
            return activations(convs, network_input(x, input_scale, dtype), layers)

        with torch.no_grad():
            style, content = see(group["style"]), see(group["content"])
        x = group["x"].clone().requires_grad_()
        seen = see(x)
        loss = x.new_zeros(())
        for i, name in enumerate(STYLE_LAYERS):
            q = params[f"{name}.head"].detach()
            metric = q.T @ q
            a, g = second_moments(style[name], style[name]), second_moments(seen[name], seen[name])
            d = g - a
            error = ((metric @ d) * (d @ metric)).sum((1, 2)) / ((metric @ a) * (a @ metric)).sum((1, 2)).clamp_min(1e-6)
            loss = loss + (error * group["style_weights"][:, i]).sum()
        f, p = seen["conv4_2"].float(), content["conv4_2"].float()
        power = p.square().mean((1, 2, 3)).clamp_min(1e-6)
        loss = loss + (group["content_weight"] * (f - p).square().mean((1, 2, 3)) / power).sum()
        (gradient,) = torch.autograd.grad(loss, x)
        with torch.no_grad():
            group["step"] += 1
            k = float(group["step"])
            group["m"].lerp_(gradient, 0.1)
            group["v"].lerp_(gradient.square(), 0.01)
            move = (group["m"] / (1 - 0.9**k)) / ((group["v"] / (1 - 0.99**k)).sqrt() + 1e-12)
            group["x"] = (group["x"] - group["rate"] * move).clamp(0, 1)


def recoloured(content: Tensor, style: Tensor) -> Tensor:
    """The content (3, H, W) with the style's mean and standard deviation a channel."""

    def moments(x: Tensor) -> tuple[Tensor, Tensor]:
        return x.mean((1, 2), keepdim=True), x.std((1, 2), keepdim=True) + 1e-3

    (cm, cs), (sm, ss) = moments(content), moments(style)
    return (content - cm) / cs * ss + sm


def network_input(x: Tensor, input_scale: float, dtype: torch.dtype) -> Tensor:
    return (normalise(x) / input_scale).to(dtype).contiguous(memory_format=torch.channels_last)


# Training -------------------------------------------------------------------------------------------------------------


def save(path: Path, tensors: Params, input_scale: float, metadata: dict[str, str]) -> None:
    """Write the network as it ships: int8 convolutions (a scale a channel) that take 0..255 minus the mean, and the metric of each tap."""
    out: Params = {}
    for name in CONVS:
        weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
        kernel = weight.view(weight.shape[0], -1, 3, 3)
        if name == CONVS[0]:
            kernel = kernel / input_scale
        scale = kernel.abs().amax((1, 2, 3), keepdim=True) / 127
        out[f"{name}.weight"] = (kernel / scale).round().to(torch.int8).cpu().contiguous()
        out[f"{name}.scale"], out[f"{name}.bias"] = scale.flatten().cpu(), bias.half().cpu()
        if name in TAPS:
            out[f"{name}.metric"] = torch.linalg.qr(tensors[f"{name}.head"].double().cpu())[1].half().contiguous()
    beside = path.with_suffix(".part")
    save_file(out, beside, metadata={**metadata, "input": "RGB 0..255 minus mean", "mean": "123.68,116.779,103.939", "pool": "max 2x2"})
    beside.replace(path)


def train(args: argparse.Namespace) -> None:
    out: Path = args.out
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads or os.cpu_count() or 1)
    rng = np.random.default_rng(args.seed)
    device, dtype = args.device, torch.bfloat16 if args.bf16 else torch.float32
    photos, paintings = Pictures(args.photos, rng), Pictures(args.paintings, rng)
    print(f"{len(photos.images)} photos, {len(paintings.images)} paintings", flush=True)

    sample = torch.cat(
        [photos.crops(24, 128), paintings.crops(24, 128), hard_cases(photos.crops(16, 128), paintings.crops(16, 128), rng)]
    ).to(device)
    teacher, input_scale = normalised_teacher(args.teacher, sample, torch.float32, device)
    checkpoint = out / "checkpoint.pt"
    state = torch.load(checkpoint, map_location=device, weights_only=True) if checkpoint.exists() else None
    if state:
        input_scale, params, average = state["input_scale"], state["params"], state["average"]
        teacher = {n: (w.float(), b) for n, (w, b) in state["teacher"].items()}
    else:
        learned: Params | None = None
        if args.grow and args.grow.suffix == ".safetensors":
            earlier = load(args.grow)
            learned = {f"{n}.weight": torch.from_numpy(w).float().flatten(1).to(device) for n, (w, _) in earlier.layers.items()}
            learned |= {f"{n}.bias": torch.from_numpy(b).float().to(device) for n, (_, b) in earlier.layers.items()}
            learned["conv1_1.weight"] = learned["conv1_1.weight"] * input_scale
        elif args.grow:
            state_of = torch.load(args.grow, map_location=device, weights_only=True)
            learned, input_scale = state_of["average"], state_of["input_scale"]
            teacher = {n: (w.float(), b.float()) for n, (w, b) in state_of["teacher"].items()}
        params = cut_from_teacher(teacher, normalise(sample) / input_scale, learned)
        average = {k: v.clone() for k, v in params.items()}
    params = {k: v.clone().requires_grad_() for k, v in params.items()}
    teacher = {n: (w.to(dtype).contiguous(memory_format=torch.channels_last), b.to(dtype)) for n, (w, b) in teacher.items()}

    matrices = [v for k, v in params.items() if k.endswith(".weight") and not k.startswith("conv1_1")]
    others = [v for k, v in params.items() if not (k.endswith(".weight") and not k.startswith("conv1_1"))]
    muon = torch.optim.Muon(matrices, lr=args.rate, weight_decay=0.0, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    adam = torch.optim.AdamW(others, lr=args.rate, betas=(0.9, 0.99), weight_decay=0.0)
    start = 0
    if state:
        muon.load_state_dict(state["muon"])
        adam.load_state_dict(state["adam"])
        start = state["step"]
        rng.bit_generator.state = json.loads(state["rng"])
    pools = {128: Pool(12, 3, 128), 256: Pool(8, 1, 256)}
    if state:
        for size, pool in pools.items():
            pool.groups, pool.turn = state["pools"][size], state["turns"][size]

    log = (out / "log.jsonl").open("a")
    running: dict[str, tuple[float, float]] = state["running"] if state else {}
    seconds = state["seconds"] if state else 0.0
    began = time.perf_counter()
    for step in range(start, args.steps):
        decay = max(0.0, min(1.0, (args.steps - step) / (args.steps * args.decay)))
        rate = args.rate * min(1.0, (step + 1) / 100) * max(decay, 0.01)
        for group in (*muon.param_groups, *adam.param_groups):
            group["lr"] = rate

        # conv5_1 sees 156 px: on small crops alone it would learn the borders more than the picture.
        size = 256 if step % 2 else 128
        optimised = pools[size].next(photos, paintings, rng, device)
        Pool.paint(optimised, params, input_scale, dtype)
        if size == 128:
            a, b = photos.crops(3, size), paintings.crops(3, size)
            x = torch.cat([a[:2], b[:2], hard_cases(a[2:], b[2:], rng)]).to(device)
        else:
            a, b = photos.crops(1, size), paintings.crops(1, size)
            x = [torch.cat([a, b]), torch.cat([a, hard_cases(a, b, rng)]), torch.cat([b, hard_cases(a, b, rng)])][step // 2 % 3].to(device)
        x = torch.cat([x, optimised["x"]])
        x = network_input(x, input_scale, dtype)
        with torch.no_grad():
            target = activations(teacher, x, CONVS)
        loss, numbers = distillation_loss(activations(convolutions(params, dtype), x, CONVS), target, params)
        muon.zero_grad(set_to_none=True)
        adam.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params.values(), 10.0)
        if torch.isfinite(loss):
            muon.step()
            adam.step()
        with torch.no_grad():
            keep = min(0.999, (step + 1) / (step + 20))
            for k, v in params.items():
                average[k].lerp_(v, 1 - keep)
        for k, (f, g) in numbers.items():
            old = running.get(k, (f, g))
            running[k] = (old[0] * 0.98 + f * 0.02, old[1] * 0.98 + g * 0.02)
        if (step + 1) % 50 == 0 or step == start:
            spent = seconds + time.perf_counter() - began
            record = {"step": step + 1, "loss": round(float(loss.detach()), 4), "rate": rate, "seconds": round(spent, 1)}
            record |= {k: [round(v, 4) for v in running[k]] for k in TAPS}
            log.write(json.dumps(record) + "\n")
            log.flush()
            print(record, flush=True)
        if (step + 1) % args.every == 0 or step + 1 == args.steps:
            spent = seconds + time.perf_counter() - began
            beside = checkpoint.with_suffix(".part")
            now = {
                "params": {k: v.detach() for k, v in params.items()},
                "average": average,
                "muon": muon.state_dict(),
                "adam": adam.state_dict(),
                "pools": {size: pool.groups for size, pool in pools.items()},
                "turns": {size: pool.turn for size, pool in pools.items()},
                "step": step + 1,
                "input_scale": input_scale,
                "teacher": teacher,
                "rng": json.dumps(rng.bit_generator.state),
                "running": running,
                "seconds": spent,
            }
            torch.save(now, beside)
            beside.replace(checkpoint)
            save(
                out / "pocket.safetensors",
                average,
                input_scale,
                {"teacher": "VGG-19 (Oxford VGG, CC BY 4.0)", "steps": str(step + 1), "seed": str(args.seed)},
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="folder of photos")
    parser.add_argument("--paintings", type=Path, required=True, help="folder of paintings")
    parser.add_argument("--teacher", type=Path, required=True, help="VGG-19 as safetensors, keys conv1_1.weight ...")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint, log and pocket.safetensors go here; resumes from it")
    parser.add_argument("--grow", type=Path, help="checkpoint or safetensors of an earlier run, whose fitting layers are the start")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--decay", type=float, default=0.3, help="the last share of the steps, in which the rate falls to nothing")
    parser.add_argument("--every", type=int, default=500, help="steps between checkpoints")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
