"""Ways to train many small networks on one core or one GPU, all doing the same work.

Every contender trains ReLU networks of one shape on batches that are given to it (BLOCK of them,
over and over), with Adam on the mean squared error in float32. `steps(n)` does n steps of all its
networks and returns when the device has done them; `members` says how many they are.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import torch

from spaces.vocabulary import HYPERPARAMETERS, configuration_of
from trainables import Member, Pack, Task
from trainables.engine import Engine
from trainables.gpu.tensor_engine import TensorEngine
from trainables.sources import source_of
from trainables.sources.batches import BLOCK_STEPS
from trainables.trainee import Trainee

BLOCK = BLOCK_STEPS
CPU = torch.device("cpu")
STEPS = 1 << 14
"""Of a pack whose time for a step is asked for: only the course of its schedule depends on it."""
ROUNDS = 3
"""Of a time on a GPU, whose clock is steady."""
DISTINCT = 64
"""Members with initial weights of their own."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The networks to train, and the batches to train them on."""

    dimension: int
    depth: int
    width: int
    batch_size: int = 256

    @property
    def sizes(self) -> list[int]:
        """Inputs, hidden layers, output."""
        return [2 * self.dimension, *[self.width] * self.depth, 1]

    @property
    def step_flops(self) -> int:
        """Floating point operations of one member's step in matrix products.

        Forward, gradients of the weights, and gradients of the activations but for the first layer.
        """
        products = [a * b for a, b in zip(self.sizes, self.sizes[1:], strict=False)]
        return 2 * self.batch_size * (3 * sum(products) - products[0])


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One way, ready to run."""

    name: str
    members: int
    steps: Callable[[int], Any]
    compile_seconds: float = 0.0


def batches(shape: Shape, device: torch.device) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """BLOCK batches of inputs (B, 2 D) and labels (B,)."""
    generator = torch.Generator().manual_seed(0)
    block = []
    for _ in range(BLOCK):
        x = torch.randn(shape.batch_size, 2 * shape.dimension, generator=generator)
        y = (x[:, : shape.dimension] * x[:, shape.dimension :]).sum(1)
        block.append((x.to(device), y.to(device)))
    return block


def wait_for(device: torch.device) -> None:
    """Return when `device` has done what it was told: a GPU answers before it has begun."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_of(device: torch.device, work: Callable[[], object]) -> float:
    """How long `device` takes for `work`."""
    wait_for(device)
    began = time.perf_counter()
    work()
    wait_for(device)
    return time.perf_counter() - began


def pack_of(
    members: Sequence[Member], *, dimension: int, batch_size: int = 256, **settings: Any
) -> Pack:
    """A pack of `members` on the dot product; `settings` are further fields of `Pack`."""
    rest = {"steps": STEPS, "halving": None, **settings}
    return Pack(
        search="benchmark",
        study="all",
        phase="search",
        number=0,
        steps_factor=1,
        task=Task(dimension=dimension),
        batch_size=batch_size,
        members=tuple(members),
        **rest,
    )


def member_of(
    trial: int, *, data_seed: int = 0, data: str | None = None, **hyperparameters: Any
) -> Member:
    """A member with ReLU, Adam and a constant schedule, unless others are given; for this data."""
    return Member(
        trial=trial,
        replicate=0,
        hyperparameters=configuration_of(
            {
                **{name: field.default for name, field in HYPERPARAMETERS.items()},
                "learning_rate": 1e-3,
                "schedule": "constant",
                **hyperparameters,
            },
            data,
        ),
        initialisation_seed=trial,
        data_seed=data_seed,
        evaluation_seed=data_seed,
    )


def pack_of_one_shape(shape: Shape, members: int) -> tuple[Pack, list[Trainee]]:
    """A pack of so many members, and all of them before the first step.

    Only DISTINCT of them have weights of their own, which are slow to draw and change no time.
    """
    everyone = [member_of(trial, depth=shape.depth, width=shape.width) for trial in range(members)]
    pack = pack_of(everyone, dimension=shape.dimension, batch_size=shape.batch_size)
    distinct = [
        Trainee.start(member, pack.task, CPU, torch.float32) for member in everyone[:DISTINCT]
    ]
    return pack, [
        Trainee(member, distinct[index % DISTINCT].pieces) for index, member in enumerate(everyone)
    ]


def packs(shape: Shape, members: int) -> Contender:
    """dottune's stack on a processor, batches drawn beforehand."""
    from trainables.processor.compiled_stack import CompiledStack

    pack, trainees = pack_of_one_shape(shape, members)
    stream = source_of(pack.task).training(
        batch_size=shape.batch_size, device=CPU, dtype=torch.float32
    )
    stream.arrange([0])
    stream.fill(BLOCK)
    stack = CompiledStack(trainees, dimension=shape.dimension, dtype=torch.float32, threads=1)
    stack.bind(stream.block, averaging=False)

    @torch.inference_mode()
    def steps(count: int) -> None:
        for done in range(0, count, BLOCK):
            stack.schedule(done, count + BLOCK)
            stack.train(min(BLOCK, count - done))

    return Contender(name="dottune", members=members, steps=steps)


EngineOf = Callable[..., Engine]
"""A class of engines for GPUs: called with the pack, `device` and `dtype`."""


