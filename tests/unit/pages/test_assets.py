"""Static files: hashed names that follow their content, gzip, and what is cached for how long."""

import gzip
import re
from pathlib import Path

import pytest

from hustings.pages import assets

STATIC = Path(assets.__file__).parent / "static"
NAMES = sorted(p.relative_to(STATIC).as_posix() for p in STATIC.rglob("*") if p.is_file())


@pytest.mark.parametrize("name", NAMES)
def test_each_file_is_served_under_its_hashed_name(name: str) -> None:
    url = assets.asset_url(name)
    assert re.fullmatch(r"/static/.+\.[0-9a-f]{8}\.[a-z]+", url)
    found = assets.asset(url)
    assert found is not None
    assert found.immutable
    assert "immutable" in found.cache_control
    if found.gzip is not None:
        assert gzip.decompress(found.gzip) == found.body
        assert len(found.gzip) < len(found.body)


def test_without_hash_or_with_a_foreign_one_nothing_is_cached() -> None:
    url = assets.asset_url("base.css")
    stale = re.sub(r"\.[0-9a-f]{8}\.", ".00000000.", url)
    for each in (stale, "/static/base.css"):
        found = assets.asset(each)
        assert found is not None
        assert found.cache_control == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/../render.py",
        "/static/%2e%2e/render.py",
        "/static/none.js",
        "",
        "/",
        "/static/base.css/",
    ],
)
def test_what_is_not_there_is_none(path: str) -> None:
    assert assets.asset(path) is None


def test_scripts_import_hashed_names_that_exist() -> None:
    for name in NAMES:
        if name.endswith(".js"):
            found = assets.asset(assets.asset_url(name))
            assert found is not None
            for target in re.findall(r'from "([^"]+)"', found.body.decode()):
                below = assets.asset(target)
                assert below is not None, target
                assert below.immutable


def test_scripts_lose_whole_comments_and_no_code() -> None:
    for name in NAMES:
        if not name.endswith(".js"):
            continue
        source = (STATIC / name).read_text()
        assert all(line.count("`") % 2 == 0 for line in source.splitlines()), (
            f"{name}: a string over lines"
        )
        found = assets.asset(assets.asset_url(name))
        assert found is not None
        served = found.body.decode()
        code = [line for line in source.splitlines() if not re.match(r"\s*(/?\*|//)", line)]
        assert len([line for line in served.splitlines() if line.strip()]) == len(
            [line for line in code if line.strip()]
        )


def test_styles_know_no_left_and_right() -> None:
    sided = re.compile(r"(?:^|[\s{;-])(?:left|right)(?:\s*:|-)|:\s*(?:left|right)\b")
    for path in STATIC.rglob("*.css"):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        assert [line for line in text.splitlines() if sided.search(line)] == [], path.name


def test_pages_call_no_other_host() -> None:
    texts = [path for path in STATIC.rglob("*.*") if path.suffix != ".png"]
    for path in [*texts, *(STATIC.parent / "templates").rglob("*.html")]:
        for url in re.findall(r"https?://[^\s\"'<>)]+", path.read_text()):
            assert url == "http://www.w3.org/2000/svg", f"{path.name}: {url}"
