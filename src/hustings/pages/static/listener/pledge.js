/** The rules of a room, above the form of a hand, until its person has agreed to them. Loaded with it. */

import { agree, agreed, fill } from "../rules.js";
import { t } from "../strings.js";

/** @typedef {import("../rules.js").Rules} Rules */

export class Pledge {
  #box = document.createElement("div");
  #texts = document.createElement("div");
  #check = document.createElement("input");
  #shown = "";

  /**
   * @param {HTMLFormElement} form
   * @param {string} live
   * @param {import("./session.js").Session} session
   */
  constructor(form, live, session) {
    this.live = live;
    this.session = session;
    const title = document.createElement("h3");
    title.textContent = t("Rules of this room");
    this.#check.type = "checkbox";
    this.#check.required = true;
    const label = document.createElement("label");
    label.className = "check";
    label.append(this.#check, t("I have read these rules and agree to them."));
    this.#box.className = this.#texts.className = "stack";
    this.#box.append(title, this.#texts, label);
    this.#box.hidden = this.#check.disabled = true;
    form.prepend(this.#box);
  }

  /** The version that holds, as the room says; "" for none. */
  get #holds() {
    return this.session.room.facts?.rules ?? "";
  }

  /** Before anything is typed: show what is to be agreed to. */
  async prepare() {
    const id = this.#holds;
    if (!id || agreed(id)) return;
    try {
      const answer = await fetch(`${this.live}/rules.json`);
      if (answer.ok) this.show(await answer.json());
    } catch {
      // the answer to the hand brings them
    }
  }

  /** They are to be read, also if others were agreed to. @param {Rules} rules */
  show(rules) {
    if (!rules.id || (agreed(rules.id) && rules.id === this.#holds)) return;
    fill(this.#texts, rules, this.session.room.facts?.language ?? "");
    this.#shown = rules.id;
    this.#check.checked = false;
    this.#box.hidden = this.#check.disabled = false;
  }

  /** Which ones they agreed to, now that the form is sent; "" if none were shown: the answer brings them. */
  sign() {
    if (!this.#shown) return agreed(this.#holds) ? this.#holds : "";
    agree(this.#shown);
    this.#box.hidden = this.#check.disabled = true;
    const signed = this.#shown;
    this.#shown = "";
    return signed;
  }
}
