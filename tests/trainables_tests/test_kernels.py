"""Compiled kernels: the same bits on every processor, whoever shares a stack; exact functions."""

import ctypes
import platform
from collections.abc import Callable
from functools import partial

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import binding, ir

from tests.trainables_tests.packs import OPTIMISERS, make_member, make_pack, member_lists
from trainables import Member, train
from trainables.processor import compiled_member, compiled_stack
from trainables.processor.kernels.activation_code import ACTIVATION_CODE
from trainables.processor.kernels.code import Code, Value
from trainables.processor.kernels.compiler import Kernels, Processor, kernels_for, machine_code
from trainables.processor.kernels.lanes import lane_sums
from trainables.processor.kernels.prediction_range import write_range
from trainables.processor.kernels.registers import LANES, Tile, best_tile
from trainables.training import Evaluation, Report

CPU = torch.device("cpu")
X86 = platform.machine().lower() in ("x86_64", "amd64")
HAS_AVX512 = X86 and "+avx512f" in Processor.host().features
HASWELL = Processor(name="haswell", features="+avx2,+fma,+avx,+bmi,+bmi2,+f16c")
SKYLAKE = Processor(
    name="skylake-avx512", features="+avx512f,+avx512vl,+avx512dq,+avx512bw,+avx2,+fma,+avx"
)


def losses(report: Report) -> list[tuple[float | None, float | None]]:
    return [_losses(each) for each in report.evaluations]


def _losses(each: Evaluation) -> tuple[float | None, float | None]:
    return each.train_loss, each.loss.mean if each.loss else None


def losses_of(member: Member, reports: list[Report]) -> list[tuple[float | None, float | None]]:
    """Those of one member, up to where it ended."""
    evaluations = [each for report in reports for each in report.evaluations]
    return [_losses(each) for each in evaluations if each.member == member]


def apply(function: Callable[[Code, Value], Value], x: numpy.ndarray) -> numpy.ndarray:
    """`function` compiled for this processor, on an array of whole vectors."""
    number = str(x.dtype)
    module = ir.Module()
    module.triple = binding.get_process_triple()
    code, slots, _ = Code(module, number, Processor.host().tile(number)).kernel(
        "apply", ["source_pointer", "target_pointer"]
    )
    source, target = slots.values()

    def one(index: Value) -> None:
        code.store_vector(function(code, code.load_vector(source.at(index))), target.at(index))

    code.each(0, code.integer(len(x)), one, step=LANES)
    code.end()
    engine = machine_code(module, Processor.host())
    kernel = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)
    result = numpy.empty_like(x)
    row = numpy.array([0, x.ctypes.data, result.ctypes.data], dtype=numpy.int64)
    kernel(engine.get_function_address("apply"))(row.ctypes.data, 0)
    return result


@pytest.mark.parametrize(("number", "tolerance"), [("float32", 4e-7), ("float64", 2e-15)])
@pytest.mark.parametrize("name", ["relu", "gelu", "silu", "tanh"])
def test_activations_and_their_derivatives_are_torchs(
    name: str, number: str, tolerance: float
) -> None:
    activation = ACTIVATION_CODE[name]
    draws = numpy.random.default_rng(0)
    grid = [numpy.linspace(-12, 12, 8192), draws.normal(size=4096), draws.normal(size=4096) * 1e-5]
    x = numpy.concatenate([*grid, [0.0, -0.0, 1e-30, -1e-30, 50.0, -50.0, 1e5, -1e5] * 2])
    x = x.astype(number)
    exact = torch.from_numpy(x.astype("float64")).requires_grad_()
    module = {
        "relu": torch.relu,
        "gelu": torch.nn.functional.gelu,
        "silu": torch.nn.functional.silu,
        "tanh": torch.tanh,
    }[name]
    expected = module(exact)
    (slope,) = torch.autograd.grad(expected.sum(), exact)

    def derivative(code: Code, value: Value) -> Value:
        output, kept = activation.forward(code, value)
        one = code.lift(1.0, value.type)
        return activation.backward(code, one, output if kept is None else kept)

    values = apply(lambda code, value: activation.forward(code, value)[0], x)
    slopes = apply(derivative, x)
    for found, exactly in ((values, expected.detach()), (slopes, slope)):
        numpy.testing.assert_allclose(found, exactly.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ["relu", "gelu", "silu", "tanh"])
def test_what_is_not_a_number_stays_so(name: str) -> None:
    x = numpy.full(LANES, numpy.nan, dtype="float32")
    assert numpy.isnan(
        apply(lambda code, value: ACTIVATION_CODE[name].forward(code, value)[0], x)
    ).all()


@pytest.mark.parametrize(("number", "tolerance"), [("float32", 4e-7), ("float64", 1e-14)])
@pytest.mark.parametrize("backward", [False, True])
def test_predictions_in_a_range_and_their_derivative_are_torchs(
    number: str, tolerance: float, backward: bool
) -> None:
    draws = numpy.random.default_rng(0)
    ends = [0.0, -0.0, 1e-30, 50.0, -50.0, 1e4, -1e4, numpy.inf, -numpy.inf, 90.0, -90.0]
    few = [*ends, 720.0, -720.0, 1e38, -1e38, numpy.finfo(number).max]
    x = numpy.concatenate([numpy.linspace(-40, 40, 8192), draws.normal(size=4096), few])
    x = x.astype(number)
    low, high = -2.5, 5.5
    exact = torch.from_numpy(x.astype("float64")).requires_grad_()
    expected = torch.sigmoid(exact) * (high - low) + low
    (slope,) = torch.autograd.grad(expected.sum(), exact)

    def ranged(code: Code, value: Value, which: int) -> Value:
        numbers = (compiled_member.bits(low), compiled_member.bits(high - low), int(backward))
        integers = map(code.integer, numbers)
        slots = dict(zip(("low", "span", "backward"), integers, strict=True))
        return write_range(code, slots)(value)[which]

    values = apply(lambda code, value: ranged(code, value, 0), x)
    factors = apply(lambda code, value: ranged(code, value, 1), x)
    slopes = slope.numpy() if backward else numpy.ones(len(x))
    for found, exactly in ((values, expected.detach().numpy()), (factors, slopes)):
        numpy.testing.assert_allclose(found, exactly, rtol=0, atol=8 * tolerance)
    assert (low <= values.min()) & (values.max() <= high)
    assert (values[:8192][1:] >= values[:8192][:-1]).all()
    nothing = numpy.full(LANES, numpy.nan, dtype=number)
    assert numpy.isnan(apply(lambda code, value: ranged(code, value, 0), nothing)).all()


