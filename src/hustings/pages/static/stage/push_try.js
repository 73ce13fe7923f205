/**
 * A try whether another platform takes us, before the room is live (docs/protocol.md 4.12): its address,
 * which nobody sees, and its key, by a second of a still picture. What failed is said beside its field.
 */

import { t } from "../strings.js";
import { element, write } from "./dom.js";
import { troubleWords } from "./push_words.js";
import { Refusal } from "./seat.js";
import { refusalWords } from "./words.js";

const FIELDS = { address: "push-url", key: "push-key" };

export class PushTry {
  /** @param {import("./seat.js").Seat} seat */
  constructor(seat) {
    this.seat = seat;
    this.url = /** @type {HTMLInputElement} */ (element("push-url"));
    this.key = /** @type {HTMLInputElement} */ (element("push-key"));
    this.buttons = ["push-try-url", "push-try-key"].map((id) => /** @type {HTMLButtonElement} */ (element(id)));
    const [address, key] = this.buttons;
    address?.addEventListener("click", () => this.url.reportValidity() && this.#try(false));
    key?.addEventListener("click", () => {
      if (this.url.reportValidity() && this.key.reportValidity()) this.#try(true);
    });
    for (const field of [this.url, this.key]) field.addEventListener("input", () => this.clear());
  }

  clear() {
    this.#say("address", "");
    this.#say("key", "");
  }

  /** @param {boolean} publish */
  async #try(publish) {
    const wanted = { url: this.url.value, key: publish ? this.key.value : "", publish };
    const asked = publish ? "key" : "address";
    this.clear();
    this.#busy(true);
    this.#say(asked, t("Trying …"));
    try {
      const { step, code } = await this.seat.pushTry(wanted);
      this.clear();
      const failed = step === "key" ? "key" : "address";
      if (code) this.#say(failed, troubleWords(code), true);
      else this.#say(asked, publish ? t("The platform took the key, and a second of picture.") : t("The server answers, and takes this address."));
    } catch (error) {
      const { code, title } = error instanceof Refusal ? { code: error.code, title: error.message } : { code: "away", title: "" };
      this.clear();
      this.#say(code === "push_url" ? "address" : code === "push_key_bad" ? "key" : asked, refusalWords(code, title), true);
    }
    this.#busy(false);
  }

  /** @param {boolean} busy */
  #busy(busy) {
    for (const button of this.buttons) button.disabled = busy;
  }

  /**
   * @param {"address" | "key"} step
   * @param {string} words
   * @param {boolean} [wrong]
   */
  #say(step, words, wrong = false) {
    const said = element(`${FIELDS[step]}-said`);
    said.classList.toggle("error", wrong);
    write(said, words);
    if (wrong) element(FIELDS[step]).setAttribute("aria-invalid", "true");
    else element(FIELDS[step]).removeAttribute("aria-invalid");
  }
}
