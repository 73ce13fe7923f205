/**
 * The page without a connection: what the last visit knew of the room, and the way back. The
 * crowd that lost one server together comes back spread.
 */

import { localTimes } from "../strings.js";
import { retryDelay, wait } from "./protocol.js";
import { knownRoom } from "./visited.js";

const SPREAD_S = 4; // of the first try

const room = knownRoom(location.pathname.split("/")[2] ?? "");
const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

if (room) {
  element("known").hidden = false;
  element("title").textContent = room.title;
  fill("host", "bdi", room.host);
  if (room.start_ms) {
    element("start").querySelector("time")?.setAttribute("datetime", new Date(room.start_ms).toISOString());
    element("start").hidden = room.state !== "scheduled";
    localTimes();
  }
}
comeBack();

/**
 * @param {string} id
 * @param {string} part
 * @param {string | undefined} text
 */
function fill(id, part, text) {
  const target = element(id).querySelector(part);
  if (target) target.textContent = text ?? "";
  element(id).hidden = !text;
}

/** Any answer will do: the server says the rest. */
async function comeBack() {
  for (let failures = 0; ; failures += 1) {
    const pause = new AbortController();
    const online = () => pause.abort();
    addEventListener("online", online, { once: true });
    await wait(retryDelay(failures, 0, Math.random(), SPREAD_S), pause.signal);
    removeEventListener("online", online);
    try {
      await fetch(location.href, { method: "HEAD", cache: "no-store" });
      return location.reload();
    } catch {
      // still away
    }
  }
}
