import contextlib
import itertools
import re
import shutil

import numpy
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from spaces import Choices, IntRange, Spec, SpecError, load_spec, preset_text
from spaces.yaml_text import read_yaml, write_yaml
from tests.spaces_tests.spec_strategies import relaxed, spec_mappings

MINIMAL = "name: a\nfixed: {dimension: 8}\n"


def write(folder, text):
    path = folder / "spec.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_source_is_a_preset_a_path_or_data(tmp_path, monkeypatch):
    path = write(tmp_path, MINIMAL)
    monkeypatch.chdir(tmp_path)
    shutil.copy(path, "plain")
    expected = load_spec(yaml.safe_load(MINIMAL))
    for source in (path, str(path), "spec.yaml", "./plain", "plain"):
        assert load_spec(source) == expected
    (tmp_path / "quick").mkdir()  # a folder hides no preset
    assert load_spec("quick").name == "quick"
    assert load_spec("quick", name="other").name == "other"


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "1.e-3", "+1e-3", "0.1e-2", "1.0e-3"])
def test_floats_are_read_as_yaml_1_2_reads_them(tmp_path, text):
    path = write(tmp_path, f"name: a\nfixed: {{dimension: 8, learning_rate: {text}}}\n")
    assert load_spec(path).fixed["learning_rate"] == 1e-3
    assert (
        load_spec("quick", [f"space.learning_rate.low={text}"]).space["learning_rate"].low == 1e-3
    )


def core_schema(text):
    """The scalar `text` as YAML 1.2 reads it: its table of the core schema."""
    if re.fullmatch(r"[-+]?[0-9]+", text):
        return int(text)
    if re.fullmatch(r"0o[0-7]+|0x[0-9a-fA-F]+", text):
        return int(text, base=0)
    if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", text):
        return float(text)
    return text


@relaxed
@given(st.from_regex(r"\A[-+.]?[0-9][0-9_.:eE+xXoObBa-f-]{0,8}[0-9]\Z"))
def test_a_number_is_read_as_yaml_1_2_reads_it_or_refused(text):
    expected = core_schema(text)
    with contextlib.suppress(SpecError):
        value = read_yaml(text, source="here")
        assert (type(value), value) == (type(expected), expected)


GUESSED = ["010", "0100", "08", "-017", "1:20", "190:20:30.5", "0o17", "0x10", "0b11", "1_000"]


@pytest.mark.parametrize("text", [*GUESSED, "1_0.5", "1_0e3", "00"])
def test_a_number_that_is_not_decimal_is_refused(tmp_path, text):
    message = "means different numbers in different versions of YAML; write it in decimal"
    with pytest.raises(SpecError, match=f"spec.yaml, line 2: .*: {re.escape(text)} {message}"):
        load_spec(write(tmp_path, f"name: a\nfixed: {{dimension: {text}}}\n"))
    with pytest.raises(SpecError, match=message):
        load_spec("quick", [f"budget.trials={text}"])


@pytest.mark.parametrize("name", GUESSED)
def test_text_that_looks_like_such_a_number_is_written_in_quotes(name):
    text = write_yaml({"name": name})
    assert read_yaml(text, source="here") == yaml.safe_load(text) == {"name": name}


def test_numpy_s_numbers_are_taken_like_python_s_own():
    def data(integer, number, truth, array):
        return {
            "name": "a",
            "seed": integer(3),
            "grid": {
                "dimension": array([1, 2]),
                "multiplication": [truth(False)],
                "scale": array([0.5, 2.0]),
            },
            "space": {
                "width": {"low": integer(2), "high": integer(8), "log": truth(True)},
                "learning_rate": {"low": number(0.25), "high": number(0.5)},
                "depth": IntRange(low=integer(0), high=integer(2)),
                "activation": Choices(choices=array(["relu", "tanh"])),
            },
            "fixed": {"steps": integer(10)},
            "budget": {"trials": integer(8)},
            "resources": {"gpus": number(0.5), "tf32": truth(False)},
        }

    expected = load_spec(data(int, float, bool, list))
    for integer, number in itertools.product(
        (numpy.int64, numpy.int32, numpy.uint8), (numpy.float64, numpy.float32)
    ):
        spec = load_spec(data(integer, number, numpy.bool_, numpy.array))
        assert spec == expected
        assert spec.to_yaml() == expected.to_yaml()


