/** The waiting room without a browser: places, estimates, when to look again, the ticket of a tab. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";

import { Pass } from "../../src/hustings/pages/static/listener/pass.js";
import { crowded, Stream, wait } from "../../src/hustings/pages/static/listener/protocol.js";
import { ahead, firstSegment, placeOf, pollDelay, Waiting } from "../../src/hustings/pages/static/listener/waiting.js";

/** By the server's own code: a ticket of second 1800000000, and its place under this seed. */
const { ticket, seed, doors_s, place } = JSON.parse(process.env.HUSTINGS_TICKET);

test("a page works out its place as the server does", async () => {
  assert.equal(await placeOf(ticket, { seed, doors_s }), place);
  assert.equal(await placeOf(ticket, { seed, doors_s: 1_800_000_100 }), 1_800_000_099 + (place % 1));
});

test("before the draw nobody knows", async () => {
  assert.ok(Number.isNaN(await placeOf(ticket, null)));
  assert.ok(Number.isNaN(await placeOf(ticket, { seed: "", doors_s: 0 })));
});

test("people before a place are those of the spans between", () => {
  const spans = [[100, 101, 50], [105, 110, 10]];
  assert.equal(ahead(spans, 0, 200), 60);
  assert.equal(ahead(spans, 100.5, 200), 35);
  assert.equal(ahead(spans, 100.5, 107.5), 30);
  assert.equal(ahead(spans, 120, 200), 0);
  assert.equal(ahead(spans, 0, 100.01), 0); // oneself is nobody before oneself
});

test("whoever waits begins with a segment that there is", () => {
  assert.equal(firstSegment(1_200, -1), 98);
  assert.equal(firstSegment(1_200, 1_195), 99);
  assert.equal(firstSegment(5, -1), 0); // a room of two seconds
});

test("who is near looks often, who is far does not, and nobody with the crowd", () => {
  assert.equal(pollDelay(3, NaN, 0), 1.5);
  assert.equal(pollDelay(3, NaN, 1), 3);
  assert.equal(pollDelay(5_000, 10, 0), 1.5);
  assert.equal(pollDelay(5_000, 60, 0), 15);
  assert.equal(pollDelay(5_000, 6_000, 0.5), 30);
  assert.equal(pollDelay(NaN, NaN, 0), 10);
});

async function served(t, answers) {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    answers[Math.min(asked.length, answers.length) - 1](response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => (server.closeAllConnections(), server.close()));
  return { asked, live: `http://127.0.0.1:${server.address().port}/live/square` };
}

const json = (status, body, headers = {}) => (response) => {
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(JSON.stringify(body));
};

test("a stream that is told to wait shows its place when it comes again, and hurries when called", async (t) => {
  const queued = json(503, { code: "queue", ticket: "place", ahead: 3 }, { "Retry-After": "100" });
  const seat = (response) => (response.writeHead(200, { "Hustings-Ticket": "seat" }), response.end());
  const { asked, live } = await served(t, [queued, seat, json(410, {})]);
  const lines = [];
  const kept = [];
  const pass = { ticket: "", keep: (text) => text && (kept.push(text), (pass.ticket = text)) };
  const listening = {
    init() {},
    part() {},
    event() {},
    line: (state, _, told) => {
      lines.push([state, told?.ahead]);
      if (state === "busy") setTimeout(() => stream.hurry(), 5);
    },
  };
  const quick = (seconds, signal) => (seconds > 50 ? wait(seconds, signal) : wait(0.001, signal));
  const stream = new Stream(`${live}/opus.mp4`, listening, { fetch, random: () => 0, wait: quick });
  stream.pass = pass;
  stream.next = 7;
  await stream.run();
  assert.deepEqual(asked, [
    "/live/square/opus.mp4?from=7&ticket=",
    "/live/square/opus.mp4?from=7&ticket=place",
    "/live/square/opus.mp4?from=7&ticket=seat",
  ]);
  assert.deepEqual(kept, ["place", "seat"]);
  assert.deepEqual(lines[1], ["busy", 3]);
  assert.deepEqual(lines.at(-1), ["ended", undefined]);
});

test("a tab without a ticket asks for one only when it shall", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] }); // the next renewal is minutes away
  const { asked, live } = await served(t, [json(200, { ticket: "first" }), json(200, { ticket: "fresh" }), json(503, {})]);
  const pass = new Pass(live);
  await pass.renew();
  assert.deepEqual(asked, []);
  await pass.renew(true);
  assert.equal(pass.ticket, "first");
  await pass.renew();
  assert.equal(pass.ticket, "fresh");
  await pass.renew();
  assert.equal(pass.ticket, "fresh"); // what cannot be renewed just now is good still
  assert.deepEqual(asked.slice(1), ["/live/square/ticket?ticket=first", "/live/square/ticket?ticket=fresh"]);
});

test("only a crowd leads to the waiting room, not an edge or a room that starts or ends", () => {
  assert.ok(["queue", "busy", "edge_full"].every((code) => crowded({ code })));
  assert.ok(crowded(null));
  assert.ok(!["edge_draining", "edge_starting", "room_starting", "room_closed"].some((code) => crowded({ code })));
});

test("no segment is played before the init segment has come, however often it fails", async (t) => {
  const failures = { init: 1 };
  const server = createServer((request, response) => {
    const name = request.url.split("/").at(-1);
    if (name === "queue.json") return json(200, { part: 1200, serving: 0, rate: 0, waiting: 9, open: false, spans: [], draw: null })(response);
    if (name === "init.mp4" && failures.init-- > 0) return json(503, {})(response);
    return name.endsWith("4") || name.endsWith("4s") ? response.end(name) : json(404, {})(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  globalThis.addEventListener ??= () => {}; // what browsers have
  globalThis.removeEventListener ??= () => {};
  Object.defineProperty(globalThis, "navigator", { value: { sendBeacon: () => true }, configurable: true });
  const got = [];
  await new Promise((resolve) => {
    const heard = (what) => got.push(what) > 2 && resolve();
    const telling = {
      init: (bytes) => heard(new TextDecoder().decode(bytes)),
      sound: (bytes) => heard(new TextDecoder().decode(bytes)),
      state() {},
      turn() {},
      words() {},
    };
    const live = `http://127.0.0.1:${server.address().port}/live/square`;
    const waiting = new Waiting(live, { ticket: "mine", renew: async () => {} }, "opus", -1, telling);
    t.after(() => (waiting.close(), server.closeAllConnections(), server.close()));
  });
  assert.deepEqual(got, ["init.mp4", "98.m4s", "99.m4s"]);
});
