"""What is wrong with whose microphone."""

import re
from pathlib import Path

from hustings.pages import assets
from hustings.stage.signs import TROUBLES, Signs


def test_the_latest_word_of_each_counts() -> None:
    signs = Signs()
    signs.say("amina", "clipping")
    signs.say("otto", "silent")
    signs.say("amina", "quiet")
    assert signs.view()["microphones"] == {"amina": "quiet", "otto": "silent"}
    signs.say("amina", "")
    assert signs.view()["microphones"] == {"otto": "silent"}


def test_unknown_words_are_nothing_and_who_is_gone_is_forgotten() -> None:
    signs = Signs()
    signs.say("amina", "quiet")
    signs.say("amina", "on fire")
    assert signs.view()["microphones"] == {}
    signs.say("otto", "silent")
    signs.keep(["amina"])
    assert signs.view()["microphones"] == {}


def test_an_echo_is_said_with_its_source_unless_the_page_knows_worse() -> None:
    signs = Signs()
    signs.echoes({"kim": "otto", "amina": "otto"})
    signs.say("kim", "clipping")
    assert signs.view() == {
        "microphones": {"kim": "clipping", "amina": "echo"},
        "echoes": {"kim": "otto", "amina": "otto"},
    }


def test_pages_and_stage_know_the_same_words() -> None:
    script = (Path(assets.__file__).parent / "static/stage/microphone.js").read_text()
    (said,) = re.findall(r"@typedef \{(.*)\} Trouble", script)
    assert set(re.findall(r'"(\w+)"', said)) - {"switched"} == TROUBLES
