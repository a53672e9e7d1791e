"""GPUs that a test cluster's nodes say they have: their processor does the work."""

import sysconfig
from pathlib import Path

_SITECUSTOMIZE = '''
import importlib.machinery
import sys


class Pretender:
    """Lets `trainables.pack_trainable` take the processor for the GPU that Ray gives a worker."""

    def find_spec(self, name, path=None, target=None):
        if name != "trainables.pack_trainable":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        load = spec.loader.exec_module

        def loaded(module):
            load(module)
            module._device = processor

        spec.loader.exec_module = loaded
        return spec


def processor():
    import torch

    return torch.device("cpu")


sys.meta_path.insert(0, Pretender())
'''


def pretend_gpus(environment: Path) -> None:
    """Make it so for every Python of a virtual environment."""
    variables = {"base": str(environment), "platbase": str(environment)}
    packages = Path(sysconfig.get_path("purelib", vars=variables))
    (packages / "sitecustomize.py").write_text(_SITECUSTOMIZE)
