/** The listener's stream without a browser: boxes, events, resuming, waiting, the clock. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { BoxSplitter, emsgOf, spanOf } from "../../src/hustings/pages/static/listener/boxes.js";
import { MediaClock } from "../../src/hustings/pages/static/listener/room.js";
import {
  PART,
  RATE,
  Stream,
  newsDelay,
  retryAfter,
  retryDelay,
  wait,
} from "../../src/hustings/pages/static/listener/protocol.js";

// ftyp, moov, emsg (state), then emsg (level), moof, mdat of parts 337500 and 337501: by the real muxer.
const BYTES = new Uint8Array(readFileSync(process.env.HUSTINGS_STREAM));
const TYPES = ["ftyp", "moov", "emsg", "emsg", "moof", "mdat", "moof", "mdat"];
const FIRST = 337_500;

const types = (boxes) => boxes.map((box) => box.type);

test("boxes come out whole, wherever the bytes were cut", () => {
  for (let cut = 0; cut <= BYTES.length; cut += 1) {
    const splitter = new BoxSplitter();
    const boxes = [...splitter.push(BYTES.subarray(0, cut)), ...splitter.push(BYTES.subarray(cut))];
    assert.deepEqual(types(boxes), TYPES, `cut at ${cut}`);
    assert.equal(boxes.reduce((sum, box) => sum + box.bytes.length, 0), BYTES.length);
  }
});

test("boxes come out of single bytes", () => {
  const splitter = new BoxSplitter();
  const boxes = [];
  for (const byte of BYTES) boxes.push(...splitter.push(Uint8Array.of(byte)));
  assert.deepEqual(types(boxes), TYPES);
});

test("a box of an absurd size is refused", () => {
  for (const size of [0, 1, 7, 2 ** 31]) {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setUint32(0, size);
    assert.throws(() => new BoxSplitter().push(bytes), /box of/);
  }
});

test("a moof tells its media time", () => {
  const moofs = new BoxSplitter().push(BYTES).filter((box) => box.type === "moof");
  assert.deepEqual(spanOf(moofs[0].bytes), { start: FIRST * PART, end: (FIRST + 1) * PART });
  assert.deepEqual(spanOf(moofs[1].bytes), { start: (FIRST + 1) * PART, end: (FIRST + 2) * PART });
});

test("an emsg tells its event", () => {
  const [state, level] = new BoxSplitter().push(BYTES).filter((box) => box.type === "emsg");
  const emsg = emsgOf(level.bytes);
  assert.equal(emsg.scheme, "urn:hustings:events:1");
  assert.equal(emsg.at, FIRST * PART);
  assert.deepEqual(JSON.parse(new TextDecoder().decode(emsg.message)).body, { speaking: ["amina"] });
  assert.equal(JSON.parse(new TextDecoder().decode(emsgOf(state.bytes).message)).kind, "state");
});

test("a version 0 emsg is not ours", () => {
  const [state] = new BoxSplitter().push(BYTES).filter((box) => box.type === "emsg");
  const other = state.bytes.slice();
  other[8] = 0;
  assert.equal(emsgOf(other), null);
});

test("the wait never is shorter than asked and is spread", () => {
  assert.equal(retryDelay(0, 0, 1, 6), 6);
  assert.equal(retryDelay(2, 0, 0.5, 0.25), 0.5);
  assert.equal(retryDelay(2, 0, 1, 6), 6); // a crowd stays spread, and need not wait longer
  assert.equal(retryDelay(4, 0, 1, 6), 16);
  assert.equal(retryDelay(0, 0, 0), 0);
  assert.equal(retryDelay(0, 0, 1), 1);
  assert.equal(retryDelay(3, 0, 1), 8);
  assert.equal(retryDelay(50, 0, 1), 60);
  assert.equal(retryDelay(0, 30, 0), 30);
  assert.equal(retryDelay(0, 30, 1), 60);
  assert.equal(retryDelay(9, 2, 1), 62);
});

test("Retry-After is a number or a date, and bounded", () => {
  const now = Date.parse("2026-11-20T12:00:00Z");
  assert.equal(retryAfter("7", now), 7);
  assert.equal(retryAfter("Fri, 20 Nov 2026 12:00:30 GMT", now), 30);
  assert.equal(retryAfter("Fri, 20 Nov 2026 11:00:00 GMT", now), 0);
  assert.equal(retryAfter("soon", now), 0);
  assert.equal(retryAfter(null, now), 0);
  assert.equal(retryAfter("99999999", now), 600);
});

test("news are asked for often only around the start, and never by all at once", () => {
  assert.equal(newsDelay(60, 0), 8);
  assert.equal(newsDelay(-60, 1), 16);
  assert.equal(newsDelay(300, 0.5), 30);
  assert.equal(newsDelay(7200, 0), 60);
  assert.equal(newsDelay(-7200, 0), 20); // late
  assert.equal(newsDelay(NaN, 1), 40); // not announced: who is here was told of it
});

test("the clock follows the server and mends its drift", () => {
  const clock = new MediaClock();
  clock.set(100 * RATE, 10);
  assert.equal(clock.now(10.5), 100.5);
  const drift = 1.0005; // our clock is quick by 500 ppm
  for (let media = 100; media < 400; media += 0.32) {
    clock.part(media * RATE, 10 + (media - 100 + 0.02) * drift);
  }
  const own = 10 + 300 * drift;
  assert.ok(Math.abs(clock.now(own) - 400) < 0.07, String(clock.now(own)));
});

test("nothing is heard before it was said, however old the server's word", () => {
  const clock = new MediaClock();
  clock.set(100 * RATE, 10);
  clock.part(102 * RATE, 10.5);
  assert.equal(clock.now(10.5), 102);
});

/** A server whose answers are scripted; returns what was asked and the base URL. */
async function scripted(t, answers) {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    const answer = answers[Math.min(asked.length, answers.length) - 1];
    answer(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { asked, url: `http://127.0.0.1:${server.address().port}/live/square/opus.mp4` };
}

const [MOOF, MDAT] = new BoxSplitter().push(BYTES).slice(4, 6);

/** Part `n` as bytes: the recorded one at another media time. */
function partBytes(n) {
  const moof = Buffer.from(MOOF.bytes);
  moof.writeBigUInt64BE(BigInt(n * PART), moof.indexOf("tfdt") + 8);
  return Buffer.concat([moof, MDAT.bytes]);
}

/** An event as bytes: an emsg box, version 1. */
function eventBytes(kind, body) {
  const words = ["urn:hustings:events:1\0", "\0", JSON.stringify({ seq: 0, kind, at: 0, body })];
  const message = Buffer.from(words.join(""));
  const head = Buffer.alloc(32);
  head.writeUInt32BE(32 + message.length, 0);
  head.write("emsg", 4);
  head.writeUInt8(1, 8);
  head.writeUInt32BE(RATE, 12);
  return Buffer.concat([head, message]);
}

/** Runs a stream with waits that take no time; ends when `until` says so. */
async function listened(url, until) {
  const told = { inits: 0, parts: [], events: [], lines: [], waits: [] };
  let stream;
  const check = () => until(told) && stream.close();
  stream = new Stream(
    url,
    {
      init: () => (told.inits += 1),
      part: (part) => (told.parts.push(part), check()),
      event: (event) => told.events.push(event),
      line: (state) => (told.lines.push(state), check()),
    },
    {
      fetch,
      random: () => 0.5,
      wait: async (seconds, signal) => (told.waits.push(seconds), wait(0.001, signal)),
    },
  );
  await stream.run();
  return told;
}

const sound = (response) => {
  response.writeHead(200);
  response.end(BYTES);
};
const refusal = (status, headers = {}) => (response) => {
  response.writeHead(status, headers);
  response.end();
};

test("a stream gives init, events and parts, and resumes by part number", async (t) => {
  const { asked, url } = await scripted(t, [sound, sound]);
  const told = await listened(url, ({ parts }) => parts.length === 4);
  assert.deepEqual(asked, ["/live/square/opus.mp4", `/live/square/opus.mp4?from=${FIRST + 2}`]);
  assert.equal(told.inits, 2);
  assert.deepEqual(told.events.slice(0, 2).map((event) => event.kind), ["state", "level"]);
  assert.equal(told.parts[0].start, FIRST * PART);
  assert.deepEqual(told.lines, ["connecting", "open", "lost", "connecting", "open"]);
});

test("a refusal for load is obeyed, and waits grow", async (t) => {
  const busy = refusal(503, { "Retry-After": "4" });
  const { url } = await scripted(t, [busy, busy, refusal(500), sound]);
  const told = await listened(url, ({ parts }) => parts.length > 0);
  assert.deepEqual(told.waits, [4 + 2, 4 + 2, 2]);
  assert.deepEqual(told.lines, [
    ...["connecting", "busy", "connecting", "busy", "connecting", "lost"],
    ...["connecting", "open"],
  ]);
});

test("a part that came makes the next wait short again", async (t) => {
  const { url } = await scripted(t, [refusal(500), refusal(500), sound, sound]);
  const told = await listened(url, ({ parts }) => parts.length === 4);
  assert.deepEqual(told.waits, [0.5, 1, 0.5]);
});

test("an unknown room and an ended one are final", async (t) => {
  for (const [status, state] of [[404, "unknown"], [410, "ended"]]) {
    const { asked, url } = await scripted(t, [refusal(status)]);
    const told = await listened(url, () => false);
    assert.deepEqual(told.lines, ["connecting", state]);
    assert.equal(asked.length, 1);
  }
});

test("bytes that are not boxes end the connection, not the listener", async (t) => {
  const garbage = (response) => {
    response.writeHead(200);
    response.end("<html>a proxy's own page</html>");
  };
  const { asked, url } = await scripted(t, [garbage, sound]);
  const told = await listened(url, ({ parts }) => parts.length > 0);
  assert.equal(asked.length, 2);
  assert.equal(told.inits, 1);
});

/** Answers for an edge that will go, and the one that is there instead. */
function drained(t, { refusals = 0 } = {}) {
  const state = { first: null, seconds: [] };
  const begin = (response) => {
    response.writeHead(200);
    state.first = response;
    for (const n of [10, 11]) response.write(partBytes(n));
    response.write(eventBytes("drain", { spread_s: 4 }));
    response.write(partBytes(12));
  };
  const goOn = (response) => {
    response.writeHead(200);
    state.seconds.push(response);
    state.first.write(partBytes(13)); // it still sends while the other begins
    setTimeout(() => [13, 14, 15].forEach((n) => response.write(partBytes(n))), 30);
  };
  const busy = refusal(503, { "Retry-After": "1" });
  return scripted(t, [begin, ...Array(refusals).fill(busy), goOn]);
}

for (const refusals of [0, 2]) {
  test(`an edge that drains is left without a gap or a double (${refusals} refusals)`, async (t) => {
    const { asked, url } = await drained(t, { refusals });
    const told = await listened(url, ({ parts }) => parts.length === 6);
    assert.deepEqual(told.parts.map((part) => part.start / PART), [10, 11, 12, 13, 14, 15]);
    assert.equal(asked.length, 2 + refusals);
    assert.ok(asked.slice(1).every((each) => each.endsWith("?from=13")), String(asked));
    assert.equal(told.waits[0], 2); // half of the spread
    assert.ok(!told.lines.includes("lost"), String(told.lines));
    assert.deepEqual(told.events, []); // between the edge and us: no matter of the room
  });
}

test("an edge that ends before its successor was found costs nothing but time", async (t) => {
  const short = (response) => {
    response.writeHead(200);
    response.write(partBytes(10));
    response.end(Buffer.concat([eventBytes("drain", { spread_s: 4 }), partBytes(11)]));
  };
  const rest = (response) => {
    response.writeHead(200);
    [12, 13].forEach((n) => response.write(partBytes(n)));
  };
  const { url } = await scripted(t, [short, refusal(500), rest]);
  const told = await listened(url, ({ parts }) => parts.length === 4);
  assert.deepEqual(told.parts.map((part) => part.start / PART), [10, 11, 12, 13]);
});

test("the server says how widely a crowd must spread its return", async (t) => {
  const begin = (kind, body) => (response) => {
    response.writeHead(200);
    response.end(Buffer.concat([eventBytes(kind, body), partBytes(10)]));
  };
  const answers = [begin("state", { reconnect_s: 3 }), begin("reconnect", { spread_s: 8 })];
  const { url } = await scripted(t, [...answers, begin("level", {})]);
  const told = await listened(url, ({ parts }) => parts.length === 3);
  assert.deepEqual(told.waits, [1.5, 4]);
});
