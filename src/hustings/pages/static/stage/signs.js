/**
 * What is wrong with the sound of an open microphone, judged by its levels alone. Pure: fed some
 * 20 times a second by microphone.js, runs in Node. Thresholds are dBFS after the browser's own
 * gain control, which brings ordinary speech to about -25.
 */

/** @typedef {"" | "silent" | "clipping" | "quiet"} Sign */

export const SILENT_DB = -72; // below this nothing is plugged in, or a switch is off
const SILENT_S = 5;
const MEMORY = 200; // measurements; 10 s while the page is in front
const LOOK = 10; // measurements between two judgements
const FLAT = 3; // samples at full scale in one measurement: a peak alone is no distortion
const CLIPPED = 8; // such measurements, 0.4 s of 10
const CLEAR = 2;
const SPEECH_DB = 12; // above the noise
const SPEECH = 40; // measurements, 2 s, before loudness is judged
const QUIET_DB = -45; // beyond what levelling can lift without lifting the room
const STEADY_DB = 3; // hysteresis
const NOISE_RISE_DB = 0.05; // a measurement: 1 dB/s, slower than any sentence

/** Tells when nothing has been heard for five seconds. */
export class Silence {
  #since = NaN;

  /**
   * @param {number} db  level now, dBFS
   * @param {number} now  seconds
   * @returns {boolean} silent for 5 s
   */
  heard(db, now) {
    if (db > SILENT_DB) this.#since = NaN;
    else if (Number.isNaN(this.#since)) this.#since = now;
    return now - this.#since >= SILENT_S;
  }

  reset() {
    this.#since = NaN;
  }
}

/** The most pressing sign, or "". */
export class Signs {
  #silence = new Silence();
  /** @type {boolean[]} */
  #clipped = [];
  /** @type {number[]} levels of what stands out from the noise; NaN for the rest */
  #spoken = [];
  #noise = 0;
  #count = 0;
  /** @type {Sign} */
  #sign = "";

  /**
   * One measurement.
   * @param {number} db  level, dBFS
   * @param {number} flat  samples at full scale in it
   * @param {number} now  seconds
   * @returns {Sign}
   */
  heard(db, flat, now) {
    if (this.#silence.heard(db, now)) return (this.#sign = "silent");
    if (this.#sign === "silent") this.#sign = "";
    const speaks = db > SILENT_DB && db > this.#noise + SPEECH_DB;
    if (db > SILENT_DB) this.#noise = Math.min(db, this.#noise + NOISE_RISE_DB);
    keep(this.#clipped, flat >= FLAT);
    keep(this.#spoken, speaks ? db : NaN);
    this.#count += 1;
    if (this.#count % LOOK === 0) this.#sign = this.#judge();
    return this.#sign;
  }

  reset() {
    this.#silence.reset();
    this.#clipped = [];
    this.#spoken = [];
    this.#noise = 0;
    this.#sign = "";
  }

  /** @returns {Sign} */
  #judge() {
    const clipped = this.#clipped.filter(Boolean).length;
    if (clipped >= (this.#sign === "clipping" ? CLEAR : CLIPPED)) return "clipping";
    const spoken = this.#spoken.filter((db) => !Number.isNaN(db)).sort((a, b) => a - b);
    const loudest = spoken[Math.floor(spoken.length * 0.8)] ?? 0;
    const limit = QUIET_DB + (this.#sign === "quiet" ? STEADY_DB : 0);
    return spoken.length >= SPEECH && loudest < limit ? "quiet" : "";
  }
}

/**
 * @template T
 * @param {T[]} list
 * @param {T} value
 */
function keep(list, value) {
  list.push(value);
  if (list.length > MEMORY) list.shift();
}
