/**
 * The microphone: opens it, changes it, and always knows why it is off. Silence is measured while
 * it is open and not muted. What people read of `trouble` stands in words.js.
 */

import { Meter, Silence } from "./meter.js";

/**
 * Why there is no sound; "" if there is.
 * @typedef {"" | "insecure" | "unsupported" | "refused" | "none" | "busy" | "unplugged" | "silent" | "paused" | "failed"} Trouble
 */

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
  #silence = new Silence();

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
    this.#silence.reset();
    if (this.trouble === "silent") this.#set("");
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
    this.#silence.reset();
    if (track) {
      track.enabled = !this.#muted;
      track.onended = () => this.track === track && (this.#take(null), this.#set("unplugged"));
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

  async #plugged() {
    await this.#list();
    if (!this.track && (this.trouble === "unplugged" || this.trouble === "none")) await this.open();
    else this.changed();
  }

  #measure() {
    this.db = this.track && !this.#muted ? (this.#meter?.db ?? NaN) : NaN;
    if (Number.isNaN(this.db)) return;
    const silent = this.#silence.heard(this.db, performance.now() / 1000);
    if (silent && this.trouble === "") this.#set("silent");
    else if (!silent && this.trouble === "silent") this.#set("");
  }

  /** @param {Trouble} trouble */
  #set(trouble) {
    this.trouble = trouble;
    this.changed();
  }
}
