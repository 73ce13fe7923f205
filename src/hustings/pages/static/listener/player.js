/**
 * Sound out of CMAF parts by Media Source Extensions: starts at once, stays near live, jumps over
 * gaps, mends itself. The element's timeline is media time (seconds since the room's epoch).
 */

import { MARGIN_S, Pace, PART_S } from "./pace.js";

const START_S = PART_S + MARGIN_S; // enough to begin
const LOST_S = 32; // more than the server keeps: give up and jump
const KEEP_S = 15; // played sound that stays in memory
const QUEUE_PARTS = 200; // while the buffer cannot take them; then the oldest go

/** @typedef {"opus" | "aac"} Rendition */
/** @typedef {{rendition: Rendition, mime: string}} Kind */

/**
 * What this browser plays from parts, the best first. Safari knows Opus by its capital letter.
 * @returns {Kind[]}
 */
export function playable() {
  const Source = mediaSource();
  if (!Source) return [];
  /** @type {[Rendition, string][]} */
  const kinds = [
    ["opus", 'audio/mp4; codecs="opus"'],
    ["opus", 'audio/mp4; codecs="Opus"'],
    ["aac", 'audio/mp4; codecs="mp4a.40.2"'],
  ];
  return kinds
    .filter(([, mime]) => Source.isTypeSupported(mime))
    .map(([rendition, mime]) => ({ rendition, mime }));
}

/** @returns {typeof MediaSource | undefined} */
export const mediaSource = () => /** @type {any} */ (globalThis).ManagedMediaSource ?? globalThis.MediaSource;

export class PartPlayer {
  /** @type {SourceBuffer | null} */
  #buffer = null;
  /** @type {Uint8Array<ArrayBuffer>[]} */
  #queue = [];
  /** @type {Uint8Array<ArrayBuffer> | null} */
  #init = null;
  #started = false;
  #trimmedAt = 0;
  #steeredAt = 0;
  #pace = new Pace();
  #address = "";
  #faults = 0;

