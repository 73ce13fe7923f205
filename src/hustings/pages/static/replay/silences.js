/**
 * Where nobody speaks, and where to go on then. No DOM: runs in Node.
 */

/** @typedef {[number, number]} Span  seconds: from, to */

const BREATH = 0.4; // seconds of a pause that are left, so that words do not run into each other

/**
 * @param {Span[]} silences  in order, apart
 * @param {number} at  what is heard, in seconds
 * @returns {number} where to go on; `at` itself if somebody speaks, or will soon
 */
export function behindSilence(silences, at) {
  let low = 0;
  let high = silences.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (/** @type {Span} */ (silences[middle])[1] <= at) low = middle + 1;
    else high = middle;
  }
  const [from, to] = silences[low] ?? [Infinity, Infinity];
  return at >= from + BREATH && to - BREATH > at + BREATH ? to - BREATH : at;
}

/**
 * The chapter that is heard.
 * @param {number[]} starts  in order
 * @param {number} at
 * @returns {number} its number; -1 before the first
 */
export function chapterAt(starts, at) {
  return starts.filter((start) => start <= at + 0.01).length - 1;
}
