/** The room as folded from events, and events held until their sound is heard. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Applause, CAPTIONS, EventQueue, Room } from "../../src/hustings/pages/static/listener/room.js";

const person = (id, more = {}) => ({ id, name: id, role: "speaker", place: "stage", ...more });
const roster = (participant) => ({ seq: 1, kind: "roster", at: 0, body: { participant, change: "" } });
const begun = () => {
  const room = new Room();
  room.begin({
    room: { room: "square", title: "Square", state: "live" },
    media_time: 0,
    roster: [person("a"), person("b"), person("c", { place: "backstage" })],
    speaking: ["a"],
    source: "live",
  });
  return room;
};

test("only people on stage are seen", () => {
  assert.deepEqual(begun().people.map(({ id }) => id), ["a", "b"]);
});

test("people come, change and go, and keep their places", () => {
  const room = begun();
  room.apply(roster(person("c")));
  room.apply(roster(person("a", { name: "Anna" })));
  assert.deepEqual(room.people.map(({ name }) => name), ["Anna", "b", "c"]);
  room.apply(roster(person("b", { place: "gone" })));
  room.apply(roster({ id: "c", name: "c", role: "speaker" })); // place at its default is left out
  assert.deepEqual(room.people.map(({ id }) => id), ["a"]);
});

test("who is muted or gone does not speak", () => {
  for (const change of [{ muted: true }, { place: "gone" }]) {
    const room = begun();
    room.apply(roster(person("a", change)));
    assert.equal(room.speaking.size, 0);
  }
});

test("a room whose state is left out is scheduled", () => {
  const room = new Room();
  room.apply({ seq: 1, kind: "room", at: 0, body: { room: "square", title: "Square" } });
  assert.equal(room.phase, "scheduled");
});

test("kinds that nobody knows change nothing", () => {
  const room = begun();
  room.apply({ seq: 9, kind: "weather", at: 0, body: { rain: true } });
  assert.equal(room.phase, "live");
});

test("the last captions are kept, each once however often it comes", () => {
  const room = begun();
  const say = (seq) => room.apply({ seq, kind: "caption", at: 0, body: { text: `${seq}` } });
  for (let seq = 0; seq < CAPTIONS + 10; seq += 1) say(seq);
  for (const seq of [CAPTIONS, CAPTIONS + 9]) say(seq); // as after a broken line
  assert.equal(room.captions.length, CAPTIONS);
  assert.equal(room.captions.at(-1).text, String(CAPTIONS + 9));
});

test("events wait for their sound, in its order", () => {
  const queue = new EventQueue();
  const event = (at) => ({ seq: at, kind: "level", at, body: { speaking: [] } });
  for (const at of [10, 30, 20]) queue.put(event(at));
  assert.deepEqual(queue.due(5), []);
  assert.deepEqual(queue.due(20).map(({ at }) => at), [10, 20]);
  assert.deepEqual(queue.due(NaN).map(({ at }) => at), [30]); // nothing is heard: at once
});

test("events do not pile up", () => {
  const queue = new EventQueue();
  for (let at = 1; at <= 600; at += 1) queue.put({ seq: at, kind: "level", at, body: {} });
  assert.equal(queue.due(0).length, 100);
});

test("the point of the running order is the one that was last told", () => {
  const room = begun();
  assert.equal(room.point.id, undefined);
  room.apply({ seq: 2, kind: "agenda", at: 0, body: { id: "i1", title: "Who pays?", who: "Otto" } });
  assert.equal(room.point.title, "Who pays?");
  room.apply({ seq: 3, kind: "agenda", at: 0, body: {} });
  assert.equal(room.point.id, undefined);
  room.begin({ room: { room: "square", title: "S" }, media_time: 0, roster: [], speaking: [], source: "live", agenda: { id: "i2" } });
  assert.equal(room.point.id, "i2");
});

test("reactions of the last ten seconds are summed, and forgotten after that", () => {
  const applause = new Applause();
  for (let second = 0; second < 30; second += 1) applause.hear({ clap: 1, ...(second === 25 && { wow: 3 }) }, second);
  assert.deepEqual(applause.sums(29), { clap: 11, wow: 3 });
  assert.deepEqual(applause.sums(38), { clap: 2 });
  assert.deepEqual(applause.sums(45), {});
});

test("a page in its reader's language keeps its own words, whatever is told of the room", () => {
  const room = begun();
  const own = { title: "الجسر", description: "" };
  room.begin({ room: { room: "square", ...own }, own, media_time: 0, roster: [], speaking: [], source: "live" });
  room.apply({ seq: 2, kind: "room", at: 0, body: { room: "square", title: "The bridge", description: "All", state: "ended" } });
  assert.deepEqual([room.facts.title, room.facts.description, room.phase], ["الجسر", "", "ended"]);
  const other = begun();
  other.apply({ seq: 2, kind: "room", at: 0, body: { room: "square", title: "The bridge" } });
  assert.equal(other.facts.title, "The bridge");
});
