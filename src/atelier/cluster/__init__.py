"""Many machines, on Ray: the same items as a batch on one, painted by actors wherever there is a core.

Photos and results are files that all machines see under the same paths.
"""

from atelier.cluster.crew import Cluster

__all__ = ["Cluster"]
