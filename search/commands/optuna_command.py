"""`dottune optuna`: Optuna's dashboard on the studies of a search."""

from contextlib import suppress
from typing import Annotated, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import typer

from .exit_codes import WRONG_INPUT, explained

HOST = "127.0.0.1"
"""The dashboard has no password, so it is for this machine only."""

optuna_commands = typer.Typer()


@optuna_commands.command()
def optuna(
    uri: Annotated[str, typer.Argument(help="The output folder: a path or a plain URI.")],
    port: Annotated[int, typer.Option(help="Port on this machine; 0: any.")] = 8080,
) -> None:
    """Open Optuna's dashboard on the studies of a search, as they are now."""
    with explained(), _server(uri, port) as server:
        typer.echo(f"Optuna's dashboard: http://{HOST}:{server.server_port} (Ctrl+C to quit)")
        with suppress(KeyboardInterrupt):
            server.serve_forever()


def _server(uri: str, port: int) -> WSGIServer:
    try:
        from optuna_dashboard import wsgi
    except ImportError:
        typer.echo(
            "error: Optuna's dashboard is not installed; pip install optuna-dashboard", err=True
        )
        raise typer.Exit(WRONG_INPUT) from None
    from ..saved_search.loaded_study import load_storage

    application: Any = wsgi(load_storage(uri))
    try:
        return make_server(HOST, port, application, handler_class=_QuietHandler)
    except (OSError, OverflowError) as error:
        typer.echo(f"error: port {port} can't be used ({error}); choose another --port", err=True)
        raise typer.Exit(WRONG_INPUT) from None


class _QuietHandler(WSGIRequestHandler):
    """Says nothing: a line for each request helps nobody."""

    def log_message(self, format: str, *arguments: Any) -> None:
        """Take the place of the base class's print."""
