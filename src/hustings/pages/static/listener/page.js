/**
 * The listener page: buttons, keys, choices, and news of the room while nothing plays.
 */

import { loadStrings, localTimes } from "../strings.js";
import { remember, remembered } from "./pass.js";
import { newsDelay, retryAfter, retryDelay, wait } from "./protocol.js";
import { Session } from "./session.js";
import { element, show, showDelay, written } from "./view.js";

const article = /** @type {HTMLElement} */ (document.querySelector(".listener"));
const live = article.dataset.live ?? "";
const audio = /** @type {HTMLAudioElement} */ (element("audio"));
const volume = /** @type {HTMLInputElement} */ (element("volume"));

const LOT_S = 3600; // before the start: take part in the draw, should there be more people than seats

/** @type {import("./room.js").Poll | null} */
let polled = null; // as it is shown
let spoken = false; // our words are loaded
let settled = false; // what the device offers is used
const nextTime = () => undefined; // a script that did not come is asked for again at a change, in 20 s at most
let keys = true; // single keys do something
const session = new Session(live, audio, changed);
session.told(written(article));
choice("save-data", /** @type {any} */ (navigator).connection?.saveData === true, (on) => session.save(on));
choice("read", false, (on) => session.read(on));
choice("single-keys", true, (on) => (keys = on));

// Sound first: before words, buttons and news.
if (session.room.open) session.start();
element("play").addEventListener("click", toggle);
element("mute").addEventListener("click", mute);
element("catch-up").addEventListener("click", () => session.toLive());
volume.addEventListener("input", () => setVolume(volume.valueAsNumber));
document.addEventListener("keydown", onKey);
element("keyboard").hidden = false;
element("hand").addEventListener("toggle", async () => {
  const { prepare } = await import("./hand.js");
  prepare(live, session);
});
const back = () => document.hidden || session.wake(); // from a tunnel, a suspended tab, another page
for (const type of ["online", "pageshow"]) addEventListener(type, back);
for (const type of ["visibilitychange", "resume"]) document.addEventListener(type, back);
element("ask").addEventListener("toggle", async () => {
  const { prepare } = await import("./questions.js");
  prepare(live, session);
});
setVolume(lastVolume());
setInterval(() => spoken && showDelay(session), 500);
setInterval(() => session.stalledSince && changed(), 1000);
setInterval(changed, 20_000); // what depends on the time: how late it is
follow();
await loadStrings();
spoken = true;
localTimes();
changed();

function changed() {
  if (!spoken) return;
  rewind();
  show(session);
  reactions();
  poll();
  captions();
  if (session.room.phase === "ended" && !session.room.off) after();
  if (settled || session.mode === "starting") return; // sound first
  settled = true;
  import("./device.js").then(({ settle }) => settle(session), () => (settled = false));
}

/** What is asked of all who listen, once it is known. */
function poll() {
  const { poll: now } = session.room;
  if (!now || now === polled || (!now.id && !polled?.id && element("poll").hidden)) return;
  polled = now;
  import("./poll.js").then(({ showPoll }) => showPoll(live, session), () => (polled = null));
}

/** The recording, once it is there. */
function after() {
  import("./after.js").then(({ awaitReplay }) => awaitReplay(session), nextTime);
}

/** What is said in writing, when there is something or somebody reads. */
function captions() {
  if (!session.reads && !session.room.captions.length && element("captions").hidden) return;
  import("./captions.js").then(({ showCaptions }) => showCaptions(session), nextTime);
}

/** What was said before, as soon as there is something; who hears it as the room ends goes on. */
function rewind() {
  const box = /** @type {HTMLDetailsElement} */ (element("rewind"));
  box.hidden = session.room.phase !== "live" && !(session.room.phase === "ended" && box.open);
  if (box.hidden || box.dataset.ready) return;
  box.dataset.ready = "yes";
  const from = Number(new URLSearchParams(location.search).get("t") ?? NaN);
  box.addEventListener("toggle", async () => {
    const { prepare } = await import("../replay/rewind.js");
    prepare(box, live, session, from);
  });
  box.open = from > 0;
}

/** Buttons to react with, where the house has them, once the room is live. */
function reactions() {
  const box = document.getElementById("reactions");
  if (!box) return;
  box.hidden = session.room.phase !== "live";
  if (box.hidden || box.dataset.ready) return;
  box.dataset.ready = "yes";
  const again = () => delete box.dataset.ready;
  import("./reactions.js").then(({ prepare }) => prepare(box, live, session), again);
}

function toggle() {
  if (session.mode === "playing" || session.mode === "starting") session.stop();
  else session.start();
}

function mute() {
  audio.muted = !audio.muted;
  element("mute").setAttribute("aria-pressed", String(audio.muted));
}

/** @param {number} percent */
function setVolume(percent) {
  audio.volume = (percent / 100) ** 2; // the ear is not linear
  volume.value = String(percent);
  volume.hidden = Math.abs(audio.volume - (percent / 100) ** 2) > 0.01; // iPhone: its own buttons only
  if (audio.muted && percent) mute();
  remember("volume", String(percent));
}

function lastVolume() {
  const stored = Number(remembered("volume") ?? 100);
  return stored >= 5 && stored <= 100 ? stored : 100;
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (!keys || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const target = /** @type {Element} */ (event.target);
  const key = event.key.toLowerCase();
  if (target.closest("input:not([type=range]), textarea, select")) return;
  if (key === " " && target.closest("button, a, summary, input, [role=log]")) return;
  if (element("controls").hidden || session.reads) return;
  if (key === "k" || key === " ") toggle();
  else if (key === "m") mute();
  else if (key === "l") session.toLive();
  else return;
  event.preventDefault();
}

/**
 * A checkbox whose state this browser remembers.
 * @param {string} id
 * @param {boolean} usual
 * @param {(on: boolean) => void} apply
 */
function choice(id, usual, apply) {
  const box = /** @type {HTMLInputElement} */ (element(id));
  box.checked = (remembered(id) ?? String(usual)) === "true";
  box.addEventListener("change", () => (remember(id, String(box.checked)), apply(box.checked)));
  apply(box.checked);
}

/** While no stream tells us: ask now and then, spread so that a crowd does not ask at once. */
async function follow() {
  const { signal } = new AbortController();
  for (let failures = 0; ; ) {
    const quiet = ["starting", "playing", "reading"].includes(session.mode);
    let asked = 0;
    if (!quiet) {
      try {
        const answer = await fetch(`${live}/state.json`);
        if (answer.ok) news(await answer.json());
        asked = answer.ok ? 0 : retryAfter(answer.headers.get("Retry-After"), Date.now());
        failures = answer.ok ? 0 : failures + 1;
      } catch {
        failures += 1;
      }
    }
    if (session.room.phase === "ended") return;
    const left = ((session.room.facts?.start_ms || NaN) - Date.now()) / 1000;
    if (session.room.phase === "scheduled" && !session.room.off && left < LOT_S && !session.pass.ticket) session.pass.renew(true);
    const pause = failures ? retryDelay(failures, asked, Math.random()) : newsDelay(left, Math.random());
    await wait(pause, signal);
  }
}

/** @param {import("./room.js").State} state */
function news(state) {
  const before = session.room.phase;
  session.told(state);
  if (before === "scheduled" && session.room.open) session.start(); // the wait is over
}