def test_overrides_change_single_values():
    changes = ["budget.trials=16", "grid.dimension=[3]", "halving=null", "space.width.high=7"]
    spec = load_spec("quick", overrides=changes)
    assert spec.budget.trials == 16
    assert spec.budget.pack_size == load_spec("quick").budget.pack_size
    assert spec.grid["dimension"] == [3]
    assert spec.halving is None
    assert spec.space["width"].high == 7
    assert load_spec(yaml.safe_load(MINIMAL), ["halving.grace_period=5"]).halving.grace_period == 5


def test_null_drops_an_entry_so_that_it_can_stand_elsewhere():
    spec = load_spec("quick", overrides=["space.depth=null", "fixed.depth=1"])
    assert "depth" not in spec.space
    assert spec.fixed["depth"] == 1
    again = load_spec(spec, overrides=["fixed.depth=null", "space.depth={low: 0, high: 1}"])
    assert again.space["depth"].high == 1


def test_the_caller_s_data_stays_as_it_was():
    data = yaml.safe_load(preset_text("quick"))
    load_spec(data, overrides=["space.width.high=7", "grid.dimension=[3]"], name="b")
    assert data == yaml.safe_load(preset_text("quick"))


def test_an_empty_section_counts_as_none_given(tmp_path):
    path = write(tmp_path, "name: a\ngrid:\nspace:\nfixed: {dimension: 8}\n")
    assert load_spec(path) == load_spec(yaml.safe_load(MINIMAL))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("quik", r'no preset has the name "quik"; did you mean quick\? the presets are '),
        ("zzz", r'"zzz"; the presets are achievable-loss, .*quick, .*smoke; .* ends in \.yaml'),
        ("", r'no preset has the name ""'),
        ("absent.yaml", r"absent\.yaml: can't be read: No such file"),
        ("quick.yaml", r"quick\.yaml: can't be read: .*; the preset is called quick"),
        ("absent/spec", r"absent/spec: can't be read: No such file"),
        ("a\0b.yaml", r"can't be read"),
        ("/", r"/: can't be read: Is a directory"),
        ("/dev/zero", r"/dev/zero: larger than 1000000 bytes, so not a spec"),
    ],
)
def test_a_source_that_cannot_be_read(tmp_path, monkeypatch, source, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError, match=message):
        load_spec(source)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"spec\.yaml: must be a mapping .*; got nothing \(it is empty\); dottune presets"),
        ("# only a comment", r"got nothing"),
        ("- 1\n- 2", r"must be a mapping .*; got \[1, 2\]"),
        ("just text", r'must be a mapping .*; got "just text"'),
        (b"name: a\n\xff\xfe", r"spec\.yaml, line 2: not UTF-8 text"),
        (b"name: a\n\x00", r"spec\.yaml, line 2: not readable as YAML: the character"),
        ("name: a\ngrid: [1, 2\nseed: 0", r"spec\.yaml, line 3: not readable as YAML: expected"),
        ("name: a\n\tseed: 0", r"line 2: not readable as YAML"),
        ("name: a\n---\nname: b", r"line 2: .*another document"),
        ("name: a\nseed: 1\nname: b", r"line 3: .*the key 'name' stands twice; keep one"),
        ("name: a\ngrid:\n  steps: [1]\n  steps: [2]", r"line 4: .*the key 'steps' stands twice"),
        (
            "name: a\nseed: !!python/object/apply:os.system ['true']",
            r"line 2: .*the tag !!python/object/apply:os\.system is not allowed: it could build an",
        ),
        ("name: !custom a", r"line 1: .*the tag !custom is not allowed"),
        ("name: &a x\nseed: *a", r"line 2: .*the alias \*a is not allowed; write the value out"),
        ("a: &a {b: *a}", r"alias"),
        ("[" * 100_000, r"line 1: .*nested too deeply"),
        ("? [a, b]\n: 1", r"line 1: .*unhashable key"),
        (f"name: a\nseed: {'9' * 5000}", r"line 2: .*Exceeds the limit"),
        ("name: a\nseed: =", r"line 2: .*could not determine a constructor"),
    ],
)
def test_a_file_that_is_no_spec(tmp_path, text, message):
    with pytest.raises(SpecError, match=message) as caught:
        load_spec(write(tmp_path, text))
    assert len(caught.value.faults) == 1


