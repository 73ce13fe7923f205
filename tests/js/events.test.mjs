/** A room's events by a line of their own, without a browser: SSE read, resumed, left for another. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";

import { eventStream, Lines } from "../../src/hustings/pages/static/listener/events.js";
import { PART, wait } from "../../src/hustings/pages/static/listener/protocol.js";

const PART_NOW = 1_000; // where the room is when a line begins

const said = (seq, kind, body) => `id: ${seq}\nevent: ${kind}\ndata: ${JSON.stringify({ seq, kind, at: 0, body })}\n\n`;
const state = () => said(5, "state", { media_time: PART_NOW * PART });
const caption = (seq) => said(seq, "caption", { text: `Grüße, ${seq}.` });

/** All that `Lines` tells of these pieces of bytes. */
function read(...chunks) {
  const told = { events: [], parts: [] };
  const lines = new Lines(null, (event) => told.events.push(event), (part) => told.parts.push(part));
  for (const chunk of chunks) lines.push(chunk);
  return told;
}

test("events come out whole, wherever the bytes were cut", () => {
  const bytes = new TextEncoder().encode(state() + ":\n\n" + caption(6));
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const { events } = read(bytes.subarray(0, cut), bytes.subarray(cut));
    assert.deepEqual(events.map(({ kind }) => kind), ["state", "caption"], `cut at ${cut}`);
    assert.equal(events[1].body.text, "Grüße, 6.");
  }
});

test("a line tells how far it has come, and before the state nothing", () => {
  const bytes = (text) => new TextEncoder().encode(text);
  const { parts } = read(bytes(caption(1)), bytes(state()), bytes(":\n\n"));
  assert.deepEqual(parts.map(({ end }) => end / PART), [PART_NOW - 3, PART_NOW - 3]);
});

test("an event that never ends, or is none, ends nothing but itself", () => {
  assert.throws(() => read(new TextEncoder().encode("data: " + "x".repeat(1 << 17))), /without an end/);
  const { events } = read(new TextEncoder().encode("data: {\n\n" + caption(7)));
  assert.deepEqual(events.map(({ seq }) => seq), [7]);
});

/** A server whose answers are scripted, and an event stream that reads them until `until` says so. */
async function listened(t, answers, until) {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    answers[Math.min(asked.length, answers.length) - 1](response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const told = { asked, seqs: [], lines: [], waits: [] };
  const check = () => until(told) && stream.close();
  const stream = eventStream(
    `http://127.0.0.1:${server.address().port}/live/square`,
    { event: ({ seq }) => (told.seqs.push(seq), check()), line: (each) => (told.lines.push(each), check()) },
    {
      fetch,
      random: () => 0.5,
      wait: async (seconds, signal) => (told.waits.push(seconds), wait(0.001, signal)),
    },
  );
  await stream.run();
  return told;
}

const tells = (...texts) => (response) => {
  response.writeHead(200);
  response.end(texts.join(""));
};
const refuses = (status, headers = {}) => (response) => {
  response.writeHead(status, headers);
  response.end();
};

test("a broken line goes on where it was, spread as the server said", async (t) => {
  const spread = said(0, "reconnect", { spread_s: 8 });
  const told = await listened(t, [tells(state(), spread), tells(state(), caption(6))], ({ seqs }) => seqs.includes(6));
  assert.deepEqual(told.asked, ["/live/square/events", `/live/square/events?from=${PART_NOW - 3}`]);
  assert.deepEqual(told.waits, [4]);
});

test("a refusal is waited out, an end is an end", async (t) => {
  const answers = [refuses(503, { "Retry-After": "20" }), refuses(410)];
  const told = await listened(t, answers, () => false);
  assert.deepEqual(told.waits, [30]);
  assert.deepEqual(told.lines, ["connecting", "busy", "connecting", "ended"]);
});

test("an edge that will end is left for another before it does", async (t) => {
  let first;
  const leaves = (response) => {
    response.writeHead(200);
    response.write(state() + said(0, "drain", { spread_s: 4 }));
    first = new Promise((resolve) => response.on("close", resolve));
  };
  const goesOn = (response) => {
    response.writeHead(200);
    response.write(state() + caption(6));
    first.then(() => response.write(caption(7)));
  };
  const told = await listened(t, [leaves, goesOn], ({ seqs }) => seqs.includes(7));
  assert.ok(!told.lines.includes("lost"), String(told.lines));
  assert.equal(told.asked.length, 2);
});
