/**
 * The page of a replay: speed, skipping pauses, chapters, and beginning at a second (`?t=`, media
 * time of the room, so that an address shared while it was live leads to the same words).
 */

import { loadStrings, localTimes, n } from "../strings.js";
import { behindSilence, chapterAt } from "./silences.js";

const article = /** @type {HTMLElement} */ (document.querySelector(".replay"));
const audio = /** @type {HTMLAudioElement} */ (document.getElementById("audio"));
const speed = /** @type {HTMLSelectElement} */ (document.getElementById("speed"));
const skip = /** @type {HTMLInputElement | null} */ (document.getElementById("skip"));
const links = /** @type {HTMLAnchorElement[]} */ ([...document.querySelectorAll("#chapters a")]);
const starts = links.map((link) => Number(link.dataset.at));

/** @type {import("./silences.js").Span[]} */
let silences = [];
let saved = 0; // seconds that were skipped

element("tools").hidden = false;
speed.addEventListener("change", () => (audio.playbackRate = Number(speed.value)));
skip?.addEventListener("change", async () => {
  if (skip.checked && !silences.length) silences = await pauses();
});
on("back", () => (audio.currentTime = Math.max(0, audio.currentTime - 15)));
on("ahead", () => (audio.currentTime += 30));
audio.addEventListener("timeupdate", heard);
for (const link of links) {
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    audio.currentTime = Number(link.dataset.at);
    audio.play().catch(() => undefined); // the browser wants another click: the player shows it
  });
}
const asked = Number(new URLSearchParams(location.search).get("t") ?? NaN) - Number(article.dataset.begin);
if (asked > 0) audio.currentTime = asked;
if (location.hash === "#listen") begin();
lockScreen();
await loadStrings();
localTimes();

/** By the button of the page that this one took the place of: go on without another click, where browsers let us. */
function begin() {
  history.replaceState(null, "", location.pathname + location.search);
  audio.focus();
  audio.play().catch(() => undefined);
}

function heard() {
  const at = audio.currentTime;
  const current = chapterAt(starts, at);
  links.forEach((link, i) => {
    if (i === current) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  });
  if (!skip?.checked || audio.seeking || audio.paused) return;
  const next = behindSilence(silences, at);
  if (next <= at) return;
  audio.currentTime = next;
  saved += next - at;
  element("said").textContent = n("{count} second of pauses skipped", "{count} seconds of pauses skipped", Math.round(saved));
}

/** @returns {Promise<import("./silences.js").Span[]>} */
async function pauses() {
  try {
    const answer = await fetch(`${article.dataset.here}index.json`);
    return answer.ok ? ((await answer.json()).silences ?? []) : [];
  } catch {
    return []; // as if there were none; another click asks again
  }
}

function lockScreen() {
  const media = navigator.mediaSession;
  if (!media) return;
  media.metadata = new MediaMetadata({ title: document.querySelector("h1")?.textContent ?? "", album: "Hustings" });
  media.setActionHandler("seekbackward", () => (audio.currentTime = Math.max(0, audio.currentTime - 15)));
  media.setActionHandler("seekforward", () => (audio.currentTime += 30));
}

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * @param {string} id
 * @param {() => void} act
 */
function on(id, act) {
  element(id).addEventListener("click", act);
}
