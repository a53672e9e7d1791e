"""This machine, as a cluster of one node on which no Ray was started."""

import os

import torch

from cluster.connect import available_cpus
from cluster.resources import Cluster, Node


def this_machine() -> Cluster:
    """Its processors, GPUs and memory."""
    pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    here = Node(
        cpus=float(available_cpus()),
        gpus=float(torch.cuda.device_count()),
        labels={},
        memory_bytes=float(pages * page),
    )
    return Cluster(nodes=(here,), embedded=True)
