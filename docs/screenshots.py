"""Take the screenshots in docs/images: a search in the terminal and in each dashboard.

    python docs/screenshots.py [FOLDER]

It runs the preset `quick` with more steps (two or three minutes on two cores). It needs chromium
and prometheus (Debian: apt-get install chromium prometheus) and optuna-dashboard; Ray's token
authentication is off for this one search, since a browser would ask for the token.
"""

import io
import os
import pty
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path

from browser import need, shoot
from rich.console import Console
from rich.text import Text

from results.tensorboard import log_folders

PROJECT = Path(__file__).parents[1]
SEARCH = ["run", "quick", "--set", "fixed.steps=100000", "--set", "halving.grace_period=12500"]
LIMIT_SECONDS = 600.0
PROMETHEUS = """
global: {{scrape_interval: 2s}}
scrape_configs:
  - job_name: ray
    file_sd_configs: [{{files: ["{discovery}"], refresh_interval: 1s}}]
"""


class Terminal:
    """A command in a terminal of 80 columns; `output` is what it has written so far."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        """Start the command."""
        self.output = ""
        leader, follower = pty.openpty()
        self.process = subprocess.Popen(
            command,
            stdout=follower,
            stderr=follower,
            env=environment | {"COLUMNS": "80", "LINES": "24", "TERM": "xterm-256color"},
        )
        os.close(follower)
        threading.Thread(target=self._read, args=(leader,), daemon=True).start()

    def _read(self, leader: int) -> None:
        while True:
            try:
                self.output += os.read(leader, 65536).decode(errors="replace")
            except OSError:  # the command has ended
                return

    def screen(self) -> str:
        """What is to be seen now: the lines before the live view, and its latest state."""
        above, *frames = re.split(r"(?:\x1b\[1A\x1b\[2K|\r\x1b\[2K)+", self.output)
        lines = above.splitlines()
        said = [line for line in lines if re.match(r"(search|output|TensorBoard|dashboard) ", line)]
        return "\n".join([*said, frames[-1] if frames else ""])


def main() -> None:
    """Run the search and take every screenshot."""
    images = Path(sys.argv[1]) if len(sys.argv) > 1 else PROJECT / "docs" / "images"
    images.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="shots-") as name:
        folder = Path(name)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
        environment |= {"RAY_AUTH_MODE": "disabled", "RAY_TMPDIR": name}
        out = folder / "quick"
        command = [sys.executable, "-m", "search", *SEARCH, "--out", str(out)]
        search = Terminal([*command, "--set", "tensorboard=all"], environment)
        servers: list[subprocess.Popen[bytes]] = []
        try:
            _during_the_search(search, folder, images, servers)
            wait(lambda: search.process.poll() is not None, "the end of the search")
            _after_the_search(out, images, servers)
        finally:
            for server in (*servers, search.process):
                server.terminate()
                server.wait()


def _during_the_search(
    search: Terminal, folder: Path, images: Path, servers: list[subprocess.Popen[bytes]]
) -> None:
    wait(lambda: "dashboard    http://" in search.output, "Ray")
    found = re.search(r"dashboard    (http://[\d.:]+)", search.output)
    assert found is not None
    port = free_port()
    discovery = folder / "ray" / "session_latest" / "prom_metrics_service_discovery.json"
    (folder / "prometheus.yml").write_text(PROMETHEUS.format(discovery=discovery))
    options = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'd'}"]
    servers.append(serve("prometheus", *options, f"--web.listen-address=127.0.0.1:{port}"))
    wait(lambda: re.search(r"3[0-9][0-9]/512 trials", search.screen()) is not None, "300 trials")
    _terminal(search.screen(), folder, images / "terminal.png")
    shoot(f"{found[1]}/#/actors", images / "ray-actors.png", size=(1500, 900))
    expression = 'log10(max by (study) (ray_dottune_best_nmse{study=~".*=false"}))'
    query = f"g0.expr={urllib.parse.quote(expression)}&g0.tab=0&g0.range_input=2m"
    shoot(f"http://127.0.0.1:{port}/graph?{query}", images / "prometheus.png", size=(1500, 900))


def _after_the_search(out: Path, images: Path, servers: list[subprocess.Popen[bytes]]) -> None:
    studies, trials, optuna = free_port(), free_port(), free_port()
    board = [sys.executable, "-m", "tensorboard.main", "--reload_interval=1"]
    servers.append(serve(*board, f"--logdir={out / log_folders.STUDIES}", f"--port={studies}"))
    servers.append(serve(*board, f"--logdir={out / log_folders.TRIALS}", f"--port={trials}"))
    servers.append(serve(sys.executable, "-m", "search", "optuna", str(out), f"--port={optuna}"))
    wait(partial(_holds, studies, b"d=8/mult=yes"), "the studies in TensorBoard")
    wait(partial(_holds, trials, b"confirm-2"), "the trials in TensorBoard")
    take = partial(shoot, size=(1500, 950))
    take(_page(studies, "timeseries"), images / "tensorboard-scalars.png", holds="d=8/mult=no")
    take(_page(studies, "images"), images / "tensorboard-figure.png", holds="d=8/mult=no")
    take(_page(studies, "text"), images / "tensorboard-conclusion.png", holds="hidden layers")
    take(_page(trials, "hparams"), images / "tensorboard-hparams.png", then=["0"] * 4)
    dashboard = f"http://127.0.0.1:{optuna}/dashboard"
    wait(lambda: bool(read(dashboard)), "Optuna's dashboard")
    shoot(f"{dashboard}/studies/6", images / "optuna.png", size=(1500, 1100), holds="Importance")
    report = (out / "report.html").as_uri()
    shoot(report, images / "report.png", size=(1000, 1900), holds="predict the mean")


def _holds(port: int, run: bytes) -> bool:
    return run in read(f"http://127.0.0.1:{port}/data/runs")


def _page(port: int, tab: str, query: str = "") -> str:
    return f"http://127.0.0.1:{port}/?darkMode=false&_smoothingWeight=0&{query}#{tab}"


def _terminal(screen: str, folder: Path, image: Path) -> None:
    """Draw a terminal's text with rich, and take the picture in the browser."""
    console = Console(record=True, width=80, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(screen.replace("\r", "")))
    page = folder / "terminal.svg"
    page.write_text(console.export_svg(title="dottune run quick"))
    shoot(page.as_uri(), image, size=(1000, 392))


def serve(program: str, *options: str) -> subprocess.Popen[bytes]:
    """Start a server and leave it running, silent."""
    command = [need(program), *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def read(url: str) -> bytes:
    """What a server answers; nothing while it does not."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return bytes(answer.read())
    except OSError:
        return b""


def wait(holds: Callable[[], bool], what: str) -> None:
    """Poll until it holds."""
    limit = time.monotonic() + LIMIT_SECONDS
    while not holds():
        if time.monotonic() > limit:
            sys.exit(f"waited in vain for {what}")
        time.sleep(0.5)


def free_port() -> int:
    """A port that nobody listens at just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


if __name__ == "__main__":
    main()
