/**
 * The listener's one connection: an endless CMAF stream, read, cut into boxes, resumed by part
 * number, retried politely. No DOM: runs in Node. The contract is docs/protocol.md 3.
 */

import { Sorter } from "./boxes.js";

export const RATE = 48_000; // samples a second
export const PART = 15_360; // samples: 320 ms
const SILENT_S = 8; // parts come each 0.32 s, joined at most each 2.6 s: after 8 s the line is dead

/** @typedef {import("./boxes.js").RoomEvent} RoomEvent */
/** @typedef {import("./boxes.js").MediaPart} MediaPart */
/** @typedef {"connecting" | "open" | "busy" | "lost" | "unknown" | "ended"} LineState */
/**
 * @typedef {object} Refusal  why not, if the server said so in words of its own: a place in the queue
 * @property {string} code
 * @property {string} [ticket]
 * @property {number | null} [place]
 * @property {number | null} [ahead]
 * @property {number | null} [wait_s]
 */
/** @typedef {{retryAfterS: number, final?: LineState, told?: Refusal | null}} Outcome  of one connection */
/**
 * @typedef {object} Listening  what a Stream tells; `line` has the seconds until the next try
 * @property {(bytes: Uint8Array<ArrayBuffer>) => void} init
 * @property {(part: MediaPart) => void} part
 * @property {(event: RoomEvent) => void} event
 * @property {(state: LineState, retryS: number, told?: Refusal | null) => void} line
 */
/**
 * @typedef {object} Platform  the world, for tests to replace
 * @property {typeof fetch} fetch
 * @property {() => number} random
 * @property {(seconds: number, signal: AbortSignal) => Promise<void>} wait
 */

/** @type {Platform} */
const BROWSER = { fetch: (...call) => fetch(...call), random: Math.random, wait };

/**
 * Seconds to wait after the n-th failure in a row (n from 0), never sooner than the server asks,
 * and spread so that a crowd that was cut off together does not come back together.
 * @param {number} failures
 * @param {number} retryAfterS  what the server asked for; 0 if nothing
 * @param {number} random  0 to 1
 * @param {number} [spreadS]  of the first try: the larger the crowd, the longer
 */
export function retryDelay(failures, retryAfterS, random, spreadS = 1) {
  const own = Math.max(spreadS, Math.min(spreadS, 1) * 2 ** failures);
  return retryAfterS + random * Math.max(retryAfterS, Math.min(60, own));
}

/**
 * `Retry-After` in seconds: a number or a date; nonsense is 0, and nobody may ask for over 10 minutes.
 * @param {string | null} header
 * @param {number} nowMs
 */
export function retryAfter(header, nowMs) {
  if (!header) return 0;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - nowMs) / 1000;
  return Math.min(600, Math.max(0, seconds || 0));
}

/**
 * Whether a refusal means that too many are here, so that there is a place in the queue to take; not
 * one of an edge that starts or ends, or of a room that does.
 * @param {Refusal | null} [told]  null: not in words of ours, as a cache says it
 */
export const crowded = (told) => !told || ["queue", "busy", "edge_full"].includes(told.code);

/**
 * Seconds until a page that plays nothing asks for news: often only around the start. Without an
 * announced one it may come at any moment.
 * @param {number} left  seconds to the announced start; NaN if there is none
 * @param {number} random
 */
export function newsDelay(left, random) {
  const least = Math.abs(left) < 120 ? 8 : left > 600 ? 60 : 20;
  return least * (1 + random);
}

/**
 * One endless stream, held until `close`. A line that breaks is taken up again at the next part; an
 * edge that says it will go (`drain`) is left for another while it still sends, so nothing is heard of it.
 */
export class Stream {
  next = -1; // part to ask for; -1: whatever is live
  /** seconds over which those who were cut off together come back, as the server last said */
  spread = 1;
  /** @type {Pick<import("./pass.js").Pass, "ticket" | "keep"> | null} */
  pass = null;
  /** @type {import("./boxes.js").SorterClass} */
  sorter = Sorter; // makes events and parts out of bytes
  silentS = SILENT_S;
  #failures = 0;
  #over = new AbortController();
  #pause = new AbortController();
  /** @type {Promise<Outcome> | null} the line that shall take over */
  #successor = null;

  /**
   * @param {string} url  of `opus.mp4` or a sister
   * @param {Listening} listening
   * @param {Platform} [platform]
   */
  constructor(url, listening, platform = BROWSER) {
    this.url = url;
    this.listening = listening;
    this.platform = platform;
  }

