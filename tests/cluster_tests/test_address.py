"""Addresses: what is none is refused with the next step, and no password in it is repeated."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.address import dashboard_address, member_address
from cluster.errors import RequestError


@pytest.mark.parametrize(
    ("given", "environment", "found"),
    [
        ("http://head:8265/", {}, "http://head:8265"),
        ("HTTP://head:8265", {}, "http://head:8265"),
        ("https://host/ray", {}, "https://host/ray"),
        ("http://[::1]:8265", {}, "http://[::1]:8265"),
        (None, {"RAY_API_SERVER_ADDRESS": "http://a:1", "RAY_ADDRESS": "auto"}, "http://a:1"),
        (None, {"RAY_ADDRESS": "http://b:1"}, "http://b:1"),
        ("http://c:1", {"RAY_API_SERVER_ADDRESS": "http://a:1"}, "http://c:1"),
    ],
)
def test_a_dashboard_s_address(given, environment: dict[str, str], found: str) -> None:
    assert dashboard_address(given, environment) == found


@pytest.mark.parametrize(
    ("given", "environment", "message"),
    [
        (None, {}, "got none; give --address http://HEAD:8265, or set RAY_API_SERVER_ADDRESS"),
        (None, {"RAY_ADDRESS": "head:6379"}, "got RAY_ADDRESS=head:6379, the cluster's own; give"),
        (None, {"RAY_ADDRESS": "auto"}, "got RAY_ADDRESS=auto, the cluster's own; give --address"),
        (None, {"RAY_API_SERVER_ADDRESS": "x"}, "got x in RAY_API_SERVER_ADDRESS; write http://H"),
        ("head:8265", {}, "must begin with http:// or https://; got head:8265 in --address"),
        ("http://127.0.0.1:abc", {}, "with a number below 65536 as its port; got http://127.0.0.1"),
        ("http://head:99999", {}, "with a number below 65536 as its port; got http://head:99999"),
        ("http://", {}, "must be http://HOST:PORT; got http://"),
        ("http://a b:1", {}, "must be http://HOST:PORT; got http://a b:1"),
        ("http://u:planted@head:1", {}, "without a user name, a password.* got http://***@head:1"),
        ("http://head?token=planted", {}, "without a user name.* got http://head?***"),
    ],
)
def test_what_is_no_dashboard_s_address(given, environment: dict[str, str], message: str) -> None:
    expected = ".*".join(map(re.escape, message.split(".*")))
    with pytest.raises(RequestError, match=expected) as refused:
        dashboard_address(given, environment)
    assert "planted" not in str(refused.value)


def test_a_cluster_s_own_address() -> None:
    assert member_address("auto") is None
    assert member_address("head:6379") == ("head", 6379)
    assert member_address("[::1]:6379") == ("::1", 6379)
    with pytest.raises(RequestError, match=r"not its dashboard\), or auto; got http://\*\*\*@head"):
        member_address("http://user:planted@head:8265")
    for address in ("head", "head:", "head:abc", "head:0", "head:65536", ":6379", "ray://head:1"):
        with pytest.raises(RequestError, match=re.escape(f"or auto; got {address}; write HOST:63")):
            member_address(address)


@given(
    scheme=st.sampled_from(["", "http://", "https://", "HTTP://", "ray://", "://"]),
    user=st.text("ab:/ %", max_size=4),
    host=st.sampled_from(["head", "head:8265", "head:abc", "", "head/path?x", "a@b", "[::1"]),
)
def test_no_password_is_ever_repeated(scheme: str, user: str, host: str) -> None:
    address = f"{scheme}{user}:PLANTED@{host}"
    for read in (lambda text: dashboard_address(text, {}), member_address):
        with pytest.raises(RequestError) as refused:
            read(address)
        assert "PLANTED" not in str(refused.value)
