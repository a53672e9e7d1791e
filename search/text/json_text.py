"""JSON as every reader takes it: JSON has no infinity and no NaN."""

import json
import math
from typing import Any


def json_text(value: Any) -> str:
    """Return `value` (mappings, lists, scalars) as indented JSON, null for what is not finite.

    >>> json_text([0.5, math.inf, None]).split()
    ['[', '0.5,', 'null,', 'null', ']']
    """
    return json.dumps(_finite(value), indent=2, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
