/**
 * The waiting room: sound in segments that any cache may serve, some seconds late; the place in
 * the queue, worked out from numbers that are the same for everybody; and the word when our turn
 * has come. Loaded when all seats at the live sound are taken. Contract: docs/protocol.md 3.7.
 */

import { n, t } from "../strings.js";
import { PART, RATE, wait } from "./protocol.js";
import { Receipts } from "./receipts.js";

const SEGMENT_PARTS = 12;
const SEGMENT_S = (SEGMENT_PARTS * PART) / RATE;
const BEHIND = 2; // complete segments in hand: time to fetch the next one, spread over SPREAD_S
const SPREAD_S = 3; // a crowd that waits for the same segment does not ask at once
const NEAR_S = 20; // from here on we look often
const NEAR_PEOPLE = 10;
const STATE_S = 20; // who is on stage, and so on: no stream tells us
const MOST_POLL_S = 20;

/** @typedef {[number, number, number]} Span  people whose places lie from the first to before the second number */
/**
 * @typedef {object} Queue  `queue.json`
 * @property {number} part  next to be sent
 * @property {number} serving  places up to here may come in
 * @property {number} rate  people a second
 * @property {number} waiting
 * @property {boolean} open  a seat for everybody
 * @property {Span[]} spans
 * @property {{seed?: string, doors_s?: number} | null} draw
 */
/**
 * @typedef {object} Telling
 * @property {(bytes: Uint8Array<ArrayBuffer>) => void} init
 * @property {(bytes: Uint8Array<ArrayBuffer>, seconds: number, next: number) => void} sound  next: the part after it
 * @property {(state: import("./room.js").State) => void} state
 * @property {() => void} turn  our turn: ask for a seat
 * @property {(said: {line: string, place: string}) => void} words
 */

/**
 * How many stand before a place.
 * @param {Span[]} spans
 * @param {number} serving
 * @param {number} place
 */
export function ahead(spans, serving, place) {
  let people = 0;
  for (const [first, end, count] of spans) {
    const share = Math.min(place, end) - Math.max(serving, first);
    if (share > 0) people += (count * share) / (end - first);
  }
  return Math.floor(people + 1e-6); // one counts oneself by the rank
}

/** Where to begin: BEHIND the live segment, or what is to be heard next; a young room's very first. @type {(part: number, next: number) => number} */
export const firstSegment = (part, next) =>
  Math.max(0, Math.floor(part / SEGMENT_PARTS) - BEHIND, Math.floor(next / SEGMENT_PARTS));

/**
 * The place that a ticket holds; NaN before the draw, or where the browser keeps its hashes to
 * secure pages: then the edge says it when asked.
 * @param {string} ticket
 * @param {Queue["draw"]} draw
 */
