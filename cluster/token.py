"""The token of a cluster: taken from where Ray takes it, never shown, never sent elsewhere."""

import os
from pathlib import Path


def token_source() -> str | None:
    """Where Ray finds this process's token, in Ray's order; None if there is none."""
    if os.environ.get("RAY_AUTH_TOKEN"):
        return "RAY_AUTH_TOKEN"
    if path := os.environ.get("RAY_AUTH_TOKEN_PATH"):
        return f"RAY_AUTH_TOKEN_PATH ({path})" if Path(path).is_file() else None
    file = Path.home() / ".ray" / "auth_token"
    return str(file) if file.is_file() else None


def authenticate() -> None:
    """Turn Ray's token authentication on where there is a token; to be called before Ray is used.

    Ray reads the mode when it is imported. RAY_AUTH_MODE, where it is set, is left as it is.
    """
    if token_source() is not None:
        os.environ.setdefault("RAY_AUTH_MODE", "token")


TOKEN_HINT = "give the cluster's token in RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token"
"""The next step of every message about a token."""
