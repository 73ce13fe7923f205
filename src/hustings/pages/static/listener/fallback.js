/**
 * Sound without Media Source Extensions: the browser plays HLS (iPhone) or an endless file by
 * itself; what is said about the sound comes by `/events`, aligned by the playlist's dates.
 */

import { eventStream } from "./events.js";
import { retryDelay, wait } from "./protocol.js";
import { Receipts } from "./receipts.js";

/**
 * @typedef {object} Telling
 * @property {(event: import("./protocol.js").RoomEvent) => void} event
 * @property {(state: import("./protocol.js").LineState, retryS: number) => void} line
 * @property {() => number} epochMs  wall time of media time 0
 */

const HLS = "aac/index.m3u8?page"; // pages are counted by their receipts, not as players

/**
 * What to try, the best first. HLS by one rendition's own playlist: Chromium's player fails when it
 * changes between codecs.
 * @type {[string, string][]}
 */
const SOURCES = [
  [HLS, "application/vnd.apple.mpegurl"],
  ["aac.mp4", 'audio/mp4; codecs="mp4a.40.2"'],
  ["radio.mp3", "audio/mpeg"],
];

export class NativePlayer {
  #over = new AbortController();
  #pause = new AbortController();
  #failures = 0;
  /** @type {Receipts | null} */
  #receipts = null;

  /**
   * @param {HTMLAudioElement} audio
   * @param {string} live  `/live/<room>`
   * @param {Telling} telling
   */
  constructor(audio, live, telling) {
    this.audio = audio;
    this.live = live;
    this.telling = telling;
    this.sources = SOURCES.filter(([, type]) => audio.canPlayType(type) !== "");
    if (!this.possible) return;
    const { signal } = this.#over;
    audio.addEventListener("error", () => this.#failed(), { signal });
    audio.addEventListener("ended", () => this.#failed(), { signal });
    audio.addEventListener("playing", () => this.#plays(), { signal });
    this.#load();
    const events = eventStream(live, { event: telling.event, line: () => {} }); // the sound's own line counts
    signal.addEventListener("abort", () => events.close(), { once: true });
    events.run();
  }

  get possible() {
    return this.sources.length > 0;
  }

  /** Media time in seconds that is heard, by EXT-X-PROGRAM-DATE-TIME where the browser tells it. */
  get played() {
    const { audio } = this;
    const start = /** @type {any} */ (audio).getStartDate?.()?.getTime() ?? NaN;
    return (start + audio.currentTime * 1000 - this.telling.epochMs()) / 1000;
  }

  toLive() {
    const { seekable } = this.audio;
    if (seekable.length) this.audio.currentTime = seekable.end(seekable.length - 1);
  }

  /** Try now, if a next try is planned. */
  hurry() {
    this.#pause.abort();
  }

  close() {
    this.#over.abort();
    this.#pause.abort();
    this.#receipts?.close();
    this.audio.removeAttribute("src");
    this.audio.load();
  }

  #load() {
    const [file] = this.sources[0] ?? [""];
    this.audio.src = `${this.live}/${file}`;
  }

  #plays() {
    this.#failures = 0;
    if (this.sources[0]?.[0] === HLS) this.#receipts ??= new Receipts(this.live, { hears: "hls", waits: false });
    this.telling.line("open", 0);
  }

  async #failed() {
    const { signal } = this.#over;
    const delay = retryDelay(this.#failures, 0, Math.random());
    this.#failures += 1;
    if (this.#failures % 3 === 0 && this.sources.length > 1) this.sources.shift();
    this.#pause = new AbortController();
    this.telling.line("lost", delay);
    await wait(delay, this.#pause.signal);
    if (signal.aborted) return;
    this.telling.line("connecting", 0);
    this.#load();
    this.audio.play().catch(() => undefined);
  }
}
