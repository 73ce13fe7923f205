/**
 * The page as a thing on somebody's device: lock screen and media keys, the share sheet, and a page
 * for when there is no connection. Loaded after the first sound; nothing here is needed for it.
 */

import { t } from "../strings.js";
import { element, write } from "./view.js";
import { rememberRoom } from "./visited.js";

/** @typedef {import("./session.js").Session} Session */

const SHOWN_MS = 2000; // who speaks changes quickly; a lock screen that flickers tells nothing
const OFFLINE = "hustings-offline";
const SETTLED_S = 5; // a crowd comes for sound first: what else it needs is spread over a minute
const SPREAD_S = 60;

/** @param {Session} session */
export function settle(session) {
  lockScreen(session);
  shareButton(session);
  setTimeout(() => {
    for (const each of [beforehand(), prepareOffline(session)]) each.catch(() => undefined); // another time
  }, (SETTLED_S + Math.random() * SPREAD_S) * 1000);
}

/** What a moment brings to all pages at once: by then they have its script. */
const beforehand = () => Promise.all([import("./reactions.js"), import("./poll.js"), import("./captions.js"), import("./after.js")]);

// ------------------------------------------------------------ lock screen

/**
 * What a lock screen says: the room, and who speaks, or else whose room it is.
 * @param {import("./room.js").Room} room
 * @param {string} language
 */
export function nowHeard({ facts, people, speaking }, language) {
  const names = people.filter(({ id }) => speaking.has(id)).map(({ name }) => name);
  const said = new Intl.ListFormat(language, { type: "conjunction" }).format(names);
  return { title: facts?.title ?? "", artist: said || (facts?.host ?? ""), album: "Hustings" };
}

/** @param {Session} session */
function lockScreen(session) {
  const media = navigator.mediaSession;
  if (!media) return;
  const { lang } = document.documentElement;
  const icon = /** @type {HTMLLinkElement | null} */ (document.querySelector("link[rel=apple-touch-icon]"));
  const artwork = icon ? [{ src: icon.href, sizes: "512x512", type: "image/png" }] : [];
  const update = () => {
    const said = nowHeard(session.room, lang);
    if (media.metadata?.title !== said.title || media.metadata.artist !== said.artist) {
      media.metadata = new MediaMetadata({ ...said, artwork });
    }
    media.playbackState = session.mode === "playing" ? "playing" : "paused";
  };
  media.setActionHandler("play", () => session.start());
  media.setActionHandler("pause", () => session.audio.pause()); // held: the lock screen keeps its button
  media.setActionHandler("stop", () => session.stop());
  update();
  setInterval(update, SHOWN_MS);
  afterCalls(session);
}

/**
 * Safari says when a call has the sound and when it is over. Elsewhere the browser itself plays on.
 * @param {Session} session
 */
function afterCalls(session) {
  const sound = /** @type {any} */ (navigator).audioSession;
  if (!sound) return;
  sound.type = "playback"; // goes on behind a locked screen and with the ringer off
  let interrupted = false;
  sound.addEventListener("statechange", () => {
    if (interrupted && sound.state !== "interrupted" && session.mode === "held") session.start();
    interrupted = sound.state === "interrupted";
  });
}

// ------------------------------------------------------------ share

/**
 * The address of a room at the second that is heard.
 * @param {string} page  the page's own address
 * @param {number} heardS  media time in seconds; NaN: nothing is heard
 */
export function momentUrl(page, heardS) {
  const { origin, pathname } = new URL(page);
  return origin + pathname + (heardS > 0 ? `?t=${Math.floor(heardS)}` : "");
}

/** @param {Session} session */
function shareButton(session) {
  const button = element("share");
  button.hidden = !navigator.share && !navigator.clipboard;
  button.addEventListener("click", async () => {
    const url = momentUrl(location.href, session.heard);
    const said = element("share-said");
    try {
      if (navigator.share) return await navigator.share({ title: session.room.facts?.title ?? "", url });
      await navigator.clipboard.writeText(url);
      write(said, t("The link is copied."));
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return undefined; // changed their mind
      write(said, url);
    }
    return undefined;
  });
}

// ------------------------------------------------------------ no connection

/**
 * Keep the page for when there is no connection, and this room's facts. Needs a secure origin.
 * @param {Session} session
 */
async function prepareOffline({ room }) {
  if (!navigator.serviceWorker || !globalThis.caches) return;
  const keep = () => room.facts && rememberRoom(room.facts);
  keep();
  addEventListener("pagehide", keep);
  const page = `/r/offline.html?lang=${document.documentElement.lang}`;
  const answer = await fetch(page);
  if (!answer.ok) return;
  const words = await answer.clone().text();
  const files = [...words.matchAll(/"(\/static\/[^"]+)"/g)].map(([, url]) => url ?? "");
  await caches.delete(OFFLINE);
  const cache = await caches.open(OFFLINE);
  await cache.addAll([...new Set(files)]);
  await cache.put(page, answer);
  await navigator.serviceWorker.register("/r/worker.js", { scope: "/r/" });
}
