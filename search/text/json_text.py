"""JSON as every reader takes it: JSON has no infinity and no NaN."""

import json
import math
from datetime import datetime
from typing import Any


def json_text(value: Any) -> str:
    """Return `value` (mappings, lists, scalars, times) as indented JSON, null for NaN and infinity.

    >>> json_text([0.5, math.inf, None]).split()
    ['[', '0.5,', 'null,', 'null', ']']
    """
    return json.dumps(finite(value), indent=2, allow_nan=False, default=_as_text)


def finite(value: Any) -> Any:
    """Return `value` with None for every float that is infinite or NaN."""
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _as_text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"no JSON for {value!r}")
