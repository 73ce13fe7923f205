import assert from "node:assert/strict";
import { test } from "node:test";
import { Pace } from "../../src/hustings/pages/static/listener/pace.js";

/** Parts of a steady line. @param {Pace} pace @param {number} count @param {number} seconds @param {number} from */
function steady(pace, count, seconds, from) {
  for (let i = 0; i < count; i += 1) pace.came(seconds, from + i * seconds);
  return from + count * seconds;
}

const near = (/** @type {number} */ value, /** @type {number} */ wanted) =>
  assert.ok(Math.abs(value - wanted) < 0.02, `${value} is not ${wanted}`);

test("a steady line needs one part and a margin", () => {
  const pace = new Pace();
  steady(pace, 20, 0.32, 100);
  near(pace.target, 0.47);
});

test("one late part changes nothing, a rough line does", () => {
  const pace = new Pace();
  let now = steady(pace, 10, 0.32, 100);
  pace.came(0.32, now + 1);
  near(pace.target, 0.47);
  now = steady(pace, 2, 0.32, now + 1.32);
  pace.came(0.32, now + 1);
  assert.ok(pace.target > 1.2);
});

test("too much is played a little faster, never more than 4 %", () => {
  const pace = new Pace();
  assert.equal(pace.rate(0, 1), 1);
  assert.equal(pace.rate(0.03, 1.02), 1.02); // no change while it is nearly there
  assert.equal(pace.rate(0.06, 1), 1.02);
  assert.equal(pace.rate(20, 1), 1.04);
  assert.equal(pace.rate(-1, 1.04), 1); // a late part: the buffer shrinks, the pitch stays
});

test("a longer pace is gathered at 0.92 until it suffices, a shorter one at once", () => {
  const pace = new Pace();
  steady(pace, 10, 0.32, 100);
  pace.announce(4, true);
  near(pace.target, 1.43);
  assert.equal(pace.rate(-0.9, 1), 0.92);
  assert.equal(pace.rate(-0.1, 0.92), 0.92);
  assert.equal(pace.rate(0.01, 0.92), 1);
  assert.equal(pace.rate(-0.5, 1), 1); // gathered once: from here on it is an ordinary late part
  pace.announce(1, true);
  near(pace.target, 0.47);
});

test("a newcomer begins at the longer pace", () => {
  const pace = new Pace();
  pace.announce(8, false);
  near(pace.target, 2.71);
  assert.equal(pace.rate(-1, 1), 1);
});
