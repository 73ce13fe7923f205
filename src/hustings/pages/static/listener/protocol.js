/**
 * The listener's one connection: an endless CMAF stream, read, cut into boxes, resumed by part
 * number, retried politely; and the clock that tells how far behind live we are. No DOM: runs
 * in Node. The contract is docs/protocol.md 3.
 */

import { BoxSplitter, emsgOf, joined, spanOf } from "./boxes.js";

export const RATE = 48_000; // samples a second
export const PART = 15_360; // samples: 320 ms
const EVENTS = "urn:hustings:events:1";
const SILENT_S = 8; // parts come each 0.32 s, joined at most each 2.6 s: after 8 s the line is dead

/** @typedef {{seq: number, kind: string, at: number, body: any}} RoomEvent */
/** @typedef {{start: number, end: number, bytes: Uint8Array<ArrayBuffer>}} MediaPart */
/** @typedef {"connecting" | "open" | "busy" | "lost" | "unknown" | "ended"} LineState */
/**
 * @typedef {object} Listening  what a Stream tells; `line` has the seconds until the next try
 * @property {(bytes: Uint8Array<ArrayBuffer>) => void} init
 * @property {(part: MediaPart) => void} part
 * @property {(event: RoomEvent) => void} event
 * @property {(state: LineState, retryS: number) => void} line
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
 */
export function retryDelay(failures, retryAfterS, random) {
  return retryAfterS + random * Math.max(retryAfterS, Math.min(60, 2 ** failures));
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
 * Seconds until a page that plays nothing asks for news: often only around the start. Without an
 * announced one it may come at any moment.
 * @param {number} left  seconds to the announced start; NaN if there is none
 * @param {number} random
 */
export function newsDelay(left, random) {
  const least = Math.abs(left) < 120 ? 8 : left > 600 ? 60 : 20;
  return least * (1 + random);
}

/** One endless stream, held until `close`. */
export class Stream {
  /** next part to ask for; -1: whatever is live */
  next = -1;
  #failures = 0;
  #over = new AbortController();

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
      const outcome = await this.#once();
      if (signal.aborted) return;
      if (outcome.final) return this.listening.line(outcome.final, 0);
      const delay = retryDelay(this.#failures, outcome.retryAfterS, this.platform.random());
      this.#failures += 1;
      this.listening.line(outcome.retryAfterS ? "busy" : "lost", delay);
      await this.platform.wait(delay, signal);
    }
  }

  close() {
    this.#over.abort();
  }

  /** @returns {Promise<{retryAfterS: number, final?: LineState}>} */
  async #once() {
    const line = new AbortController();
    const hangUp = () => line.abort();
    this.#over.signal.addEventListener("abort", hangUp, { once: true });
    let timer = setTimeout(hangUp, SILENT_S * 1000);
    try {
      const url = this.next < 0 ? this.url : `${this.url}?from=${this.next}`;
      const answer = await this.platform.fetch(url, { signal: line.signal, cache: "no-store" });
      if (answer.status === 404) return { retryAfterS: 0, final: "unknown" };
      if (answer.status === 410) return { retryAfterS: 0, final: "ended" };
      if (!answer.ok || !answer.body) {
        return { retryAfterS: retryAfter(answer.headers.get("Retry-After"), Date.now()) };
      }
      this.listening.line("open", 0);
      const sorter = new Sorter(this.listening, (part) => this.#got(part));
      const reader = answer.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return { retryAfterS: 0 };
        clearTimeout(timer);
        timer = setTimeout(hangUp, SILENT_S * 1000);
        sorter.push(value);
      }
    } catch (error) {
      if (!this.#over.signal.aborted) console.info("listener: connection lost:", String(error));
      return { retryAfterS: 0 };
    } finally {
      clearTimeout(timer);
      line.abort();
      this.#over.signal.removeEventListener("abort", hangUp);
    }
  }

  /** @param {MediaPart} part */
  #got(part) {
    this.#failures = 0;
    this.next = Math.round(part.end / PART);
    this.listening.part(part);
  }
}

/** Boxes to what they mean: `ftyp`+`moov` the init, `emsg` an event, `moof`+`mdat` a part. */
class Sorter {
  #splitter = new BoxSplitter();
  /** @type {Uint8Array[]} */
  #held = [];
  #span = { start: 0, end: 0 };

  /**
   * @param {Listening} listening
   * @param {(part: MediaPart) => void} got
   */
  constructor(listening, got) {
    this.listening = listening;
    this.got = got;
  }

  /** @param {Uint8Array} chunk */
  push(chunk) {
    for (const { type, bytes } of this.#splitter.push(chunk)) {
      if (type === "emsg") this.#event(bytes);
      else if (type === "ftyp") this.#held = [bytes];
      else if (type === "moov") this.listening.init(joined([...this.#held, bytes]));
      else if (type === "moof") {
        this.#held = [bytes];
        this.#span = spanOf(bytes);
      } else if (type === "mdat") {
        this.got({ ...this.#span, bytes: joined([...this.#held, bytes]) });
        this.#held = [];
      }
    }
  }

  /** @param {Uint8Array} box */
  #event(box) {
    const emsg = emsgOf(box);
    if (emsg?.scheme !== EVENTS) return;
    try {
      this.listening.event(JSON.parse(new TextDecoder().decode(emsg.message)));
    } catch (error) {
      console.warn("listener: an event that could not be read:", String(error));
    }
  }
}

/**
 * Media time of *now* on the stage, told once by the server and then kept by our own clock.
 * Two clocks drift (50 ppm are 0.36 s in two hours), so the quickest part of each minute is
 * compared with the quickest of the first minute. Times in seconds.
 */
export class MediaClock {
  #offset = NaN; // media time minus our time
  #usual = NaN; // how long after its end a part comes, at best
  #best = Infinity;
  #since = 0;

  /**
   * @param {number} media  media time now, in samples
   * @param {number} own  our monotonic clock
   */
  set(media, own) {
    this.#offset = media / RATE - own;
    this.#usual = NaN;
    this.#best = Infinity;
    this.#since = own;
  }

  /**
   * A part that came as it was made, not out of the backlog.
   * @param {number} end  media time of its end, in samples
   * @param {number} own
   */
  part(end, own) {
    if (Number.isNaN(this.#offset)) return this.set(end, own);
    let age = this.now(own) - end / RATE;
    if (age < 0) {
      this.#offset -= age; // nothing comes before it is made: the server's word was old
      age = 0;
    }
    this.#best = Math.min(this.#best, age);
    if (own - this.#since < 60) return undefined;
    if (Number.isNaN(this.#usual)) this.#usual = this.#best;
    else this.#offset -= this.#best - this.#usual;
    this.#best = Infinity;
    this.#since = own;
    return undefined;
  }

  /** @param {number} own  our clock; NaN until the server told */
  now(own) {
    return own + this.#offset;
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
