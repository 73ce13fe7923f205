/** A phone that falls asleep takes its microphone along. */

/** @param {import("./seat.js").Seat} seat */
export async function stayAwake(seat) {
  if (document.hidden || !seat.kept.went) return;
  try {
    await navigator.wakeLock?.request("screen");
  } catch {
    // an empty battery comes first
  }
}
