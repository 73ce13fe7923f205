/** From an edge's totals to rates: the same report twice, restarts, sums, the line of a plot. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { History, line } from "../../src/hustings/pages/static/web/rates.js";

/** @param {number} second @param {object[]} edges */
const board = (second, edges) => ({ wall_ms: second * 1000, edges, rooms: [{ now: 7, hands_up: 2 }, { now: 3, waiting: 1, hands_up: 0 }] });

test("rates are the change between two reports, and the same report is not a change", () => {
  const history = new History();
  const first = { edge: "a", silent_s: 1, joins: 100, sent_bytes: 1_000_000, cpu_s: 10, refusals: { busy: 5 } };
  history.take(board(100, [first]));
  assert.deepEqual(history.rate("a"), { joins: 0, bits: 0, core: 0, refused: {} });
  const second = { ...first, silent_s: 0, joins: 160, sent_bytes: 1_600_000, cpu_s: 13, refusals: { busy: 11, edge_full: 6 } };
  history.take(board(105, [second]));
  const rate = { joins: 10, bits: 800_000, core: 0.5, refused: { busy: 1, edge_full: 1 } };
  assert.deepEqual(history.rate("a"), rate);
  history.take(board(107, [{ ...second, silent_s: 2 }]));
  assert.deepEqual(history.rate("a"), rate);
  assert.deepEqual(history.refusals, [{ code: "busy", perSecond: 1, all: 11 }, { code: "edge_full", perSecond: 1, all: 6 }]);
  assert.deepEqual(history.points.at(-1), { at: 107, listeners: 10, waiting: 1, joins: 10, bits: 800_000, refused: 2, hands: 2 });
});

test("an edge that began anew or is gone makes no negative rate", () => {
  const history = new History();
  history.take(board(100, [{ edge: "a", silent_s: 0, joins: 50 }, { edge: "b", silent_s: 0 }]));
  history.take(board(110, [{ edge: "a", silent_s: 0, joins: 3 }]));
  assert.equal(history.rate("a").joins, 0);
  assert.equal(history.rate("b").joins, 0);
  assert.deepEqual(history.refusals, []);
});

test("five minutes are kept", () => {
  const history = new History();
  for (let second = 0; second < 1_000; second += 2) history.take(board(second, []));
  assert.equal(history.points.length, 150);
  assert.ok((history.points[0]?.at ?? 0) > 998 - 300);
});

test("a line ends at the right, and its highest point touches the top", () => {
  assert.deepEqual(line([]), []);
  assert.deepEqual(line([{ at: 10, value: 5 }, { at: 20, value: 10 }, { at: 30, value: 0 }]), [[280, 30], [290, 2], [300, 58]]);
});
