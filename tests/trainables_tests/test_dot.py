"""`Dot` against `keras.layers.Dot` itself, and the labels of the tasks against `Dot`."""

import os
from typing import Any, NamedTuple
from unittest import mock

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from trainables.dot import EPSILON, Axes, Dot, dot
from trainables.sources.targets import TARGETS


@pytest.fixture(scope="module")
def keras(tmp_path_factory):
    """Keras on torch, imported when a test needs it: that takes seconds.

    It reads its backend, its device and the folder for its settings (else in the user's home) from
    the environment when it is imported, and sets variables itself: all are put back.
    """
    variables = {
        "KERAS_BACKEND": "torch",
        "KERAS_TORCH_DEVICE": "cpu",
        "KERAS_HOME": str(tmp_path_factory.mktemp("keras")),
    }
    with mock.patch.dict(os.environ, variables):
        import keras
    assert keras.backend.backend() == "torch"
    return keras


class Product(NamedTuple):
    a: Tensor
    b: Tensor
    axes: Axes
    normalize: bool

    def by_keras(self, keras: Any, a: Tensor, b: Tensor) -> Any:
        return keras.layers.Dot(self.axes, self.normalize)([a, b])


@st.composite
def products(draw) -> Product:
    """Inputs that can be multiplied, with vectors of zeros and some about as short as epsilon.

    All are float32: that is what Keras multiplies in on torch, even float64.
    """
    ranks = draw(st.tuples(st.integers(2, 4), st.integers(2, 4)))
    axes: Axes
    if draw(st.booleans()):
        axes = draw(st.integers(1, min(ranks) - 1)) * draw(st.sampled_from([1, -1]))
        pair = (axes, axes)
    else:
        first, second = (
            draw(st.integers(1, rank - 1)) - draw(st.sampled_from([0, rank])) for rank in ranks
        )
        axes = pair = (first, second)
    batch, size = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    lengths = torch.tensor([0.0, 0.1 * EPSILON, EPSILON, 1.0, 3.0])
    inputs = []
    for rank, axis in zip(ranks, pair, strict=True):
        shape = draw(st.lists(st.integers(1, 4), min_size=rank, max_size=rank))
        shape[0], shape[axis] = batch, size
        vectors = torch.randn(shape, generator=generator)
        shape[axis] = 1
        inputs.append(vectors * lengths[torch.randint(5, shape, generator=generator)])
    a, b = inputs
    return Product(a, b, axes, draw(st.booleans()))


@settings(deadline=None)
@given(product=products())
def test_it_is_the_product_of_keras(keras, product: Product) -> None:
    ours = dot(*product)
    expected = product.by_keras(keras, product.a, product.b)
    assert ours.dtype == expected.dtype == torch.float32
    assert ours.shape == expected.shape
    # The bound on the rounding of a sum of products: a share of the sum of their absolute values.
    rounding = product.by_keras(keras, product.a.abs(), product.b.abs())
    assert torch.all((ours - expected).abs() <= 16 * torch.finfo(ours.dtype).eps * rounding)


@settings(deadline=None)
@given(product=products(), seed=st.integers(0, 2**32))
def test_the_gradients_are_those_of_keras(keras, product: Product, seed: int) -> None:
    inputs = [product.a.requires_grad_(), product.b.requires_grad_()]
    ours = dot(*product)
    along = torch.randn(ours.shape, generator=torch.Generator().manual_seed(seed))
    gradients = torch.autograd.grad(ours, inputs, along)
    expected = torch.autograd.grad(product.by_keras(keras, *inputs), inputs, along)
    pair = [product.axes] * 2 if isinstance(product.axes, int) else product.axes
    for vectors, axis, gradient, theirs in zip(inputs, pair, gradients, expected, strict=True):
        if product.normalize:
            lengths = vectors.detach().norm(dim=axis, keepdim=True)
            # At a zero vector Keras has no gradient; ours has a test of its own.
            zero = (lengths == 0).expand_as(vectors)
            assert torch.equal(theirs.isnan(), zero)
            theirs = theirs.where(~zero, gradient)
            # What a vector is divided by its gradient is too: times that, all are of one size.
            gradient, theirs = (each * lengths.clamp(min=EPSILON) for each in (gradient, theirs))
        torch.testing.assert_close(gradient, theirs, rtol=1e-5, atol=1e-4)


