/**
 * One listener: a stream, a player, and the room as it is at the moment that is heard. Decides
 * when to play and what to do when that fails; knows no element of the page but `<audio>`.
 */

import { Parts } from "./parts.js";
import { Pass } from "./pass.js";
import { playable, prefersHls } from "./player.js";
import { RATE } from "./protocol.js";
import { EventQueue, MediaClock, Room } from "./room.js";

/** @typedef {import("./protocol.js").LineState} LineState */
/** @typedef {"stopped" | "starting" | "playing" | "reading" | "held" | "blocked" | "broken"} Mode  held: by a call, say */
/**
 * @typedef {object} Player  what Parts and the fallback have in common
 * @property {number} played  media time in seconds that is heard; NaN if unknown
 * @property {() => void} toLive
 * @property {() => void} hurry  try now, if a next try is planned
 * @property {() => void} close
 * @property {(joined: number) => void} [pace]  the edge joins that many parts
 * @property {(on: boolean) => void} [save]  data
 * @property {() => void} [rest]  let the line go, and keep what has come
 */

const HELD_S = 25; // what comes meanwhile is kept, then the line is let go; the edge keeps 30 s

export class Session {
  room = new Room();
  /** @type {Mode} */
  mode = "stopped";
  /** @type {LineState} */
  line = "connecting";
  retryAt = 0; // ms since the epoch of the next try; 0: none is planned
  stalledSince = 0; // ms; 0: sound comes
  /** @type {{line: string, place: string} | null} in the waiting room */
  wait = null;
  #clock = new MediaClock();
  #events = new EventQueue();
  #kinds = playable();
  /** @type {Player | null} */
  #player = null;
  #timer = 0;
  #heldMs = 0; // since when
  #saves = false; // data, by the small stream
  #telling = {
    event: (/** @type {import("./protocol.js").RoomEvent} */ event) => this.#event(event),
    line: (/** @type {LineState} */ state, /** @type {number} */ retryS) => this.#line(state, retryS),
  };
  reads = false; // instead of hearing
  called = (/** @type {string} */ _hand) => {}; // somebody's hand was: for whoever raised one

  /**
   * @param {string} live  `/live/<room>`
   * @param {HTMLAudioElement} audio
   * @param {() => void} changed  something that people see has changed
   */
  constructor(live, audio, changed) {
    this.live = live;
    this.audio = audio;
    this.changed = changed;
    this.pass = new Pass(live);
    audio.addEventListener("playing", () => this.#sounds());
    audio.addEventListener("waiting", () => this.#stalls());
    audio.addEventListener("pause", () => {
      // not by us (a player that loads anew has no data): a call, or the headphones were pulled
      if (this.mode === "playing" && !audio.ended && audio.readyState) this.#hold();
    });
    audio.addEventListener("play", () => this.mode === "held" && this.start()); // the call is over
  }

  /** Media time in seconds that is heard, or was when all was held; NaN if nothing is. */
  get heard() {
    return this.#player?.played ?? NaN;
  }

  /** Seconds between now on the stage and what is heard; NaN if not known. */
  get delay() {
    return this.mode === "playing" ? this.#clock.now(performance.now() / 1000) - this.heard : NaN;
  }

  /** Play, if the browser lets us; call it from a click whenever there is one. */
  start() {
    if (this.mode === "held") {
      if (Date.now() - this.#heldMs < HELD_S * 1000) return this.#play(); // nothing was missed
      this.#close();
    }
    if (this.#player || this.mode === "reading") return;
    this.mode = this.reads ? "reading" : "starting";
    this.#timer = setInterval(() => this.#hear(), 100);
    const kind = this.#kinds[0];
    if (this.reads) {
      this.#read();
    } else if (!kind || prefersHls(this.audio)) {
      this.#fallBack();
    } else {
      this.#player = new Parts(this.audio, this.live, kind, this.pass, this.#saves, {
        ...this.#telling,
        part: (end) => this.#clock.part(end, performance.now() / 1000),
        state: (state) => (this.room.begin(state), this.changed()),
        wait: (said) => ((this.wait = said), this.changed()),
        gaveUp: (why) => this.#giveUp(why),
      });
      this.#play();
    }
    this.changed();
  }

  stop() {
    this.#close();
    this.mode = "stopped";
    this.changed();
  }

  /** Whether there is a smaller stream that this browser plays. */
  get canSave() {
    return this.#kinds[0]?.rendition === "opus" && !prefersHls(this.audio);
  }

  /** Less data, or the full sound again; what plays goes on. @param {boolean} on */
  save(on) {
    this.#saves = on;
    this.#player?.save?.(on);
  }

  /** No sound and no stream of it, only what is said about it; or sound again. @param {boolean} on */
  read(on) {
    if (on === this.reads) return;
    this.reads = on;
    this.stop();
    if (this.room.open) this.start();
  }

  /** The network or the page is back: no more sitting out the pause after a broken line. */
  wake() {
    if (this.line === "lost") this.#player?.hurry();
  }

  #hold() {
    const since = Date.now();
    this.mode = "held";
    this.#heldMs = since;
    setTimeout(() => this.mode === "held" && this.#heldMs === since && this.#player?.rest?.(), HELD_S * 1000);
    this.changed();
  }

  toLive() {
    this.#player?.toLive();
  }

  /** The state as fetched, while there is no stream. @param {import("./room.js").State} state */
  told(state) {
    if (this.#player) return;
    this.room.begin(state);
    this.changed();
  }

  #play() {
    this.audio.play().catch((error) => {
      if (error.name !== "NotAllowedError") return;
      this.#close();
      this.mode = "blocked";
      this.changed();
    });
  }

  #close() {
    this.mode = "stopped"; // before the element pauses and tells us
    clearInterval(this.#timer);
    this.#player?.close();
    this.#player = null;
    this.stalledSince = this.retryAt = 0;
    for (const event of this.#events.due(Infinity)) this.room.apply(event);
    this.room.speaking = new Set();
  }

  /** @param {string} why */
  #giveUp(why) {
    console.warn("listener: another way to play is tried:", why);
    this.#kinds.shift();
    this.#close();
    this.start();
  }

  /** The browser's own player, loaded only where it is needed. */
  async #fallBack() {
    const { NativePlayer } = await import("./fallback.js");
    if (this.mode !== "starting") return;
    const player = new NativePlayer(this.audio, this.live, {
      ...this.#telling,
      epochMs: () => this.room.facts?.epoch_ms ?? 0,
    });
    if (!player.possible) {
      this.#close();
      this.mode = "broken";
      return this.changed();
    }
    this.#player = player;
    return this.#play();
  }

  async #read() {
    const { Reader } = await import("./reader.js");
    if (this.mode !== "reading" || this.#player) return;
    this.#player = new Reader(this.live, this.#telling);
  }

  #sounds() {
    if (!this.#player || this.reads) return;
    this.mode = "playing";
    this.stalledSince = 0;
    this.changed();
  }

  #stalls() {
    if (!this.#player || this.stalledSince) return;
    this.stalledSince = Date.now();
    this.changed();
  }

  /**
   * @param {LineState} state
   * @param {number} retryS
   */
  #line(state, retryS) {
    this.line = state;
    this.retryAt = retryS ? Date.now() + retryS * 1000 : 0;
    if (state === "unknown" || state === "ended") this.stop();
    if (state === "ended" && this.room.facts) this.room.facts = { ...this.room.facts, state };
    this.changed();
  }

  /** @param {import("./protocol.js").RoomEvent} event */
  #event(event) {
    if (event.kind === "pace" || event.kind === "state") this.#player?.pace?.(event.body.joined ?? 1);
    if (event.kind === "call") return this.called(event.body.hand); // for a person: not when its sound is heard
    if (event.kind !== "state") return this.#events.put(event);
    this.#clock.set(event.body.media_time, performance.now() / 1000);
    this.room.apply(event);
    return this.changed();
  }

  /** Let events happen when their sound is heard. */
  #hear() {
    const heard = (this.#player?.played ?? NaN) * RATE;
    const due = this.#events.due(heard);
    for (const event of due) this.room.apply(event);
    if (due.length) this.changed();
    if (this.room.phase === "ended") this.stop();
  }
}
