/**
 * One listener: a stream, a player, and the room as it is at the moment that is heard. Decides
 * when to play and what to do when that fails; knows no element of the page but `<audio>`.
 */

import { Pass } from "./pass.js";
import { playable, PartPlayer } from "./player.js";
import { crowded, RATE, Stream } from "./protocol.js";
import { EventQueue, MediaClock, Room } from "./room.js";

/** @typedef {import("./protocol.js").LineState} LineState */
/** @typedef {"stopped" | "starting" | "playing" | "blocked" | "broken"} Mode */
/**
 * @typedef {object} Player  what PartPlayer and the fallback have in common
 * @property {number} played  media time in seconds that is heard; NaN if unknown
 * @property {() => void} toLive
 * @property {(joined: number) => void} [pace]  the edge joins that many parts
 * @property {() => void} close
 */

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
  /** @type {{close: () => void} | null} */
  #stream = null;
  #timer = 0;
  /** @type {import("./waiting.js").Waiting | null} */
  #waiting = null;

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
      // not by us (a player that loads anew has no data): the headphones were pulled
      if (this.mode === "playing" && !audio.ended && audio.readyState) this.stop();
    });
  }

  /** Seconds between now on the stage and what is heard; NaN if not known. */
  get delay() {
    if (this.mode !== "playing" || !this.#player) return NaN;
    return this.#clock.now(performance.now() / 1000) - this.#player.played;
  }

  /** Play, if the browser lets us; call it from a click whenever there is one. */
  start() {
    if (this.#player) return;
    this.mode = "starting";
    this.#timer = setInterval(() => this.#hear(), 100);
    const kind = this.#kinds[0];
    if (!kind || prefersHls(this.audio)) {
      this.#fallBack();
    } else {
      const player = new PartPlayer(this.audio, kind.mime, (why) => this.#giveUp(why));
      this.#player = player;
      this.#play();
      const stream = new Stream(`${this.live}/${kind.rendition}.mp4`, {
        init: (bytes) => player.init(bytes),
        part: ({ start, end, bytes }) => {
          this.#seated();
          player.part(bytes, (end - start) / RATE);
          this.#clock.part(end, performance.now() / 1000);
        },
        event: (event) => this.#event(event),
        line: (state, retryS, told) => {
          this.#line(state, retryS);
          if (state === "busy" && crowded(told)) this.#queue(player, kind.rendition, stream, told);
        },
      });
      stream.pass = this.pass;
      this.#stream = stream;
      stream.run();
    }
    this.changed();
  }

  stop() {
    this.#close();
    this.mode = "stopped";
    this.changed();
  }

  toLive() {
    this.#player?.toLive();
  }

  /** The state as fetched, while there is no stream. @param {import("./room.js").State} state */
  told(state) {
    if (this.#stream) return;
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
    this.#seated();
    this.#stream?.close();
    this.#player?.close();
    this.#stream = this.#player = null;
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
      event: (event) => this.#event(event),
      line: (state, retryS) => this.#line(state, retryS),
      epochMs: () => this.room.facts?.epoch_ms ?? 0,
    });
    if (!player.possible) {
      this.#close();
      this.mode = "broken";
      return this.changed();
    }
    this.#player = this.#stream = player;
    return this.#play();
  }

  /**
   * No seat: hear the sound that any cache may serve, and move up.
   * @param {PartPlayer} player
   * @param {"opus" | "aac"} rendition
   * @param {Stream} stream
   * @param {import("./protocol.js").Refusal | null} [told]
   */
  async #queue(player, rendition, stream, told) {
    const { Waiting } = await import("./waiting.js");
    if (this.#stream !== stream || this.line === "open") return;
    this.#waiting ??= new Waiting(this.live, this.pass, rendition, stream.next, {
      init: (bytes) => player.init(bytes),
      sound: (bytes, seconds, next) => {
        player.part(bytes, seconds);
        stream.next = next; // the seat's stream goes on from here: nothing is missed, nothing is heard of it
      },
      state: (state) => {
        this.room.begin(state);
        this.changed();
      },
      turn: () => stream.hurry(),
      words: (said) => {
        this.wait = said;
        this.changed();
      },
    });
    if (told?.code === "queue") this.#waiting.told(told);
  }

  /** The stream sounds, or nothing does: no more waiting. */
  #seated() {
    if (!this.#waiting) return;
    this.#waiting.close();
    this.#waiting = this.wait = null;
    this.changed();
  }

  #sounds() {
    if (!this.#player) return;
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

/**
 * An iPhone (parts only by ManagedMediaSource) plays on with a locked screen only by itself.
 * @param {HTMLAudioElement} audio
 */
function prefersHls(audio) {
  const onlyManaged = "ManagedMediaSource" in globalThis && !("MediaSource" in globalThis);
  return onlyManaged && audio.canPlayType("application/vnd.apple.mpegurl") !== "";
}
