"""The form for further languages: what is read, what is refused, and that it comes back as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import UserError
from hustings.web.rooms.wording import fields_of_texts, others, texts_from_form
from hustings.wire.kinds import Words


def test_the_language_that_is_spoken_has_its_words_already() -> None:
    assert others("de") == ["en", "ar"]
    assert others("fr") == ["en", "de", "ar"]


def test_an_empty_title_is_no_language_and_a_description_alone_is_a_slip() -> None:
    fields = {"title-en": " The bridge ", "title-de": "", "description-en": "a\nb", "title-fr": "x"}
    assert texts_from_form(fields, ["en", "de"]) == {"en": Words("The bridge", "a\nb")}
    with pytest.raises(UserError) as refused:
        texts_from_form(fields | {"description-de": "Worum"}, ["en", "de"])
    assert (refused.value.code, refused.value.facts["field"]) == ("title_missing", "title-de")


@given(
    st.dictionaries(
        st.sampled_from(["title-en", "title-ar", "description-en"]), st.text(max_size=3_000)
    )
)
def test_what_was_read_stays_what_it_is(fields: dict[str, str]) -> None:
    try:
        texts = texts_from_form(fields, ["en", "ar"])
    except UserError:
        return
    assert texts_from_form(fields_of_texts(texts), ["en", "ar"]) == texts
    assert all(
        len(words.title) <= 200 and len(words.description) <= 2_000 for words in texts.values()
    )
