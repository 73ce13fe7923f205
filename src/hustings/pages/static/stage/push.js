/**
 * Other platforms (docs/protocol.md 4.12): where the programme is also sent, and how that goes. The
 * key of a platform leaves this page once and never comes back.
 */

import { n, t } from "../strings.js";
import { element, make, write } from "./dom.js";
import { stateWords } from "./push_words.js";

/** @typedef {import("./hall.js").Hall} Hall */
/** @typedef {import("./hall.js").Target} Target */

const AGAIN_S = 20; // minutes pass without any message

export class PushDesk {
  /** @type {Hall | undefined} */
  #hall;
  #said = "";
  /** @type {import("./push_try.js").PushTry | undefined} */
  #trial;

  /**
   * @param {import("./desk.js").Do} perform  shows errors itself
   * @param {import("./seat.js").Seat} seat
   */
  constructor(perform, seat) {
    this.perform = perform;
    this.seat = seat;
    const form = /** @type {HTMLFormElement} */ (element("push-form"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#add(form);
    });
    import("./push_try.js").then(({ PushTry }) => (this.#trial = new PushTry(seat)));
    setInterval(() => this.#hall && this.show(this.#hall), AGAIN_S * 1000);
  }

  /** @param {Hall} hall */
  show(hall) {
    this.#hall = hall;
    const { push, most } = hall.pushed;
    element("push-part").hidden = !hall.hosts || !most;
    element("push-none").hidden = push.length > 0;
    element("push-more").hidden = push.length >= most;
    const list = element("pushes");
    const known = new Map([...list.children].map((item) => [/** @type {HTMLElement} */ (item).dataset.id, item]));
    const items = push.map((target) => this.#item(target, known.get(target.id)));
    if (items.length !== list.children.length || items.some((item, at) => item !== list.children[at])) {
      list.replaceChildren(...items);
    }
    const said = push.map(({ host, state, code }) => `${host}: ${stateWords(state, code)}`).join(" ");
    if (said !== this.#said) write(element("push-said"), (this.#said = said));
  }

  /**
   * @param {Target} target
   * @param {Element} [shown]
   */
  #item(target, shown) {
    const words = `${stateWords(target.state, target.code)} ${since(target)}`.trim();
    if (shown instanceof HTMLElement) {
      shown.dataset.state = target.state;
      write(/** @type {HTMLElement} */ (shown.querySelector(".how")), words);
      return shown;
    }
    const stop = make("button", { type: "button", class: "small", "aria-label": t("Stop sending to {host}", { host: target.host }) }, t("Stop"));
    stop.addEventListener("click", () => this.perform("push_drop", { target: target.id }));
    return make(
      "li",
      { class: "push", "data-id": target.id, "data-state": target.state },
      make("p", { class: "row" }, make("bdi", { dir: "ltr", class: "name" }, target.host), stop),
      make("p", { class: "how soft small" }, words),
    );
  }

  /** @param {HTMLFormElement} form */
  async #add(form) {
    const data = new FormData(form);
    if (this.#hall) await this.#picture(this.#hall);
    const added = await this.perform("push_add", { url: data.get("url"), key: data.get("key"), hold: data.has("hold") });
    if (added === undefined) return; // what was written stays for the next try
    form.reset();
    this.#trial?.clear();
    const more = /** @type {HTMLDetailsElement} */ (element("push-more"));
    more.open = false;
  }

  /** Without one, platforms show a plain picture: that is no reason not to send. @param {Hall} hall */
  async #picture(hall) {
    try {
      const { draw } = await import("./card.js");
      await this.seat.pushCard(await draw(hall));
    } catch (error) {
      console.warn("no picture for platforms", error);
    }
  }
}

/** @param {Target} target */
function since({ state, since_ms }) {
  const minutes = Math.floor((Date.now() - since_ms) / 60_000);
  return state === "on" && minutes > 0 ? n("For {count} minute.", "For {count} minutes.", minutes) : "";
}
