/**
 * The running order, the clock of who speaks, and the fair-time meter. `clockOf` is pure; the
 * stage keeps the time, the page only counts on from what it was last told.
 */

import { formatNumber, t } from "../strings.js";
import { ask, element, make, write } from "./dom.js";
import { menu } from "./menu.js";

const SOON_S = 60; // told to whoever speaks

/** @typedef {import("./hall.js").Hall} Hall */
/** @typedef {import("./desk.js").Do} Do */
/** @typedef {import("./hall.js").Point} Point */
/** @typedef {import("./hall.js").Order} Order */
/** @typedef {"free" | "left" | "soon" | "over"} Stand */

/**
 * What the clock of a point says.
 * @param {number} planned  seconds; 0: not limited
 * @param {number} spent  seconds
 * @returns {{seconds: number, stand: Stand}} seconds passed (free), left, or over
 */
export function clockOf(planned, spent) {
  const left = planned - Math.floor(spent);
  if (!planned) return { seconds: Math.floor(spent), stand: "free" };
  if (left <= 0) return { seconds: -left, stand: "over" };
  return { seconds: left, stand: left <= SOON_S && planned > SOON_S ? "soon" : "left" };
}

/** 4:05, or 1:04:05. @param {number} seconds */
export function written(seconds) {
  const two = (/** @type {number} */ value) => formatNumber(value, { minimumIntegerDigits: 2, useGrouping: false });
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

export class Agenda {
  #said = "";
  /** @type {Hall | null} */
  #hall = null;

  /** @param {Do} perform  shows errors itself */
  constructor(perform) {
    this.perform = perform;
    setInterval(() => this.#tick(), 500);
    element("agenda-new").addEventListener("click", () => this.#edit(null));
    element("agenda-next").addEventListener("click", () => perform("agenda_next", { after: this.#hall?.order.now ?? "" }));
    element("agenda-end").addEventListener("click", () => perform("agenda_end"));
  }

  /** @param {Hall} hall */
  show(hall) {
    this.#hall = hall;
    const { order, stewards } = hall;
    element("agenda-part").hidden = !order.items.length && !stewards;
    element("agenda-desk").hidden = !stewards;
    element("agenda-next").hidden = !order.items.length;
    element("agenda-end").hidden = !order.now;
    this.#list(hall);
    this.#times(hall);
    this.#tick();
  }

  /** @param {Hall} hall */
  #list({ order, stewards }) {
    const list = element("agenda");
    const key = JSON.stringify([order.items.map(({ spent_s: _, ...item }) => item), order.now, stewards]);
    if (list.dataset.key === key) return;
    list.dataset.key = key;
    list.replaceChildren(...order.items.map((item, place) => this.#point(item, place, order, stewards)));
  }

  /**
   * @param {Point} item
   * @param {number} place
   * @param {Order} order
   * @param {boolean} stewards
   */
  #point(item, place, order, stewards) {
    const now = item.id === order.now;
    const point = make(
      "li",
      { class: "point", "data-id": item.id, ...(now ? { "aria-current": "true" } : {}) },
      make("bdi", { class: "name" }, item.title),
      make("bdi", { class: "who soft" }, item.who),
      make("span", { class: "spent soft" }),
    );
    if (!stewards) return point;
    const move = (/** @type {number} */ to) =>
      this.perform("agenda_move", { item: item.id, before: order.items[to]?.id ?? "" });
    const all = [
      { words: t("Begin now"), act: () => this.perform("agenda_start", { item: item.id }), fits: !now },
      { words: t("Change"), act: () => this.#edit(item), fits: true },
      { words: t("Move up"), act: () => move(place - 1), fits: place > 0 },
      { words: t("Move down"), act: () => move(place + 2), fits: place < order.items.length - 1 },
      { words: t("Take out"), act: () => this.perform("agenda_drop", { item: item.id }), danger: true, fits: true },
    ];
    const fitting = all.filter(({ fits }) => fits);
    point.append(make("span", { class: "acts" }, menu(t("Actions for {name}", { name: item.title }), fitting)));
    return point;
  }

  /** @param {Point | null} item  null: a new one */
  async #edit(item) {
    const field = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (element(id));
    const people = this.#hall?.people ?? [];
    const said = await ask("ask-point", () => {
      field("point-title").value = item?.title ?? "";
      field("point-who").value = item?.who ?? "";
      field("point-minutes").value = item?.planned_s ? String(item.planned_s / 60) : "";
      element("point-people").replaceChildren(...people.map(({ name }) => make("option", { value: name })));
    });
    if (said !== "yes") return;
    const who = field("point-who").value.trim();
    const args = {
      title: field("point-title").value,
      who,
      participant: people.find(({ name }) => name === who)?.id ?? "",
      planned_s: Math.round((field("point-minutes").valueAsNumber || 0) * 60),
    };
    await this.perform("agenda_put", item ? { item: item.id, ...args } : args);
  }

  /** What changes by the second: the clock, and the times in the list. */
  #tick() {
    const hall = this.#hall;
    if (!hall) return;
    const { order } = hall;
    const passed = (performance.now() - hall.orderAt) / 1000;
    const spent = (/** @type {Point} */ item) => item.spent_s + (item.id === order.now ? passed : 0);
    order.items.forEach((item, place) => {
      const line = element("agenda").children[place]?.querySelector(".spent");
      if (line) write(/** @type {HTMLElement} */ (line), taken(item.planned_s, spent(item)));
    });
    const now = order.items.find(({ id }) => id === order.now);
    const box = element("turn");
    box.hidden = !now;
    if (!now) return;
    const { seconds, stand } = clockOf(now.planned_s, spent(now));
    const mine = now.participant === hall.you;
    box.dataset.stand = stand;
    box.toggleAttribute("data-mine", mine);
    write(element("turn-title"), now.title);
    write(element("turn-who"), mine ? t("Your turn") : now.who);
    write(element("turn-clock"), written(seconds));
    write(element("turn-words"), standWords(stand));
    this.#say(mine, stand);
  }

  /** To the ears of whoever speaks: only when it changes. @param {boolean} mine @param {Stand} stand */
  #say(mine, stand) {
    const words = { free: "", left: t("Your turn"), soon: t("One minute left"), over: t("Your time is up") };
    const said = mine ? words[stand] : "";
    if (said === this.#said) return;
    this.#said = said;
    write(element("turn-said"), said);
  }

  /** The fair-time meter: who was heard for how long. @param {Hall} hall */
  #times({ onStage, spoken }) {
    const rows = onStage.map((person) => ({ ...person, seconds: spoken[person.id] ?? 0 }));
    const most = Math.max(1, ...rows.map(({ seconds }) => seconds));
    element("times-part").hidden = !rows.some(({ seconds }) => seconds);
    const list = element("times");
    const key = JSON.stringify(rows.map(({ id, name, seconds }) => [id, name, seconds]));
    if (list.dataset.key === key) return;
    list.dataset.key = key;
    list.replaceChildren(
      ...rows.map(({ name, seconds }) => {
        const bar = make("meter", { max: String(most), value: String(seconds), "aria-label": name });
        return make("li", {}, make("bdi", {}, name), bar, make("span", { class: "soft" }, written(seconds)));
      }),
    );
  }
}

/** @param {number} planned @param {number} spent */
function taken(planned, spent) {
  if (!spent && !planned) return "";
  if (!spent) return written(planned);
  return planned ? t("{spent} of {planned}", { spent: written(spent), planned: written(planned) }) : written(spent);
}

/** @param {Stand} stand */
function standWords(stand) {
  if (stand === "free") return t("so far");
  return stand === "over" ? t("over time") : t("left");
}
