/** What a device is told of a room: lock screen, shared address, the last rooms. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { momentUrl, nowHeard } from "../../src/hustings/pages/static/listener/device.js";
import { knownRoom, rememberRoom } from "../../src/hustings/pages/static/listener/visited.js";

const room = (speaking) => ({
  facts: { room: "square", title: "Square", host: "Amina" },
  people: [{ id: "a", name: "Amina" }, { id: "b", name: "Otto" }, { id: "c", name: "Nora" }],
  speaking: new Set(speaking),
});

test("a lock screen says who speaks, in the page's language", () => {
  assert.equal(nowHeard(room(["b"]), "en").artist, "Otto");
  assert.equal(nowHeard(room(["c", "a"]), "en").artist, "Amina and Nora");
  assert.equal(nowHeard(room(["c", "a"]), "de").artist, "Amina und Nora");
  assert.equal(nowHeard(room(["gone"]), "en").artist, "Amina"); // nobody: the host
  assert.deepEqual(nowHeard({ facts: null, people: [], speaking: new Set() }, "en"), {
    title: "", artist: "", album: "Hustings",
  });
});

test("a shared address has the room's second and nothing else of this page", () => {
  const page = "https://live.example/r/square?lang=ar&t=9#main";
  assert.equal(momentUrl(page, 3601.97), "https://live.example/r/square?t=3601");
  assert.equal(momentUrl(page, NaN), "https://live.example/r/square");
});

test("the last rooms are known, the newest facts of each, and no more than eight", () => {
  const kept = new Map();
  globalThis.localStorage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
  rememberRoom({ room: "r0", title: "old" });
  rememberRoom({ room: "r0", title: "new", host: "Amina", start_ms: 5, secret: "not kept" });
  assert.deepEqual(knownRoom("r0"), { room: "r0", title: "new", host: "Amina", state: "scheduled", start_ms: 5 });
  for (let i = 1; i <= 8; i += 1) rememberRoom({ room: `r${i}`, title: "" });
  assert.equal(knownRoom("r0"), undefined);
  assert.equal(knownRoom("r1")?.room, "r1");
  for (const rubbish of ["{", "null", "[1, null]", '"x"', "{}"]) {
    kept.set("hustings-rooms", rubbish);
    assert.equal(knownRoom("r1"), undefined, rubbish);
    rememberRoom({ room: "r1", title: "again" });
    assert.equal(knownRoom("r1")?.title, "again", rubbish);
  }
});
