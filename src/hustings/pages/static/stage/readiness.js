/**
 * "Ready to go live?": what the stage finds (docs/protocol.md 4.5), as a list that renews itself
 * for hosts until the room is live; and the question before going live while a line is red. When
 * the stage does not tell in time, nothing is asked: going live depends on nobody.
 */

import { n, t } from "../strings.js";
import { ask, element, make, write } from "./dom.js";

/** @typedef {import("./seat.js").Finding} Finding */
/** @typedef {import("./seat.js").Verdict} Verdict */

const EVERY_S = 5;
const PATIENCE_S = 3; // of a host who wants to go live
const MARKS = { ok: "✓", warn: "!", bad: "✕" };

export class Readiness {
  #timer = 0;
  #shown = false;
  #seen = ""; // what the last verdict was about
  #away = false; // whoever looks at this page is backstage

  /**
   * @param {import("./seat.js").Seat} seat
   * @param {import("./desk.js").Do} perform
   */
  constructor(seat, perform) {
    this.seat = seat;
    this.perform = perform;
    const form = /** @type {HTMLFormElement} */ (element("expected-form"));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const wanted = Number(this.#field.value) || 0;
      if ((await perform("expect", { listeners: wanted })) !== undefined) this.#renew();
    });
    document.addEventListener("visibilitychange", () => this.#shown && this.#renew());
  }

  /** @param {import("./hall.js").Hall} hall */
  show(hall) {
    this.#away = hall.me?.place !== "stage";
    const wanted = hall.hosts && (hall.state === "scheduled" || hall.state === "lobby");
    if (document.activeElement !== this.#field) this.#field.value = String(hall.facts.expected || "");
    const seen = JSON.stringify([hall.facts, hall.onStage.map(({ id, connected, muted }) => [id, connected, muted])]);
    if (wanted === this.#shown) {
      if (wanted && seen !== this.#seen) this.#soon();
      this.#seen = seen;
      return;
    }
    this.#shown = wanted;
    if (wanted) this.#renew();
    else {
      clearTimeout(this.#timer);
      element("readiness").hidden = true;
    }
  }

  /** Whether to go live: yes if nothing is red and the host is on stage, else what they say. */
  async agreed() {
    const late = new Promise((done) => setTimeout(done, PATIENCE_S * 1000));
    const verdict = /** @type {Verdict | undefined} */ (await Promise.race([this.#ask(), late]));
    const red = verdict?.findings.filter((finding) => finding.state === "bad") ?? [];
    if (this.#away) red.unshift({ code: "backstage", state: "bad", said: t("You are not on stage: the audience will not hear you."), mend: "" });
    if (red.length === 0) return true;
    element("live-up").hidden = !this.#away;
    element("live-up").nextElementSibling?.classList.toggle("primary", !this.#away);
    const said = await ask("ask-live", () => element("live-red").replaceChildren(...red.map(line)));
    return said === "yes" || (said === "up" && (await this.perform("accept")) !== undefined);
  }

  get #field() {
    return /** @type {HTMLInputElement} */ (element("expected"));
  }

  async #ask() {
    try {
      return await this.seat.readiness(document.documentElement.lang);
    } catch {
      return undefined; // the stage is away: its own notice says so
    }
  }

  /** Something changed: the stage's answer is kept for a second. */
  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#renew(), 1_200);
  }

  async #renew() {
    clearTimeout(this.#timer);
    const verdict = document.hidden ? undefined : await this.#ask();
    if (!this.#shown) return;
    if (verdict) this.#list(verdict);
    clearTimeout(this.#timer);
    if (!document.hidden) this.#timer = setTimeout(() => this.#renew(), EVERY_S * 1000);
  }

  /** @param {Verdict} verdict */
  #list({ findings }) {
    element("readiness").hidden = false;
    write(element("readiness-whole"), summary(findings));
    const list = element("readiness-list");
    const key = JSON.stringify(findings);
    if (list.dataset.key === key) return;
    list.dataset.key = key;
    list.replaceChildren(...findings.map(line));
  }
}

/** @param {Finding[]} findings */
function summary(findings) {
  const count = (/** @type {string} */ state) => findings.filter((each) => each.state === state).length;
  const red = count("bad");
  if (red) return n("{count} thing is to be mended.", "{count} things are to be mended.", red);
  if (count("warn")) return t("Nothing is broken; look at the lines marked with !.");
  return t("Everything is in order.");
}

/** @param {Finding} finding */
function line({ state, said, mend }) {
  const item = make(
    "li",
    { class: "finding", "data-state": state },
    make("span", { class: "sign", "aria-hidden": "true" }, MARKS[state]),
    make("p", {}, make("span", { class: "unseen" }, `${stateWord(state)} `), said),
  );
  if (mend) item.append(make("p", { class: "soft small" }, mend));
  return item;
}

/** @param {Finding["state"]} state */
function stateWord(state) {
  if (state === "ok") return t("In order:");
  return state === "warn" ? t("Look at this:") : t("To be mended:");
}
