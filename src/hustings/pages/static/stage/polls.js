/** Polls on the speakers' page: a host opens and closes one; only here are votes seen as they come. */

import { counted, showResult } from "../listener/poll.js";
import { t } from "../strings.js";
import { ask, element, write } from "./dom.js";

/** @typedef {import("./hall.js").Hall} Hall */

export class PollDesk {
  #id = "";

  /** @param {import("./desk.js").Do} perform  shows errors itself */
  constructor(perform) {
    this.perform = perform;
    element("poll-new").addEventListener("click", () => this.#open());
    element("poll-close").addEventListener("click", () => perform("poll_close", { poll: this.#id }));
    element("poll-clear").addEventListener("click", () => perform("poll_clear", { poll: this.#id }));
  }

  /** @param {Hall} hall */
  show({ poll, stewards }) {
    this.#id = poll.id;
    const state = poll.id ? (poll.state ?? "open") : "";
    element("poll-part").hidden = !poll.id && !stewards;
    element("poll-desk").hidden = !stewards;
    element("poll-new").hidden = state === "open" || state === "closed";
    element("poll-close").hidden = state !== "open";
    element("poll-clear").hidden = state !== "counted";
    write(element("poll-question"), poll.question ?? "");
    const words = { open: t("The poll is open."), closed: t("The votes are being counted."), counted: t("The result is with the listeners."), "": "" };
    write(element("poll-state"), words[state]);
    write(element("poll-votes"), poll.id ? counted(poll.votes ?? 0, poll.moved ?? 0) : "");
    const list = element("poll-result");
    const key = JSON.stringify([poll.choices, poll.counts]);
    if (list.dataset.key === key) return;
    list.dataset.key = key;
    showResult(list, poll.choices ?? [], poll.counts ?? []);
  }

  async #open() {
    const field = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (element(id));
    if ((await ask("ask-poll")) !== "yes") return;
    const choices = field("ask-poll-choices").value.split("\n").map((line) => line.trim()).filter(Boolean);
    const opened = await this.perform("poll_open", { question: field("ask-poll-question").value, choices });
    if (!opened) return; // what was written stays for the next try
    field("ask-poll-question").value = field("ask-poll-choices").value = "";
  }
}
