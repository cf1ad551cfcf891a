"""Catalogues hold exactly the messages that code, templates and scripts have, each with its placeholders."""

import json
from pathlib import Path

import pytest

import paribus.lang
from lang.messages import PLACEHOLDER, messages
from paribus.lang import ENGLISH, LANGUAGES

FOLDER = Path(paribus.lang.__file__).parent
OTHERS = [code for code in LANGUAGES if code != ENGLISH]


def catalogue(code: str) -> dict[str, str]:
    pairs = json.loads((FOLDER / f"{code}.json").read_text("utf-8"), object_pairs_hook=list)
    keys = [key for key, _ in pairs]
    assert len(set(keys)) == len(keys), f"{code}.json has a message twice: {[k for k in keys if keys.count(k) > 1]}"
    return dict(pairs)


def test_there_is_a_catalogue_for_each_language_and_no_other() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == sorted(OTHERS)


@pytest.mark.parametrize("code", OTHERS)
def test_a_catalogue_has_exactly_the_messages(code: str) -> None:
    known, said = messages(), catalogue(code)
    wanting = [f"{json.dumps(one, ensure_ascii=False)}: ... ({known[one]})" for one in known if one not in said]
    stale = [one for one in said if one not in known]
    assert not wanting, f"add to src/paribus/lang/{code}.json, translated:\n" + "\n".join(wanting)
    assert not stale, f"take out of src/paribus/lang/{code}.json, nothing says them:\n" + "\n".join(stale)


@pytest.mark.parametrize("code", OTHERS)
def test_translations_have_the_placeholders_of_their_messages(code: str) -> None:
    for message, said in catalogue(code).items():
        assert set(PLACEHOLDER.findall(said)) == set(PLACEHOLDER.findall(message)), f"{code}.json: {message}"
        assert said.count("{") == len(PLACEHOLDER.findall(said)), f"{code}.json: a stray brace in {said}"
        assert said.strip(), f"{code}.json: nothing for {message}"


def test_the_messages_are_found_wherever_they_stand() -> None:
    found = messages()
    for message in (
        "{upper} beats {lower} by {gap} points ({bounds}; {agree})",  # in Python
        "{n} seed",  # counted
        "no seed has finished with both in every context",  # by a condition
        "Reproducibility",  # marked
        "Skip to the report",  # in a template
        "{n} thread",  # counted in a template
        "{trials} have not run yet.",  # by a condition in a template
        "epoch {epoch}, {part}",  # in a script
        "{n} examples with NaN or infinite values",  # told anew
    ):
        assert message in found
    assert len(found) > 400


def test_captions_in_other_forms_find_their_mark() -> None:
    """`to_tex` and `to_markdown` put their own mark in place of the word for a dotted line."""
    for code in OTHERS:
        said = catalogue(code)
        captions = [said[message] for message in said if "dotted: " in message]
        assert captions
        assert all(said["dotted"] in caption for caption in captions)
