/**
 * How loud a microphone is. `shown`, `decibels` and `flat` are pure and run in Node; `Meter` taps
 * a track by Web Audio. What the levels say of the microphone: signs.js.
 */

export const FLOOR_DB = -60; // the meter's left end; a quiet room with a live microphone is above
export const FULL = 0.985; // of full scale: here converters cut off

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

/**
 * How many samples are at full scale.
 * @param {Float32Array} samples
 */
export function flat(samples) {
  let count = 0;
  for (const sample of samples) count += Number(Math.abs(sample) >= FULL);
  return count;
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

  /** Level now in dBFS and samples at full scale; NaN if nothing is measured (no track, or the browser holds us back). */
  measure() {
    if (!this.#source) return { db: NaN, flat: 0 };
    if (this.#context.state !== "running") {
      this.#context.resume().catch(() => {}); // allowed once the person has touched the page
      return { db: NaN, flat: 0 };
    }
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return { db: decibels(this.#samples), flat: flat(this.#samples) };
  }
}
