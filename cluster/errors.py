"""What can go wrong between this process and a cluster."""


class ClusterError(RuntimeError):
    """The cluster can't be reached, or can't do what was asked."""


class RequestError(ClusterError):
    """What was asked can't be right: the user has to change the request, not the cluster."""
