"""Forms with a file in them, as browsers send them and as nobody should."""

import contextlib

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import PeerError
from hustings.web.uploads import Form, is_upload, read_upload

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=40)


def sent(fields: dict[str, str], files: dict[str, bytes]) -> tuple[bytes, str]:
    request = httpx.Request(
        "POST",
        "http://x",
        data=fields,
        files={name: ("a.jpg", data, "image/jpeg") for name, data in files.items()},
    )
    return request.read(), request.headers["content-type"]


@given(
    st.dictionaries(st.sampled_from(["alt", "remove", "x"]), WORDS),
    st.dictionaries(st.sampled_from(["photo", "other"]), st.binary(min_size=1), min_size=1),
)
def test_what_a_browser_sends_is_read(fields: dict[str, str], files: dict[str, bytes]) -> None:
    body, content_type = sent(fields, files)
    assert is_upload(content_type)
    assert read_upload(body, content_type) == Form(fields, files)


def test_a_file_that_was_not_chosen_is_not_there() -> None:
    body, content_type = sent({"alt": "A bridge"}, {"photo": b""})
    assert read_upload(body, content_type) == Form({"alt": "A bridge"}, {})


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "x" * 71,
        "multipart/form-data; boundary=other",
    ],
)
def test_without_its_boundary_it_is_no_form(content_type: str) -> None:
    body, _ = sent({}, {"photo": b"1"})
    with pytest.raises(PeerError):
        read_upload(body, content_type)


@pytest.mark.parametrize(
    "part",
    [
        b"no head",
        b"X: y\r\n\r\nno name",
        b'Content-Disposition: form-data; name="a"\r\n\r\n\xff\xfe',
        b'Content-Disposition: form-data; name="a"\r\nX: ' + b"y" * 3_000 + b"\r\n\r\n1",
    ],
)
def test_a_broken_part_is_refused(part: bytes) -> None:
    body = b"--b\r\n" + part + b"\r\n--b--\r\n"
    with pytest.raises(PeerError) as refused:
        read_upload(body, "multipart/form-data; boundary=b")
    assert refused.value.code == "form_bad"


def test_more_parts_than_any_form_has_are_refused() -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    with pytest.raises(PeerError):
        read_upload(part * 100 + b"--b--", "multipart/form-data; boundary=b")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_form_or_refused(body: bytes) -> None:
    for data in (body, b"--b\r\n" + body + b"\r\n--b--\r\n"):
        with contextlib.suppress(PeerError):
            form = read_upload(data, "multipart/form-data; boundary=b")
            assert sum(map(len, form.files.values())) <= len(data)
