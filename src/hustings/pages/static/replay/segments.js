/**
 * Which segment of the past is needed next. No DOM: runs in Node. Times in seconds of media time.
 */

export const SEGMENT_S = 3.84;
const AHEAD_S = 25; // of sound that is fetched before it is needed
const NEAR_LIVE_S = 8; // a segment is complete by then, and in every edge's hands

/**
 * @param {{epoch_ms?: number, live_ms?: number}} facts  the room's
 * @returns {number} media time at which it went live
 */
export const begin = ({ epoch_ms = 0, live_ms = 0 }) => Math.max(0, (live_ms - epoch_ms) / 1000);

/** How far the past goes. @param {number} now  media time on the stage */
export const end = (now) => Math.floor((now - NEAR_LIVE_S) / SEGMENT_S) * SEGMENT_S;

/**
 * @param {number} at  what is heard
 * @param {number} last  how far the past goes
 * @param {(segment: number) => boolean} here  whether a segment is here already
 * @returns {number} number of the segment to be fetched; -1: enough is here
 */
export function needed(at, last, here) {
  for (let segment = Math.floor(at / SEGMENT_S); segment * SEGMENT_S < at + AHEAD_S; segment += 1) {
    if ((segment + 1) * SEGMENT_S > last + 0.01) return -1;
    if (!here(segment)) return segment;
  }
  return -1;
}