def test_at_a_zero_vector_the_gradient_is_that_of_the_division_by_epsilon(keras):
    zero = torch.zeros(2, 3, requires_grad=True)
    vectors = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    dot(zero, vectors, axes=1, normalize=True).sum().backward()
    unit = vectors / vectors.norm(dim=1, keepdim=True)
    torch.testing.assert_close(zero.grad, unit / keras.config.epsilon())


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(
    "dtypes",
    [
        (torch.int32, torch.int32),
        (torch.int64, torch.int64),
        (torch.int32, torch.float32),
        (torch.float32, torch.float64),
        (torch.float64, torch.float64),
    ],
)
def test_other_types_have_the_values_of_keras(keras, dtypes, normalize):
    generator = torch.Generator().manual_seed(0)
    for shapes, axes in [([(2, 3), (2, 3)], 1), ([(2, 3, 4), (2, 4)], (2, 1))]:
        inputs = [
            torch.randint(-4, 5, shape, generator=generator).to(dtype)
            for shape, dtype in zip(shapes, dtypes, strict=True)
        ]
        ours = Dot(axes, normalize)(inputs)
        if not normalize:
            assert ours.dtype == torch.promote_types(*dtypes)
        expected = keras.layers.Dot(axes, normalize)(inputs)
        torch.testing.assert_close(ours, expected, check_dtype=False)


def test_inputs_may_be_empty(keras):
    for shape, axes in [((0, 3), 1), ((2, 0), 1), ((0, 3, 4), 2), ((2, 3, 0), 2)]:
        inputs = [torch.ones(shape), torch.ones(shape)]
        assert torch.equal(Dot(axes)(inputs), keras.layers.Dot(axes)(inputs))


# Printed in the question "Confused about keras Dot Layer. How is the Dot product computed?"
PRINTED = torch.tensor(
    [
        [[0, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1]],
        [[1, 1, 1, 0], [0, 0, 1, 0], [0, 1, 0, 0]],
    ]
)
PRINTED_OTHER = torch.tensor([[[1, 0, 1], [1, 0, 1]], [[1, 0, 1], [1, 1, 0]]])
PRINTED_PRODUCT = torch.tensor(
    [
        [[3.0, 1.0, 2.0], [1.0, 2.0, 0.0], [2.0, 0.0, 2.0]],
        [[3.0, 1.0, 1.0], [1.0, 1.0, 0.0], [1.0, 0.0, 1.0]],
    ]
)


def test_the_printed_example() -> None:
    a = PRINTED.float()
    assert torch.equal(Dot(axes=2)([a, a]), PRINTED_PRODUCT)
    # The answer: "If you had the intended code, it will throw an error because the dimension you
    # want the dot product on, doesn't match."
    with pytest.raises(ValueError, match="received sizes 4 and 3"):
        Dot(axes=2)([a, PRINTED_OTHER.float()])


def outcome(layer: Any, axes: Any, inputs: Any, *refusals: type[Exception]) -> Any:
    """The shape of the product, or None where it is refused."""
    try:
        return tuple(layer(axes)(inputs).shape)
    except refusals:
        return None


# Mostly of one size, else nearly all would be refused.
SHAPES = st.lists(st.sampled_from([2, 2, 2, 2, 1]), max_size=4)
AXIS = st.integers(-6, 6)


@settings(deadline=None, max_examples=300)
@given(axes=AXIS | st.tuples(AXIS, AXIS), shapes=st.tuples(SHAPES, SHAPES))
@example(axes=-5, shapes=([2, 3, 4], [2, 3]))  # An integer goes round: axes 1 and 1.
def test_it_refuses_what_keras_refuses(keras, axes: Axes, shapes: tuple[list[int], ...]) -> None:
    inputs = [torch.ones(shape) for shape in shapes]
    # Keras lets through what its checks run into.
    theirs = (ValueError, IndexError, ZeroDivisionError)
    expected = outcome(keras.layers.Dot, axes, inputs, *theirs)
    assert outcome(Dot, axes, inputs, ValueError) == expected