def test_a_file_without_permission(tmp_path, monkeypatch):
    path = write(tmp_path, MINIMAL)

    def refuse(*_args, **_keywords):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(SpecError, match=r"spec\.yaml: can't be read: Permission denied"):
        load_spec(path)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("budget.trials", r"--set budget\.trials: must be KEY=VALUE, such as budget\.trials=16"),
        ("=5", r"--set =5: must be KEY=VALUE"),
        ("budget..trials=5", r"must be KEY=VALUE"),
        ("budget.trials=[1", r"--set budget\.trials=\[1, line 1: not readable as YAML"),
        ("budget.trials=!!python/name:os", r"the tag !!python/name:os is not allowed"),
        ("budget.trails=5", r"budget\.trails: unknown key; got 5; did you mean trials\?"),
        ("buget.trials=5", r'buget: unknown key; got {"trials": 5}; did you mean budget\?'),
        ("trials=5", r"trials: unknown key; got 5; did you mean budget\.trials\?"),
        ("learning_rate=5", r"learning_rate: unknown key; .*did you mean fixed\.learning_rate\?"),
        ("seed.x=5", r"--set seed\.x=5: seed is no section; got 0 there"),
        ("space.dept=null", r"--set space\.dept=null: space has no dept to drop; did you mean dep"),
        (
            "budget.trials=",
            r"budget\.trials: must be a number where no budget\.time ends the search",
        ),
    ],
)
def test_an_override_that_cannot_be_applied(override, message):
    with pytest.raises(SpecError, match=message) as caught:
        load_spec("quick", overrides=[override])
    assert len(caught.value.faults) == 1


def test_faults_hold_nothing_that_a_terminal_would_obey():
    with pytest.raises(SpecError, match="no preset") as caught:
        load_spec("\x1b[31mred\udc80\n")
    (fault,) = caught.value.faults
    assert fault.isprintable()


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([10**400, -(10**400), 1e308, b"x", (1,), {1}, object(), 1j])
)
keys = st.text(max_size=5) | st.integers() | st.none()
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)


def places(data, path=()):
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, inner in items:
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))
        else:
            yield (*path, key)


@relaxed
@given(spec_mappings(), st.data())
def test_junk_anywhere_gives_a_spec_error(data, draw):
    """Put junk in some place of a good spec, and a key that is surely unknown."""
    bad = draw.draw(junk)
    *outer, last = draw.draw(st.sampled_from([path for path in places(data) if path]))
    part = data
    for key in outer:
        part = part[key]
    part[last] = bad
    data[draw.draw(keys.filter(lambda key: key not in Spec.model_fields))] = 0
    with pytest.raises(SpecError, match=r".") as caught:
        load_spec(data)
    assert all(fault.isprintable() for fault in caught.value.faults)


@relaxed
@given(st.text() | st.binary())
def test_junk_in_a_file_gives_a_spec_error(tmp_path_factory, text):
    content = text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
    with pytest.raises(SpecError, match=r"."):
        load_spec(write(tmp_path_factory.mktemp("spec"), content))


@relaxed
@given(st.text())
def test_a_junk_override_gives_a_spec_error(override):
    with pytest.raises(SpecError, match=r"."):
        load_spec("quick", overrides=[override])