export async function placeOf(ticket, draw) {
  if (!draw?.doors_s || !draw.seed || !globalThis.crypto?.subtle) return NaN;
  const bytes = Uint8Array.from(atob(ticket.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const seed = Uint8Array.from(draw.seed.match(/../g) ?? [], (hex) => parseInt(hex, 16));
  const key = await crypto.subtle.importKey("raw", seed, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const digest = new DataView(await crypto.subtle.sign("HMAC", key, bytes.slice(11, 19)));
  const rank = (digest.getUint32(0) >>> 12) / 2 ** 20;
  return Math.max(new DataView(bytes.buffer).getUint32(3), draw.doors_s - 1) + rank;
}

/**
 * Seconds until the queue is looked at again.
 * @param {number} people  before us; NaN: nobody knows
 * @param {number} left  seconds until our turn, by the published rate; NaN: nobody knows
 * @param {number} random  0 to 1
 */
export function pollDelay(people, left, random) {
  const near = people < NEAR_PEOPLE || left < NEAR_S;
  const least = near ? 1.5 : Math.min(MOST_POLL_S, left / 4 || MOST_POLL_S / 2);
  return least * (1 + random);
}

export class Waiting {
  #over = new AbortController();
  #place = NaN;
  #part = 0; // next to be sent, as of #at
  #at = 0;
  #asked = false;
  #sounds = false;
  #next;
  #receipts;

  /**
   * @param {string} live  `/live/<room>`
   * @param {import("./pass.js").Pass} pass
   * @param {"opus" | "aac"} rendition  what this browser plays
   * @param {number} next  part to go on with; -1: none was heard
   * @param {Telling} telling
   */
  constructor(live, pass, rendition, next, telling) {
    this.live = live;
    this.pass = pass;
    this.rendition = rendition === "opus" ? "opus-low" : rendition;
    this.#next = next;
    this.telling = telling;
    this.#receipts = new Receipts(live, { hears: "low", waits: true }, pass.ticket || undefined);
    this.#watch();
    this.#news();
  }

  /** What the edge said as it refused. @param {{place?: number | null, ahead?: number | null, wait_s?: number | null}} told */
  told({ place, ahead: people, wait_s: left }) {
    this.#place = place ?? this.#place;
    this.#say(people ?? NaN, left ?? NaN);
  }

  close() {
    this.#over.abort();
    this.#receipts.close();
  }

  /** The queue, again and again; the first look also tells where the sound is. */
  async #watch() {
    const { signal } = this.#over;
    while (!signal.aborted) {
      const queue = /** @type {Queue | null} */ (await this.#get("queue.json", "json"));
      const [people, left] = queue && !signal.aborted ? await this.#look(queue) : [NaN, NaN];
      if (this.pass.ticket) await wait(pollDelay(people, left, Math.random()), signal);
      else await this.#takePlace();
    }
  }

  /** Turned away at the door already: stand in the queue all the same. */
  async #takePlace() {
    await this.pass.renew(true);
    if (!this.pass.ticket) await wait(MOST_POLL_S * (1 + Math.random()), this.#over.signal);
  }

  /**
   * @param {Queue} queue
   * @returns {Promise<[number, number]>} people before us, and seconds until our turn
   */
  async #look(queue) {
    const first = !this.#at;
    this.#part = queue.part;
    this.#at = performance.now() / 1000;
    if (first) this.#play();
    if (this.pass.ticket && Number.isNaN(this.#place)) this.#place = await placeOf(this.pass.ticket, queue.draw);
    if (queue.open || this.#place <= queue.serving) {
      if (!this.#asked) this.telling.turn();
      this.#asked = true; // if all seats are taken for the moment, the next try is when the edge says
      return [0, 0];
    }
    this.#asked = false;
    const people = Number.isNaN(this.#place) ? NaN : ahead(queue.spans, queue.serving, this.#place);
    const left = queue.rate > 0 ? people / queue.rate : NaN;
    if (this.pass.ticket && !this.#over.signal.aborted) this.#say(people, left);
    return [people, left];
  }

  /** Segment after segment, each some time after it is complete. */
  async #play() {
    const { signal } = this.#over;
    const phase = Math.random() * SPREAD_S;
    let segment = firstSegment(this.#part, this.#next);
    const init = await this.#init();
    if (!init) return;
    this.telling.init(init);
    for (let fetched = 0; !signal.aborted; ) {
      const complete = (this.#part - (segment + 1) * SEGMENT_PARTS) * (PART / RATE);
      const age = complete + performance.now() / 1000 - this.#at;
      await wait(Math.max(0, (fetched < BEHIND ? 0 : phase) - age), signal);
      const bytes = await this.#get(`${this.rendition}/${segment}.m4s`, "bytes");
      if (signal.aborted) return;
      if (bytes) {
        segment += 1;
        fetched += 1;
        this.#sounds = true;
        this.telling.sound(bytes, BEHIND * SEGMENT_S, segment * SEGMENT_PARTS);
      } else {
        await wait(1 + Math.random(), signal);
        segment = Math.max(segment, Math.floor(this.#part / SEGMENT_PARTS) - BEHIND); // it may be gone
      }
    }
  }

  /** Without it no segment can be played: asked for until it comes; null when all is over. */
  async #init() {
    const { signal } = this.#over;
    while (!signal.aborted) {
      const init = await this.#get(`${this.rendition}/init.mp4`, "bytes");
      if (init && !signal.aborted) return init;
      await wait(1 + Math.random(), signal);
    }
    return null;
  }

  async #news() {
    const { signal } = this.#over;
    while (!signal.aborted) {
      const state = await this.#get("state.json", "json");
      if (state && !signal.aborted) this.telling.state(state);
      await wait(STATE_S * (1 + Math.random()), signal);
    }
  }

  /**
   * @param {string} name
   * @param {"json" | "bytes"} kind
   * @returns {Promise<any>} null if it did not come
   */
  async #get(name, kind) {
    try {
      const answer = await fetch(`${this.live}/${name}`, { signal: this.#over.signal });
      if (!answer.ok) return null;
      return kind === "json" ? await answer.json() : new Uint8Array(await answer.arrayBuffer());
    } catch {
      return null;
    }
  }

  /**
   * @param {number} people  before us; NaN: nobody knows yet
   * @param {number} left  seconds
   */
  #say(people, left) {
    const line = this.#sounds
      ? t("All seats at the live sound are taken. You hear it some seconds later, and move up by yourself.")
      : t("Very many people are here, and every place is taken. Stay; the sound comes by itself.");
    this.telling.words({ line, place: placeWords(people, left) });
  }
}

/**
 * @param {number} people
 * @param {number} left
 */
function placeWords(people, left) {
  if (Number.isNaN(people)) return t("The order is drawn by lot when the doors open.");
  if (people < 1) return t("You are next.");
  const minutes = Math.ceil(left / 60);
  if (!Number.isFinite(minutes)) return n("{count} person before you", "{count} people before you", people);
  const time = minutes > 1 ? n("about {count} minute", "about {count} minutes", minutes) : t("about a minute");
  return n("{count} person before you, {time}", "{count} people before you, {time}", people, { time });
}
