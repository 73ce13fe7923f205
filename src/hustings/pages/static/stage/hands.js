/**
 * The raised hands as hosts see them: the oldest first, one topic or all, with honest numbers. A
 * hand keeps its element while it is shown, so that no button moves from under a finger's focus.
 */

import { formatNumber, n, t } from "../strings.js";
import { ask, element, make, write } from "./dom.js";

/** @typedef {import("./hall.js").Hall} Hall */
/** @typedef {import("./hall.js").Hand} Hand */

const EVERY = "*"; // no topic is called so: they are words
const SHOWN = 50;

/**
 * The hands of one topic, of none (""), or all (EVERY).
 * @param {Hall} hall
 * @param {string} topic
 */
export function chosen(hall, topic) {
  const topics = hall.facts.topics ?? [];
  const of = (/** @type {Hand} */ hand) => (topics.includes(hand.topic ?? "") ? hand.topic : "");
  return hall.hands.filter((hand) => topic === EVERY || of(hand) === topic).slice(0, SHOWN);
}

export class Hands {
  #topic = EVERY;
  /** @type {Map<string, {item: HTMLElement, key: string}>} */
  #items = new Map();
  /** @type {Hall | null} */
  #hall = null;

  /** @param {(command: string, args?: Record<string, unknown>) => Promise<any>} perform */
  constructor(perform) {
    this.perform = perform;
    const filter = /** @type {HTMLSelectElement} */ (element("topic"));
    filter.addEventListener("change", () => {
      this.#topic = filter.value;
      if (this.#hall) this.show(this.#hall);
    });
    element("take-hands").addEventListener("click", () => {
      perform(this.#hall?.facts.hands_closed ? "open_hands" : "close_hands");
    });
    element("edit-topics").addEventListener("click", () => this.#edit());
  }

  /** @param {Hall} hall */
  show(hall) {
    this.#hall = hall;
    const { hands, stewards, facts } = hall;
    element("hands-part").hidden = !hands.length && !stewards;
    element("hands-acts").hidden = !stewards;
    element("edit-topics").hidden = !hall.hosts;
    element("take-hands").setAttribute("aria-pressed", String(!facts.hands_closed));
    this.#filter(hall);
    this.showCounts(hall);
    const wanted = chosen(hall, this.#topic);
    const present = new Set(wanted.map((hand) => hand.id));
    for (const [id, { item }] of this.#items) {
      if (!present.has(id)) {
        item.remove();
        this.#items.delete(id);
      }
    }
    const list = element("hands");
    wanted.forEach((hand, place) => {
      const item = this.#item(hand, stewards);
      if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
    });
  }

  /** In numbers; outside of any live region. @param {Hall} hall */
  showCounts({ handsUp, hands, topics }) {
    write(element("hands-up"), n("{count} hand is up", "{count} hands are up", Math.max(handsUp, hands.length)));
    for (const option of /** @type {HTMLSelectElement} */ (element("topic")).options) {
      if (option.value === EVERY) continue;
      const topic = option.value || t("no topic");
      write(option, t("{topic} ({count})", { topic, count: formatNumber(topics[option.value] ?? 0) }));
    }
  }

  /** @param {Hall} hall */
  #filter({ facts: { topics = [] } }) {
    const filter = /** @type {HTMLSelectElement} */ (element("topic"));
    element("topic-field").hidden = !topics.length;
    const key = topics.join("\n");
    if (filter.dataset.key === key) return;
    filter.dataset.key = key;
    if (this.#topic !== EVERY && !topics.includes(this.#topic)) this.#topic = EVERY;
    const options = [new Option(t("All topics"), EVERY), ...[...topics, ""].map((each) => new Option(each, each))];
    filter.replaceChildren(...options);
    filter.value = this.#topic;
  }

  /**
   * @param {Hand} hand
   * @param {boolean} stewards
   */
  #item(hand, stewards) {
    const key = JSON.stringify([hand, stewards]);
    const known = this.#items.get(hand.id);
    if (known?.key === key) return known.item;
    const item = known?.item ?? make("li", { class: "hand" });
    const question = make("p", { class: "soft" }, make("bdi", {}, hand.question ?? ""));
    item.replaceChildren(make("bdi", { class: "name" }, hand.name), question);
    if (hand.topic) question.prepend(make("bdi", { class: "topic" }, hand.topic), " ");
    if (stewards && hand.taken_for) item.append(make("p", { class: "alike" }, alikeWords(hand.taken_for)));
    if (stewards) {
      const call = make("button", { type: "button" }, t("Call up"));
      call.setAttribute("aria-label", t("Call up {name}", { name: hand.name }));
      call.addEventListener("click", () => this.perform("call", { hand: hand.id }));
      item.append(call);
    }
    this.#items.set(hand.id, { item, key });
    return item;
  }

  /** A participant's own hand. @param {Hall} hall */
  async raise({ facts: { topics = [] } }) {
    const question = /** @type {HTMLInputElement} */ (element("question"));
    const topic = /** @type {HTMLSelectElement} */ (element("hand-topic"));
    element("hand-topic-field").hidden = !topics.length;
    topic.replaceChildren(new Option(t("Something else"), ""), ...topics.map((each) => new Option(each, each)));
    if ((await ask("ask-hand")) !== "yes") return;
    await this.perform("hand", { question: question.value, topic: topic.value });
  }

  async #edit() {
    const field = /** @type {HTMLTextAreaElement} */ (element("topics-text"));
    const said = await ask("ask-topics", () => {
      field.value = (this.#hall?.facts.topics ?? []).join("\n");
    });
    if (said === "yes") await this.perform("topics", { topics: field.value.split("\n") });
  }
}

/** @param {string} name  whose */
export function alikeWords(name) {
  return t("Careful: this name looks like {name}, and is somebody else.", { name: `\u2068${name}\u2069` });
}
