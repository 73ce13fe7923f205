/** The house rules on the speakers' page: read before coming in, and told anew when they change meanwhile. */

import { agree, agreed, fill } from "../rules.js";
import { element } from "./dom.js";

/** @typedef {import("../rules.js").Rules} Rules */

export class HouseRules {
  #now = ""; // id of those that hold since they changed
  #spoken = document.querySelector("article")?.dataset.language ?? "";

  /** @param {import("./seat.js").Seat} seat */
  constructor(seat) {
    seat.reads = (rules, said) => this.read(rules, said);
    element("rules-seen").addEventListener("click", () => {
      agree(this.#now);
      element("rules-now").hidden = true;
    });
  }

  /**
   * Resolves when the person agrees; at once if this browser knows that they did.
   * @param {Rules} rules
   * @param {string} said  which ones the stage was told that they agreed to, in vain
   */
  async read(rules, said) {
    if (agreed(rules.id) && said !== rules.id) return;
    fill(element("rules-text"), rules, this.#spoken);
    step("rules");
    element("rules-title").focus();
    await new Promise((pressed) => (element("rules-agree").onclick = pressed));
    agree(rules.id);
    step("wait");
  }

  /** Others hold from now on. @param {import("./hall.js").Hall} hall */
  show({ rules }) {
    if (!rules || rules.id === this.#now) return;
    this.#now = rules.id ?? "";
    const unread = Boolean(this.#now) && !agreed(this.#now);
    element("rules-now").hidden = !unread;
    if (unread) fill(element("rules-now-text"), rules, this.#spoken);
  }
}

/** One of the page's steps, without the others. @param {string} name */
function step(name) {
  for (const each of document.querySelectorAll("[id^=step-]")) {
    if (each.tagName !== "BUTTON") each.toggleAttribute("hidden", each.id !== `step-${name}`);
  }
}
