"""What the README shows is true."""

import re
from pathlib import Path

from paribus.grid import cells
from paribus.load import load_study
from paribus.spec import SearchDesign

README = Path(__file__).parents[1] / "README.md"


def test_the_study_file_is_a_study(tmp_path: Path) -> None:
    block = re.search(r"```yaml\n(.*?)```", README.read_text(), re.S)
    assert block
    (tmp_path / "study.yaml").write_text(block[1])
    assert len(cells(load_study(tmp_path / "study.yaml"))) == 4


def test_so_is_that_of_the_page_on_searches(tmp_path: Path) -> None:
    block = re.search(r"```yaml\n(.*?)```", (README.parent / "docs" / "search.md").read_text(), re.S)
    assert block
    (tmp_path / "study.yaml").write_text(block[1])
    study = load_study(tmp_path / "study.yaml")
    assert isinstance(study.design, SearchDesign)
    assert study.design.trials == 40


def test_it_names_every_command() -> None:
    from paribus.cli.main import app

    text = README.read_text()
    for command in app.registered_commands:
        assert command.callback is not None
        name = command.callback.__name__
        assert f"`paribus {name}" in text or f"`{name}`" in text, name
