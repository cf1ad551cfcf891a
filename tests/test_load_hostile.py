"""Study files of strangers: bombs, nesting, and whatever else a generator thinks of; only clean errors."""

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from paribus.errors import ParibusError, StudyError
from paribus.grid import cells
from paribus.load import DEEPEST, LARGEST_STUDY_FILE, MOST_VALUES, builtin_studies, load_study, parse_setting
from paribus.spec import StudySpec

BASE = "name: a\nquestion: q?\nbaseline:\n  data: {source: digits}\n  model: {name: simple_cnn}\n"
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "study.yaml"
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return write


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (LAUGHS, f"at most {MOST_VALUES} values"),
        ("a: &a {b: *a}", "an anchor that holds itself"),
        ("[" * (LARGEST_STUDY_FILE - 10), f"at most {DEEPEST} mappings and lists inside each other"),
        ("\n".join(" " * i + "a:" for i in range(1200)), "nested too deeply"),
        ("- " * 100_000, "nested too deeply"),
        (BASE + "x: &x {" + ", ".join(f"k{i}: 1" for i in range(900)) + "}\ny: [" + "*x," * 60 + "]", "at most"),
        (BASE + "seeds: [" + "1," * MOST_VALUES + "]", "study.yaml:6: not valid YAML: too much: a study has at most"),
        ("x" * (LARGEST_STUDY_FILE + 1), "a study file is at most"),
        (BASE + "seeds: " + "9" * 5000, "not valid YAML"),
        (BASE + "seeds: 1e999", "seeds"),
        (BASE + "seeds: 2001-99-99", "not valid YAML"),
        (BASE + "?\n    optimizer: {name: adam}\nfactors:\n  a: 1\n", "not valid YAML"),  # found by fuzzing
        (BASE + "factors: {f: {path: model.dropout, levels: [" + ",".join(map(str, range(9000))) + "]}}", "5000 cells"),
        (
            BASE
            + "factors:\n"
            + "".join(f"  f{i}: {{path: train.x{i}, levels: [{','.join(map(str, range(10)))}]}}\n" for i in range(30)),
            "at most 5000 cells",
        ),
        (BASE + "factors: {f: {path: model.dropout, levels: [0.1, 0.2, 0.3]}}\nseeds: 10000\n", None),
        (
            BASE + "factors: {f: {path: model.dropout, levels: [" + ",".join(f"0.{i + 10}" for i in range(11)) + "]}}\n"
            "seeds: 10000\n",
            "100000 trials",
        ),
    ],
)
def test_what_would_fill_the_memory_is_refused_at_once(write: Any, text: str, says: str | None) -> None:
    started = time.monotonic()
    if says is None:
        load_study(write(text))
    else:
        with pytest.raises(StudyError, match=says):
            load_study(write(text))
    assert time.monotonic() - started < 30


def test_bombs_in_settings() -> None:
    with pytest.raises(StudyError, match="not valid YAML"):
        parse_setting("seeds=" + "[" * 10_000)


def test_no_tag_makes_an_object(write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for tag in (
        "!!python/object/apply:os.system ['touch evil']",
        "!!python/object/new:os.system [touch evil]",
        "!!python/name:os.system",
        "!!python/module:evil",
        "!evil {a: 1}",
    ):
        with pytest.raises(StudyError):
            load_study(write(BASE.replace("q?", tag) if "[" not in tag else BASE + f"factors: {tag}\n"))
    assert not (tmp_path / "evil").exists()


# ---------------------------------------------------------------- whatever a generator thinks of

_words = st.sampled_from(
    [
        *StudySpec.model_fields,
        "data",
        "model",
        "train",
        "digits",
        "source",
        "simple_cnn",
        "levels",
        "path",
        "n",
        "vary",
        "train.epochs",
        "model.dropout",
        "eegnet",
        "adam",
        "grid",
        "none",
        "baseline",
        "a.b.c",
        ".",
        "",
        "<<",
    ]
)
_leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), _words, st.binary(max_size=4)
)
_names = _words | st.text(max_size=5)
_trees: st.SearchStrategy[Any] = st.deferred(
    lambda: _leaves | _leaves | st.lists(_trees, max_size=4) | st.dictionaries(_names, _trees, max_size=5)
)
BOUNDED = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def clean(path: Path) -> StudySpec | None:
    """The study, or None where it is refused in words."""
    try:
        study = load_study(path)
    except ParibusError:
        return None
    assert len(cells(study)) >= 1
    assert StudySpec.model_validate_json(study.model_dump_json()) == study
    return study


@BOUNDED
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "study.yaml"
    path.write_bytes(content)
    assert clean(path) is None


@BOUNDED
@given(_trees)
def test_any_values(tmp_path: Path, tree: Any) -> None:
    path = tmp_path / "study.yaml"
    with path.open("w", encoding="utf-8", errors="surrogatepass") as file:
        YAML(typ="safe", pure=True).dump(tree, file)
    clean(path)


@st.composite
def changed(draw: st.DrawFn) -> Any:
    """A built-in study with a field somewhere replaced, added or removed."""
    study = YAML(typ="safe", pure=True).load(builtin_studies()[draw(st.sampled_from([*builtin_studies()]))])
    for _ in range(draw(st.integers(1, 3))):
        place = study
        while True:
            key = draw(st.sampled_from([*place] if isinstance(place, dict) else range(len(place))))
            if not (isinstance(place[key], dict | list) and place[key] and draw(st.booleans())):
                break
            place = place[key]
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "remove" if len(place) > 1:
                del place[key]
            case "add" if isinstance(place, dict):
                place[draw(_words)] = draw(_trees)
            case _:
                place[key] = draw(_trees)
    return study


@BOUNDED
@given(changed())
def test_studies_with_a_slip_somewhere(tmp_path: Path, study: Any) -> None:
    path = tmp_path / "study.yaml"
    with path.open("w", encoding="utf-8", errors="surrogatepass") as file:
        YAML(typ="safe", pure=True).dump(study, file)
    clean(path)


@BOUNDED
@given(st.data())
def test_a_valid_study_with_bytes_changed(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(next(iter(builtin_studies().values())).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    path = tmp_path / "study.yaml"
    path.write_bytes(bytes(content))
    clean(path)
