"""Own tracks in a replay: on its timeline to the sample, of who agreed, for as long as they do."""

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np
import pytest

from hustings.archive import tracks as tracks_module
from hustings.archive.replay import made, make_replay, up_to_date
from hustings.base.clock import SystemClock
from hustings.base.errors import OperatorError
from hustings.journal.auditing import audit_file
from hustings.journal.entry import Visibility
from hustings.journal.file import Journal
from hustings.media.opus import OpusEncoder
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES, TICK_SAMPLES
from tests.fakes.evenings import ROOM, facts, record
from tests.fakes.journals import KEY

FIRST, END = 401, 460
TONES = {"ada": 700.0, "ben": 1_900.0}


def voice(hertz: float, parts: Iterable[int]) -> dict[int, list[bytes]]:
    """A tone in these parts, its phase by media time, as the stage encodes it."""
    found, encoder, last = {}, OpusEncoder(48_000, complexity=5), -2
    for n in parts:
        if n != last + 1:
            encoder.reset()
        at = (n * PART_SAMPLES + np.arange(PART_SAMPLES)) / 48_000
        ticks = (0.3 * np.sin(2 * np.pi * hertz * at)).astype(np.float32).reshape(-1, TICK_SAMPLES)
        found[n] = [encoder.encode(pcm, independent=k == 0) for k, pcm in enumerate(ticks)]
        last = n
    return found


VOICES = {
    "ada": voice(TONES["ada"], [405, 406, 407, 430]),
    "ben": voice(TONES["ben"], range(410, 420)),
}


def heard(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        blocks = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    return np.concatenate(blocks).astype(np.float32) / 32_768


def loud_parts(sound: np.ndarray) -> set[int]:
    """Parts of the evening in which more than a trace sounds."""
    power = np.abs(sound).reshape(-1, PART_SAMPLES).mean(axis=1)
    return {FIRST + int(k) for k in np.flatnonzero(power > 0.02)}


def withdraw(data: Path, *, agreed: list[str]) -> None:
    """What a stage writes when somebody agrees no more."""
    journal = Journal.open(data / "rooms", ROOM, KEY, SystemClock())
    over = facts(FIRST, END, tracks=agreed)
    entry = journal.append(kinds.ROOM, over, media_time=END * PART_SAMPLES)
    for who in TONES.keys() - set(agreed):
        journal.erase_tracks(who, entry.seq)
    journal.close()


def test_a_track_has_the_voice_where_it_was_heard_and_silence_elsewhere(tmp_path):
    record(tmp_path, range(FIRST, END), voices=VOICES, agreed=["ben", "ada"])
    folder = make_replay(tmp_path, ROOM)
    replay = made(tmp_path, ROOM)
    assert [(each.who, each.name) for each in replay.tracks] == [("ben", "Ben <b>"), ("ada", "Ada")]
    assert up_to_date(tmp_path, ROOM)
    whole = heard(folder / "audio.wav")
    for track in replay.tracks:
        path = folder / track.file
        sound = heard(path)
        assert (track.type, track.bytes) == ("audio/flac", path.stat().st_size)
        assert len(sound) == len(whole) == (END - FIRST) * PART_SAMPLES
        assert loud_parts(sound) == set(VOICES[track.who])
        n = min(VOICES[track.who])
        at = (n * PART_SAMPLES + np.arange(PART_SAMPLES)) / 48_000
        wanted = np.sin(2 * np.pi * TONES[track.who] * at)
        begin = (n - FIRST) * PART_SAMPLES
        # 0.02 ms apart would leave 0.97 of 1,900 Hz.
        assert np.corrcoef(sound[begin : begin + PART_SAMPLES], wanted)[0, 1] > 0.98


def test_nobody_has_a_track_who_did_not_agree(tmp_path):
    record(tmp_path, range(FIRST, END), voices=VOICES, agreed=["ada", "nobody"])
    folder = make_replay(tmp_path, ROOM, formats=("m4a",))
    (track,) = made(tmp_path, ROOM).tracks
    assert track.who == "ada"
    assert [path.name for path in (folder / "tracks").iterdir()] == [Path(track.file).name]


def test_who_agrees_no_more_has_none_in_the_next_run_and_the_rest_stays_as_it_is(tmp_path):
    record(tmp_path, range(FIRST, END), voices=VOICES, agreed=["ada", "ben"])
    folder = make_replay(tmp_path, ROOM, formats=("m4a",))
    ada, ben = made(tmp_path, ROOM).tracks
    before = (folder / ben.file).stat().st_mtime_ns
    withdraw(tmp_path, agreed=["ben"])
    assert not up_to_date(tmp_path, ROOM, ("m4a",))
    assert make_replay(tmp_path, ROOM, formats=("m4a",)) == folder
    assert made(tmp_path, ROOM).tracks == [ben]
    assert not (folder / ada.file).exists()
    assert (folder / ben.file).stat().st_mtime_ns == before
    assert up_to_date(tmp_path, ROOM, ("m4a",))
    report = audit_file(tmp_path / "rooms" / ROOM / "journal", public=KEY.public)
    assert (report.ok, report.erased) == (True, len(VOICES["ada"]))


@pytest.mark.parametrize("erased_yet", [True, False])
def test_what_is_taken_back_of_the_whole_is_taken_from_the_tracks(tmp_path, erased_yet):
    record(tmp_path, range(FIRST, END), voices=VOICES, agreed=["ada", "ben"])
    old = make_replay(tmp_path, ROOM, formats=("m4a",)) / made(tmp_path, ROOM).tracks[1].file
    journal = Journal.open(tmp_path / "rooms", ROOM, KEY, SystemClock())
    journal.append(kinds.DUMP, kinds.Dump(412, 415), media_time=END * PART_SAMPLES)
    assert not erased_yet or journal.erase_parts(412, 415) == 4 + 4  # the mix, and Ben
    journal.close()
    folder = make_replay(tmp_path, ROOM, formats=("m4a",))
    _, ben = made(tmp_path, ROOM).tracks
    assert loud_parts(heard(folder / ben.file)) == set(VOICES["ben"]) - set(range(412, 416))
    assert not old.exists()


def test_an_interrupted_run_goes_on_and_leaves_no_strays(tmp_path, monkeypatch):
    record(tmp_path, range(FIRST, END), voices=VOICES, agreed=["ada", "ben"])
    write, written = tracks_module.write_flac, []

    def killed(blocks, target, *, tags):
        written.append(target)
        if len(written) == 2:
            target.write_bytes(b"fLaC and then nothing")
            raise KeyboardInterrupt
        write(blocks, target, tags=tags)

    monkeypatch.setattr(tracks_module, "write_flac", killed)
    with pytest.raises(KeyboardInterrupt):
        make_replay(tmp_path, ROOM, formats=("m4a",))
    replay = made(tmp_path, ROOM)
    assert (len(replay.tracks), replay.unmade) == (1, 1)
    assert not up_to_date(tmp_path, ROOM, ("m4a",))
    stray = tmp_path / "replays" / ROOM / "tracks" / f".{'0' * 16}.flac"
    stray.write_bytes(b"of a kill at another moment")
    folder = make_replay(tmp_path, ROOM, formats=("m4a",))
    assert len(written) == 3  # the one that was whole was not made again
    assert len(made(tmp_path, ROOM).tracks) == 2
    assert not stray.exists()
    stray.write_bytes(b"x")
    assert not up_to_date(tmp_path, ROOM, ("m4a",))
    assert len(list((folder / "tracks").iterdir())) == 3


def test_a_full_disk_keeps_what_there_is_and_the_rest_is_made_later(tmp_path, monkeypatch):
    record(tmp_path, range(FIRST, END), voices=VOICES, agreed=["ada", "ben"])
    write = tracks_module.write_flac

    def full(blocks, target, *, tags):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tracks_module, "write_flac", full)
    with pytest.raises(OperatorError) as refused:
        make_replay(tmp_path, ROOM, formats=("m4a",))
    assert refused.value.code == "replay_disk"
    assert [each.name for each in made(tmp_path, ROOM).downloads] == ["audio.m4a"]
    monkeypatch.setattr(tracks_module, "write_flac", write)
    make_replay(tmp_path, ROOM, formats=("m4a",))
    assert len(made(tmp_path, ROOM).tracks) == 2


