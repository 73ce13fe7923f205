/**
 * The usual way to hear: parts by a stream of our own into the player, and by segments while we
 * wait for a seat. To Session it looks as the browser's own player does (fallback.js).
 */

import { PartPlayer } from "./player.js";
import { crowded, RATE, Stream } from "./protocol.js";

/** @typedef {import("./player.js").Kind} Kind */
/** @typedef {import("./protocol.js").Refusal} Refusal */
/**
 * @typedef {object} Telling
 * @property {(event: import("./protocol.js").RoomEvent) => void} event
 * @property {(state: import("./protocol.js").LineState, retryS: number) => void} line
 * @property {(end: number) => void} part  one came; media time of its end in samples
 * @property {(state: import("./room.js").State) => void} state  while we wait
 * @property {(said: {line: string, place: string} | null) => void} wait  null: no more
 * @property {(why: string) => void} gaveUp  it cannot be played
 */

export class Parts {
  #player;
  #stream;
  #open = false; // the stream sounds
  #rests = false; // no stream is wanted
  /** @type {import("./waiting.js").Waiting | null} */
  #waiting = null;

  /**
   * @param {HTMLAudioElement} audio
   * @param {string} live  `/live/<room>`
   * @param {Kind} kind
   * @param {import("./pass.js").Pass} pass
   * @param {boolean} saves  data, by the small stream
   * @param {Telling} telling
   */
  constructor(audio, live, kind, pass, saves, telling) {
    this.live = live;
    this.kind = kind;
    this.pass = pass;
    this.telling = telling;
    this.#player = new PartPlayer(audio, kind.mime, telling.gaveUp);
    this.#stream = this.#connect(saves, -1);
  }

  get played() {
    return this.#player.played;
  }

  toLive() {
    this.#player.toLive();
  }

  /** The edge joins that many parts. @param {number} joined */
  pace(joined) {
    this.#player.pace(joined);
  }

  /** Less data, or the full sound again; the next part comes by the other stream. @param {boolean} on */
  save(on) {
    this.rest();
    this.#stream = this.#connect(on, this.#stream.next);
  }

  hurry() {
    this.#stream.hurry();
  }

  /** The line is let go; what has come is kept. */
  rest() {
    this.#rests = true;
    this.#seated();
    this.#stream.close();
  }

  close() {
    this.rest();
    this.#player.close();
  }

  /**
   * @param {boolean} saves
   * @param {number} next  part to begin with; -1: live
   */
  #connect(saves, next) {
    this.#rests = false;
    const { rendition } = this.kind;
    const name = saves && rendition === "opus" ? "opus-low" : rendition;
    const stream = new Stream(`${this.live}/${name}.mp4`, {
      init: (bytes) => this.#player.init(bytes),
      part: ({ start, end, bytes }) => {
        this.#seated();
        this.#player.part(bytes, (end - start) / RATE);
        this.telling.part(end);
      },
      event: (event) => this.telling.event(event),
      line: (state, retryS, told) => {
        this.#open = state === "open";
        this.telling.line(state, retryS);
        if (state === "busy" && crowded(told)) this.#queue(stream, told);
      },
    });
    stream.pass = this.pass;
    stream.next = next;
    stream.run();
    return stream;
  }

  /**
   * No seat: hear the sound that any cache may serve, and move up.
   * @param {Stream} stream  that was refused
   * @param {Refusal | null} [told]
   */
  async #queue(stream, told) {
    const { Waiting } = await import("./waiting.js");
    if (this.#stream !== stream || this.#open || this.#rests) return;
    this.#waiting ??= new Waiting(this.live, this.pass, this.kind.rendition, stream.next, {
      init: (bytes) => this.#player.init(bytes),
      sound: (bytes, seconds, next) => {
        this.#player.part(bytes, seconds);
        stream.next = next; // the seat's stream goes on from here: nothing is missed, nothing is heard of it
      },
      state: (state) => this.telling.state(state),
      turn: () => stream.hurry(),
      words: (said) => this.telling.wait(said),
    });
    if (told?.code === "queue") this.#waiting.told(told);
  }

  /** The stream sounds, or nothing does: no more waiting. */
  #seated() {
    if (!this.#waiting) return;
    this.#waiting.close();
    this.#waiting = null;
    this.telling.wait(null);
  }
}
