"""What a reader of each language gets."""

from hypothesis import given
from hypothesis import strategies as st

from hustings.wire.kinds import Room, Words
from hustings.wire.wording import told_in, worded

ROOM = Room(
    "hall",
    "Die Brücke",
    description="Worum es geht.",
    language="de",
    texts={"en": Words("The bridge"), "ar": Words("الجسر", "عن الجسر"), "de": Words("Not this")},
)


@given(st.sampled_from(["en", "ar", "de", "fr", ""]))
def test_title_and_description_are_of_one_language(language: str) -> None:
    told = told_in(ROOM, language)
    own = {"en": ("The bridge", ""), "ar": ("الجسر", "عن الجسر")}
    assert (told.title, told.description) == own.get(language, (ROOM.title, ROOM.description))
    assert worded(ROOM, language) is (language in own)
    assert told.language == "de"  # of what is spoken
