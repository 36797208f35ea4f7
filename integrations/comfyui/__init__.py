"""atelier for ComfyUI: a pack of nodes, by the v3 node API."""

from .nodes import AtelierExtension, comfy_entrypoint

__all__ = ["AtelierExtension", "comfy_entrypoint"]
