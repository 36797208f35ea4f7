"""Networks that see.

PyTorch's convolutions keep what they compile for each size of picture: 1024 of them in each of two caches, which over a folder of
photos is hundreds of megabytes. Here they keep 128, more than one picture needs, unless the environment says otherwise. The caches
read this when the first network runs.
"""

import os

for _cache in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
    os.environ.setdefault(_cache, "128")
