/**
 * What is said, in writing: a log that stays at its newest line unless somebody scrolls back, small
 * beside the sound and large for those who read. Loaded when there are captions or somebody reads.
 *
 * Those who hear are not read the same words aloud; for those who read, a screen reader or braille
 * display gets new lines politely, and a switch for when they come too fast.
 */

import { t } from "../strings.js";
import { remember, remembered } from "./pass.js";
import { CAPTIONS } from "./room.js";
import { element, write } from "./view.js";

/** @typedef {import("./session.js").Session} Session */

const END_PX = 48; // so near to its end a log counts as being there
const ALOUD = "captions-aloud";

let aloud = remembered(ALOUD) !== "false";
/** @type {{speaking: HTMLElement, none: HTMLElement, newest: HTMLButtonElement, choice: HTMLElement} | null} */
let parts = null;
let last = -1; // seq of the newest line
let by = ""; // who said it

/** @param {Session} session */
export function showCaptions(session) {
  const { reads, room } = session;
  const box = element("captions");
  const log = element("caption-log");
  const { speaking, none, newest, choice } = (parts ??= prepare(box, log));
  const here = reads && room.phase !== "ended";
  const atEnd = isAtEnd(log);
  box.closest(".listener")?.toggleAttribute("data-reading", reads);
  box.hidden = !here && !room.captions.length;
  log.ariaLive = reads && aloud ? "polite" : "off";
  log.hidden = !room.captions.length;
  none.hidden = !here || !log.hidden;
  write(none, room.phase === "live" ? t("Nobody has written captions yet. If somebody does, they appear here.") : t("Captions appear here, if somebody writes them."));
  write(speaking, here ? speakers(room) : "");
  speaking.hidden = !speaking.textContent;
  choice.hidden = !here || log.hidden;
  for (const caption of room.captions) if (caption.seq > last) log.append(line(caption));
  while (log.children.length > CAPTIONS) log.firstElementChild?.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
  newest.hidden = log.hidden || isAtEnd(log);
}

/** @param {HTMLElement} log */
const isAtEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < END_PX;

/**
 * One caption; its speaker is named when it is another than before.
 * @param {import("./room.js").Caption} caption
 */
function line(caption) {
  const entry = document.createElement("p");
  entry.dir = "auto"; // of the words: a name in <bdi> does not count
  if (caption.by && caption.by !== by) {
    const name = document.createElement("bdi");
    name.textContent = caption.by;
    entry.append(name, ": ");
  }
  entry.append(caption.text);
  ({ seq: last, by } = caption);
  return entry;
}

/** Who speaks, each name with its own direction. @param {import("./room.js").Room} room */
function speakers({ people, speaking }) {
  const names = people.filter(({ id }) => speaking.has(id)).map(({ name }) => `\u2068${name}\u2069`);
  if (!names.length) return ""; // nobody speaks, or nobody says so: the edge leaves it out under load
  const list = new Intl.ListFormat(document.documentElement.lang, { type: "conjunction" });
  return t("Speaking: {names}", { names: list.format(names) });
}

/**
 * @param {HTMLElement} box
 * @param {HTMLElement} log
 */
function prepare(box, log) {
  const style = document.createElement("link");
  style.rel = "stylesheet";
  style.href = box.dataset.style ?? "";
  document.head.append(style);
  const [speaking, none] = [document.createElement("p"), document.createElement("p")];
  speaking.className = "speaking soft";
  none.className = "soft";
  const newest = document.createElement("button");
  newest.type = "button";
  newest.className = "newest";
  newest.textContent = t("Newest line");
  newest.addEventListener("click", () => {
    log.scrollTop = log.scrollHeight;
    log.focus();
  });
  log.addEventListener("scroll", () => (newest.hidden = isAtEnd(log)), { passive: true });
  const choice = document.createElement("label");
  const input = document.createElement("input");
  choice.className = "check";
  input.type = "checkbox";
  input.checked = aloud;
  input.addEventListener("change", () => {
    aloud = input.checked;
    remember(ALOUD, String(aloud));
    log.ariaLive = aloud ? "polite" : "off";
  });
  choice.append(input, t("Screen readers read out new lines"));
  log.before(speaking, none);
  log.after(newest, choice);
  return { speaking, none, newest, choice };
}
