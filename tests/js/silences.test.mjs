import assert from "node:assert/strict";
import { test } from "node:test";
import { behindSilence, chapterAt } from "../../src/hustings/pages/static/replay/silences.js";

const silences = [
  [10, 15],
  [40, 42],
];

test("a pause is left but for a breath at both ends", () => {
  assert.equal(behindSilence(silences, 9.9), 9.9);
  assert.equal(behindSilence(silences, 10.2), 10.2);
  assert.equal(behindSilence(silences, 10.5), 14.6);
  assert.equal(behindSilence(silences, 14.6), 14.6);
  assert.equal(behindSilence(silences, 40.5), 41.6);
  assert.equal(behindSilence(silences, 41.5), 41.5);
  assert.equal(behindSilence(silences, 100), 100);
  assert.equal(behindSilence([], 3), 3);
});

test("skipping never goes back and never twice", () => {
  for (let at = 0; at < 60; at += 0.1) {
    const next = behindSilence(silences, at);
    assert.ok(next >= at);
    assert.equal(behindSilence(silences, next), next);
  }
});

test("the chapter that is heard", () => {
  assert.deepEqual(
    [-1, 0, 4.9, 5, 70].map((at) => chapterAt([0, 5, 20], at)),
    [-1, 0, 0, 1, 2],
  );
});
