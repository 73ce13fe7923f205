/**
 * How much sound a player should hold, and how fast it plays to get there. No DOM: runs in Node.
 *
 * The target is what comes at once and a margin: an edge that joins parts needs a longer buffer,
 * and a rough line too. Whoever holds too much plays a little faster, nothing is skipped; when a
 * longer pace is announced the buffer is gathered by playing slower, with the pitch kept.
 */

export const PART_S = 0.32;
export const MARGIN_S = 0.15; // what a part may be late before silence
const SPACINGS = 8; // arrivals that are remembered
const BURST_S = 0.05; // what comes within is one arrival
const DRIFT_S = 0.05; // beyond the target: play a little faster
const FASTEST = 1.04; // hardly heard
const SLOWEST = 0.92;

export class Pace {
  #length = PART_S; // of what came last
  #announced = PART_S; // by the edge
  #gathering = false;
  #arrived = 0;
  /** @type {number[]} */
  #spacings = [];

  /**
   * Something came.
   * @param {number} seconds  how much sound that is
   * @param {number} now  our monotonic clock in seconds
   */
  came(seconds, now) {
    this.#length = seconds;
    const spacing = now - this.#arrived;
    if (spacing <= BURST_S) return;
    if (this.#arrived) this.#spacings = [...this.#spacings.slice(1 - SPACINGS), Math.min(3, spacing)];
    this.#arrived = now;
  }

  /**
   * The edge sends this many parts at once, or will soon.
   * @param {number} joined
   * @param {boolean} playing  what is held must last until then
   */
  announce(joined, playing) {
    this.#gathering = playing && joined * PART_S > this.#announced;
    this.#announced = joined * PART_S;
    if (!this.#gathering) this.#length = this.#announced;
    this.#spacings = [];
  }

  /** Seconds to be held just after something came, when all is well; one late part is none. */
  get target() {
    const [, usual = 0] = [...this.#spacings].sort((a, b) => b - a);
    return Math.max(this.#length, this.#announced, usual) + MARGIN_S;
  }

  /**
   * The playback rate for so many seconds over the target (below it: negative).
   * @param {number} over
   * @param {number} rate  as it is
   */
  rate(over, rate) {
    if (over >= 0) this.#gathering = false;
    if (this.#gathering) return SLOWEST;
    if (over > DRIFT_S) return Math.min(FASTEST, 1.02 + Math.floor(over * 10) / 50);
    return over < DRIFT_S / 4 ? 1 : rate;
  }
}
