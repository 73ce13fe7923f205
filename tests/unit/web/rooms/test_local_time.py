"""What a clock on a wall shows, and which moment it means, in every zone and on every odd night."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from hustings.base.errors import UserError
from hustings.pages.locales import LANGUAGES
from hustings.web.rooms.local_time import SPELLED, moments, offset, shown, start_from_form, zones
from hustings.web.rooms.zones import zone_choices

ZONES = st.sampled_from(sorted(name for name, _ in zone_choices("en")))
MINUTES = st.integers(0, 4_000_000_000 // 60)  # to 2096
BERLIN = ZoneInfo("Europe/Berlin")
SKIPPED, TWICE = "2026-03-29T02:30", "2026-10-25T02:30"
FIRST_MS, SECOND_MS = 1_792_888_200_000, 1_792_891_800_000


def read(start: str, zone: str = "Europe/Berlin", *, which: str = "", before_ms: int = 0) -> int:
    fields = {"start": start, "zone": zone, "which": which}
    return start_from_form(fields, before_ms=before_ms)


@given(MINUTES, ZONES)
@example(FIRST_MS // 60_000, "Europe/Berlin")
@example(SECOND_MS // 60_000, "Europe/Berlin")
@example(22_000_000, "Africa/Monrovia")
def test_what_a_clock_shows_means_that_moment(minute: int, name: str) -> None:
    """Also where an offset has seconds, since a form has none: then another minute is shown."""
    zone, wall_ms = ZoneInfo(name), minute * 60_000
    away = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=wall_ms)).astimezone(zone)
    assume((away.utcoffset() or timedelta()).seconds % 60 == 0)
    meant = moments(datetime.strptime(shown(wall_ms, zone), SPELLED), zone)  # noqa: DTZ007
    assert wall_ms in meant
    assert len(meant) <= 2
    assert len({offset(each, zone) for each in meant}) == len(meant)


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2096, 1, 1)).map(  # noqa: DTZ001
        lambda at: at.replace(second=0, microsecond=0)
    ),
    ZONES,
)
def test_every_moment_found_shows_that_time_and_none_is_made_up(local: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    meant = moments(local, zone)
    assert [shown(each, zone) for each in meant] == [local.strftime(SPELLED)] * len(meant)
    assert meant == sorted(set(meant))
    if not meant:  # clocks jump over it, within a day at most
        around = [local + timedelta(hours=hours) for hours in (-25, 25)]
        assert all(moments(each, zone) for each in around)


@given(MINUTES.filter(bool), ZONES)
def test_a_start_that_was_not_touched_stays_to_the_millisecond(minute: int, name: str) -> None:
    before_ms = minute * 60_000 + 12_345
    away = datetime.fromtimestamp(minute * 60, UTC).astimezone(ZoneInfo(name)).utcoffset()
    assume(away is not None and away.seconds % 60 == 0)
    assert read(shown(before_ms, ZoneInfo(name)), name, before_ms=before_ms) == before_ms


def test_a_time_that_no_clock_shows_is_an_error_and_not_a_guess() -> None:
    with pytest.raises(UserError) as refused:
        read(SKIPPED)
    assert (refused.value.code, refused.value.facts["field"]) == ("start_skipped", "start")
    with pytest.raises(UserError):
        read("2011-12-30T12:00", "Pacific/Apia")  # a whole day that Samoa left out
    assert read(SKIPPED, "UTC") == 1_774_751_400_000


def test_a_time_that_comes_twice_is_a_question_with_two_answers() -> None:
    with pytest.raises(UserError) as asked:
        read(TWICE)
    assert asked.value.code == "start_twice"
    assert asked.value.facts["choices"] == ["UTC+2", "UTC+1"]
    assert read(TWICE, which="0") == FIRST_MS
    assert read(TWICE, which="1") == SECOND_MS
    assert read(TWICE, before_ms=SECOND_MS) == SECOND_MS
    assert read(TWICE, which="0", before_ms=SECOND_MS) == FIRST_MS


def test_a_zone_is_chosen_for_the_night_itself_not_for_today() -> None:
    """A browser's offset of the day on which somebody plans would be wrong half the year."""
    assert read("2027-01-15T20:00") == 1_800_039_600_000  # 19:00 UTC
    assert read("2027-07-15T20:00") == 1_815_674_400_000  # 18:00 UTC


@pytest.mark.parametrize(
    ("start", "zone", "code"),
    [
        ("tomorrow", "UTC", "start_bad"),
        ("2026-11-20T19:30+01:00", "UTC", "start_bad"),
        ("0001-01-01T00:00", "Asia/Tokyo", "start_bad"),
        ("9999-12-31T23:59", "America/Lima", "start_bad"),
        ("1960-01-01T00:00", "UTC", "start_bad"),
        ("2026-11-20T19:30", "Mars/Base", "zone_unknown"),
        ("2026-11-20T19:30", "../../etc/passwd", "zone_unknown"),
    ],
)
def test_what_is_refused(start: str, zone: str, code: str) -> None:
    with pytest.raises(UserError) as refused:
        read(start, zone)
    assert refused.value.code == code


def test_an_empty_start_is_none_whatever_the_zone() -> None:
    assert read("  ", "Mars/Base") == 0


def test_offsets_in_words() -> None:
    assert offset(0, ZoneInfo("Asia/Kathmandu")) == "UTC+5:30"
    assert offset(FIRST_MS, ZoneInfo("America/St_Johns")) == "UTC-2:30"
    assert offset(0, ZoneInfo("UTC")) == "UTC+0"


@pytest.mark.parametrize("language", LANGUAGES)
def test_zones_are_offered_by_place_and_all_are_known(language: str) -> None:
    offered = zone_choices(language)
    assert offered[0] == ("UTC", "UTC")
    assert 350 < len(offered) < 500
    assert {name for name, _ in offered} <= zones()
    assert len({place for _, place in offered}) == len(offered)
    assert dict(zone_choices("de"))["Europe/Berlin"] == "Deutschland – Berlin"
    assert ("Asia/Calcutta", "Asia/Calcutta") in zone_choices(language, "Asia/Calcutta")
    assert zone_choices(language, "Mars/Base") == offered