def test_damaged_frames_are_silence(tmp_path):
    damaged = dict(VOICES["ben"])
    damaged[412] = [b"\x00\xff\x00"] * 16
    damaged[413] = damaged[413][:7]
    damaged[414] = [b""] * 16
    record(tmp_path, range(FIRST, END), voices={"ben": damaged}, agreed=["ben"])
    folder = make_replay(tmp_path, ROOM, formats=("m4a",))
    sound = heard(folder / made(tmp_path, ROOM).tracks[0].file)
    assert len(sound) == (END - FIRST) * PART_SAMPLES
    assert loud_parts(sound) == set(VOICES["ben"]) - {412, 413, 414}


def test_silence_costs_next_to_nothing(tmp_path):
    spoken = {401: VOICES["ada"][405]}
    record(tmp_path, range(401, 1_001), voices={"ada": spoken}, agreed=["ada"])
    make_replay(tmp_path, ROOM, formats=("m4a",))
    (track,) = made(tmp_path, ROOM).tracks
    assert track.bytes < 60_000  # three minutes; as WAV 18 MB


def test_what_was_taken_back_is_in_no_track_though_they_agreed_again_before_it_was_erased(tmp_path):
    record(tmp_path, range(FIRST, END), voices=VOICES, agreed=["ada", "ben"])
    journal = Journal.open(tmp_path / "rooms", ROOM, KEY, SystemClock())
    at = (END - 1) * PART_SAMPLES
    for agreed in (["ben"], ["ben", "ada"]):
        journal.append(kinds.ROOM, facts(FIRST, END, tracks=agreed), media_time=at)
    track = kinds.Track(END - 1, "ada", VOICES["ada"][405])
    journal.append(kinds.TRACK, track, media_time=at, visibility=Visibility.STAGE)
    journal.close()
    folder = make_replay(tmp_path, ROOM, formats=("m4a",))
    tracks = {each.who: each for each in made(tmp_path, ROOM).tracks}
    assert loud_parts(heard(folder / tracks["ada"].file)) == {END - 1}
    assert loud_parts(heard(folder / tracks["ben"].file)) == set(VOICES["ben"])