  /**
   * @param {HTMLAudioElement} audio
   * @param {string} mime
   * @param {(reason: string) => void} gaveUp  called once, when rebuilding does not help
   */
  constructor(audio, mime, gaveUp) {
    this.audio = audio;
    this.mime = mime;
    this.gaveUp = gaveUp;
    this.turn = () => this.#turn();
    this.failed = () => this.#fault(audio.error?.message || "the browser cannot play it");
    audio.addEventListener("error", this.failed);
    this.timer = setInterval(this.turn, 250);
    this.#open();
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes  `ftyp` and `moov`; comes first on each connection */
  init(bytes) {
    if (this.#init?.toString() !== bytes.toString()) this.#push(bytes);
    this.#init = bytes;
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} bytes  one or more parts
   * @param {number} seconds  how much sound that is
   */
  part(bytes, seconds) {
    this.#pace.came(seconds, performance.now() / 1000);
    this.#push(bytes);
  }

  /**
   * The edge sends this many parts at once, or will soon.
   * @param {number} joined
   */
  pace(joined) {
    this.#pace.announce(joined, this.#started);
  }

  /** Media time in seconds of what is heard now; NaN before the first sound. */
  get played() {
    return this.#started ? this.audio.currentTime : NaN;
  }

  /** Skip what was missed. */
  toLive() {
    const range = this.#last();
    if (range) this.audio.currentTime = Math.max(range.start, range.end - this.#pace.target);
  }

  close() {
    clearInterval(this.timer);
    this.audio.removeEventListener("error", this.failed);
    this.#release();
    this.audio.removeAttribute("src");
    this.audio.load();
  }

  #open() {
    const Source = mediaSource();
    if (!Source) throw new Error("no Media Source Extensions");
    const source = new Source();
    this.#address = URL.createObjectURL(source);
    this.audio.disableRemotePlayback = true; // else ManagedMediaSource never opens
    this.audio.src = this.#address;
    source.addEventListener(
      "sourceopen",
      () => {
        URL.revokeObjectURL(this.#address);
        try {
          const buffer = source.addSourceBuffer(this.mime);
          buffer.addEventListener("updateend", this.turn);
          buffer.addEventListener("error", () => this.#fault("the buffer refused a part"));
          this.#buffer = buffer;
          return this.#turn();
        } catch (error) {
          return this.#fault(String(error));
        }
      },
      { once: true },
    );
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes */
  #push(bytes) {
    this.#queue.push(bytes);
    if (this.#queue.length > QUEUE_PARTS) this.#queue.splice(0, this.#queue.length - QUEUE_PARTS);
    this.#turn();
  }

  /** Whatever can be done now: on each part, each finished append, and four times a second. */
  #turn() {
    const buffer = this.#buffer;
    if (!buffer || buffer.updating) return;
    this.#steer();
    try {
      const old = this.audio.currentTime - KEEP_S;
      if (this.#started && this.audio.currentTime - this.#trimmedAt > 30 && old > 0) {
        this.#trimmedAt = this.audio.currentTime;
        buffer.remove(0, old);
      } else {
        const next = this.#queue.shift();
        if (next) this.#append(buffer, next);
      }
    } catch (error) {
      this.#fault(String(error)); // the element or its buffer has gone bad
    }
  }

  /**
   * @param {SourceBuffer} buffer
   * @param {Uint8Array<ArrayBuffer>} bytes
   */
  #append(buffer, bytes) {
    try {
      buffer.appendBuffer(bytes);
    } catch (error) {
      const full = error instanceof DOMException && error.name === "QuotaExceededError";
      if (!full || this.audio.currentTime < 5) throw error;
      this.#queue.unshift(bytes);
      buffer.remove(0, this.audio.currentTime - 2);
    }
  }

  /** Where to play, and how fast. */
  #steer() {
    const { audio } = this;
    const range = this.#last();
    if (!range) return;
    if (!this.#started) {
      if (range.end - range.start < START_S) return;
      audio.currentTime = Math.max(range.start, range.end - this.#pace.target);
      this.#trimmedAt = audio.currentTime;
      this.#started = true;
    }
    const gap = this.#gapAhead(range.end);
    if (gap) audio.currentTime = gap;
    if (range.end === this.#steeredAt) return; // between two parts the buffer only shrinks
    this.#steeredAt = range.end;
    const over = range.end - audio.currentTime - this.#pace.target;
    if (over > LOST_S) this.toLive();
    else audio.playbackRate = this.#pace.rate(over, audio.playbackRate);
    if (over < PART_S) this.#faults = 0; // near live and playing: well again
  }

  /**
   * Where the sound goes on, if we stand at the end of one stretch and another one is there. How
   * close to the end a browser comes is its own affair (Chromium: 0.12 s), so its word counts.
   * @param {number} newest  end of what is buffered
   */
  #gapAhead(newest) {
    const { buffered, currentTime, readyState, seeking } = this.audio;
    if (seeking || readyState > HTMLMediaElement.HAVE_CURRENT_DATA) return 0;
    for (let i = 0; i < buffered.length; i += 1) {
      const start = buffered.start(i);
      if (currentTime < start) return newest - start < START_S ? 0 : start + 0.001;
      if (currentTime < buffered.end(i) - 0.5) return 0;
    }
    return 0;
  }

  #last() {
    const { buffered } = this.audio;
    const i = buffered.length - 1;
    return i < 0 ? null : { start: buffered.start(i), end: buffered.end(i) };
  }

  /** @param {string} reason */
  #fault(reason) {
    this.#faults += 1;
    console.warn("listener: player rebuilt:", reason);
    this.#release();
    if (this.#faults > 3) return this.gaveUp(reason);
    const playing = !this.audio.paused;
    this.#open();
    if (this.#init) this.#queue = [this.#init];
    if (playing) this.audio.play().catch(() => undefined);
    return undefined;
  }

  #release() {
    this.#buffer?.removeEventListener("updateend", this.turn);
    this.#buffer = null;
    this.#queue = [];
    this.#started = false;
    URL.revokeObjectURL(this.#address);
  }
}

/**
 * An iPhone (parts only by ManagedMediaSource) plays on with a locked screen only by itself.
 * @param {HTMLAudioElement} audio
 */
export function prefersHls(audio) {
  const onlyManaged = "ManagedMediaSource" in globalThis && !("MediaSource" in globalThis);
  return onlyManaged && audio.canPlayType("application/vnd.apple.mpegurl") !== "";
}
