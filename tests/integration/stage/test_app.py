"""The stage as a whole: HTTP, control sockets, real WebRTC on loopback, and the journal behind."""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from hustings.base.ids import RoomId
from hustings.base.keyfiles import edges_key, ticket_key
from hustings.base.revocations import revoke
from hustings.journal.entry import Entry
from hustings.wire import kinds
from hustings.wire.credentials import EdgeCheck, EdgeSigner
from hustings.wire.tickets import keys_of, read_line
from hustings.wire.tokens import Claims, hand_of
from tests.fakes.rtc_client import VIDEO, Caller
from tests.support.stage import Person, Stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage(tmp_path) as stage:
        yield stage


def entries(records: list[Any], kind: str = "") -> list[Entry]:
    return [r for r in records if isinstance(r, Entry) and (not kind or r.kind == kind)]


def parts(records: list[Any]) -> list[kinds.Part]:
    return [entry.decode(kinds.Part) for entry in entries(records, kinds.PART)]


async def on_air(
    stage: Stage, room: str = "r", frames: list[bytes] | None = None
) -> tuple[Person, Caller]:
    """A host on a live stage."""
    await stage.put(room, title="An evening", host="Ada", state="lobby")
    host = await Person(stage, room, "host").join("Ada")
    async with host.control():
        await host.do("accept")
        caller = await host.speak(frames)
        assert (await host.do("go_live"))["type"] == "done"
    return host, caller


