"""What a network from elsewhere takes and gives, found out: any ONNX model that makes a picture of a picture.

Such files do not say what their numbers mean. The zoo's fast-neural-style nets take RGB in 0..255, AnimeGAN and CycleGAN
-1..1, the first with the channels last, some CartoonGANs B, G, R. So a `Contract` is read from what the file tells (types,
shapes, metadata under `atelier.*`), from trying, or from what the user says.

**What is tried.** Sizes: the smallest multiple, of 1, 2, 4 to 64, at which a picture's proportions come out as they went in. The
range of values: a made photo, under each range there is, and large noise, which shows where an output that is bounded (tanh,
sigmoid, clipped) ends. A range fits as well as the picture's luminance, coarsely, is still the photo's, or its negative
(correlation), at its contrast. Ranges that come in as they go out count half as much again, as nearly all nets were trained so.
If the best and the next give different pictures and fit about equally, nothing is guessed: it is a SettingError. The order of
colours cannot be seen in an answer; it is RGB unless the file or the user says otherwise.

**Nets of a fixed size** get the whole photo shrunk to that, and their picture is enlarged again, which is said. They are not run
by windows: most normalise over what they see, so windows of one photo would not match, and their strokes are of the trained size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from atelier.engines.network.contract import RANGES, Contract, made_photo, try_photo
from atelier.engines.network.onnx_file import Port
from atelier.engines.network.ranges import find_ranges
from atelier.engines.network.runner import Runner
from atelier.errors import SettingError, WeightsError
from atelier.progress import Progress, Report, silent

FIXED_PIXELS = 64_000_000
"""Pixels that a model of a fixed size may ask for."""
MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
SCALES = (1.0, 2.0, 3.0, 4.0, 8.0, 0.5, 0.25)
"""Times larger than the photo that a picture may be when sizes are tried: 2 and more are nets that sharpen."""


def read_contract(
    runner: Runner, *, layout: str = "auto", order: str = "auto", values: str = "auto", multiple: int = 0, output: str = "",
    further: str = "", report: Report = silent,
) -> Contract:  # fmt: skip
    """What a model takes and gives: as told; else as its metadata says; else by its shapes; else by trying.

    layout: nchw, nhwc. order: rgb, bgr. values: one of RANGES. multiple: 0 to try. output: the name of the output that is a
    picture. further: values of inputs that are single numbers, as `alpha=0.5,beta=1`. Metadata: `atelier.layout`, `.order`,
    `.range`, `.output_range`, `.multiple`, `.output`, written as the options are.

    Raises SettingError, which names the option to give, where that does not tell; WeightsError for a model that does not make
    a picture of a picture.
    """
    picture = _picture_input(runner)
    numbers = _further_inputs(runner, picture, further)
    names = _picture_outputs(runner, output or runner.metadata.get("atelier.output", ""))

    def read(name: str) -> Contract:
        blank = Contract(dtype=picture.dtype, input=picture.name, output=name, further=numbers)
        return _read_one(runner, blank, layout, order, values, multiple, report if len(names) == 1 else silent)

    if len(names) == 1:
        return read(names[0])
    contracts: list[Contract] = []
    failed: Exception | None = None
    for name in names:
        try:
            contracts.append(read(name))
        except (SettingError, WeightsError) as error:
            failed = error
    if failed and not contracts:
        raise failed
    if len(contracts) > 1:
        likely = " or ".join(contract.output for contract in contracts)
        raise SettingError("model_output", f"{runner.label} gives {len(contracts)} pictures: give `model_output` {likely}")
    (contract,) = contracts
    report(Progress("opening", note=f"{runner.label}: the output {contract.output} is the picture (see `model_output`)"))
    return contract


def _read_one(runner: Runner, contract: Contract, layout: str, order: str, values: str, multiple: int, report: Report) -> Contract:
    """The contract of one input and one output. Raises as `read_contract` does."""

    def known(name: str, asked: str, choices: tuple[str, ...]) -> str:
        said = asked if asked != "auto" else runner.metadata.get(f"atelier.{name}", "auto").strip().lower()
        if said not in ("auto", *choices):
            where = f"`model_{name}` {said}" if said == asked else f"{runner.label} says its {name} is {said[:40]!r}"
            raise SettingError(f"model_{name}", f"{where}: choose from {', '.join(choices)}")
        return said

    if known("order", order, ("rgb", "bgr")) == "bgr":
        contract = replace(contract, order="bgr")
    contract = _with_layout(runner, contract, known("layout", layout, ("nchw", "nhwc")))
    contract = replace(contract, multiple=_multiple(runner, contract, multiple))
    in_range, out_range = known("range", values, tuple(RANGES)), known("output_range", "auto", tuple(RANGES))
    if contract.dtype == "uint8" and in_range not in ("auto", "0..255"):
        raise SettingError("model_range", f"{runner.label} takes whole numbers from 0 to 255", in_range)
    tried = "auto" in (in_range, out_range)
    if tried:
        in_range, out_range = find_ranges(runner, contract, in_range, out_range)
    low, high, out_low, out_high = *RANGES[in_range], *RANGES[out_range]
    if tried:
        report(Progress("opening", note=f"{runner.label}: values of {in_range} in and {out_range} out, by trying (see `model_range`)"))
    return replace(contract, low=low, high=high, out_low=out_low, out_high=out_high)


# Inputs and outputs ---------------------------------------------------------------------------------------------------


def _port(ports: Sequence[Port], name: str) -> Port:
    return next(port for port in ports if port.name == name)


def _is_single(port: Port) -> bool:
    """Whether a port is one number."""
    return port.shape is not None and len(port.shape) < 3 and all(side in (None, 1) for side in port.shape)


def _picture_input(runner: Runner) -> Port:
    """The input that is a picture. Raises WeightsError where that is not one of them."""
    ports = [port for port in runner.inputs if not _is_single(port)]
    if len(ports) != 1 or not runner.outputs:
        names = ", ".join(port.name for port in runner.inputs)[:80] or "none"
        raise WeightsError(f"{runner.label} takes {len(runner.inputs)} inputs ({names}): only models of one picture can be used here")
    (port,) = ports
    if port.dtype not in ("float32", "float16", "float64", "uint8"):
        raise WeightsError(f"{runner.label} takes values of type {port.dtype or 'unknown'}: only floats and uint8 are understood")
    if port.shape is not None and (len(port.shape) != 4 or port.shape[0] not in (None, 1)):
        shape = " × ".join("any" if side is None else str(side) for side in port.shape)
        raise WeightsError(f"{runner.label} takes {shape} numbers, which is not one picture in colour")
    return port


def _further_inputs(runner: Runner, picture: Port, asked: str) -> dict[str, float]:
    """Values of the inputs that are single numbers. Raises SettingError unless each has one."""
    wanted = [port.name for port in runner.inputs if port is not picture]
    given: dict[str, float] = {}
    for part in filter(None, (each.strip() for each in asked.split(","))):
        name, _, value = (each.strip() for each in part.rpartition("="))
        try:
            given[name] = float(value)
        except ValueError:
            raise SettingError("model_inputs", "write name=number, several by comma", asked) from None
    if missing := [name for name in wanted if name not in given]:
        raise SettingError(
            "model_inputs", f"{runner.label} takes {', '.join(missing)} beside the picture: give `model_inputs` {missing[0]}=1, say"
        )
    if stray := [name for name in given if name not in wanted]:
        raise SettingError("model_inputs", f"{runner.label} takes {', '.join(wanted) or 'nothing'} beside the picture", stray[0])
    return given


def _picture_outputs(runner: Runner, asked: str) -> list[str]:
    """The outputs that may be the picture, by their shapes; the one told. Raises SettingError where there is none so called."""
    names = [port.name for port in runner.outputs]
    if asked:
        if asked not in names:
            raise SettingError("model_output", f"{runner.label} gives {', '.join(names)[:200]}", asked)
        return [asked]
    likely = [port.name for port in runner.outputs if _may_be_picture(port)]
    return likely or names[:1]


def _may_be_picture(port: Port) -> bool:
    shape = port.shape
    if shape is None:
        return True
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[0] not in (None, 1)):
        return False
    return any(side in (None, 3) for side in (shape[-3], shape[-1]))


def _with_layout(runner: Runner, contract: Contract, layout: str) -> Contract:
    """With the layout, and the size where it is fixed."""
    shape = _port(runner.inputs, contract.input).shape or (None,) * 4
    text = " × ".join("any" if side is None else str(side) for side in shape)
    # name -> (channels, height, width)
    sides = {"nchw": (shape[1], shape[2], shape[3]), "nhwc": (shape[3], shape[1], shape[2])}
    sides = {name: each for name, each in sides.items() if each[0] in (None, 3) and layout in ("auto", name)}
    if certain := {name: each for name, each in sides.items() if each[0] == 3}:
        sides = certain
    usable = [
        replace(contract, layout=name, size=None if height is None or width is None else (width, height))
        for name, (_, height, width) in sides.items()
        if (height is None) == (width is None)
    ]
    if certain and not usable:
        raise WeightsError(
            f"{runner.label} takes {text} numbers, which fixes one side of a picture and not the other: that cannot be used here"
        )
    if not usable:
        raise WeightsError(
            f"{runner.label} takes {text} numbers: that is no picture in colour" + ("" if layout == "auto" else f" in {layout}")
        )
    for each in usable:
        if each.size and each.size[0] * each.size[1] > FIXED_PIXELS:
            raise WeightsError(
                f"{runner.label} paints at {text} alone, over the limit of {FIXED_PIXELS:,} pixels: that is no model for pictures"
            )
    if len(usable) > 1:
        usable = [each for each in usable if try_photo(runner, each, each.size or (192, 128)) is not None]
    if len(usable) != 1:
        raise SettingError("model_layout", f"{runner.label} does not tell the order of its axes: give `model_layout` nchw or nhwc")
    return usable[0]


def _multiple(runner: Runner, contract: Contract, asked: int) -> int:
    if contract.size:
        return 1
    said = str(asked or runner.metadata.get("atelier.multiple", "0"))
    if not said.isdecimal() or int(said) > 4096:
        raise SettingError("model_multiple", f"{runner.label} says its multiple is {said[:40]!r}: give `model_multiple`")
    if int(said):
        return int(said)
    for multiple in MULTIPLES:
        # Multiples of this one, and of none that comes after it.
        width, height = 192 + multiple, 128 + multiple
        answer = try_photo(runner, contract, (width, height))
        if answer is not None and answer.shape[0] / height in SCALES and answer.shape[1] / width == answer.shape[0] / height:
            return multiple
    if try_photo(runner, contract, (256, 256)) is None:
        contract.out_of(contract.run(runner, contract.into(made_photo(256, 256))))  # says why
    raise SettingError("model_multiple", f"{runner.label} gives pictures of other proportions than it gets: give `model_multiple`")
