/**
 * How loud a microphone is, and whether it has gone silent. `Silence` and `shown` are pure and
 * run in Node; `Meter` taps a track by Web Audio.
 */

export const FLOOR_DB = -60; // the meter's left end; a quiet room with a live microphone is above
export const SILENT_DB = -72; // below this nothing is plugged in, or a switch is off
const SILENT_S = 5;

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

/**
 * A level as a share of the meter: 0 at its floor, 1 at full scale.
 * @param {number} db
 */
export function shown(db) {
  return Math.min(1, Math.max(0, 1 - db / FLOOR_DB));
}

/**
 * Loudness of samples in dBFS (RMS); -Infinity for none.
 * @param {Float32Array} samples
 */
export function decibels(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return 10 * Math.log10(sum / samples.length);
}

export class Meter {
  #context = new AudioContext();
  #analyser = this.#context.createAnalyser();
  /** @type {MediaStreamAudioSourceNode | null} */
  #source = null;
  #samples = new Float32Array(2048); // 43 ms: longer than the 20 ms frames that are sent

  /** @param {MediaStreamTrack | null} track */
  listen(track) {
    this.#source?.disconnect();
    this.#source = null;
    if (!track) return;
    this.#analyser.fftSize = this.#samples.length;
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(this.#analyser);
  }

  /** Level now in dBFS; NaN if nothing is measured (no track, or the browser holds us back). */
  get db() {
    if (!this.#source) return NaN;
    if (this.#context.state !== "running") {
      this.#context.resume().catch(() => {}); // allowed once the person has touched the page
      return NaN;
    }
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return decibels(this.#samples);
  }
}
