"""The README's "From laptop to cluster", run as written but for the address, the preset, and the
dependencies, which the nodes have: Ray would copy the whole virtual environment that they run in.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.cluster_tests.two_nodes import PROJECT, TwoNodes

README = (PROJECT / "README.md").read_text(encoding="utf-8")


def test_the_commands_from_laptop_to_cluster(
    two_nodes: TwoNodes, object_store: dict[str, str], tmp_path: Path
) -> None:
    section = README.split("\n## From laptop to cluster\n")[1].split("\n## ")[0]
    (block,) = re.findall(r"^```bash\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    command = re.sub(r"\bquick\b", "smoke", block).replace("http://HEAD:8265", two_nodes.address)
    command = command.replace("dottune submit", "dottune submit --image-has-deps")
    assert two_nodes.address in command
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-euc", command],
        cwd=tmp_path,
        env={**two_nodes.client_environment, **object_store, "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "can be written" in ran.stdout
    assert "d=2" in ran.stdout
    assert re.search(r"smoke-\S+ +SUCCEEDED .* s3://bucket/smoke", ran.stdout)
