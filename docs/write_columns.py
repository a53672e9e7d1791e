"""Write docs/columns.md: every column of the three tables, as the schemas describe it.

python docs/write_columns.py > docs/columns.md
"""

import pyarrow

from results import CURVES, SUMMARY, TRIALS

TABLES = {
    "trials": ("One row for each trial of the search and each confirm replicate.", TRIALS),
    "curves": ("One row for each trial and evaluation.", CURVES),
    "summary.parquet": ("One row for each study.", SUMMARY),
}
KINDS = {"string": "text", "int64": "whole number", "double": "number", "bool": "true or false"}


def main() -> None:
    """Print the page."""
    print("# The columns\n\nWhat each column of the tables holds, as the Parquet files say too.")
    print("Written by `python docs/write_columns.py`.")
    for name, (rows, schema) in TABLES.items():
        print(f"\n## {name}\n\n{rows}\n\n| column | is | |\n|---|---|---|")
        for field in schema:
            kind = KINDS.get(str(field.type), "time, UTC") + (" or null" if field.nullable else "")
            print(f"| `{field.name}` | {kind} | {description(field)} |")


def description(field: pyarrow.Field) -> str:
    """Of a column; a bar would end its cell."""
    text: str = field.metadata[b"description"].decode()
    return text.replace("|", "\\|")


if __name__ == "__main__":
    main()
