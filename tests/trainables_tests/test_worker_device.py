"""A worker trains on the device that Ray gave it, or says why it can't."""

import pytest
import torch

from trainables import pack_trainable


@pytest.mark.parametrize(
    ("granted", "seen", "expected"), [([], True, "cpu"), ([], False, "cpu"), (["0"], True, "cuda")]
)
def test_a_worker_takes_the_device_that_ray_granted(
    monkeypatch: pytest.MonkeyPatch, granted: list[str], seen: bool, expected: str
) -> None:
    monkeypatch.setattr("ray.get_gpu_ids", lambda: granted)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: seen)
    assert pack_trainable._device().type == expected


def test_a_gpu_that_torch_cannot_use_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.get_gpu_ids", lambda: ["3"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    with pytest.raises(RuntimeError, match=r"GPU \['3'\].*CUDA_VISIBLE_DEVICES=3.*resources.gpus"):
        pack_trainable._device()
