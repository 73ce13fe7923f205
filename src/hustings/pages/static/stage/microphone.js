/**
 * The microphone: opens it, changes it, and always knows why it is off or what is wrong with it.
 * Its sound is judged (signs.js) while it is open and not muted. One that is unplugged gives way
 * to another at once; nobody leaves their seat for that. What people read of `trouble`: words.js.
 */

import { Meter } from "./meter.js";
import { Signs } from "./signs.js";

/**
 * Why there is no sound; "" if there is.
 * @typedef {"" | "insecure" | "unsupported" | "refused" | "none" | "busy" | "unplugged" | "silent" | "clipping" | "quiet" | "switched" | "paused" | "failed"} Trouble
 */

const SWITCHED_S = 15; // so long people read that another microphone is in use

/** @type {Record<string, Trouble>} */
const BY_NAME = {
  NotAllowedError: "refused",
  SecurityError: "refused",
  NotFoundError: "none",
  OverconstrainedError: "none",
  NotReadableError: "busy",
  AbortError: "busy",
};

/**
 * @param {unknown} error  of getUserMedia
 * @returns {Trouble}
 */
export function troubleOf(error) {
  return BY_NAME[error instanceof Error ? error.name : ""] ?? "failed";
}

export class Microphone {
  /** @type {MediaStreamTrack | null} */
  track = null;
  /** @type {Trouble} */
  trouble = "";
  /** @type {MediaDeviceInfo[]} */
  devices = [];
  db = NaN;
  #muted = false;
  /** @type {Meter | null} */
  #meter = null;
  #signs = new Signs();

  /** @param {() => void} changed  track, trouble or devices */
  constructor(changed) {
    this.changed = changed;
    navigator.mediaDevices?.addEventListener("devicechange", () => this.#plugged());
    setInterval(() => this.#measure(), 50);
  }

  get muted() {
    return this.#muted;
  }

  /** @param {boolean} muted */
  set muted(muted) {
    this.#muted = muted;
    if (this.track) this.track.enabled = !muted;
    this.#signs.reset();
    if (isSign(this.trouble)) this.#set("");
  }

  /** The name of the one in use, "" if it has none. */
  get name() {
    return this.track?.label ?? "";
  }

  /**
   * Ask for a microphone; afterwards `track` is there or `trouble` says why not.
   * @param {string} [deviceId]  empty: the one the browser prefers
   */
  async open(deviceId = "") {
    if (!window.isSecureContext) return this.#set("insecure");
    if (!navigator.mediaDevices?.getUserMedia) return this.#set("unsupported");
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        audio: {
          ...(deviceId ? { deviceId: { exact: deviceId } } : {}),
          echoCancellation: true,
          noiseSuppression: true,
          autoGainControl: true,
          channelCount: 1,
        },
      });
      this.#take(stream.getAudioTracks()[0] ?? null);
    } catch (error) {
      console.info("stage: no microphone:", String(error));
      this.#take(null);
      return this.#set(troubleOf(error));
    }
    await this.#list();
    return this.#set("");
  }

  close() {
    this.#take(null);
    this.#set("");
  }

  /** @param {MediaStreamTrack | null} track */
  #take(track) {
    this.track?.stop();
    this.track = track;
    this.#signs.reset();
    if (track) {
      track.enabled = !this.#muted;
      track.onended = () => this.track === track && this.#unplugged();
      track.onmute = () => this.track === track && this.#set("paused");
      track.onunmute = () => this.track === track && this.#set("");
      this.#meter ??= new Meter();
    }
    this.#meter?.listen(track);
  }

  async #list() {
    const all = await navigator.mediaDevices.enumerateDevices();
    this.devices = all.filter((device) => device.kind === "audioinput" && device.deviceId);
  }

  async #unplugged() {
    this.#take(null);
    this.#set("unplugged");
    await this.#plugged();
  }

  /** Another one takes the place of the one that is gone, as soon as there is any. */
  async #plugged() {
    await this.#list();
    const gone = this.trouble === "unplugged";
    if (this.track || !(gone || this.trouble === "none")) return this.changed();
    if (gone && !this.devices.length) return this.changed();
    await this.open();
    if (!gone || !this.track) return;
    this.#set("switched");
    setTimeout(() => this.trouble === "switched" && this.#set(""), SWITCHED_S * 1000);
  }

  #measure() {
    const { db, flat } = this.#meter?.measure() ?? { db: NaN, flat: 0 };
    this.db = this.track && !this.#muted ? db : NaN;
    if (Number.isNaN(this.db)) return;
    const sign = this.#signs.heard(this.db, flat, performance.now() / 1000);
    const sounds = this.trouble === "" || this.trouble === "switched" || isSign(this.trouble);
    if (sign ? sounds && sign !== this.trouble : isSign(this.trouble)) this.#set(sign);
  }

  /** @param {Trouble} trouble */
  #set(trouble) {
    this.trouble = trouble;
    this.changed();
  }
}

/**
 * Whether the microphone is open and only its sound is wrong.
 * @param {Trouble} trouble
 */
function isSign(trouble) {
  return trouble === "silent" || trouble === "clipping" || trouble === "quiet";
}

/**
 * Whether no sound comes from it at all.
 * @param {Trouble} trouble
 */
export function isBroken(trouble) {
  return trouble !== "" && trouble !== "switched" && trouble !== "paused" && !isSign(trouble);
}