@given(count=st.integers(1, LANES), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_lane_sums_add_up_each_vector_and_in_one_order(count: int, seed: int) -> None:
    x = numpy.random.default_rng(seed).normal(size=LANES * LANES).astype("float32")
    vectors = x.reshape(LANES, LANES)

    def sums(number: int) -> numpy.ndarray:
        def all_of(code: Code, first: Value) -> Value:
            # Every vector from the one at hand: its lanes turned and scaled by powers of two.
            turned = [
                code.shuffle(first, first, [(lane + i) % LANES for lane in range(LANES)]) * 2.0**i
                for i in range(number)
            ]
            return lane_sums(code, turned)

        return apply(all_of, numpy.ascontiguousarray(vectors[0]))

    some, everything = sums(count), sums(LANES)
    expected = [2.0**i * vectors[0].sum(dtype="float64") for i in range(count)]
    numpy.testing.assert_allclose(some[:count], expected, rtol=1e-4, atol=1e-4 * 2**LANES)
    assert (some[:count] == everything[:count]).all()


@pytest.mark.parametrize("registers", [(32, 64), (16, 32), (32, 16), (16, 16)])
@pytest.mark.parametrize("number_bytes", [4, 8])
def test_a_tile_fits_the_registers(registers: tuple[int, int], number_bytes: int) -> None:
    count, register_bytes = registers
    tile = best_tile(registers=count, register_bytes=register_bytes, number_bytes=number_bytes)
    each = -(-LANES * number_bytes // register_bytes)
    assert tile.rows >= 1
    assert 4 % tile.vectors == 0
    needed = (tile.rows + 1) * tile.vectors * each + 1
    assert needed <= count or (tile.rows, tile.vectors) == (1, 1)


def every_kind(count: int = 8) -> list[Member]:
    return [
        make_member(
            i,
            depth=i % 4,
            width=3 + 7 * i,
            multiplication=i % 3 == 0,
            activation=["relu", "gelu", "silu", "tanh"][i // 2 % 4],
            optimizer=OPTIMISERS[i % 4],
            data_seed=7 + i,
        )
        for i in range(count)
    ]


def with_kernels(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, make: Callable[[str, str, str], Kernels]
) -> list[list[tuple[float | None, float | None]]]:
    monkeypatch.setattr(compiled_stack, "kernels_for", make)
    pack = make_pack(every_kind(), steps=40, batch_size=100, dimension=5)
    return [losses(report) for report in train(pack, device=CPU, dtype=dtype)]


@pytest.mark.skipif(not HAS_AVX512, reason="needs a processor with AVX-512")
@pytest.mark.parametrize("other", [HASWELL, SKYLAKE], ids=lambda processor: processor.name)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_code_for_another_processor_gives_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, other: Processor
) -> None:
    here = with_kernels(monkeypatch, dtype, kernels_for)
    assert with_kernels(monkeypatch, dtype, partial(kernels_for, processor=other)) == here


@pytest.mark.parametrize(
    "tile",
    [
        Tile(rows=1, vectors=1, gradients=1),
        Tile(rows=3, vectors=2, gradients=2),
        Tile(rows=5, vectors=4, gradients=4),
    ],
)
def test_tiles_change_no_bit(monkeypatch: pytest.MonkeyPatch, tile: Tile) -> None:
    host = Processor.host()

    class OtherTile(Processor):
        def tile(self, number: str) -> Tile:
            return tile

    other = OtherTile(name=host.name, features=host.features)
    expected = with_kernels(monkeypatch, torch.float32, kernels_for)
    retiled = partial(kernels_for, processor=other)
    assert with_kernels(monkeypatch, torch.float32, retiled) == expected


@settings(max_examples=10, deadline=None)
@given(members=member_lists(), dimension=st.integers(1, 5), batch_size=st.integers(1, 130))
def test_a_member_has_the_same_bits_alone_and_in_company(
    members: list[Member], dimension: int, batch_size: int
) -> None:
    given = {"dimension": dimension, "steps": 20, "batch_size": batch_size}
    together = list(train(make_pack(members, **given), device=CPU))  # type: ignore[arg-type]
    for member in members:
        alone = list(train(make_pack([member], **given), device=CPU))  # type: ignore[arg-type]
        assert losses_of(member, together) == losses_of(member, alone)


def test_threads_change_no_bit() -> None:
    pack = make_pack(every_kind(), steps=40, batch_size=100, dimension=5)
    one, three = (
        [losses(report) for report in train(pack, device=CPU, threads=threads)]
        for threads in (1, 3)
    )
    assert one == three


def test_an_operation_names_its_slots() -> None:
    kernels = kernels_for("relu", "adam", "float32")
    with pytest.raises(ValueError, match=r"bias_gradient takes the slots .*'panels'.*got \['x'\]"):
        kernels.operation("bias_gradient", x=1)
