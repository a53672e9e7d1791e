"""The results of bench_gpu.py as they stand in RESULTS.md."""

from collections.abc import Iterator, Sequence
from typing import Any


def markdown(results: dict[str, Any]) -> Iterator[str]:
    """The results as they stand in RESULTS.md."""
    yield f"{results['date']}, {results['device']}."
    if "peaks" in results:
        flops, copied = results["peaks"]["float32_tflops"], results["peaks"]["copy_terabytes"]
        yield f"Best float32 product {flops:.1f} TFLOP/s, copy {copied:.2f} TB/s.\n"
    if rows := results.get("correctness"):
        yield "| pack | numbers | median difference | largest | |\n|---|---|---|---|---|"
        for row in rows:
            numbers = f"{row['dtype'][6:]} | {row['median']:.1e} | {row['largest']:.1e}"
            yield f"| {row['pack']} | {numbers} | {'right' if row['right'] else '**wrong**'} |"
        yield ""
    for table in results.get("kernels", []):
        yield f"{table['members']} members of {table['shape']}, microseconds of a step:\n"
        yield "| kernel | calls | us |\n|---|---|---|"
        for row in table["rows"]:
            name = row["kernel"].replace("|", "/")[:90]
            yield f"| {name} | {row['calls']:.1f} | {row['microseconds']:.1f} |"
        yield ""
    if pack := results.get("pack"):
        parts = ", ".join(f"{name} {seconds:.2f}" for name, seconds in pack["parts"].items())
        yield (
            f"A pack like `quick`'s of {pack['members']} members: {pack['seconds']:.2f} s, its "
            f"bare steps {pack['bare']:.2f} s ({pack['bare'] / pack['seconds']:.0%}). "
            f"Another run by part, in seconds: {parts}.\n"
        )
    if rows := results.get("pack sizes"):
        yield "| members of a pack like `quick`'s | member-steps/s |\n|---|---|"
        for row in rows:
            yield f"| {row['members']:,} | {row['rate']:,.0f} |"
        yield ""
    if table := results.get("tf32"):
        yield from _rates_table(table["rates"])
        yield "\n| pack | median difference of a loss | largest |\n|---|---|---|"
        for row in table["losses"]:
            yield f"| {row['pack']} | {row['median']:.1e} | {row['largest']:.1e} |"
        yield ""
    if rows := results.get("rates"):
        yield from _rates_table(rows)


def _rates_table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Member-steps per second, a row for each shape and number of members."""
    measured = [row for row in rows if "rate" in row]
    names = list(dict.fromkeys(row["contender"] for row in measured))
    cells: dict[tuple[Any, ...], dict[str, float]] = {}
    for row in measured:
        cells.setdefault((*row["shape"].values(), row["members"]), {})[row["contender"]] = row[
            "rate"
        ]
    yield f"| (d, depth, width, batch) | members | {' | '.join(names)} |"
    yield "|---|---|" + "---|" * len(names)
    for (*shape, members), by_name in sorted(cells.items()):
        texts = [f"{by_name[name]:,.0f}" if name in by_name else "" for name in names]
        yield f"| ({', '.join(map(str, shape))}) | {members:,} | {' | '.join(texts)} |"
