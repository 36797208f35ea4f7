"""The settings that functions take as keywords, for editors and type checkers.

Written by `python examples/options.py` from where they are declared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict


class StylizeSettings(TypedDict, total=False):
    """Of `stylize`."""

    # Perceptual network: pocket, vgg19, or a safetensors file
    features: str
    # Layers that keep the photo, with weights: conv3_2,conv4_2=0.5
    content_layers: str | Mapping[str, float]
    # Layers that bring the style, with weights: conv1_1,conv3_1=2
    style_layers: str | Mapping[str, float]
    # Weight of the content loss (alpha)
    content_weight: float
    # Weight of the style loss (beta)
    style_weight: float
    # Weight of total variation (gamma)
    tv_weight: float
    # Of a film: weight of staying as the frame before, where that can be trusted
    temporal_weight: float
    # Total variation of squared or absolute differences
    tv_form: str
    # What of the style is matched
    style_loss: str
    # Match the style's statistics as a whole, or each place's features to their like in the painting
    match: str
    # Weight of matching feature histograms as well
    histogram_weight: float
    # Losses as the paper scales them, or relative to their targets
    normalize: str
    # Activation shift, subtracted from features before their Gram matrix
    shift: float
    # Correlate each style layer with the next one instead of with itself
    chained: bool
    # Pooling between blocks
    pooling: str
    # Solver
    optimizer: str
    # Step size: about 1 for lbfgs, 0.02 for adam (in units of the pixel range)
    rate: float
    # Of plain gradient descent: none, or Nesterov's
    momentum: str
    # Of plain gradient descent: steps as given, or by Armijo's rule
    line_search: str
    # Iterations at the full size
    iterations: int
    # Iterations at each coarser scale
    coarse_iterations: int
    # Long side of the coarsest scale, px
    smallest: int
    # Ratio of one scale to the next
    scale_step: float
    # Network that does all but the last iterations (empty: the same one)
    warm_features: str
    # Iterations of the warm network at the full size
    warm_iterations: int
    # Decay of the running average of iterates that becomes the picture (0: the last iterate)
    average: float
    # Stop a scale once 10 iterations improve the loss by less than this share (0: never)
    tolerance: float
    # Size of the strokes: 2 paints with strokes twice as large
    style_size: float
    # Scale the style picture to the photo, or keep its own size
    style_fit: str
    # Arithmetic of the network
    precision: str
    # Side of the tiles the network looks through, px (0: as memory allows; same results up to rounding)
    tile: int
    # Paint until so many seconds have passed (0: as long as it takes)
    seconds: float
    # Colours of the picture: the style's, the photo's own (light and dark alone are painted), the style's matched to the photo's, or
    # none: grey
    color: str
    # How colours are kept or matched (empty: luminance-matched for photo, transport for match): see `atelier recolor --list`
    color_method: str
    # Colour space of it (empty: what suits the method): oklab, lab, yuv, ycbcr, rgb, linear
    color_space: str
    # How far to go from the photo, 0, to the painting, 1
    strength: float
    # Fit the style to its painting for so many seconds, on the first photo; kept for all that follow (0: as it is read)
    tune: float
    # What runs the network: the faster of those installed in float32, or by name; bfloat16 is faster, and rounds to 0.4 %
    backend: str
    # Paint with a network from elsewhere instead: an ONNX file that takes a picture and gives one
    model: str
    # Order of its input's axes
    model_layout: str
    # Order of its colours
    model_order: str
    # Range of its values
    model_range: str
    # Name of the output that is the picture (empty: found out)
    model_output: str
    # Numbers that it takes beside the picture: alpha=0.5, several by comma
    model_inputs: str
    # What the sides of its pictures must be multiples of (0: found out)
    model_multiple: int


class TextureSettings(TypedDict, total=False):
    """Of `texture`."""

    # Perceptual network: pocket, vgg19, or a safetensors file
    features: str
    # Layers that keep the photo, with weights: conv3_2,conv4_2=0.5
    content_layers: str | Mapping[str, float]
    # Layers that bring the style, with weights: conv1_1,conv3_1=2
    style_layers: str | Mapping[str, float]
    # Weight of the content loss (alpha)
    content_weight: float
    # Weight of the style loss (beta)
    style_weight: float
    # Weight of total variation (gamma)
    tv_weight: float
    # Of a film: weight of staying as the frame before, where that can be trusted
    temporal_weight: float
    # Total variation of squared or absolute differences
    tv_form: str
    # What of the style is matched
    style_loss: str
    # Match the style's statistics as a whole, or each place's features to their like in the painting
    match: str
    # Weight of matching feature histograms as well
    histogram_weight: float
    # Losses as the paper scales them, or relative to their targets
    normalize: str
    # Activation shift, subtracted from features before their Gram matrix
    shift: float
    # Correlate each style layer with the next one instead of with itself
    chained: bool
    # Pooling between blocks
    pooling: str
    # Solver
    optimizer: str
    # Step size: about 1 for lbfgs, 0.02 for adam (in units of the pixel range)
    rate: float
    # Of plain gradient descent: none, or Nesterov's
    momentum: str
    # Of plain gradient descent: steps as given, or by Armijo's rule
    line_search: str
    # Iterations at the full size
    iterations: int
    # Iterations at each coarser scale
    coarse_iterations: int
    # Long side of the coarsest scale, px
    smallest: int
    # Ratio of one scale to the next
    scale_step: float
    # Network that does all but the last iterations (empty: the same one)
    warm_features: str
    # Iterations of the warm network at the full size
    warm_iterations: int
    # Decay of the running average of iterates that becomes the picture (0: the last iterate)
    average: float
    # Stop a scale once 10 iterations improve the loss by less than this share (0: never)
    tolerance: float
    # Size of the strokes: 2 paints with strokes twice as large
    style_size: float
    # Scale the style picture to the photo, or keep its own size
    style_fit: str
    # Arithmetic of the network
    precision: str
    # Side of the tiles the network looks through, px (0: as memory allows; same results up to rounding)
    tile: int
    # Paint until so many seconds have passed (0: as long as it takes)
    seconds: float
    # Colours of the picture: the style's, the photo's own (light and dark alone are painted), the style's matched to the photo's, or
    # none: grey
    color: str
    # How colours are kept or matched (empty: luminance-matched for photo, transport for match): see `atelier recolor --list`
    color_method: str
    # Colour space of it (empty: what suits the method): oklab, lab, yuv, ycbcr, rgb, linear
    color_space: str


class ReconstructSettings(TypedDict, total=False):
    """Of `reconstruct`."""

    # Layers that keep the photo, with weights: conv3_2,conv4_2=0.5
    content_layers: str | Mapping[str, float]
    # Layers that bring the style, with weights: conv1_1,conv3_1=2
    style_layers: str | Mapping[str, float]
    # Weight of the content loss (alpha)
    content_weight: float
    # Weight of the style loss (beta)
    style_weight: float
    # Weight of total variation (gamma)
    tv_weight: float
    # Of a film: weight of staying as the frame before, where that can be trusted
    temporal_weight: float
    # Total variation of squared or absolute differences
    tv_form: str
    # What of the style is matched
    style_loss: str
    # Match the style's statistics as a whole, or each place's features to their like in the painting
    match: str
    # Weight of matching feature histograms as well
    histogram_weight: float
    # Losses as the paper scales them, or relative to their targets
    normalize: str
    # Activation shift, subtracted from features before their Gram matrix
    shift: float
    # Correlate each style layer with the next one instead of with itself
    chained: bool
    # Pooling between blocks
    pooling: str
    # Solver
    optimizer: str
    # Step size: about 1 for lbfgs, 0.02 for adam (in units of the pixel range)
    rate: float
    # Of plain gradient descent: none, or Nesterov's
    momentum: str
    # Of plain gradient descent: steps as given, or by Armijo's rule
    line_search: str
    # Iterations at the full size
    iterations: int
    # Iterations at each coarser scale
    coarse_iterations: int
    # Long side of the coarsest scale, px
    smallest: int
    # Ratio of one scale to the next
    scale_step: float
    # Network that does all but the last iterations (empty: the same one)
    warm_features: str
    # Iterations of the warm network at the full size
    warm_iterations: int
    # Decay of the running average of iterates that becomes the picture (0: the last iterate)
    average: float
    # Stop a scale once 10 iterations improve the loss by less than this share (0: never)
    tolerance: float
    # Size of the strokes: 2 paints with strokes twice as large
    style_size: float
    # Scale the style picture to the photo, or keep its own size
    style_fit: str
    # Arithmetic of the network
    precision: str
    # Side of the tiles the network looks through, px (0: as memory allows; same results up to rounding)
    tile: int
    # Paint until so many seconds have passed (0: as long as it takes)
    seconds: float
    # Colours of the picture: the style's, the photo's own (light and dark alone are painted), the style's matched to the photo's, or
    # none: grey
    color: str
    # How colours are kept or matched (empty: luminance-matched for photo, transport for match): see `atelier recolor --list`
    color_method: str
    # Colour space of it (empty: what suits the method): oklab, lab, yuv, ycbcr, rgb, linear
    color_space: str


class DrawSettings(TypedDict, total=False):
    """Of `draw`."""

    # Search for each shape, or the layers of ever smaller random shapes of the source paper
    method: str
    # Shapes to draw with, several by comma: triangle, rectangle, rotated-rectangle, ellipse, rotated-ellipse, circle, polygon, stroke,
    # line, or all
    shape: str
    # Shapes to draw (0: 100, or no end where `until` or `seconds` is given)
    count: int
    # Stop at this score: root mean square error over RGBA in 0..1 (0: none)
    until: float
    # Stop after so many seconds (0: none)
    seconds: float
    # Opacity of the shapes (0: each shape its own)
    alpha: float
    # auto (the photo's mean colour; none where the photo has transparent parts), none, or #rrggbb
    background: str
    # How many colours a palette has (0: 16 of a painting, no limit without one)
    palette_size: int
    # Long side of the picture that shapes are fitted to, px
    work_size: int
    # Size of the smallest fresh shapes, px
    smallest: float
    # Size of the largest fresh shapes, px
    largest: float
    # Hill climbing or simulated annealing
    search: str
    # Searches for each shape, of which the best is drawn
    climbs: int
    # Random shapes that each search starts from the best of
    tries: int
    # Changes in a row without success after which a search ends
    age: int
    # Rounds at the end that draw the least useful tenth anew and refine all shapes together (0: none, nor on the way)
    refine: int
    # Go on from this drawing (JSON that was written of it)
    start: Any
    # Threads (0: as many as cores); the drawing is the same with any number
    workers: int


class ExploreSettings(TypedDict, total=False):
    """Of `explore`."""

    # Perceptual network: pocket, vgg19, or a safetensors file
    features: str
    # Layers that keep the photo, with weights: conv3_2,conv4_2=0.5
    content_layers: str | Mapping[str, float]
    # Layers that bring the style, with weights: conv1_1,conv3_1=2
    style_layers: str | Mapping[str, float]
    # Weight of the content loss (alpha)
    content_weight: float
    # Weight of the style loss (beta)
    style_weight: float
    # Weight of total variation (gamma)
    tv_weight: float
    # Of a film: weight of staying as the frame before, where that can be trusted
    temporal_weight: float
    # Total variation of squared or absolute differences
    tv_form: str
    # What of the style is matched
    style_loss: str
    # Match the style's statistics as a whole, or each place's features to their like in the painting
    match: str
    # Weight of matching feature histograms as well
    histogram_weight: float
    # Losses as the paper scales them, or relative to their targets
    normalize: str
    # Activation shift, subtracted from features before their Gram matrix
    shift: float
    # Correlate each style layer with the next one instead of with itself
    chained: bool
    # Pooling between blocks
    pooling: str
    # Start from: photo, recolored (photo in the style's colours), noise, gray, or a picture's path
    start: Any
    # Solver
    optimizer: str
    # Step size: about 1 for lbfgs, 0.02 for adam (in units of the pixel range)
    rate: float
    # Of plain gradient descent: none, or Nesterov's
    momentum: str
    # Of plain gradient descent: steps as given, or by Armijo's rule
    line_search: str
    # Iterations at the full size
    iterations: int
    # Iterations at each coarser scale
    coarse_iterations: int
    # Long side of the coarsest scale, px
    smallest: int
    # Ratio of one scale to the next
    scale_step: float
    # Network that does all but the last iterations (empty: the same one)
    warm_features: str
    # Iterations of the warm network at the full size
    warm_iterations: int
    # Decay of the running average of iterates that becomes the picture (0: the last iterate)
    average: float
    # Stop a scale once 10 iterations improve the loss by less than this share (0: never)
    tolerance: float
    # Size of the strokes: 2 paints with strokes twice as large
    style_size: float
    # Scale the style picture to the photo, or keep its own size
    style_fit: str
    # Arithmetic of the network
    precision: str
    # Side of the tiles the network looks through, px (0: as memory allows; same results up to rounding)
    tile: int
    # Paint until so many seconds have passed (0: as long as it takes)
    seconds: float
    # Colours of the picture: the style's, the photo's own (light and dark alone are painted), the style's matched to the photo's, or
    # none: grey
    color: str
    # How colours are kept or matched (empty: luminance-matched for photo, transport for match): see `atelier recolor --list`
    color_method: str
    # Colour space of it (empty: what suits the method): oklab, lab, yuv, ycbcr, rgb, linear
    color_space: str
    # How far to go from the photo, 0, to the painting, 1
    strength: float
    # Fit the style to its painting for so many seconds, on the first photo; kept for all that follow (0: as it is read)
    tune: float
    # What runs the network: the faster of those installed in float32, or by name; bfloat16 is faster, and rounds to 0.4 %
    backend: str
    # Paint with a network from elsewhere instead: an ONNX file that takes a picture and gives one
    model: str
    # Order of its input's axes
    model_layout: str
    # Order of its colours
    model_order: str
    # Range of its values
    model_range: str
    # Name of the output that is the picture (empty: found out)
    model_output: str
    # Numbers that it takes beside the picture: alpha=0.5, several by comma
    model_inputs: str
    # What the sides of its pictures must be multiples of (0: found out)
    model_multiple: int
