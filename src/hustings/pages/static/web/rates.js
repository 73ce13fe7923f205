/**
 * From totals to rates: what the board shows is the change between two reports of an edge. No DOM:
 * runs in Node. Fields: docs/protocol.md 4 (`GET /board`) and 4.4.
 */

const KEPT_S = 300;

/** @typedef {Record<string, number>} Counts */
/**
 * @typedef {object} Edge
 * @property {string} edge
 * @property {number} silent_s
 * @property {number} [cpu_s]
 * @property {number} [joins]
 * @property {number} [sent_bytes]
 * @property {number} [listeners]
 * @property {number} [waiting]
 * @property {Counts} [refusals]
 */
/** @typedef {{now: number, waiting?: number, hands_up: number}} Room */
/** @typedef {{wall_ms: number, edges: Edge[], rooms: Room[]}} Board */
/** @typedef {{joins: number, bits: number, core: number, refused: Counts}} Rate  a second */
/** @typedef {{at: number, listeners: number, waiting: number, joins: number, bits: number, refused: number, hands: number}} Point */

/** @type {Rate} */
const STILL = { joins: 0, bits: 0, core: 0, refused: {} };

/** What was seen of each edge, and the sums of the last five minutes. */
export class History {
  /** @type {Point[]} */
  points = [];
  /** @type {Map<string, {at: number, edge: Edge, rate: Rate}>} */
  #last = new Map();

  /** @param {Board} board */
  take(board) {
    const now = board.wall_ms / 1000;
    /** @type {Map<string, {at: number, edge: Edge, rate: Rate}>} */
    const seen = new Map();
    for (const edge of board.edges) {
      const at = now - edge.silent_s;
      const before = this.#last.get(edge.edge);
      if (before && at - before.at < 1) seen.set(edge.edge, before); // the same report again
      else seen.set(edge.edge, { at, edge, rate: before ? rateOf(before.edge, edge, at - before.at) : STILL });
    }
    this.#last = seen;
    const rates = [...seen.values()].map(({ rate }) => rate);
    this.points.push({
      at: now,
      listeners: sum(board.rooms.map((room) => room.now)),
      waiting: sum(board.rooms.map((room) => room.waiting ?? 0)),
      joins: sum(rates.map((rate) => rate.joins)),
      bits: sum(rates.map((rate) => rate.bits)),
      refused: sum(rates.flatMap((rate) => Object.values(rate.refused))),
      hands: sum(board.rooms.map((room) => room.hands_up)),
    });
    this.points = this.points.filter((point) => point.at > now - KEPT_S);
  }

  /** @param {string} edge */
  rate(edge) {
    return this.#last.get(edge)?.rate ?? STILL;
  }

  /** Refusals by reason at all edges, the most frequent first. */
  get refusals() {
    /** @type {Map<string, [number, number]>} */
    const found = new Map();
    for (const { edge, rate } of this.#last.values()) {
      for (const [code, count] of Object.entries(edge.refusals ?? {})) {
        const [perSecond, all] = found.get(code) ?? [0, 0];
        found.set(code, [perSecond + (rate.refused[code] ?? 0), all + count]);
      }
    }
    const rows = [...found].map(([code, [perSecond, all]]) => ({ code, perSecond, all }));
    return rows.sort((a, b) => b.perSecond - a.perSecond || b.all - a.all);
  }
}

/**
 * @param {Edge} before
 * @param {Edge} after
 * @param {number} seconds
 * @returns {Rate}
 */
function rateOf(before, after, seconds) {
  const rate = (/** @type {number} */ from, /** @type {number} */ to) => Math.max(0, to - from) / seconds;
  const refused = Object.entries(after.refusals ?? {}).map(([code, count]) => [code, rate(before.refusals?.[code] ?? 0, count)]);
  return {
    joins: rate(before.joins ?? 0, after.joins ?? 0),
    bits: rate(before.sent_bytes ?? 0, after.sent_bytes ?? 0) * 8,
    core: rate(before.cpu_s ?? 0, after.cpu_s ?? 0),
    refused: Object.fromEntries(refused),
  };
}

/** @param {number[]} values */
const sum = (values) => values.reduce((a, b) => a + b, 0);

/**
 * The points of a polyline in a box of 300 x 60, newest at the right, five minutes wide; the
 * highest value touches the top.
 * @param {{at: number, value: number}[]} series
 */
export function line(series) {
  const end = series.at(-1)?.at ?? 0;
  const most = Math.max(1, ...series.map(({ value }) => value));
  return series.map(({ at, value }) => [round(300 - (end - at)), round(58 - (value / most) * 56)]);
}

/** @param {number} value */
const round = (value) => Math.round(value * 10) / 10;