def on_device(
    pack: Pack,
    trainees: Sequence[Trainee],
    device: torch.device,
    engine_of: EngineOf = TensorEngine,
    *,
    drawing: bool = False,
    averaging: bool = False,
) -> tuple[Callable[[int], None], Callable[[int], None]]:
    """What does a number of steps, whole blocks of them, with dottune's engine for GPUs: as a graph
    where the engine makes one, and without.

    Both train the same stacks. With `drawing`, fresh batches are part of a step.
    """
    engine = engine_of(pack, device=device, dtype=torch.float32)
    stream = source_of(pack.task).training(
        batch_size=pack.batch_size, device=device, dtype=torch.float32
    )
    stream.arrange([0])
    stacks = engine.stacks(trainees, 0)

    def block() -> None:
        if drawing:
            stream.fill(BLOCK)
        for stack in stacks:
            stack.train(BLOCK)

    with torch.inference_mode():
        stream.fill(BLOCK)
        for stack in stacks:
            stack.bind(stream.block, averaging=averaging)
        graph = engine.block_runner(block, stream.generators if drawing else [])

    def steps_by(run: Callable[[], None]) -> Callable[[int], None]:
        @torch.inference_mode()
        def steps(count: int) -> None:
            for done in range(0, count, BLOCK):
                for stack in stacks:
                    stack.schedule(done % (pack.steps - BLOCK), pack.steps)
                run()
            wait_for(device)

        return steps

    return steps_by(graph), steps_by(block)


def tensor_engine(shape: Shape, members: int, device: torch.device) -> list[Contender]:
    """dottune's stacks of tensor operations, with a graph and without."""
    with_graph, eager = on_device(*pack_of_one_shape(shape, members), device)
    return [
        Contender(name="engine, graph", members=members, steps=with_graph),
        Contender(name="engine, eager", members=members, steps=eager),
    ]


def plain(shape: Shape, device: torch.device = CPU) -> Contender:
    """One network at a time: torch.nn.Linear, autograd, torch.optim.Adam."""
    layers: list[torch.nn.Module] = []
    for inputs, outputs in zip(shape.sizes, shape.sizes[1:], strict=False):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1]).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    block = batches(shape, device)

    def steps(count: int) -> None:
        for step in range(count):
            x, y = block[step % BLOCK]
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(network(x).squeeze(1), y).backward()
            optimizer.step()
        wait_for(device)

    return Contender(name="plain torch", members=1, steps=steps)


def functional(shape: Shape, members: int, device: torch.device = CPU) -> Contender:
    """torch.func: vmap over members of the gradient, Adam by hand on the stacked tensors."""
    layers: list[torch.nn.Module] = []
    for inputs, outputs in zip(shape.sizes, shape.sizes[1:], strict=False):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1]).to(device)
    weights = {
        name: torch.randn(members, *value.shape, device=device) * 0.1
        for name, value in network.named_parameters()
    }

    def loss(one: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        prediction = torch.func.functional_call(network, one, (x,))
        return torch.nn.functional.mse_loss(prediction.squeeze(1), y)

    gradient = torch.func.vmap(torch.func.grad(loss), in_dims=(0, None, None))
    # The optimizer only sees tensors with gradients; the members are one more axis to it.
    optimizer = torch.optim.Adam(list(weights.values()), lr=1e-3, fused=True)
    block = batches(shape, device)

    def steps(count: int) -> None:
        for step in range(count):
            for name, value in gradient(weights, *block[step % BLOCK]).items():
                weights[name].grad = value
            optimizer.step()
        wait_for(device)

    return Contender(name="torch.func vmap", members=members, steps=steps)


def jax_scan(shape: Shape, members: int) -> Contender:
    """jax.jit(vmap(scan)): a block of steps compiled as one program. Compile time is apart.

    On the device that JAX takes by itself.
    """
    import jax
    import jax.numpy

    block = batches(shape, CPU)
    xs = jax.numpy.asarray(numpy.stack([x.numpy() for x, _ in block]))
    ys = jax.numpy.asarray(numpy.stack([y.numpy() for _, y in block]))
    generator = numpy.random.default_rng(0)
    pairs = list(zip(shape.sizes, shape.sizes[1:], strict=False))
    weights = [
        (
            jax.numpy.asarray(generator.normal(size=(members, a, b), scale=0.1), "float32"),
            jax.numpy.zeros((members, b)),
        )
        for a, b in pairs
    ]

    def loss(one: Any, x: Any, y: Any) -> Any:
        for weight, bias in one[:-1]:
            x = jax.numpy.maximum(x @ weight + bias, 0)
        weight, bias = one[-1]
        return jax.numpy.mean(((x @ weight + bias)[:, 0] - y) ** 2)

    def step(carry: Any, batch: Any) -> Any:
        one, first, second, count = carry
        gradient = jax.grad(loss)(one, *batch)
        count = count + 1
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
        one = jax.tree.map(
            lambda w, m, v: (
                w - 1e-3 * (m / (1 - 0.9**count)) / (jax.numpy.sqrt(v / (1 - 0.999**count)) + 1e-8)
            ),
            one,
            first,
            second,
        )
        return (one, first, second, count), None

    def member_steps(carry: Any) -> Any:
        return jax.lax.scan(step, carry, (xs, ys))[0]

    run = jax.jit(jax.vmap(member_steps), donate_argnums=0)
    zeros = jax.tree.map(jax.numpy.zeros_like, weights)
    carry = [
        (weights, zeros, jax.tree.map(jax.numpy.zeros_like, weights), jax.numpy.zeros(members))
    ]
    began = time.perf_counter()
    carry[0] = jax.block_until_ready(run(carry[0]))
    compile_seconds = time.perf_counter() - began

    def steps(count: int) -> None:
        for _ in range(count // BLOCK):
            carry[0] = run(carry[0])
        jax.block_until_ready(carry[0])

    return Contender(
        name="jax vmap(scan)", members=members, steps=steps, compile_seconds=compile_seconds
    )
