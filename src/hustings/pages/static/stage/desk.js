/**
 * What hosts steer: open the lobby, go live, end, lock, the notice, new invitation links. Each
 * act that cannot be taken back asks first.
 */

import { t } from "../strings.js";
import { Air } from "./air.js";
import { ask, element, write } from "./dom.js";

/** @typedef {import("./hall.js").Hall} Hall */
/** @typedef {(command: string, args?: Record<string, unknown>) => Promise<any>} Do */

export class Desk {
  #locked = false;

  /**
   * @param {Do} perform  shows errors itself; resolves with undefined then
   * @param {() => Promise<boolean>} agreed  whether to go live although something is not in order
   */
  constructor(perform, agreed) {
    this.perform = perform;
    this.air = new Air(perform);
    this.#on("lobby", () => perform("lobby"));
    this.#on("go-live", async () => (await agreed()) && perform("go_live"));
    this.#on("lock", () => perform(this.#locked ? "unlock" : "lock"));
    this.#on("end", async () => (await ask("ask-end")) === "yes" && perform("end"));
    this.#on("new-link", () => this.#newLink());
    this.#on("edit-notice", () => this.#notice());
    const form = /** @type {HTMLFormElement} */ (element("link-form"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#makeLink(new FormData(form));
    });
    this.#on("link-copy", () => copied(/** @type {HTMLInputElement} */ (element("link-url")), element("link-said")));
  }

  /** @param {Hall} hall */
  show(hall) {
    this.air.show(hall);
    this.#locked = Boolean(hall.facts.locked);
    element("desk").hidden = !hall.hosts;
    element("lobby").hidden = !((hall.isHost || hall.inCharge) && hall.state === "scheduled");
    element("go-live").hidden = !(hall.state === "lobby" || hall.state === "scheduled");
    element("end").hidden = !((hall.isHost || hall.inCharge) && hall.state !== "ended" && !hall.isRehearsal);
    element("lock").setAttribute("aria-pressed", String(this.#locked));
    const host = /** @type {HTMLOptionElement | null} */ (document.querySelector("#link-role option[value=host]"));
    if (host) host.hidden = host.disabled = !hall.isHost;
    write(element("notice"), hall.facts.notice ?? "");
  }

  /**
   * @param {string} id
   * @param {() => unknown} act
   */
  #on(id, act) {
    element(id).addEventListener("click", () => act());
  }

  async #notice() {
    const field = /** @type {HTMLInputElement} */ (element("notice-text"));
    const said = await ask("ask-notice", () => {
      field.value = element("notice").textContent ?? "";
      field.select();
    });
    if (said === "yes") await this.perform("notice", { text: field.value });
  }

  #newLink() {
    element("link-made").hidden = true;
    return ask("ask-link");
  }

  /** @param {FormData} data */
  async #makeLink(data) {
    const role = String(data.get("role"));
    const name = String(data.get("name")).trim();
    const made = await this.perform("link", { role, name });
    if (!made) return;
    const field = /** @type {HTMLInputElement} */ (element("link-url"));
    field.value = made.url ?? "";
    element("link-made").hidden = false;
    field.focus();
    field.select();
  }
}

/**
 * Copy what a field holds, and say so.
 * @param {HTMLInputElement} field
 * @param {HTMLElement} said
 */
export async function copied(field, said) {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    write(said, t("Copied"));
  } catch {
    write(said, t("Press Ctrl+C"));
  }
}
