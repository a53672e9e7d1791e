"""Ways to train many small networks on one core, all doing the same work.

Every contender trains ReLU networks of one shape on batches that are given to it (BLOCK of them,
over and over), with Adam on the mean squared error in float32. `steps(n)` does n steps of all its
networks; `members` says how many they are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy
import torch

from trainables import Member, Task
from trainables.data import BLOCK_STEPS, TrainingStream
from trainables.processor.compiled_stack import CompiledStack
from trainables.trainee import Trainee

BLOCK = BLOCK_STEPS
CPU = torch.device("cpu")


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


def batches(shape: Shape) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """BLOCK batches of inputs (B, 2 D) and labels (B,)."""
    generator = torch.Generator().manual_seed(0)
    block = []
    for _ in range(BLOCK):
        x = torch.randn(shape.batch_size, 2 * shape.dimension, generator=generator)
        block.append((x, (x[:, : shape.dimension] * x[:, shape.dimension :]).sum(1)))
    return block


def packs(shape: Shape, members: int) -> Contender:
    """dottune's stack, batches drawn beforehand."""
    everyone = [
        Member(
            trial=trial,
            replicate=0,
            multiplication=False,
            depth=shape.depth,
            width=shape.width,
            learning_rate=1e-3,
            activation="relu",
            optimizer="adam",
            schedule="constant",
            initialisation_seed=trial,
            data_seed=0,
            evaluation_seed=0,
        )
        for trial in range(members)
    ]
    dimension, batch_size = shape.dimension, shape.batch_size
    stream = TrainingStream(
        Task(dimension=dimension), batch_size=batch_size, device=CPU, dtype=torch.float32
    )
    stream.arrange([0])
    stream.fill(BLOCK)
    trainees = [Trainee.start(member, dimension, CPU, torch.float32) for member in everyone]
    stack = CompiledStack(trainees, dimension=dimension, dtype=torch.float32, threads=1)
    stack.bind(stream.block, averaging=False)

    @torch.inference_mode()
    def steps(count: int) -> None:
        for done in range(0, count, BLOCK):
            stack.schedule(done, count + BLOCK)
            stack.train(min(BLOCK, count - done))

    return Contender(name="dottune", members=members, steps=steps)


def plain(shape: Shape) -> Contender:
    """One network at a time: torch.nn.Linear, autograd, torch.optim.Adam."""
    layers: list[torch.nn.Module] = []
    for inputs, outputs in zip(shape.sizes, shape.sizes[1:], strict=False):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    block = batches(shape)

    def steps(count: int) -> None:
        for step in range(count):
            x, y = block[step % BLOCK]
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(network(x).squeeze(1), y).backward()
            optimizer.step()

    return Contender(name="plain torch", members=1, steps=steps)


def functional(shape: Shape, members: int) -> Contender:
    """torch.func: vmap over members of the gradient, Adam by hand on the stacked tensors."""
    layers: list[torch.nn.Module] = []
    for inputs, outputs in zip(shape.sizes, shape.sizes[1:], strict=False):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1])
    weights = {
        name: torch.stack([torch.randn_like(value) * 0.1 for _ in range(members)])
        for name, value in network.named_parameters()
    }

    def loss(one: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        prediction = torch.func.functional_call(network, one, (x,))
        return torch.nn.functional.mse_loss(prediction.squeeze(1), y)

    gradient = torch.func.vmap(torch.func.grad(loss), in_dims=(0, None, None))
    # The optimizer only sees tensors with gradients; the members are one more axis to it.
    optimizer = torch.optim.Adam(list(weights.values()), lr=1e-3, fused=True)
    block = batches(shape)

    def steps(count: int) -> None:
        for step in range(count):
            for name, value in gradient(weights, *block[step % BLOCK]).items():
                weights[name].grad = value
            optimizer.step()

    return Contender(name="torch.func vmap", members=members, steps=steps)


def jax_scan(shape: Shape, members: int) -> Contender:
    """jax.jit(vmap(scan)): a block of steps compiled as one program. Compile time is apart."""
    import time

    import jax
    import jax.numpy

    block = batches(shape)
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
