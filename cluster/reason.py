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


def without_stack(text: str) -> str:
    """Return a text of many lines, the frames of the stacks in it left out.

    >>> without_stack(
    ...     "can't: Traceback (most recent call last):\\n  File x\\n    y\\nOSError: gone\\n  why"
    ... )
    "can't:\\nOSError: gone\\n  why"
    """
    kept, inside = [], False
    for line in text.rstrip().split("\n"):
        inside = inside and line.startswith(" ")
        before, stack, _ = line.partition("Traceback (most recent call last)")
        if stack:
            inside = True
            line = before.rstrip()
        if line and (stack or not inside):
            kept.append(line)
    return "\n".join(kept)
