"""`tensorboard: all | best | off`, with YAML's own idea of `off`."""

from pathlib import Path

import pytest

from spaces import SpecError, load_spec


@pytest.mark.parametrize("written", ["all", "best", "off", '"off"'])
def test_each_choice_can_be_written(written: str, tmp_path: Path) -> None:
    expected = written.strip('"')
    assert load_spec("smoke", overrides=[f"tensorboard={written}"]).tensorboard == expected
    path = tmp_path / "spec.yaml"
    path.write_text(f"name: x\ngrid: {{dimension: [1]}}\ntensorboard: {written}\n")
    spec = load_spec(path)
    assert spec.tensorboard == expected
    path.write_text(spec.to_yaml())
    assert load_spec(path) == spec


def test_the_default_is_best() -> None:
    assert load_spec("smoke").tensorboard == "best"


@pytest.mark.parametrize("written", ["some", "on", "3", "null"])
def test_anything_else_is_refused(written: str) -> None:
    with pytest.raises(SpecError, match=r"tensorboard: .*all.*best.*off"):
        load_spec("smoke", overrides=[f"tensorboard={written}"])
