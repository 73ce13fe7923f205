/**
 * A session, in words and elements. All text goes in as text; nothing here decides anything.
 */

import { formatCountdown, formatMoment, formatNumber, n, t } from "../strings.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {import("./room.js").Person} Person */

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
export const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * The room as the server wrote it into the page, to begin with.
 * @param {HTMLElement} article
 * @returns {import("./room.js").State}
 */
export function written(article) {
  const { phase, start = "0", lobby = "0", began = "0", was = "0", cancelled = "0" } = article.dataset;
  const text = (/** @type {string} */ id) => element(id).textContent?.trim() ?? "";
  const items = /** @type {HTMLElement[]} */ ([...element("people").children]);
  return {
    room: {
      room: article.dataset.room ?? "",
      title: text("title"),
      state: /** @type {import("./room.js").Phase} */ (phase),
      host: element("host").querySelector("bdi")?.textContent ?? "",
      description: text("description"),
      picture: { hash: document.querySelector("#picture")?.getAttribute("src") ?? "", alt: "" },
      notice: text("notice"),
      start_ms: Number(start),
      lobby_min: Number(lobby),
      live_ms: Number(began),
      was_ms: Number(was),
      cancelled_ms: Number(cancelled),
      cancelled_why: text("why"),
      rules: article.dataset.rules ?? "",
    },
    ...(article.dataset.worded === undefined ? {} : { own: { title: text("title"), description: text("description") } }),
    media_time: 0,
    roster: items.map(({ dataset: { id = "", role = "", muted }, children }) => ({
      id,
      role,
      name: children[1]?.textContent ?? "",
      place: "stage",
      muted: muted !== undefined,
    })),
    speaking: [],
    source: "live",
    unknown: element("stage").hasAttribute("hidden"),
    agenda: { id: text("point-title"), title: text("point-title"), who: text("point-who") },
    ...(element("ask").hidden ? {} : { questions: { mode: "?" } }),
  };
}

const BEHIND_S = 3; // from here on we offer to skip
const LATER_MIN = 60; // a start that is further away was moved while the lobby was open: say when

/** Write everything anew; elements that say the same already are left alone. @param {Session} session */
export function show(session) {
  const { room } = session;
  const { reads } = session;
  const { open } = room;
  const playing = session.mode === "playing" || session.mode === "starting";
  element("controls").hidden = !open;
  element("play").hidden = reads;
  element("sound").hidden = reads;
  const over = room.phase === "ended" || room.off;
  element("reads").hidden = over;
  element("save").hidden = over || reads || !session.canSave;
  element("waiting").hidden = open;
  element("more").hidden = !open && element("rewind").hidden;
  const waits = Boolean(session.wait); // and hears a question too late to ask one
  element("hand").hidden = !open || waits;
  element("hand-later").hidden = !open || !waits;
  element("stage").hidden = over || room.unknown;
  say("line", line(session));
  say("play-name", playing ? t("Stop") : t("Listen"));
  element("play").toggleAttribute("data-playing", playing);
  element("play").toggleAttribute("data-waiting", session.mode === "starting");
  say("badge", room.off ? t("Cancelled") : phaseName(room.phase));
  element("badge").className = `badge ${room.off ? "off" : room.phase}`;
  showFacts(session);
  showPeople(room.people, room.speaking);
  element("ask").hidden = !open || !room.asks;
  const { point } = room;
  element("point").hidden = !point.id;
  say("point-title", point.title ?? "");
  say("point-who", point.who ?? "");
  showDelay(session);
}

