"""The token: read as Ray reads it, refused where it is none, and never repeated."""

import errno
import os
import re
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray import _raylet

from cluster.errors import RequestError
from cluster.token import authenticate, make_token_file, read_token

VARIABLES = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "HOME", "RAY_AUTH_MODE")
WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)


@pytest.fixture(autouse=True)
def _no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


@given(token=WORDS, before=st.text(" \t"), after=st.text(" \t\r"), in_file=st.booleans())
def test_a_token_is_read_as_ray_reads_it(
    tmp_path_factory, token: str, before: str, after: str, in_file: bool
) -> None:
    text = before + token + after
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        if in_file:
            file = tmp_path_factory.mktemp("token") / "token"
            file.write_bytes((text + "\n# of the cluster").encode())
            patch.setenv("RAY_AUTH_TOKEN_PATH", str(file))
        else:
            patch.setenv("RAY_AUTH_TOKEN", text)
        found = read_token()
        loader = _raylet.AuthenticationTokenLoader.instance()  # type: ignore[attr-defined]
        loader.reset_cache()
        assert found is not None
        assert found.value == token == loader.get_raw_token(ignore_auth_mode=True)
        assert token not in repr(found).replace(found.source, "") or len(token) < 12
    loader.reset_cache()


@given(content=st.binary(min_size=1), in_file=st.booleans())
def test_what_is_no_token_is_refused_and_not_repeated(
    tmp_path_factory, content: bytes, in_file: bool
) -> None:
    secret = b"the-planted-secret" + content
    with pytest.MonkeyPatch.context() as patch:
        if in_file:
            file = tmp_path_factory.mktemp("token") / "token"
            file.write_bytes(secret)
            patch.setenv("RAY_AUTH_TOKEN_PATH", str(file))
        else:
            patch.setenv("RAY_AUTH_TOKEN", os.fsdecode(secret.replace(b"\0", b"\1")))
        found, refusal = None, ""
        try:
            found = read_token()
        except RequestError as error:
            refusal = str(error)
    if found is None:
        assert "RAY_AUTH_TOKEN" in refusal
        assert "a token must be one word of printable ASCII" in refusal
        assert "planted" not in refusal
    else:
        assert re.fullmatch("[!-~]+", found.value)


def test_a_comment_below_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "planted\n# of the cluster")
    with pytest.raises(RequestError, match=r"RAY_AUTH_TOKEN holds several words or lines \(not"):
        read_token()
    monkeypatch.setenv("RAY_AUTH_TOKEN", " \n")
    with pytest.raises(RequestError, match="holds nothing but white space"):
        read_token()


def test_a_path_to_a_missing_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(RequestError, match=r"got RAY_AUTH_TOKEN_PATH \(.*/none\): No such file"):
        authenticate()
    assert "RAY_AUTH_MODE" not in os.environ


def test_a_file_that_others_can_read_gets_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "token"
    file.write_text("planted")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(file))
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    file.chmod(0o644)
    authenticate()
    assert f"others can read the token in {file}; write: chmod 600 {file}" in caplog.text
    caplog.clear()
    file.chmod(0o600)
    authenticate()
    assert caplog.text == ""


def test_a_home_that_can_t_be_entered_holds_no_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.11 raises what the system says of a file in it."""
    monkeypatch.setenv("HOME", str(tmp_path))

    def refused(path: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refused)
    assert read_token() is None


def test_a_file_system_without_links_holds_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    def refused(source: Path, target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    make_token_file()
    found = read_token()
    make_token_file()
    assert found is not None
    assert read_token() == found
    assert [path.name for path in (tmp_path / ".ray").iterdir()] == ["auth_token"]


def test_a_new_token_is_for_the_user_s_eyes_alone_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_token() is None
    make_token_file()
    found = read_token()
    assert found is not None
    assert found.file == tmp_path / ".ray" / "auth_token"
    assert stat.S_IMODE(found.file.stat().st_mode) == 0o600
    make_token_file()
    assert read_token() == found
    assert [*found.file.parent.iterdir()] == [found.file]
