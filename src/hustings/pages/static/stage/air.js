/**
 * What goes to the audience, and when: the broadcast delay, and the button that takes back what
 * was spoken last. That one never asks: each second counts.
 */

import { formatNumber, n, t } from "../strings.js";
import { ask, element, write } from "./dom.js";

/** @typedef {import("./hall.js").Hall} Hall */
/** @typedef {(command: string, args?: Record<string, unknown>) => Promise<any>} Do */

export class Air {
  #live = false;
  #now = 0;

  /** @param {Do} perform  shows errors itself; resolves with undefined then */
  constructor(perform) {
    this.perform = perform;
    element("dump").addEventListener("click", () => this.#dump());
    this.select = /** @type {HTMLSelectElement} */ (element("delay"));
    this.select.addEventListener("change", () => this.#change());
    document.addEventListener("keydown", (event) => {
      if (!(event.altKey && event.shiftKey && event.code === "KeyD") || event.repeat) return;
      if (element("air").hidden || element("dump").hidden) return;
      event.preventDefault();
      this.#dump();
    });
  }

  /** @param {Hall} hall */
  show(hall) {
    this.#live = hall.state === "live";
    this.#now = hall.facts.delay_s ?? 0;
    element("air").hidden = hall.state === "ended" || !(hall.hosts || (hall.stewards && this.#live));
    element("dump").hidden = element("dump-hint").hidden = !this.#live;
    element("delay-field").hidden = !hall.hosts;
    if (document.activeElement !== this.select) this.select.value = String(this.#now);
    this.levels(hall);
  }

  /** Five times a second. @param {Hall} hall */
  levels(hall) {
    write(element("air-words"), airWords(hall));
  }

  async #dump() {
    const said = element("dump-said");
    write(said, "");
    if ((await this.perform("dump")) !== undefined) {
      write(said, t("Taken back. The audience hears music, then you again."));
    }
  }

  async #change() {
    const seconds = Number(this.select.value);
    const sure = !this.#live || (await ask("ask-delay")) === "yes";
    if (!sure || (await this.perform("delay", { seconds, sure: this.#live })) === undefined) {
      this.select.value = String(this.#now);
    }
  }
}

/**
 * How far behind the audience is, and why it hears nothing yet.
 * @param {Hall} hall
 */
export function airWords(hall) {
  if (hall.ending) return t("The room ends as soon as the audience has heard what was said.");
  if (!hall.facts.delay_s && !hall.delayS) return t("The audience hears you at once: nothing is held back.");
  if (hall.state !== "live") {
    return n("The audience will hear everything {count} second later.", "The audience will hear everything {count} seconds later.", hall.facts.delay_s ?? 0);
  }
  const number = (/** @type {number} */ s) => formatNumber(s, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const seconds = number(hall.delayS);
  if (hall.filling) {
    return t("The audience hears music until {seconds} s are held back; {held} s are.", { seconds, held: number(hall.heldS) });
  }
  return t("The audience hears everything {seconds} s later; so much is held back.", { seconds });
}
