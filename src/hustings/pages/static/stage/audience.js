/**
 * "The audience hears you": what a real edge sends is read as a listener reads it, and its `level`
 * events say whom it carries. `light` is pure; `Audience` holds the stream. No DOM.
 */

import { MARGIN_S } from "../listener/pace.js";
import { RATE, Stream } from "../listener/protocol.js";
import { EventQueue, MediaClock } from "../listener/room.js";

const NAMED_S = 3; // a pause between sentences does not turn the light off
const LATE_S = 3; // speech that the edge does not name within this is not heard

/** @typedef {"scheduled" | "lobby" | "ended" | "backstage" | "private" | "muted" | "microphone" | "line" | "stage" | "edge" | "hold" | "filling" | "late" | "silent" | "heard"} Heard */
/**
 * @typedef {object} Facts
 * @property {string} state  of the room
 * @property {boolean} onStage
 * @property {boolean} talks  in private
 * @property {boolean} muted
 * @property {boolean} microphone  it gives sound
 * @property {boolean} line  our sound reaches the stage
 * @property {boolean} stage  the stage has answered just now
 * @property {boolean} edge  the edge's stream flows
 * @property {boolean} hold  the edge sends hold audio: the stage's sound does not reach it
 * @property {boolean} filling  the broadcast delay has to fill first
 * @property {number} delayS  the broadcast delay
 * @property {number} speakingS  seconds since the stage began to hear me speak; NaN: I am silent
 * @property {number} namedS  seconds since the edge last named me; NaN: never
 */

/**
 * Whether the audience hears me, or the first reason why not, in the order in which to mend it.
 * @param {Facts} facts
 * @returns {Heard}
 */
export function light(facts) {
  if (facts.state === "ended") return "ended";
  if (!facts.microphone) return "microphone";
  if (!facts.stage) return "stage";
  if (!facts.line) return "line";
  if (facts.talks) return "private";
  if (!facts.onStage) return "backstage";
  if (facts.state !== "live") return facts.state === "lobby" ? "lobby" : "scheduled";
  if (facts.muted) return "muted";
  if (!facts.edge) return "edge";
  if (facts.filling) return "filling";
  if (facts.hold) return "hold";
  if (facts.namedS <= NAMED_S) return "heard";
  if (facts.speakingS > LATE_S + facts.delayS) return "late";
  return "silent";
}

/** Listens to one edge, thriftily (12 kbit/s), while the room is open. */
export class Audience {
  flows = false;
  hold = false;
  /** seconds from the mouth to the ear of a listener whose line is as good as ours; NaN if not known */
  behind = NaN;
  #url = "";
  /** @type {Stream | null} */
  #stream = null;
  #clock = new MediaClock();
  #events = new EventQueue();
  /** @type {Set<string>} */
  #speaking = new Set();
  /** @type {Map<string, number>} id -> when the edge last named them, in seconds */
  #named = new Map();

  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
  }

  /** @param {string} url  of `opus-low.mp4`; "": listen to nothing */
  listen(url) {
    if (url === this.#url) return;
    this.#url = url;
    this.#stream?.close();
    this.#stream = null;
    this.#flow(false);
    if (url) this.#open(url);
  }

  /** @param {string} url */
  #open(url) {
    const stream = new Stream(url, {
      init: () => {},
      part: (part) => this.#part(part),
      event: (event) => this.#event(event),
      line: (state) => state !== "open" && this.#flow(false),
    });
    this.#stream = stream;
    stream.run().then(() => {
      // an edge that does not know the room yet: ask again soon
      setTimeout(() => this.#stream === stream && this.#open(url), 3_000);
    });
  }

  /**
   * Seconds since the edge last named this person as speaking; NaN: never.
   * @param {string} id
   */
  named(id) {
    if (this.#speaking.has(id) && this.flows && !this.hold) return 0;
    return performance.now() / 1000 - (this.#named.get(id) ?? NaN);
  }

  /** @param {import("../listener/protocol.js").MediaPart} part */
  #part(part) {
    const own = performance.now() / 1000;
    this.#clock.part(part.end, own);
    // A listener's page plays what comes with this margin (pace.js); earlier nobody can hear it.
    this.behind = Math.max(0, this.#clock.now(own) - part.start / RATE) + MARGIN_S;
    for (const event of this.#events.due(part.end)) this.#happens(event);
    this.#flow(true);
  }

  /** @param {import("../listener/protocol.js").RoomEvent} event */
  #event(event) {
    if (event.kind === "level") this.#events.put(event); // with the sound it belongs to
    else this.#happens(event);
  }

  /** @param {import("../listener/protocol.js").RoomEvent} event */
  #happens({ kind, body }) {
    const now = performance.now() / 1000;
    if (kind === "state") this.#clock.set(body.media_time, now);
    if (kind === "state" || kind === "source") this.hold = body.source === "hold";
    if (kind === "state" || kind === "level") {
      for (const id of this.#speaking) this.#named.set(id, now);
      this.#speaking = new Set(body.speaking);
    }
    this.changed();
  }

  /** @param {boolean} flows */
  #flow(flows) {
    if (!flows) this.#speaking = new Set();
    if (flows === this.flows) return;
    this.flows = flows;
    this.changed();
  }
}
