/** When pages of a room that has ended look for its recording: soon, and never all at once. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { look, lookDelay } from "../../src/hustings/pages/static/listener/after.js";

test("a small audience looks soon, then less and less often", () => {
  assert.equal(lookDelay(0, 12, 0), 3);
  assert.equal(lookDelay(0, 12, 1), 9);
  assert.deepEqual([1, 2, 3, 4, 5, 9].map((looks) => lookDelay(looks, 12, 0)), [6, 12, 24, 48, 60, 60]);
});

test("a large audience is spread over a minute from the first look on", () => {
  assert.equal(lookDelay(0, 1_000, 1), 23);
  assert.equal(lookDelay(0, 1e6, 1), 63);
  assert.equal(lookDelay(1, 1e6, 0), 60);
  assert.equal(lookDelay(1, 1e6, 1), 120);
});

/** Seen by a page that looks once, when its time has come. */
async function seen(context, status) {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  context.mock.method(globalThis, "fetch", async () => new Response(null, { status }));
  const found = look("/r/demo/index.json", 1);
  context.mock.timers.tick(9_000);
  return found;
}

test("a recording that is there, and one that was deleted, are told apart", async (context) => {
  assert.equal(await seen(context, 200), "made");
  context.mock.timers.reset();
  assert.equal(await seen(context, 410), "deleted");
});
