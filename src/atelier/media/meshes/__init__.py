"""Meshes in files: OBJ, PLY, STL, GLB and glTF in; GLB, OBJ and PLY out."""

from atelier.media.meshes.reading import MESHES, is_mesh, model_of, read_mesh
from atelier.media.meshes.writing import WRITTEN, check_mesh, write_mesh

__all__ = ["MESHES", "WRITTEN", "check_mesh", "is_mesh", "model_of", "read_mesh", "write_mesh"]
