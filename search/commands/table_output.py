"""A table on standard output, for other programs: JSON or CSV."""

import io
from typing import TYPE_CHECKING, Annotated

import typer

from spaces import SpecError

from ..text.json_text import finite, json_text

if TYPE_CHECKING:
    import pyarrow

JsonOption = Annotated[bool, typer.Option("--json", help="For machines: a JSON list.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="For machines: CSV with a header.")]


def check_form(*, as_json: bool, as_csv: bool) -> None:
    """Raise SpecError where both are asked for."""
    if as_json and as_csv:
        raise SpecError(["--json and --csv can't be had at once; choose one"])


def echo_table(table: "pyarrow.Table", *, as_csv: bool) -> None:
    """Print the rows, as JSON unless `as_csv`; what is not finite as null."""
    import pyarrow.csv

    rows = finite(table.to_pylist())
    if not as_csv:
        typer.echo(json_text(rows))
        return
    stream = io.BytesIO()
    pyarrow.csv.write_csv(pyarrow.Table.from_pylist(rows, schema=table.schema), stream)
    typer.echo(stream.getvalue().decode(), nl=False)
