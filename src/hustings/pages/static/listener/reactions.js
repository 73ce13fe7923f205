/**
 * Reactions: the buttons send one, the numbers beside them are what all listeners did in the last
 * seconds. Loaded when a room is live. The speakers' page shows the same numbers (`showSums`).
 */

import { formatNumber } from "../strings.js";

const PAUSE_MS = 500; // between two of one person: who taps faster is counted as if they did not

/**
 * @param {HTMLElement} box  with an element for each kind (`data-kind`), in it one `.count`
 * @param {Record<string, number>} sums
 */
export function showSums(box, sums) {
  for (const each of /** @type {NodeListOf<HTMLElement>} */ (box.querySelectorAll("[data-kind]"))) {
    const count = each.querySelector(".count");
    const sum = sums[each.dataset.kind ?? ""] ?? 0;
    const text = sum ? formatNumber(sum, { notation: "compact" }) : "";
    if (count && count.textContent !== text) count.textContent = text;
    each.toggleAttribute("data-some", sum > 0);
  }
}

/**
 * @param {HTMLElement} box
 * @param {string} live
 * @param {import("./session.js").Session} session
 */
export function prepare(box, live, session) {
  let last = 0;
  box.addEventListener("click", (event) => {
    const button = /** @type {Element} */ (event.target).closest("button");
    if (!button || event.timeStamp - last < PAUSE_MS) return;
    last = event.timeStamp;
    const kind = button.dataset.kind;
    const headers = { "Content-Type": "application/json" };
    fetch(`${live}/react`, { method: "POST", headers, body: JSON.stringify({ kind }) }).catch(() => {}); // of the moment
  });
  setInterval(() => showSums(box, session.room.applause.sums(performance.now() / 1000)), 1000);
}
