"""docs/fields.md has every field of a study, and is what the specifications say."""

import re
import subprocess
import sys
from pathlib import Path

from paribus.spec import StudySpec

ROOT = Path(__file__).parents[1]


def test_the_page_is_current() -> None:
    done = subprocess.run([sys.executable, ROOT / "scripts" / "fields", "check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_page_is_complete() -> None:
    """Held against the JSON Schema, whatever sections the script has."""
    text = (ROOT / "docs" / "fields.md").read_text(encoding="utf-8")
    fields, kinds = set(re.findall(r"^\| `(\w+)` \|", text, re.M)), set(re.findall(r"\*\*`(\w+)`\*\*", text))
    schema = StudySpec.model_json_schema()
    assert {"time_mask", "channel_dropout", "cutout", "one_cycle", "moabb", "resnet18", "sgd"} <= kinds
    for specification in (schema, *schema["$defs"].values()):
        properties = dict(specification["properties"])
        for tag in ("source", "name"):
            if "const" in properties.get(tag, {}):
                assert properties.pop(tag)["const"] in kinds
                break
        assert {*properties} <= {*fields, "name"}, specification["title"]
