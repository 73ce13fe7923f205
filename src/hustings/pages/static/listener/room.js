/**
 * What a listener may know of a room, folded from events; the queue that holds each event back
 * until the sound it belongs to is heard; and the clock that tells how far behind live that is.
 * No DOM: runs in Node. Fields: docs/protocol.md 3.
 */

import { RATE } from "./protocol.js";

/** @typedef {import("./protocol.js").RoomEvent} RoomEvent */
/** @typedef {"scheduled" | "lobby" | "live" | "ended"} Phase */
/** @typedef {{id: string, name: string, role: string, place?: string, muted?: boolean, connected?: boolean, alike?: boolean}} Person */
/**
 * @typedef {object} Facts  the journal's `room` body; what is at its default is left out
 * @property {string} room
 * @property {string} title
 * @property {Phase} [state]
 * @property {string} [description]
 * @property {string} [language]
 * @property {string} [host]
 * @property {number} [start_ms]
 * @property {number} [lobby_min]  before the start; 0: the lobby is opened by hand
 * @property {number} [was_ms]  the start that was announced before
 * @property {number} [cancelled_ms]
 * @property {string} [cancelled_why]
 * @property {number} [epoch_ms]
 * @property {number} [live_ms]  when it went live
 * @property {string} [rehearsal_of]
 * @property {number} [keep_days]  0: the recording is not kept
 * @property {string} [notice]
 * @property {string[]} [topics]
 * @property {string} [rules]  which version of the house rules holds
 * @property {{hash: string, alt: string}} [picture]
 */
/**
 * @typedef {object} State  `state.json`
 * @property {Facts} room
 * @property {number} media_time
 * @property {Person[]} roster
 * @property {string[]} speaking
 * @property {"live" | "hold"} source
 * @property {number} [wall_ms]
 * @property {string[]} [stream]
 * @property {number} [listeners]
 * @property {Point} [agenda]
 * @property {{mode: string}} [questions]
 * @property {boolean} [unknown]  who is on stage: by the page alone, before the edge has told
 * @property {Poll} [poll]
 * @property {Partial<Facts>} [own]  of a page whose words are not those of the room's language
 */
/** @typedef {{id?: string, question?: string, choices?: string[], state?: "open" | "closed" | "counted", counts?: number[], votes?: number, moved?: number}} Poll */
/** @typedef {{id?: string, title?: string, who?: string}} Point  of the running order */

/** @typedef {{seq: number, text: string, by: string}} Caption */

export const CAPTIONS = 500; // that can be read again: half an hour of talk
const QUEUE = 500; // events of about two minutes of lively talk; beyond that the oldest apply at once

const APPLAUSE_S = 10; // reactions are shown for so long

/** What the audience did within the last seconds. Times in seconds of our own clock. */
export class Applause {
  /** @type {{counts: Record<string, number>, at: number}[]} */
  #heard = [];

  /** @param {Record<string, number>} counts @param {number} at */
  hear(counts, at) {
    this.#heard = [...this.#heard.slice(-APPLAUSE_S), { counts, at }];
  }

  /** @param {number} now @returns {Record<string, number>} kind -> how many */
  sums(now) {
    /** @type {Record<string, number>} */
    const sums = {};
    for (const { counts, at } of this.#heard) {
      if (now - at > APPLAUSE_S) continue;
      for (const [kind, count] of Object.entries(counts)) sums[kind] = (sums[kind] ?? 0) + count;
    }
    return sums;
  }
}

/** The room as it is at the moment that is being heard. */
export class Room {
  /** @type {Facts | null} */
  facts = null;
  /** Title and description in the reader's language, as the page has them: events speak that of the room. @type {Partial<Facts>} */
  own = {};
  /** @type {Person[]} */
  people = [];
  /** @type {Set<string>} */
  speaking = new Set();
  /** @type {"live" | "hold"} */
  source = "live";
  /** @type {number | null} */
  listeners = null;
  /** @type {Poll | null} null: not known yet; without an id: there is none */
  poll = null;
  unknown = false; // who is on stage
  asks = false; // questions are taken
  applause = new Applause();
  /** @type {Point} what is spoken about; without an id: no point of a running order */
  point = {};
  /** @type {Caption[]} the last ones */
  captions = [];

  /** @returns {Phase} */
  get phase() {
    return this.facts?.state ?? "scheduled";
  }

  /** Whether it does not take place. */
  get off() {
    return Boolean(this.facts?.cancelled_ms);
  }

  /** Whether there is something to hear, or will be soon. */
  get open() {
    return this.phase === "lobby" || this.phase === "live";
  }

  /** @param {State} state */
  begin(state) {
    this.own = state.own ?? this.own;
    this.facts = { ...state.room, ...this.own };
    this.people = state.roster.filter(onStage);
    this.speaking = new Set(state.speaking);
    this.source = state.source;
    this.unknown = state.unknown ?? false;
    this.listeners = state.listeners ?? null;
    this.point = state.agenda ?? {};
    this.asks = Boolean(state.questions);
    if (state.stream) this.poll = state.poll ?? {}; // else it is what the page says, which shows it
  }

  /** @param {RoomEvent} event */
  apply({ kind, body, seq }) {
    if (kind === "state") this.begin(body);
    else if (kind === "room") this.facts = { ...body, ...this.own };
    else if (kind === "level") this.speaking = new Set(body.speaking);
    else if (kind === "roster") this.#person(body.participant);
    else if (kind === "source") this.source = body.source;
    else if (kind === "questions") this.asks = body.mode !== "off";
    else if (kind === "poll") this.poll = body;
    else if (kind === "agenda") this.point = body;
    else if (kind === "reactions") this.applause.hear(body.counts, performance.now() / 1000);
    else if (kind === "reach") this.listeners = body.now ?? this.listeners;
    else if (kind === "caption" && typeof body.text === "string") this.#caption(seq, body);
  }

  /**
   * One that is known already comes again when a line was taken up again.
   * @param {number} seq
   * @param {{text: string, name?: string}} body
   */
  #caption(seq, { text, name = "" }) {
    if (seq <= (this.captions.at(-1)?.seq ?? -1)) return;
    this.captions = [...this.captions, { seq, text, by: name }].slice(-CAPTIONS);
  }

  /** @param {Person} person */
  #person(person) {
    const others = this.people.filter((each) => each.id !== person.id);
    const known = others.length < this.people.length;
    if (!onStage(person)) this.people = others;
    else if (known) this.people = this.people.map((each) => (each.id === person.id ? person : each));
    else this.people = [...others, person];
    if (!onStage(person) || person.muted) this.speaking.delete(person.id);
  }
}

/** Events in the order of the media time they refer to, until that is heard. */
export class EventQueue {
  /** @type {RoomEvent[]} */
  #waiting = [];

  /** @param {RoomEvent} event */
  put(event) {
    let i = this.#waiting.length;
    while (i > 0 && /** @type {RoomEvent} */ (this.#waiting[i - 1]).at > event.at) i -= 1;
    this.#waiting.splice(i, 0, event);
  }

  /**
   * Those whose time has come, and the oldest if there are too many.
   * @param {number} heard  media time in samples; NaN (nothing is heard): all of them
   * @returns {RoomEvent[]}
   */
  due(heard) {
    let count = Math.max(0, this.#waiting.length - QUEUE);
    while (count < this.#waiting.length) {
      if (/** @type {RoomEvent} */ (this.#waiting[count]).at > heard) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}

/** @param {Person} person */
const onStage = (person) => (person.place ?? "backstage") === "stage";

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
