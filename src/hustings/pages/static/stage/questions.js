/** The audience's questions, as hosts and speakers see them: the best first; hosts show, answer, hide. */

import { n, t } from "../strings.js";
import { element, make, write } from "./dom.js";

/** @typedef {import("./hall.js").Hall} Hall */
/** @typedef {import("./hall.js").Asked} Asked */

export class QuestionDesk {
  /** @param {import("./desk.js").Do} perform  shows errors itself */
  constructor(perform) {
    this.perform = perform;
    const mode = /** @type {HTMLSelectElement} */ (element("question-mode"));
    mode.addEventListener("change", () => perform("questions", { mode: mode.value }));
  }

  /** @param {Hall} hall */
  show({ asked, stewards }) {
    const on = asked.mode !== "off";
    element("questions-part").hidden = !on && !stewards;
    element("questions-desk").hidden = !stewards;
    const mode = /** @type {HTMLSelectElement} */ (element("question-mode"));
    if (document.activeElement !== mode) mode.value = asked.mode;
    write(element("questions-open"), on ? n("{count} open question", "{count} open questions", asked.open) : "");
    const list = element("asked");
    const key = JSON.stringify([asked, stewards]);
    if (list.dataset.key === key) return;
    list.dataset.key = key;
    /** @type {Map<string, Element>} */
    const known = new Map([...list.children].map((item) => [/** @type {HTMLElement} */ (item).dataset.id ?? "", item]));
    const items = (on ? asked.questions : []).map((each) => this.#item(each, stewards, known.get(each.id)));
    if (items.some((item, place) => list.children[place] !== item) || items.length !== list.children.length) {
      const focused = document.activeElement; // an element that moves loses it
      list.replaceChildren(...items);
      if (focused instanceof HTMLElement && list.contains(focused)) focused.focus();
    }
  }

  /**
   * @param {Asked} question
   * @param {boolean} stewards
   * @param {Element} [known]  the one that is shown already
   */
  #item(question, stewards, known) {
    const votes = n("{count} vote", "{count} votes", question.votes);
    const key = `${question.state} ${stewards}`;
    if (known instanceof HTMLElement && known.dataset.key === key) {
      write(/** @type {HTMLElement} */ (known.querySelector(".votes")), votes);
      return known;
    }
    const item = make(
      "li",
      { class: "question", "data-id": question.id, "data-key": key },
      make("p", { dir: "auto" }, question.text),
      make("p", { class: "soft small row" }, make("bdi", {}, question.name), make("span", { class: "votes" }, votes)),
    );
    if (!stewards) return item;
    const acts = make("p", { class: "row" });
    for (const [state, words] of [["shown", t("Show")], ["answered", t("Answered")], ["hidden", t("Hide")]]) {
      if (state === question.state || !state || !words) continue;
      const button = make("button", { type: "button", class: "small" }, words);
      button.addEventListener("click", () => this.perform("question", { question: question.id, state }));
      acts.append(button);
    }
    item.append(acts);
    return item;
  }
}
