"""How a picture has moved since the one before: optical flow, where it can be trusted, and scene cuts (the extra `video`)."""

from atelier.perception.motion.flow import flow_between, import_cv2
from atelier.perception.motion.motion import (
    BEST,
    FAST,
    LIVE,
    Accuracy,
    Motion,
    Sight,
    Step,
    follow,
    look,
    motion_along,
    motion_between,
    steps_between,
)
from atelier.perception.motion.warp import grown, luminance, warp

__all__ = [
    "BEST",
    "FAST",
    "LIVE",
    "Accuracy",
    "Motion",
    "Sight",
    "Step",
    "flow_between",
    "follow",
    "grown",
    "import_cv2",
    "look",
    "luminance",
    "motion_along",
    "motion_between",
    "steps_between",
    "warp",
]
