/**
 * The lists of people. A person keeps their element while they are there, so that
 * neither focus nor an open menu is lost when somebody else moves.
 */

import { formatNumber, n, t } from "../strings.js";
import { element, make, write } from "./dom.js";
import { alikeWords } from "./hands.js";
import { menu } from "./menu.js";
import { shown } from "./meter.js";
import { SILENT } from "./roles.js";
import { volume } from "./volume.js";
import { roleWord, signWords } from "./words.js";

/** @typedef {import("./hall.js").Hall} Hall */
/** @typedef {import("./hall.js").Person} Person */
/** @typedef {(command: string, args: Record<string, unknown>, name: string) => void} Act */

const SILENT_LUFS = -70; // the stage's word for silence

export class People {
  /** @type {Map<string, HTMLElement>} */
  #items = new Map();
  /** @type {Map<string, ReturnType<typeof volume>>} */
  #volumes = new Map();

  /** @param {Act} act */
  constructor(act) {
    this.act = act;
  }

  /** @param {Hall} hall */
  show(hall) {
    const present = new Set(hall.people.map((person) => person.id));
    for (const [id, item] of this.#items) {
      if (!present.has(id)) {
        item.remove();
        this.#items.delete(id);
        this.#volumes.delete(id);
      }
    }
    this.#fill(element("on-stage"), hall.onStage, hall);
    this.#fill(element("backstage"), hall.backstage, hall);
    element("nobody").hidden = hall.onStage.length > 0;
    element("backstage-part").hidden = hall.backstage.length === 0;
  }

  /** Five times a second. @param {Hall} hall */
  showLevels(hall) {
    for (const [id, item] of this.#items) {
      item.toggleAttribute("data-speaking", hall.speaking.has(id));
      item.style.setProperty("--level", String(shown(hall.levels[id] ?? -120)));
    }
    this.showCounts(hall);
    const lufs = formatNumber(Math.round(hall.loudness));
    write(element("loudness"), hall.hosts && hall.loudness > SILENT_LUFS ? t("Loudness of the mix: {lufs} LUFS", { lufs }) : "");
  }

  /** The audience in numbers; outside of any live region. @param {Hall} hall */
  showCounts({ listeners, waiting }) {
    const parts = [listeners ? n("{count} listener", "{count} listeners", listeners) : ""];
    parts.push(waiting ? n("{count} person waits", "{count} people wait", waiting) : "");
    write(element("reach"), parts.filter(Boolean).join(" · "));
  }

  /**
   * @param {HTMLElement} list
   * @param {Person[]} people
   * @param {Hall} hall
   */
  #fill(list, people, hall) {
    people.forEach((person, place) => {
      const item = this.#items.get(person.id) ?? this.#make(person);
      const held = item.contains(document.activeElement) ? document.activeElement?.textContent : null;
      this.#describe(item, person, hall);
      if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
      if (held && !item.contains(document.activeElement)) hold(item, held);
    });
  }

  /** @param {Person} person */
  #make(person) {
    const item = make(
      "li",
      { class: "person", "data-id": person.id },
      make("span", { class: "face", "aria-hidden": "true" }),
      make("bdi", { class: "name" }),
      make("span", { class: "role" }),
      make("span", { class: "acts" }),
    );
    this.#items.set(person.id, item);
    return item;
  }

  /**
   * @param {HTMLElement} item
   * @param {Person} person
   * @param {Hall} hall
   */
  #describe(item, person, hall) {
    const [face, name, role, acts] = /** @type {HTMLElement[]} */ ([...item.children]);
    if (!face || !name || !role || !acts) return;
    write(face, [...person.name][0]?.toUpperCase() ?? "");
    write(name, person.name);
    write(role, description(person, hall));
    item.toggleAttribute("data-muted", person.muted);
    item.toggleAttribute("data-away", !person.connected);
    item.toggleAttribute("data-alike", Boolean(person.alike));
    item.toggleAttribute("data-sign", hall.stewards && person.id in hall.microphones);
    const wanted = hall.actions(person);
    const echo = wanted.includes("mute") && person.id in hall.echoes;
    this.#volumes.get(person.id)?.show(person.gain_db ?? 0);
    const key = `${wanted.join()} ${hall.hosts} ${person.name}`;
    if (acts.dataset.key !== key) {
      acts.dataset.key = key;
      const old = acts.querySelector("details");
      const made = wanted.length ? this.#menu(person, wanted, hall.hosts) : null;
      if (made) made.open = old?.open ?? false; // lest it closes under a finger
      old?.remove();
      if (made) acts.append(made);
    }
    const atOnce = acts.querySelector(":scope > button");
    if (echo && !atOnce) acts.prepend(this.#muteAtOnce(person));
    else if (!echo) atOnce?.remove();
  }

  /** Against an echo, without a menu. @param {Person} person */
  #muteAtOnce(person) {
    const button = make("button", { type: "button" }, t("Mute"));
    button.setAttribute("aria-label", t("Mute {name}", { name: person.name }));
    button.addEventListener("click", () => this.act("mute_other", { participant: person.id }, person.name));
    return button;
  }

  /**
   * @param {Person} person
   * @param {string[]} wanted
   * @param {boolean} hosts  they also have a hand on the loudness
   */
  #menu(person, wanted, hosts) {
    const entries = wanted.map((action) => {
      const command = action === "mute" ? "mute_other" : action;
      const act = () => this.act(command, { participant: person.id }, person.name);
      return { words: actionWord(action), act, danger: action === "remove" };
    });
    const made = menu(t("Actions for {name}", { name: person.name }), entries);
    if (!hosts || SILENT.has(person.role)) return made;
    const loudness = volume(person.name, (gain_db) => this.act("gain", { participant: person.id, gain_db }, person.name));
    loudness.show(person.gain_db ?? 0);
    this.#volumes.set(person.id, loudness);
    made.querySelector(".menu-box")?.append(loudness.element);
    return made;
  }
}

/**
 * @param {Person} person
 * @param {Hall} hall
 */
function description(person, hall) {
  const parts = [person.id === hall.you ? t("You") : "", roleWord(person.role)];
  if (!person.connected) parts.push(t("no sound connection"));
  else if (person.muted && !SILENT.has(person.role)) parts.push(t("muted"));
  if (hall.hosts && hall.keepsTrack(person.id)) parts.push(t("own track"));
  if (hall.stewards && person.taken_for) parts.push(alikeWords(person.taken_for));
  else if (person.alike) parts.push(t("similar name"));
  if (hall.stewards) parts.push(signWords(hall.microphones[person.id] ?? "", hall.echoOf(person.id)));
  return parts.filter(Boolean).join(" · ");
}

/**
 * The focus back where it was, as far as that is still there.
 * @param {HTMLElement} item
 * @param {string} words  of the button
 */
function hold(item, words) {
  const places = /** @type {HTMLElement[]} */ ([...item.querySelectorAll("button, summary")]);
  (places.find((each) => each.textContent === words) ?? places[0])?.focus();
}

/** @param {string} action */
function actionWord(action) {
  if (action === "invite") return t("Ask on stage");
  if (action === "talk") return t("Talk in private");
  if (action === "mute") return t("Mute");
  if (action === "backstage") return t("Send backstage");
  return t("Remove from the room");
}