async def encoder_joins(stage: Stage) -> Caller:
    """An outside encoder, connected by WHIP to room `r`."""
    caller = Caller([b"\xf8\xff\xfe"], every_s=0.02)
    token = stage.invite("r", "speaker", kind="whip")
    async with httpx.AsyncClient(base_url=stage.url) as http:
        answer = await http.post(
            "/rooms/r/whip",
            content=await caller.offer(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"},
        )
    await caller.answered(answer.text)
    return caller


async def test_a_room_goes_live_and_its_parts_follow_each_other(stage: Stage) -> None:
    _host, caller = await on_air(stage)
    records = await stage.records("r", until=lambda got: len(parts(got)) >= 4)
    numbers = [part.n for part in parts(records)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    for part in parts(records):
        assert {name: len(frames) for name, frames in part.renditions.items()} == {
            "opus": 16, "opus-low": 16, "aac": 15
        }  # fmt: skip
    all_entries = entries(records)
    assert [entry.seq for entry in all_entries] == list(range(len(all_entries)))
    assert all_entries[0].kind == kinds.TERM
    (gap,) = [entry.decode(kinds.Gap) for entry in entries(records, kinds.GAP)] or [None]
    assert gap is None or (gap.last + 1 == numbers[0] and gap.reason == "not_live")
    await caller.close()


async def test_backstage_stays_out_of_the_edges_feed(stage: Stage) -> None:
    await stage.put("r", title="R", state="lobby")
    await Person(stage, "r", "speaker").join("Secret Guest")
    records = await stage.records("r", until=lambda got: len(entries(got, kinds.ROSTER)) == 1)
    (joined,) = entries(records, kinds.ROSTER)
    assert joined.body is None
    assert joined.nonce == b""


async def test_the_feed_wants_an_edge_and_refuses_another_history(stage: Stage) -> None:
    await stage.put("r", title="R")
    async with httpx.AsyncClient(base_url=stage.url) as http:
        assert (await http.get("/feed/r?from=0")).status_code == 401
        wrong = await http.get("/feed/r?from=0", headers=stage.service_headers("service"))
        assert wrong.status_code == 403
        edge = stage.service_headers("edge")
        fork = await http.get(f"/feed/r?from=1&after={'00' * 32}", headers=edge)
        assert (fork.status_code, fork.json()["code"]) == (409, "fork")
        assert (await http.get("/feed/nowhere?from=0", headers=edge)).status_code == 404


async def test_the_index_tells_rooms_and_their_changes(stage: Stage) -> None:
    await stage.put("a", title="A")
    lines: list[dict[str, Any]] = []
    async with (
        httpx.AsyncClient(timeout=10) as http,
        http.stream("GET", f"{stage.url}/feed", headers=stage.service_headers("edge")) as answer,
    ):
        async for line in answer.aiter_lines():
            lines.append(json.loads(line))
            if lines[-1].get("title") == "A":
                await stage.put("a", title="Another")
            if lines[-1].get("title") == "Another" or len(lines) > 20:
                break
    now_s = stage.clock.wall_ms() / 1_000
    assert read_line(lines[0]["tickets"]) == keys_of(ticket_key(stage.data), now_s)
    assert lines[1] == {"edges": EdgeCheck(EdgeSigner(edges_key(stage.data)).public).line()}
    assert len(lines[2]["salt"]["key"]) == 44
    first = next(line for line in lines if "room" in line)
    assert (first["room"], first["title"]) == ("a", "A")
    assert lines[-1]["title"] == "Another"


async def test_a_stage_that_ends_lets_its_feeds_end_whole(stage: Stage) -> None:
    await stage.put("r", title="R", state="lobby")
    headers = stage.service_headers("edge")
    async with httpx.AsyncClient(base_url=stage.url, headers=headers, timeout=20) as http:
        async with (
            http.stream("GET", "/feed") as index,
            http.stream("GET", "/feed/r?tail=1s") as feed,
        ):
            async with asyncio.timeout(20):  # else they would go on for ever
                async for line in index.aiter_lines():
                    if "room" in line:
                        stage.door.end_feeds()
            assert (await feed.aread()).startswith(b"HUSTINGS-JOURNAL 1\n")
        assert stage.door.feeds == set()
        refused = await http.get("/feed")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")


async def test_an_edges_credential_opens_the_feed_until_it_is_revoked(stage: Stage) -> None:
    claims = Claims(typ="edge", jti="paris", iat=stage.clock.wall_ms() // 1_000, name="paris")
    headers = {"Authorization": f"Bearer {EdgeSigner(edges_key(stage.data)).sign(claims)}"}
    await stage.put("r", title="R", state="lobby")
    other = stage.service_headers("edge")
    async with httpx.AsyncClient(base_url=stage.url, headers=headers, timeout=10) as http:
        async with (
            http.stream("GET", "/feed") as index,
            http.stream("GET", "/feed/r") as feed,
            http.stream("GET", "/feed", headers=other) as answer,
        ):
            assert index.status_code == feed.status_code == answer.status_code == 200
            revoke(stage.data, "paris")
            async for line in answer.aiter_lines():
                if json.loads(line).get("edges", {}).get("revoked") == ["paris"]:
                    break  # whoever holds the list is told at once
            async with asyncio.timeout(20):  # and what was open ends
                await index.aread()
                await feed.aread()
        refused = await http.get("/feed")
        assert (refused.status_code, refused.json()["code"]) == (403, "token_revoked")


@pytest.mark.parametrize("path", ["/rooms", "/feed"])
async def test_services_only(stage: Stage, path: str) -> None:
    async with httpx.AsyncClient(base_url=stage.url) as http:
        refused = await http.get(path)
    assert refused.status_code == 401
    assert refused.headers["content-type"] == "application/problem+json"


async def test_whip_checks_the_token_before_all(stage: Stage) -> None:
    await stage.put("r", title="R", state="lobby")
    await stage.put("other", title="O", state="lobby")
    caller = Caller([b"\xf8\xff\xfe"], video=True)
    offer = await caller.offer()
    assert VIDEO in offer

    async def post(token: str, body: str = offer, kind: str = "application/sdp") -> httpx.Response:
        headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {token}"} if token else {})
        async with httpx.AsyncClient(base_url=stage.url) as http:
            return await http.post("/rooms/r/whip", content=body, headers=headers)

    good = stage.invite("r", "speaker", kind="whip")
    for token, status, code in (
        ("", 401, "token_missing"),
        ("nonsense", 401, "token_bad"),
        (stage.invite("r", "speaker", kind="whip", exp=1_000), 401, "token_expired"),
        (stage.invite("other", "speaker", kind="whip"), 403, "token_room"),
        (stage.invite("r", "speaker"), 403, "token_kind"),
    ):
        answer = await post(token)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await post(good, kind="text/plain")).status_code == 415
    for garbage in ("", "v=0", "\x00\xff" * 50, "m=audio\r\n" * 200):
        assert (await post(good, garbage)).status_code == 400
    assert (await post(good, "v=0\r\n" + "a=x:" + "y" * 20_000)).status_code == 413
    assert stage.engine.studio.hall("r").model.people == {}  # garbage leaves no name backstage

    answer = await post(good)
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/sdp"
    assert "a=recvonly" in answer.text
    assert "useinbandfec=1" in answer.text
    location = answer.headers["location"]
    auth = {"Authorization": f"Bearer {good}"}
    async with httpx.AsyncClient(base_url=stage.url, headers=auth) as http:
        assert (await http.delete(location)).status_code == 200
        assert (await http.delete(location)).status_code == 404
    await caller.close()


async def test_an_encoder_is_brought_on_stage_by_asking(stage: Stage) -> None:
    await stage.put("r", title="R", state="lobby")
    host = await Person(stage, "r", "host").join()
    caller = await encoder_joins(stage)
    async with host.control():
        roster = next(m for m in host.heard if m["type"] == "welcome")["roster"]
        (encoder,) = [who for who in roster if who["id"] != host.id]
        await host.do("invite", participant=encoder["id"])
        while not _placed(host, encoder["id"]):
            await host.hear("roster")
    await caller.close()


def _placed(person: Person, who_id: str) -> bool:
    return any(
        who["id"] == who_id and who["place"] == "stage"
        for message in person.heard
        if message["type"] == "roster"
        for who in message["roster"]
    )


async def test_the_newest_tab_has_the_seat(stage: Stage) -> None:
    await stage.put("r", title="R", state="lobby")
    first = await Person(stage, "r", "host").join("Ada")
    second = Person(stage, "r", "host", invitation=first.invitation)
    second.http.cookies = first.http.cookies  # of one browser
    async with first.control():
        await first.do("accept")
        await second.join("Ada")
        assert second.id == first.id
        async with second.control():
            assert (await first.hear("bye"))["code"] == "elsewhere"
            welcome = next(m for m in second.heard if m["type"] == "welcome")
            (me,) = welcome["roster"]
            assert me["place"] == "stage"


async def test_a_lobby_opens_when_its_room_says_and_else_as_the_house_does_it(
    stage: Stage,
) -> None:
    now_ms = stage.clock.wall_ms()
    usual = await stage.put("usual", title="U", start_ms=now_ms + 40 * 60_000)
    assert usual["lobby_min"] == 30
    early = await stage.put("early", title="E", start_ms=now_ms + 40 * 60_000, lobby_min=45)
    assert early["lobby_min"] == 45
    again = await stage.put("other", title="O", start_ms=now_ms + 40 * 60_000, lobby_min=5)
    assert again["lobby_min"] == 5
    async with asyncio.timeout(10):
        while (await stage.put("early")).get("state") != "lobby":
            await asyncio.sleep(0.1)
    assert "state" not in await stage.put("usual")  # scheduled
    assert (await stage.put("other", lobby_min=None))["lobby_min"] == 30
    async with asyncio.timeout(10):
        await stage.put("other", lobby_min=45)  # somebody thinks better of it: it is time already
        while (await stage.put("other")).get("state") != "lobby":
            await asyncio.sleep(0.1)


async def test_a_removed_speaker_is_cut_off_and_stays_out(stage: Stage) -> None:
    await stage.put("r", title="R", state="lobby")
    host = await Person(stage, "r", "host").join("Ada")
    guest = await Person(stage, "r", "cohost").join("Mallory")
    async with host.control(), guest.control():
        await guest.do("accept")
        caller = await guest.speak()
        await host.do("remove", participant=guest.id)
        assert (await guest.hear("bye"))["code"] == "removed"
    async with asyncio.timeout(10):
        while caller.connection.connectionState == "connected":
            await asyncio.sleep(0.05)
    again = await guest.http.post(
        "/rooms/r/join", json={"invitation": guest.invitation, "name": "Mallory"}
    )
    assert (again.status_code, again.json()["code"]) == (403, "revoked")
    await caller.close()


async def test_a_token_works_on_its_own_device_only(stage: Stage) -> None:
    await stage.put("r", title="R", state="lobby")
    ada = await Person(stage, "r", "host").join("Ada")
    headers = {"Authorization": f"Bearer {ada.token}"}
    assert (await ada.http.post("/rooms/r/renew", headers=headers)).status_code == 200
    async with httpx.AsyncClient(base_url=stage.url) as thief:
        refused = await thief.post("/rooms/r/renew", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "token_device")


async def test_behind_a_proxy_with_tls_the_device_cookie_is_bound_to_it(stage: Stage) -> None:
    await stage.put("r", title="R", state="lobby")
    proxied = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    async with httpx.AsyncClient(base_url=stage.url, headers=proxied) as http:
        invitation = {"invitation": stage.invite("r", "host"), "name": "Ada"}
        joined = await http.post("/rooms/r/join", json=invitation)
        cookie = joined.headers["set-cookie"]
        assert cookie.startswith("__Host-hustings_device=")
        assert "secure" in cookie.lower()
        headers = {
            "Authorization": f"Bearer {joined.json()['token']}",
            "Cookie": cookie.partition(";")[0],
        }
        assert (await http.post("/rooms/r/renew", headers=headers)).status_code == 200


async def test_commands_are_answered_refused_and_limited(stage: Stage) -> None:
    await stage.put("r", title="R", state="lobby")
    speaker = await Person(stage, "r", "speaker").join("Bob")
    async with speaker.control():
        assert (await speaker.do("go_live"))["code"] == "role_denied"
        assert (await speaker.do("hand", question="May I?"))["type"] == "done"
        for number in range(60):  # at once, not one after the other's answer
            await speaker.socket.send(json.dumps({"type": "do", "id": number, "command": "lower"}))
        answers = [await speaker.hear("done", id=0)]
        while answers[-1].get("id", 0) < 59:
            answers.append(json.loads(await speaker.socket.recv()))
    refused = [answer for answer in answers if answer.get("code") == "too_many_commands"]
    assert 15 <= len(refused) <= 40  # 20 at once, then every other one


async def test_a_hosts_hand_on_a_speakers_loudness(stage: Stage) -> None:
    await stage.put("r", title="R", state="lobby")
    host = await Person(stage, "r", "host").join("Ada")
    speaker = await Person(stage, "r", "speaker").join("Bob")
    async with host.control(), speaker.control():
        turn = {"participant": speaker.id}
        assert (await speaker.do("gain", **turn, gain_db=3))["code"] == "role_denied"
        for wrong in (13, -13, 1.5, "3", True, None):
            assert (await host.do("gain", **turn, gain_db=wrong))["code"] == "gain_range"
        assert (await host.do("gain", **turn, gain_db=-6))["type"] == "done"
        (told,) = (await speaker.hear("roster"))["roster"][1:]
        assert told["gain_db"] == -6


async def test_hosts_see_whose_microphone_is_in_trouble(stage: Stage) -> None:
    await stage.put("r", title="R", state="lobby")
    host = await Person(stage, "r", "host").join("Ada")
    speaker = await Person(stage, "r", "speaker").join("Bob")
    async with host.control(), speaker.control():
        assert (await speaker.do("microphone", trouble="on fire"))["code"] == "trouble_unknown"
        assert (await speaker.do("microphone", trouble=["x"]))["code"] == "trouble_unknown"
        await speaker.do("microphone", trouble="clipping")
        told = await host.hear("microphones")
        assert told["microphones"] == {speaker.id: "clipping"}
        leave = {"type": "do", "id": 9, "command": "leave"}
        await speaker.socket.send(json.dumps(leave))  # answered by goodbye
        assert (await host.hear("microphones"))["microphones"] == {}


@pytest.mark.parametrize("first", [b"\x00\xff", "", "[]", "{}", '{"type": "hello"}', "x" * 20_000])
async def test_strangers_at_the_control_socket_hear_goodbye_and_fill_no_log(
    stage: Stage, first: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.put("r", title="R", state="lobby")
    url = f"{stage.url.replace('http', 'ws', 1)}/rooms/r/control"
    async with websockets.connect(url) as socket:
        await socket.send(first)
        with contextlib.suppress(websockets.ConnectionClosed):  # too long for the line itself
            assert json.loads(await socket.recv())["type"] == "bye"
            with pytest.raises(websockets.ConnectionClosed):
                await socket.recv()
    assert [record for record in caplog.records if record.exc_info] == []


async def test_a_message_that_is_no_text_ends_the_talk_with_a_reason(stage: Stage) -> None:
    await stage.put("r", title="R", state="lobby")
    ada = await Person(stage, "r", "host").join("Ada")
    async with ada.control():
        await ada.socket.send(b"\x00")
        assert (await ada.hear("bye"))["code"] == "message_bad"


async def test_a_full_stage_keeps_an_encoder_waiting_and_stops_nothing_else(
    tmp_path: Path,
) -> None:
    async with Stage(tmp_path, seats=1) as stage:
        await stage.put("r", title="R", state="lobby")
        host = await Person(stage, "r", "host").join("Ada")
        caller = await encoder_joins(stage)
        async with host.control():
            await host.do("accept")
            roster = next(m for m in host.heard if m["type"] == "welcome")["roster"]
            (encoder,) = [who for who in roster if who["id"] != host.id]
            assert (await host.do("invite", participant=encoder["id"]))["type"] == "done"
            assert (await host.do("mute"))["type"] == "done"
            assert not _placed(host, encoder["id"])
            assert (await host.do("backstage"))["type"] == "done"
            assert _placed(host, encoder["id"])
            await host.socket.send(json.dumps({"type": "do", "id": 99, "command": "end"}))
            assert (await host.hear("bye"))["code"] == "room_ended"
        await caller.close()


async def test_the_radio_can_be_turned_on_and_off_while_live(stage: Stage) -> None:
    _, caller = await on_air(stage)
    await stage.records("r", until=parts)
    await stage.put("r", radio=True)
    got = await stage.records("r", until=lambda got: any("mp3" in p.renditions for p in parts(got)))
    assert "mp3" not in parts(got)[0].renditions
    await stage.put("r", radio=False)
    count = len(parts(got))
    got = await stage.records("r", until=lambda got: len(parts(got)) >= count + 4)
    assert "mp3" not in parts(got)[-1].renditions
    await caller.close()


async def test_webs_entries_are_written_once(stage: Stage) -> None:
    await stage.put("r", title="R")
    async with httpx.AsyncClient(base_url=stage.url, headers=stage.service_headers()) as http:
        note = {"kind": "caption", "body": {"text": "hello"}, "key": "c1", "at": 15_360}
        first = await http.post("/rooms/r/entries", json=note)
        again = await http.post("/rooms/r/entries", json=note)
        assert first.status_code == 200
        assert first.json() == again.json()
        theirs = await http.post("/rooms/r/entries", json=note | {"kind": "part", "key": "x"})
        assert (theirs.status_code, theirs.json()["code"]) == (400, "entry_kind")
        endless = await http.post("/rooms/r/entries", json=note | {"key": "z", "at": 2**63})
        assert (endless.status_code, endless.json()["code"]) == (422, "request_invalid")
        never = await http.put("/rooms/r", json={"start_ms": 2**62})
        assert (never.status_code, never.json()["code"]) == (422, "request_invalid")
        large = note | {"key": "y", "body": {"text": "x" * 66_000}}
        assert (await http.post("/rooms/r/entries", json=large)).status_code in {400, 413}


async def test_an_entry_of_webs_also_reaches_a_room_of_the_past(stage: Stage) -> None:
    await stage.put("r", title="R", state="lobby")
    await stage.put("r", cancelled=True)  # a lobby that is cancelled has ended
    await stage.stop()
    await stage.start()
    promotion = {"kind": "promotion", "body": {"id": "1"}, "key": "p1"}
    async with httpx.AsyncClient(base_url=stage.url, headers=stage.service_headers()) as http:
        first = await http.post("/rooms/r/entries", json=promotion)
        again = await http.post("/rooms/r/entries", json=promotion)
        assert first.status_code == 200, first.text
        assert first.json() == again.json()
        unknown = await http.post("/rooms/x/entries", json=promotion)
        assert (unknown.status_code, unknown.json()["code"]) == (404, "room_unknown")


async def test_beyond_the_bound_a_room_is_refused_clearly(tmp_path: Path) -> None:
    async with Stage(tmp_path, rooms=2) as stage:
        await stage.put("a", title="A")
        await stage.put("b", title="B")
        with pytest.raises(httpx.HTTPStatusError) as refused:
            await stage.put("c", title="C")
        assert refused.value.response.status_code == 503
        assert refused.value.response.json()["code"] == "stage_rooms_full"
        assert int(refused.value.response.headers["retry-after"]) >= 1


async def test_a_restart_goes_on_with_people_places_and_time(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage:
        host, caller = await on_air(stage)
        before = parts(await stage.records("r", until=lambda got: len(parts(got)) >= 3))
        await stage.stop()
        await caller.close()
        await stage.start()
        seen = await stage.records(
            "r", until=lambda got: parts(got) and parts(got)[-1].n > before[-1].n + 2
        )
        after = parts(seen)
        gaps = [entry.decode(kinds.Gap) for entry in entries(seen, kinds.GAP)]
        terms = [entry.decode(kinds.Term).term for entry in entries(seen, kinds.TERM)]
        assert terms == [1, 2]
        covered = {part.n for part in after} | {
            n for gap in gaps for n in range(gap.first, gap.last + 1)
        }
        assert covered == set(range(max(covered) + 1))  # nothing is missing without a word
        assert len({part.n for part in after}) == len(after)
        again = Person(stage, "r", "host", invitation=host.invitation)
        await again.join("Ada")
        async with again.control():
            (me,) = next(m for m in again.heard if m["type"] == "welcome")["roster"]
        assert (me["id"], me["place"], me.get("connected")) == (host.id, "stage", False)


async def test_a_listeners_hand_is_called_and_only_its_holder_comes(stage: Stage) -> None:
    await stage.put("r", title="R", state="lobby")
    host = await Person(stage, "r", "host").join("Ada")
    edge = stage.service_headers("edge")
    ticket = "a ticket that only the listener's page knows"
    raised = {"id": hand_of(ticket), "name": "Lis", "question": "Why?"}
    async with httpx.AsyncClient(base_url=stage.url) as http, host.control():
        batch = {"now": {"live": 7}, "hands": {"up": 9, "first": [raised]}, "salt": "x"}
        refused = await http.post(
            "/rooms/r/batch", json=batch, headers=stage.service_headers("service")
        )
        assert refused.status_code == 403
        taken = await http.post("/rooms/r/batch", json=batch, headers=edge)
        assert (taken.status_code, taken.json()) == (200, {"taken": 1})
        told = await host.hear("hands")
        assert (told["hands"][0]["question"], told["hands_up"]) == ("Why?", 9)
        assert (await host.hear("levels"))["listeners"] == 7
        broken = await http.post("/rooms/r/batch", json={"now": {"live": -1}}, headers=edge)
        assert (broken.status_code, broken.json()["code"]) == (422, "batch_bad")
        early = await http.post("/rooms/r/redeem", json={"ticket": ticket})
        assert (early.status_code, early.json()["code"]) == (403, "not_called")
        await host.do("call", hand=raised["id"])
        wrong = await http.post("/rooms/r/redeem", json={"ticket": "guessed"})
        assert wrong.status_code == 403
        answer = await http.post("/rooms/r/redeem", json={"ticket": ticket})
        guest = Person(stage, "r", "speaker", invitation=answer.json()["invitation"])
        await guest.join("Lis")
        assert guest.id == raised["id"]
        async with guest.control():
            assert (await guest.do("accept"))["type"] == "done"
    seen = await stage.records("r", until=lambda got: entries(got, kinds.CALL))
    assert entries(seen, kinds.CALL)[0].decode(kinds.Call) == kinds.Call(raised["id"], "Lis")


async def test_the_lobby_opens_by_itself_and_with_it_the_doors(stage: Stage) -> None:
    start_ms = stage.clock.wall_ms() + 20 * 60_000
    await stage.put("r", title="R", start_ms=start_ms)
    async with asyncio.timeout(10):
        while stage.engine.studio.halls[RoomId("r")].model.facts.state != "lobby":
            await asyncio.sleep(0.05)
    draw = stage.engine.studio.halls[RoomId("r")].model.facts.draw
    assert draw is not None
    assert draw.doors_s
    records = await stage.records("r", until=lambda some: len(entries(some, kinds.ROOM)) == 2)
    recorded = entries(records, kinds.ROOM)
    first, last = (entry.decode(kinds.Room).draw for entry in (recorded[0], recorded[-1]))
    assert first is not None
    assert (first.seed, first.doors_s) == ("", 0)  # promised before ...
    assert last == draw
    assert last.commit == first.commit == hashlib.sha256(bytes.fromhex(last.seed)).hexdigest()


async def test_a_queue_goes_round_from_edge_to_edge(stage: Stage) -> None:
    await stage.put("r", title="R", state="lobby")
    second = int(stage.engine.studio.halls[RoomId("r")].record.room_second)
    said = {"arrived": {second: 5}, "free": 2, "pace": 10}
    async with (
        httpx.AsyncClient(timeout=10, headers=stage.service_headers("edge")) as http,
        http.stream("GET", f"{stage.url}/feed") as answer,
    ):
        batch = {"edge": "one", "queues": {"": said, "below": said}}
        assert (await http.post(f"{stage.url}/rooms/r/batch", json=batch)).status_code == 200
        seen: list[dict[str, Any]] = []
        async for line in answer.aiter_lines():
            if queue := json.loads(line).get("queue"):
                seen.append(queue)
                await http.post(f"{stage.url}/rooms/r/batch", json=batch)
            if seen and seen[-1]["coming"] == 4:
                break  # all four free seats are promised; steps of less than a second promise some
    assert (
        max(each["waiting"] for each in seen) == 10
    )  # both edges, each once however often it says so
    assert max(each["coming"] for each in seen) == 4
    assert seen[-1]["serving"] > second
    assert seen == sorted(seen, key=lambda each: each["serving"])


async def test_the_stage_s_bare_address_leads_to_the_rooms(stage: Stage) -> None:
    async with httpx.AsyncClient(base_url=stage.url) as http:
        answer = await http.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "http://127.0.0.1:8000/")
