"""An error of a cluster in one line."""


def reason_of(error: BaseException) -> str:
    """Return what went wrong, without the stack that Ray's dashboard may send along.

    >>> reason_of(
    ...     RuntimeError("failed: Traceback (most recent call last):\\n  ...\\nOSError: gone\\n.")
    ... )
    'OSError: gone'
    """
    lines = str(error).split("\n")
    stack = [i for i, line in enumerate(lines) if "Traceback (most recent call last)" in line]
    if stack:
        said = [line for line in lines[stack[-1] + 1 :] if line.strip(" .") and line[0] != " "]
        lines = said[-1:] or lines[: stack[0]]
    return " ".join(" ".join(lines).split()) or type(error).__name__