@pytest.mark.parametrize(
    ("axes", "first", "second", "match"),
    [
        (1, (3,), (2, 3), r"at least one more; received shapes \(3,\) and \(2, 3\): .*unsqueeze"),
        (-1, (), (), r"at least one more; received shapes \(\) and \(\): .*unsqueeze"),
        (2, (2, 3), (2, 3), r"axes=2 for shapes .*: of \(2, 3\) it is at most 1, and at least -1"),
        ((1, -4), (2, 3), (2, 3, 3), r"lies within .* axes=\(1, -4\) .* of \(2, 3, 3\) .* most 2"),
        (0, (2, 3), (2, 3), r"axis 0 is the batch .* axes=0 for shapes .*: choose another"),
        (-2, (2, 2), (2, 3, 2), r"axis 0 is the batch .* axes=-2 for .*: choose another"),
        ((2, -3), (2, 3, 2), (2, 3, 3), r"axis 0 is the batch .* axes=\(2, -3\) .*unsqueeze"),
        (1, (2, 3), (2, 4), r"one size; received sizes 3 and 4 for axes=1 of shapes .*: choose"),
        ((1, 2), (2, 3, 4), (2, 3, 4), r"one size; received sizes 3 and 4 for axes=\(1, 2\) of"),
        (1, (1, 3), (2, 3), r"one batch size.* received shapes \(1, 3\) and \(2, 3\): .*expand"),
    ],
)
def test_shapes_that_do_not_fit(keras, axes, first, second, match):
    inputs = [torch.ones(first), torch.ones(second)]
    with pytest.raises(ValueError, match=match):
        dot(*inputs, axes)
    with pytest.raises((ValueError, IndexError, ZeroDivisionError)):
        keras.layers.Dot(axes)(inputs)


@pytest.mark.parametrize(
    ("axes", "error"),
    [
        (None, TypeError),
        ("1", TypeError),
        (1.0, TypeError),
        ({1, 2}, TypeError),
        ((), ValueError),
        ((1,), ValueError),
        ([1, 1, 1], ValueError),
        ((1, 1.0), ValueError),
        ([None, 1], ValueError),
        (((1,), (1,)), ValueError),
    ],
)
def test_axes_that_are_no_axes(keras, axes, error):
    received = r"a pair of integers; received \S.*: give one axis for both"
    with pytest.raises(error, match=received) as ours:
        Dot(axes)
    assert repr(axes) in str(ours.value)
    with pytest.raises(error, match=received):
        dot(torch.ones(2, 3), torch.ones(2, 3), axes)
    with pytest.raises(error, match="argument `axes`"):
        keras.layers.Dot(axes)


VECTORS = torch.ones(2, 3)


@pytest.mark.parametrize(
    ("inputs", "received"),
    [
        (VECTORS, "Tensor"),
        (torch.ones(2, 2, 3), "Tensor"),
        ({"a": VECTORS, "b": VECTORS}, "dict"),
        ([], r"\[\]"),
        ([VECTORS], r"\['Tensor'\]"),
        ((VECTORS, VECTORS, VECTORS), r"\['Tensor', 'Tensor', 'Tensor'\]"),
        ([VECTORS, None], r"\['Tensor', 'NoneType'\]"),
        (VECTORS.tolist(), r"\['list', 'list'\]"),
    ],
)
def test_inputs_that_are_no_pair(keras, inputs, received):
    with pytest.raises(ValueError, match=rf"two tensors; received {received}: call it with"):
        Dot(axes=1)(inputs)
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        keras.layers.Dot(axes=1)(inputs)


def test_a_list_and_a_tuple_are_pairs() -> None:
    a, b = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))
    layer = Dot([1, -1])
    assert torch.equal(layer([a, b]), dot(a, b, (1, 1)))
    assert torch.equal(layer((a, b)), layer([a, b]))
    assert list(layer.parameters()) == []


@pytest.fixture
def pools() -> tuple[Tensor, Tensor]:
    """Two pools of vectors, (N, D) and (M, D)."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(5, 7, generator=generator), torch.randn(4, 7, generator=generator)


def labels_of(target: str, a: Tensor, b: Tensor) -> Tensor:
    """The labels (B,) that a target writes of vectors (B, D), which it takes as (D, B)."""
    labels = torch.empty(len(a))
    TARGETS[target](a.T, b.T, a.T * b.T, labels)
    return labels


@pytest.mark.parametrize(("target", "normalize"), [("dot", False), ("cosine", True)])
def test_the_targets_are_it(pools, target, normalize):
    a, b = pools[0][:4], pools[1]
    a[2] = 0  # which has no angle
    expected = Dot(axes=1, normalize=normalize)([a, b])
    torch.testing.assert_close(labels_of(target, a, b)[:, None], expected)


@pytest.mark.parametrize(("target", "normalize"), [("dot", False), ("cosine", True)])
def test_of_two_pools_it_is_all_pairs(pools, target, normalize):
    a, b = pools
    pairs = torch.stack([labels_of(target, a, each.expand_as(a)) for each in b], dim=1)
    torch.testing.assert_close(Dot(2, normalize)([a[None], b[None]])[0], pairs)
