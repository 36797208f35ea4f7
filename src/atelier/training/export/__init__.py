"""The trained networks as ONNX, written node by node. Needs `onnx`, but not torch.

`painter` and `reader` write what atelier itself runs: a painter that takes any style, and the reader of styles. `plain` is for
everybody else: one style baked in, photo in, picture out, and nothing else to know. `reading` gets the weights back out of the files
of the first two. `styles` is what the command writes.
"""

from atelier.errors import MissingExtra

try:
    import onnx  # noqa: F401
except ImportError as error:
    raise MissingExtra("exporting", "train") from error
