"""Stacks of fused kernels: right in Triton's interpreter, and compiled for a GPU.

Which of them Triton does is settled when it is first imported: each has processes of its own.
"""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainables_tests.packs import make_member
from trainables.gpu.fused_stack import fits

ROOT = Path(__file__).parents[2]
needs_triton = pytest.mark.skipif(
    find_spec("triton") is None, reason="fused kernels are written in Triton: it isn't installed"
)


def in_a_process(*arguments: str, interpreted: bool) -> str:
    """The output of Python with `arguments`, where kernels are interpreted or compiled."""
    mode = "1" if interpreted else "0"
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "TRITON_INTERPRET": mode, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_triton
def test_in_the_interpreter_a_stack_equals_plain_torch() -> None:
    file = Path(__file__).with_name("interpreted_fused_stack.py")
    in_a_process("-m", "pytest", "-q", "-p", "no:cacheprovider", str(file), interpreted=True)


@pytest.mark.parametrize(
    ("given", "batch_size", "dtype", "expected"),
    [
        ({"depth": 4, "width": 32}, 256, torch.float32, True),
        ({"depth": 4, "width": 64}, 256, torch.float32, True),
        ({"depth": 4, "width": 64, "multiplication": True}, 256, torch.float32, False),
        ({"depth": 0}, 256, torch.float32, True),
        ({"depth": 5}, 256, torch.float32, False),
        ({"width": 65}, 256, torch.float32, False),
        ({}, 40, torch.float32, False),
        ({}, 48, torch.float32, True),
        ({}, 256, torch.float64, False),
    ],
)
def test_what_fits(
    given: dict[str, Any], batch_size: int, dtype: torch.dtype, expected: bool
) -> None:
    member = make_member(**given)
    assert fits(member, dimension=8, batch_size=batch_size, dtype=dtype) == expected


COMPILED = """
import json, pathlib, re, subprocess, sys, tempfile, warnings
warnings.simplefilter("ignore")
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from trainables.gpu.fused_kernels import training_kernel
from trainables.gpu.fused_launches import LAUNCHES
from trainables.gpu.fused_source import FusedShape

width, depth = map(int, sys.argv[1:])
launch = LAUNCHES[width, depth]
shape = FusedShape(depth=depth, width=width, inputs=16, activation="relu")
kernel = training_kernel(shape, "adam")
constants = dict(
    VECTORS=16, INPUTS=16, ROWS=25, BATCH=256, SLICE=launch.slice, PRECISION=launch.precision
)
types = dict.fromkeys(("streams", "steps", "averaging"), "i32")
types |= dict.fromkeys(constants, "constexpr") | {"places": "*i32", "sums": "*fp64"}
signature = {name: types.get(name, "*fp32") for name in kernel.arg_names}
aligned = [["tt.divisibility", 16]]
attributes = {
    (index,): aligned for index, kind in enumerate(signature.values()) if kind[0] == "*"
}
compiled = triton.compile(
    ASTSource(kernel, signature, constexprs=constants, attrs=attributes),
    target=GPUTarget("cuda", 90, 32),
    options=dict(num_warps=launch.warps, num_stages=1),
)
programs = pathlib.Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
    file.write(compiled.asm["cubin"])
    file.flush()
    usage = subprocess.run(
        [programs / "cuobjdump", "--dump-resource-usage", file.name],
        capture_output=True, text=True, check=True,
    ).stdout
registers, stack = re.search(r"REG:(\\d+) STACK:(\\d+)", usage).groups()
print(json.dumps([int(registers), int(stack), compiled.metadata.shared]))
"""

SHARED_BYTES = 227 * 1024
"""The most that an H100 gives to a thread block."""


@needs_triton
@pytest.mark.parametrize(
    ("width", "depth", "stack_bytes"), [(16, 2, 64), (32, 2, 64), (64, 4, 2048)]
)
def test_kernels_compiled_for_an_h100_keep_within_its_means(
    width: int, depth: int, stack_bytes: int
) -> None:
    """Without a GPU. What finds no register lies on a thread's stack, where it is slower."""
    registers, stack, shared = json.loads(
        in_a_process("-c", COMPILED, str(width), str(depth), interpreted=False)
    )
    assert registers <= 255
    assert stack <= stack_bytes
    assert shared <= SHARED_BYTES


ON_A_GPU = """
import torch
from tests.trainables_tests.packs import make_member, make_pack
from trainables import train

members = [
    make_member(trial, depth=1 + trial % 4, width=(5, 16, 20, 32, 33, 64)[trial % 6],
                activation=("relu", "tanh")[trial % 2], learning_rate=1e-3)
    for trial in range(24)
]

def ended(members):
    pack = make_pack(members, dimension=8, batch_size=256, steps=64)
    *_, report = train(pack, device=torch.device("cuda"))
    return {e.member.trial: (e.train_loss, e.loss.mean) for e in report.evaluations}

whole = ended(members)
for some in (members, members[:1], members[5:9], members[12:]):
    for trial, losses in ended(some).items():
        assert losses == whole[trial], (trial, losses, whole[trial])
"""


@needs_triton
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_gpu_gives_a_member_the_same_bits_alone_and_in_company() -> None:
    in_a_process("-c", ON_A_GPU, interpreted=False)
