"""The command that goes on with a search, where it ran here and where it ran as a job."""

import shlex

import pytest

from search.saved_search.resuming_command import resuming_command


@pytest.mark.parametrize("uri", ["s3://bucket/first", "/data/my runs"])
def test_a_job_is_resumed_as_a_job(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_JOB_CONFIG_JSON_ENV_VAR", raising=False)
    assert shlex.split(resuming_command(uri)) == ["dottune", "resume", uri]
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    expected = ["dottune", "submit", "--resume", "--out", uri]
    shared = [] if uri.startswith("s3://") else ["--shared-filesystem"]
    assert shlex.split(resuming_command(uri)) == expected + shared
