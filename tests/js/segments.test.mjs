import assert from "node:assert/strict";
import { test } from "node:test";
import { begin, end, needed, SEGMENT_S } from "../../src/hustings/pages/static/replay/segments.js";

test("the past begins when the room went live and ends with what is surely complete", () => {
  assert.equal(begin({ epoch_ms: 1_000, live_ms: 61_000 }), 60);
  assert.equal(begin({}), 0);
  for (let now = 10; now < 100; now += 0.7) {
    assert.ok(end(now) <= now - 8);
    assert.ok(end(now) > now - 8 - SEGMENT_S);
  }
});

test("each segment is fetched once, in order, until enough is ahead", () => {
  const have = new Set();
  const asked = [];
  for (;;) {
    const segment = needed(100, 1_000, (each) => have.has(each));
    if (segment < 0) break;
    asked.push(segment);
    have.add(segment);
  }
  assert.deepEqual(asked, [26, 27, 28, 29, 30, 31, 32]);
});

test("nothing is asked for that is not complete yet", () => {
  assert.equal(needed(100, 100, () => false), -1);
  assert.equal(needed(98, 27 * SEGMENT_S, () => false), 25);
});
