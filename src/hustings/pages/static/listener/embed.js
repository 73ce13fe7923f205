/**
 * The small player in a frame of another site's page: one button, one line of words. Nothing plays
 * and nothing is asked for until somebody presses it or looks at it.
 */

import { formatMoment, loadStrings, localTimes, t } from "../strings.js";
import { newsDelay, retryAfter, retryDelay, wait } from "./protocol.js";
import { Session } from "./session.js";
import { element, line, phaseName, write } from "./view.js";

const frame = /** @type {HTMLElement} */ (document.querySelector(".embed"));
const { live = "", room: name = "", phase, start, cancelled } = frame.dataset;
const session = new Session(live, /** @type {HTMLAudioElement} */ (element("audio")), show);
let asked = false; // somebody pressed the button
let spoken = false; // our words are loaded

session.told({
  room: {
    room: name,
    title: document.querySelector("h1")?.textContent ?? "",
    state: /** @type {import("./room.js").Phase} */ (phase),
    start_ms: Number(start),
    cancelled_ms: Number(cancelled),
  },
  media_time: 0,
  roster: [],
  speaking: [],
  source: "live",
});
element("play").addEventListener("click", () => {
  asked = true;
  if (session.mode === "playing" || session.mode === "starting") session.stop();
  else session.start();
});
for (const type of ["online", "pageshow"]) addEventListener(type, () => session.wake());
await loadStrings();
spoken = true;
localTimes();
show();
follow();

function show() {
  if (!spoken) return;
  const { room } = session;
  const playing = session.mode === "playing" || session.mode === "starting";
  element("play").hidden = !room.open || room.off;
  write(element("play"), playing ? t("Stop") : t("Listen"));
  write(element("badge"), room.off ? t("Cancelled") : phaseName(room.phase));
  element("badge").className = `badge ${room.off ? "off" : room.phase}`;
  write(element("line"), words());
}

/** What is going on. */
function words() {
  const { room } = session;
  const at = room.facts?.start_ms;
  if (room.off) return t("This conversation was cancelled.");
  if (room.phase === "ended") return t("This conversation has ended. Thank you for listening.");
  if (!room.open) return at ? t("Starts on {moment}", { moment: formatMoment(at) }) : t("The start time is not announced yet.");
  return asked ? line(session) : t("Press play to listen.");
}

/** While no stream tells us and somebody looks: ask now and then, spread so that a crowd does not ask at once. */
async function follow() {
  const { signal } = new AbortController();
  for (let failures = 0; session.room.phase !== "ended"; ) {
    const quiet = document.hidden || session.mode === "playing" || session.mode === "starting";
    let waits = 0;
    if (!quiet) {
      try {
        const answer = await fetch(`${live}/state.json`);
        if (answer.ok) session.told(await answer.json());
        waits = answer.ok ? 0 : retryAfter(answer.headers.get("Retry-After"), Date.now());
        failures = answer.ok ? 0 : failures + 1;
      } catch {
        failures += 1;
      }
    }
    const left = ((session.room.facts?.start_ms || NaN) - Date.now()) / 1000;
    await wait(failures ? retryDelay(failures, waits, Math.random()) : newsDelay(left, Math.random()), signal);
  }
}
