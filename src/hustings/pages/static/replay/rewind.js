/**
 * The past of a room that is still live, in a player of its own: from the beginning, or from
 * `?t=`. Segments by number, each fetched when it is needed; iPhones take the playlist over them.
 */

import { mediaSource, playable, prefersHls } from "../listener/player.js";
import { wait } from "../listener/protocol.js";
import { begin, end, needed, SEGMENT_S } from "./segments.js";

/** @typedef {import("../listener/session.js").Session} Session */

const KEPT_S = 60; // of sound behind what is heard
const AGAIN_S = 2;

const ready = new WeakSet();

/**
 * @param {HTMLDetailsElement} box  with the player, what may be said, and the way back
 * @param {string} live  `/live/<room>`
 * @param {Session} session  what plays now; it stops while the past plays
 * @param {number} from  media time in seconds; NaN: the beginning
 */
export async function prepare(box, live, session, from) {
  if (ready.has(box)) return;
  const audio = /** @type {HTMLAudioElement} */ (box.querySelector("audio"));
  const state = await (await fetch(`${live}/state.json`)).json();
  const since = performance.now();
  ready.add(box);
  audio.controls = true;
  const start = begin(state.room);
  const now = () => state.media_time / 48_000 + (performance.now() - since) / 1000;
  const [kind] = playable();
  audio.addEventListener("play", () => session.stop());
  box.querySelector("button")?.addEventListener("click", () => {
    audio.pause();
    if (session.room.open) session.start();
    else box.open = false; // it has ended meanwhile
  });
  if (kind && !prefersHls(audio)) {
    new Past(audio, `${live}/${kind.rendition}`, kind.mime, start, now);
  } else {
    audio.src = `${live}/aac/dvr.m3u8`;
  }
  const at = Math.max(0, (from || start) - start);
  audio.currentTime = at;
  const again = () => audio.currentTime < at && (audio.currentTime = at); // Chromium forgets it now and then
  audio.addEventListener("loadedmetadata", again, { once: true });
}

/** Feeds the element with segments; its timeline begins when the room went live. */
class Past {
  /** @type {SourceBuffer | null} */
  #buffer = null;
  #busy = false;
  /** @type {Set<number>} segments that were appended, and not let go */
  #here = new Set();

  /**
   * @param {HTMLAudioElement} audio
   * @param {string} address  of the rendition
   * @param {string} mime
   * @param {number} start  media time of the element's 0
   * @param {() => number} now  media time on the stage
   */
  constructor(audio, address, mime, start, now) {
    this.audio = audio;
    this.address = address;
    this.start = start;
    this.now = now;
    const Source = mediaSource();
    if (!Source) throw new Error("no Media Source Extensions");
    this.source = new Source();
    audio.disableRemotePlayback = true; // else ManagedMediaSource never opens
    audio.src = URL.createObjectURL(this.source);
    this.source.addEventListener("sourceopen", () => this.#open(mime), { once: true });
    for (const type of ["seeking", "timeupdate"]) audio.addEventListener(type, () => this.#fill());
    audio.addEventListener("waiting", () => {
      this.#here.clear(); // perhaps the browser let go of some by itself
      this.#fill();
    });
    setInterval(() => this.#fill(), 1000 * SEGMENT_S); // the past grows
  }

  /** @param {string} mime */
  async #open(mime) {
    URL.revokeObjectURL(this.audio.src);
    const buffer = this.source.addSourceBuffer(mime);
    buffer.timestampOffset = -this.start;
    const init = await this.#get("init.mp4");
    if (init) await this.#change(() => buffer.appendBuffer(init), buffer);
    this.#buffer = buffer;
    this.#fill();
  }

  /** Fetch what is needed, one segment after the other, until enough is here. */
  async #fill() {
    const buffer = this.#buffer;
    if (!buffer || this.#busy) return;
    this.#busy = true;
    try {
      const { audio } = this;
      const length = end(this.now()) - this.start;
      const known = this.source.duration; // endless, as a stream's init segment says
      if (!Number.isFinite(known) || length > known) this.source.duration = Math.max(0, length);
      for (;;) {
        const segment = needed(audio.currentTime + this.start, end(this.now()), (each) => this.#here.has(each));
        if (segment < 0) break;
        const bytes = await this.#get(`${segment}.m4s`);
        if (!bytes) break;
        await this.#change(() => buffer.appendBuffer(bytes), buffer);
        this.#here.add(segment);
        const old = audio.currentTime - KEPT_S;
        if (old <= 0) continue;
        await this.#change(() => buffer.remove(0, old), buffer);
        for (const each of this.#here) if (each * SEGMENT_S < this.start + old) this.#here.delete(each);
      }
    } finally {
      this.#busy = false;
    }
  }

  /**
   * @param {() => void} act
   * @param {SourceBuffer} buffer
   */
  #change(act, buffer) {
    return new Promise((done) => {
      buffer.addEventListener("updateend", () => done(undefined), { once: true });
      act();
    });
  }

  /**
   * @param {string} name
   * @returns {Promise<ArrayBuffer | null>} null if it did not come; asked again a little later
   */
  async #get(name) {
    try {
      const answer = await fetch(`${this.address}/${name}`);
      if (answer.ok) return await answer.arrayBuffer();
    } catch {
      // the line is away; what is here plays on
    }
    await wait(AGAIN_S * (1 + Math.random()), new AbortController().signal);
    return null;
  }
}