  /** Connect, and connect again, until closed or until the server says that it makes no sense. */
  async run() {
    const { signal } = this.#over;
    while (!signal.aborted) {
      this.listening.line("connecting", 0);
      let outcome = await this.#once();
      for (let line = this.#successor; line; line = this.#successor) {
        this.#successor = null;
        outcome = await line;
      }
      if (signal.aborted) return;
      if (outcome.final) return this.listening.line(outcome.final, 0);
      if (outcome.told?.code === "queue") this.#failures = 0;
      const delay = retryDelay(this.#failures, outcome.retryAfterS, this.platform.random(), this.spread);
      this.#failures += 1;
      this.#pause = new AbortController();
      this.listening.line(outcome.retryAfterS ? "busy" : "lost", delay, outcome.told);
      await this.platform.wait(delay, this.#pause.signal);
    }
  }

  /** Try now, if a next try is planned. */
  hurry() {
    this.#pause.abort();
  }

  close() {
    this.#over.abort();
    this.#pause.abort();
  }

  get #address() {
    const ticket = this.pass ? `ticket=${this.pass.ticket}` : "";
    const query = [this.next < 0 ? "" : `from=${this.next}`, ticket].filter(Boolean).join("&");
    return query ? this.url + (this.url.includes("?") ? "&" : "?") + query : this.url;
  }

  /**
   * One connection, until it ends.
   * @param {AbortController} [before]  the line to be taken over from
   * @returns {Promise<Outcome>}
   */
  async #once(before) {
    const line = new AbortController();
    const hangUp = () => line.abort();
    this.#over.signal.addEventListener("abort", hangUp, { once: true });
    let timer = setTimeout(hangUp, this.silentS * 1000);
    try {
      const answer = await this.platform.fetch(this.#address, { signal: line.signal, cache: "no-store" });
      if (answer.status === 404) return { retryAfterS: 0, final: "unknown" };
      if (answer.status === 410) return { retryAfterS: 0, final: "ended" };
      if (!answer.ok || !answer.body) {
        const told = answer.status === 503 ? await answer.json().catch(() => null) : null;
        this.pass?.keep(told?.ticket);
        return { retryAfterS: retryAfter(answer.headers.get("Retry-After"), Date.now()), told };
      }
      this.pass?.keep(answer.headers.get("Hustings-Ticket"));
      this.listening.line("open", 0);
      const sorter = new this.sorter(
        (bytes) => this.listening.init(bytes),
        (event) => this.#heard(event, line),
        (part) => {
          const known = before !== undefined && part.end <= this.next * PART;
          if (before && part.end >= this.next * PART) {
            before.abort(); // we are in step with it
            before = undefined;
          }
          if (!known) this.#got(part);
        },
      );
      const reader = answer.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return { retryAfterS: 0 };
        clearTimeout(timer);
        timer = setTimeout(hangUp, this.silentS * 1000);
        sorter.push(value);
      }
    } catch (error) {
      if (!line.signal.aborted) console.info("listener: connection lost:", String(error));
      return { retryAfterS: 0 };
    } finally {
      clearTimeout(timer);
      line.abort();
      this.#over.signal.removeEventListener("abort", hangUp);
    }
  }

  /**
   * @param {RoomEvent} event
   * @param {AbortController} line  that it came by
   */
  #heard(event, line) {
    const { kind, body } = event;
    if (kind === "drain") this.#move(line, body.spread_s);
    else if (kind === "reconnect") this.spread = body.spread_s;
    else {
      if (kind === "state") this.spread = body.reconnect_s ?? this.spread;
      this.listening.event(event);
    }
  }

  /**
   * Be on another line before this one ends.
   * @param {AbortController} line
   * @param {number} spreadS  so that not all move at once
   */
  async #move(line, spreadS) {
    const { random, wait: pause } = this.platform;
    await pause(random() * spreadS, line.signal);
    for (let failures = 0; !line.signal.aborted; failures += 1) {
      this.#successor = this.#once(line);
      const { retryAfterS } = await this.#successor;
      if (line.signal.aborted) return; // it took over, or `run` looks after the next try
      this.#successor = null;
      await pause(retryDelay(failures, retryAfterS, random(), spreadS), line.signal);
    }
  }

  /** @param {MediaPart} part */
  #got(part) {
    this.#failures = 0;
    this.next = Math.round(part.end / PART);
    this.listening.part(part);
  }
}

/**
 * @param {number} seconds
 * @param {AbortSignal} signal  ends the wait early
 * @returns {Promise<void>}
 */
export function wait(seconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
