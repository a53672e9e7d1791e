"""Nothing of the driver's environment is put into the workers' runtime environment."""

import pytest
from ray.tune.execution import class_cache

from search.tune.worker_environment import environment_kept_here

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN")


class Worker:
    """Stands for a trainable."""


def sent_along() -> dict[str, str]:
    """The variables that Tune gives to a worker's process."""
    remote_class = class_cache._ActorClassCache().get(Worker)
    variables: dict[str, str] = remote_class._default_options["runtime_env"].get("env_vars", {})
    return variables


def test_no_credential_of_the_driver_travels(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in KEYS:
        monkeypatch.setenv(key, "planted")
    assert "planted" in sent_along().values(), "Tune sends none along any more: delete the cure"
    with environment_kept_here():
        assert sent_along() == {}, "a worker that asks for a variable is none of those kept warm"
    assert "planted" in sent_along().values()
