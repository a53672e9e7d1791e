"""The engine needs torch alone, and a GPU gives what the CPU gives where there is one."""

import subprocess
import sys

import pytest
import torch

from tests.trainables_tests.packs import make_member, make_pack
from trainables import Halving, train
from trainables.alone import evaluate_alone, train_alone

PROGRAM = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"ray", "optuna", "pyarrow", "pandas", "pydantic", "results"}:
            raise ImportError(f"{name} is not installed")

sys.meta_path.insert(0, Blocker())
import torch
from spaces.vocabulary import HYPERPARAMETERS, configuration_of
from trainables import Member, Pack, Task, train

defaults = {name: field.default for name, field in HYPERPARAMETERS.items()}
member = Member(
    trial=0, replicate=0, initialisation_seed=1, data_seed=2, evaluation_seed=3,
    hyperparameters=configuration_of(defaults | dict(multiplication=True, depth=0, width=1)),
)
pack = Pack(
    search="s", study="s", number=0, phase="search", steps_factor=1, task=Task(dimension=1),
    batch_size=8, steps=10, halving=None, members=(member,),
)
print(len(list(train(pack, device=torch.device("cpu")))))
"""


def test_the_engine_needs_neither_ray_nor_optuna() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == 4


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_gpu_pack_equals_its_members_trained_alone_there() -> None:
    cuda = torch.device("cuda")
    members = [make_member(i, width=4 + i, depth=i % 4) for i in range(12)]
    halving = Halving(grace_period=50, reduction_factor=2, min_survivors=3)
    pack = make_pack(members, steps=200, halving=halving)
    *_, report = train(pack, device=cuda, dtype=torch.float64)
    for evaluation in report.evaluations:
        member = evaluation.member
        *_, alone = train_alone(pack, member, device=cuda, dtype=torch.float64)
        nmse = evaluate_alone(alone.network, pack, member, rung=False, device=cuda)
        assert evaluation.loss is not None
        assert evaluation.loss.normalised == pytest.approx(nmse, rel=1e-6)
