"""docs/notebook.md: what it prints, and that its list of architectures is the preset's."""

import re
import subprocess
import sys
from pathlib import Path

from search.text.study_label import study_label
from spaces import load_spec, studies

PAGE = (Path(__file__).parents[2] / "docs" / "notebook.md").read_text()


def test_the_variance_of_the_notebook_s_labels_is_its_loss() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() in program  # the comment says what it prints
    assert abs(float(printed) - 0.96002197265625) < 1e-4  # what the notebook printed


def test_every_architecture_of_the_presets_has_its_rows() -> None:
    names = {
        study_label(study.name).split("layers=")[1]
        for preset in ("notebook", "notebook-widest")
        for study in studies(load_spec(preset))
    }
    spelled = {
        "1*31": "1 (31 times)",
        "4*30-1": "4 (30 times), 1",
        "4*100-1": "4 (100 times), 1",
        "10000-512-128-64-32-1": "10000-512-128-64-32-1, of 3",
    }
    rows = re.findall(r"^\| (.+?) \| (yes|no) \| \d", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(
        (spelled.get(name, name), products) for name in names for products in ("yes", "no")
    )
