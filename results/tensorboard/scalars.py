"""Scalars as TensorBoard has them."""

from collections.abc import Mapping

from tensorboard.compat.proto.summary_pb2 import Summary


def scalars(values: Mapping[str, float | None]) -> Summary:
    """Values by their tags; null ones are left out."""
    return Summary(
        value=[
            Summary.Value(tag=tag, simple_value=value)
            for tag, value in values.items()
            if value is not None
        ]
    )
