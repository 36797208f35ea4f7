"""The command line of the distillation."""

import argparse
from pathlib import Path

from atelier.training import pocket
from atelier.training.pocket.run import Run, train


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m atelier.training.pocket", description=pocket.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True, help="folder of photos")
    parser.add_argument("--paintings", type=Path, required=True, help="folder of paintings")
    parser.add_argument("--teacher", type=Path, required=True, help="VGG-19 as safetensors, keys conv1_1.weight ...")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint, log and pocket.safetensors go here; resumes from it")
    parser.add_argument("--grow", type=Path, help="checkpoint or safetensors of an earlier run, whose fitting layers are the start")
    parser.add_argument("--steps", type=int, default=Run.steps)
    parser.add_argument("--rate", type=float, default=Run.rate)
    parser.add_argument("--decay", type=float, default=Run.decay, help="the last share of the steps, in which the rate falls to nothing")
    parser.add_argument("--every", type=int, default=Run.every, help="steps between checkpoints")
    parser.add_argument("--seed", type=int, default=Run.seed)
    parser.add_argument("--threads", type=int, default=Run.threads, help="0: all cores")
    parser.add_argument("--device", default=Run.device)
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=Run.bf16)
    train(Run(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