/** What changes by the second; outside of the live region, so that it is not read aloud. @param {Session} session */
export function showDelay(session) {
  const { delay, room, retryAt, line: state } = session;
  const known = state === "open" && Number.isFinite(delay) && delay > 0;
  const seconds = formatNumber(delay, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const wait = Math.ceil((retryAt - Date.now()) / 1000);
  if (session.wait) say("delay", session.wait.place);
  else if (known) say("delay", t("{seconds} s behind", { seconds }));
  else if (state === "open" && session.mode === "playing") say("delay", t("Some seconds behind")); // HLS
  else say("delay", wait > 1 ? n("Next try in {count} second", "Next try in {count} seconds", wait) : "");
  element("catch-up").hidden = !known || delay < BEHIND_S;
  const start = room.facts?.start_ms ?? 0;
  const left = start - Date.now();
  element("countdown").hidden = room.phase !== "scheduled" || !start || room.off;
  if (room.phase === "scheduled" && start) say("countdown", left > 0 ? formatCountdown(left) : t("Any moment now"));
}

/**
 * What is going on, in plain words.
 * @param {Session} session
 */
export function line({ mode, line: state, stalledSince, room, wait }) {
  if (state === "unknown") return t("This room is not open any more.");
  if (mode === "reading" && state === "open") return room.phase === "live" ? t("You are reading live, without sound.") : t("You are in. The conversation has not begun yet.");
  if (mode === "broken") return t("Your browser cannot play this stream. Try one of the other ways to listen below.");
  if (mode === "blocked") return t("Press play to listen.");
  if (mode === "held") return t("On hold. Press play to go on.");
  if (mode === "stopped") return t("Stopped. Press play to listen.");
  if (wait) return wait.line;
  if (state === "busy") return t("Very many people are here. Stay; you will get your turn.");
  if (state === "lost") return t("The connection was lost. Reconnecting …");
  if (mode === "starting") return t("Connecting …");
  if (stalledSince && Date.now() - stalledSince > 700) return t("Waiting for sound …");
  if (room.source === "hold" && room.phase === "live") {
    return t("The stage is away for a moment. Stay here; the sound comes back by itself.");
  }
  const late = Math.floor((Date.now() - (room.facts?.start_ms || NaN)) / 60_000);
  if (room.phase === "lobby" && late > 0) {
    return n("It was to begin {count} minute ago. Stay here; the sound begins by itself.", "It was to begin {count} minutes ago. Stay here; the sound begins by itself.", late);
  }
  if (room.phase === "lobby" && late < -LATER_MIN) return t("The lobby is open already. It begins on {moment}", { moment: formatMoment(room.facts?.start_ms ?? 0) });
  if (room.phase === "lobby") return t("You are in. The conversation has not begun yet.");
  return t("You are listening live.");
}

/** @param {import("./room.js").Phase} phase */
export function phaseName(phase) {
  const names = {
    scheduled: t("Scheduled"),
    lobby: t("Opening soon"),
    live: t("Live"),
    ended: t("Ended"),
  };
  return names[phase];
}

/** @param {Session} session */
function showFacts({ room }) {
  const { facts } = room;
  if (!facts) return;
  say("title", facts.title);
  const [before = "", after = ""] = t("Hosted by {name}", { name: "\0" }).split("\0");
  const host = element("host");
  host.hidden = !facts.host;
  if (host.textContent !== before + (facts.host ?? "") + after) {
    const name = document.createElement("bdi");
    name.textContent = facts.host ?? "";
    host.replaceChildren(before, name, after);
  }
  say("description", facts.description ?? "");
  element("description").hidden = !facts.description;
  const picture = document.querySelector("#picture"); // one that was taken away goes; a new one comes with the page
  if (!picture?.getAttribute("src")?.includes(facts.picture?.hash ?? "-")) picture?.remove();
  say("notice", facts.notice ?? "");
  say("why", facts.cancelled_why ?? "");
  element("why").hidden = !facts.cancelled_why;
  document.querySelector("#kept")?.toggleAttribute("hidden", room.off);
  const was = room.off ? facts.start_ms : room.phase === "scheduled" || room.phase === "lobby" ? facts.was_ms : 0;
  element("before").hidden = !was;
  if (was) say("before", t("It was planned for {moment}", { moment: formatMoment(was) }));
  const doors = room.phase === "scheduled" && !room.off && facts.start_ms && facts.lobby_min ? facts.start_ms - facts.lobby_min * 60_000 : 0;
  element("doors").hidden = !doors;
  if (doors) say("doors", t("The doors open on {moment}", { moment: formatMoment(doors) }));
  if (room.off) say("waiting", t("This conversation was cancelled."));
  else if (room.phase === "ended") say("waiting", t("This conversation has ended. Thank you for listening."));
  else say("waiting", facts.start_ms ? t("Starts on {moment}", { moment: formatMoment(facts.start_ms) }) : t("The start time is not announced yet."));
  const count = room.phase === "ended" || room.phase === "scheduled" ? 0 : room.listeners;
  say("reach", count ? n("{count} listener", "{count} listeners", count) : "");
}

/**
 * @param {Person[]} people
 * @param {Set<string>} speaking
 */
function showPeople(people, speaking) {
  const list = element("people");
  const known = new Map([...list.children].map((item) => [/** @type {HTMLElement} */ (item).dataset.id, item]));
  const items = people.map((person) => known.get(person.id) ?? personItem(person.id));
  if (items.length !== list.children.length || items.some((item, i) => item !== list.children[i])) {
    list.replaceChildren(...items);
  }
  people.forEach((person, i) => {
    const [face, name, role] = /** @type {HTMLElement[]} */ ([.../** @type {Element} */ (items[i]).children]);
    if (!face || !name || !role) return;
    write(face, (person.name.match(/\p{L}|\p{N}/u)?.[0] ?? "?").toUpperCase());
    write(name, person.name);
    const words = person.muted ? t("{role} · muted", { role: roleName(person.role) }) : roleName(person.role);
    write(role, person.alike ? `${words} · ${t("similar name")}` : words);
    items[i]?.toggleAttribute("data-speaking", speaking.has(person.id));
    items[i]?.setAttribute("aria-current", String(speaking.has(person.id))); // to be found, not to be read aloud
  });
  element("nobody").hidden = people.length > 0;
}

/** @param {string} id */
function personItem(id) {
  const item = document.createElement("li");
  item.className = "person";
  item.dataset.id = id;
  const parts = /** @type {const} */ ([["span", "face"], ["bdi", "name"], ["span", "role"]]).map(([tag, name]) => {
    const part = document.createElement(tag);
    part.className = name;
    return part;
  });
  parts[0]?.setAttribute("aria-hidden", "true");
  item.append(...parts);
  return item;
}

/** @param {string} role */
function roleName(role) {
  /** @type {Record<string, string>} */
  const names = { host: t("Host"), cohost: t("Co-host"), speaker: t("Speaker"), moderator: t("Moderator") };
  return names[role] ?? role;
}

/**
 * @param {string} id
 * @param {string} text
 */
const say = (id, text) => write(element(id), text);

/**
 * @param {HTMLElement} target
 * @param {string} text
 */
export function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
