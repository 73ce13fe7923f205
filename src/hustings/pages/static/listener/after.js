/**
 * After the end: the recording is made within a minute, and offered here as soon as it is there.
 * Never put in place of this page by itself: somebody may be reading captions or a poll's result,
 * or stand in the middle of the page with a screen reader. Loaded when a room has ended.
 */

import { t } from "../strings.js";
import { retryAfter, wait } from "./protocol.js";
import { element } from "./view.js";

const MADE_S = 3; // nobody's recording is there sooner
const QUICK_S = 6; // a small audience spreads its first look over this
const SPREAD_S = 60; // ... and a large one over this; later looks are at least so far apart
const LOOKS_A_SECOND = 50; // of all pages together
const GIVE_UP_S = 600;

let begun = false;

/**
 * Seconds until the next look for the recording.
 * @param {number} looks  so far
 * @param {number} crowd  how many listened at the end
 * @param {number} random  0 to 1
 */
export function lookDelay(looks, crowd, random) {
  const spread = Math.min(SPREAD_S, Math.max(QUICK_S, crowd / LOOKS_A_SECOND));
  if (!looks) return MADE_S + random * spread;
  return Math.min(SPREAD_S, spread * 2 ** (looks - 1)) * (1 + random);
}

/** @param {import("./session.js").Session} session  whose room has ended */
export async function awaitReplay({ room }) {
  const { facts } = room;
  if (begun || !facts?.live_ms || facts.rehearsal_of || facts.keep_days === 0) return; // nobody spoke, or nothing of it stays
  begun = true;
  const said = document.createElement("p");
  said.setAttribute("role", "status");
  element("waiting").after(said);
  await new Promise((resolve) => setTimeout(resolve)); // a region that is there already is read aloud
  said.textContent = t("The recording is being made. It will be here in a minute or two.");
  const found = await look(`/r/${facts.room}/index.json`, room.listeners ?? 0);
  if (found === "made") offer(said);
  else if (found === "deleted") said.textContent = t("The recording of this conversation was deleted.");
  else said.textContent = t("There is no recording yet. If there is one later, it will be at this address.");
}

/**
 * Look again and again, for some minutes; spread, so that an audience does not ask at once.
 * @param {string} url
 * @param {number} crowd
 * @returns {Promise<"made" | "deleted" | "missing">}
 */
export async function look(url, crowd) {
  const { signal } = new AbortController();
  const until = Date.now() + GIVE_UP_S * 1000;
  let asked = 0;
  for (let looks = 0; Date.now() < until; looks += 1) {
    await wait(Math.max(asked, lookDelay(looks, crowd, Math.random())), signal);
    try {
      const answer = await fetch(url, { method: "HEAD" });
      if (answer.ok) return "made";
      if (answer.status === 410) return "deleted"; // when and why: on the page that is loaded anew
      asked = retryAfter(answer.headers.get("Retry-After"), Date.now());
    } catch {
      // offline: as if it were not there yet
    }
  }
  return "missing";
}

/** @param {HTMLElement} said */
function offer(said) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "primary";
  button.textContent = t("Listen to the recording");
  button.addEventListener("click", () => {
    location.hash = "listen"; // replay/page.js plays
    location.reload(); // not the page as some cache still has it
  });
  const row = document.createElement("p");
  row.append(button);
  said.textContent = t("The recording is ready.");
  said.after(row);
}
