/** A rehearsal: how hosts begin one, who may listen to it, how it ends (docs/protocol.md 4.6). */

import { copied } from "./desk.js";
import { ask, element } from "./dom.js";

export class Rehearsal {
  /** @param {import("./desk.js").Do} perform */
  constructor(perform) {
    const begin = /** @type {HTMLButtonElement} */ (element("rehearse"));
    begin.addEventListener("click", async () => {
      begin.disabled = true; // pressed twice, it would be refused in the rehearsal
      await perform("rehearse");
      begin.disabled = false;
    });
    element("rehearsal-copy").addEventListener("click", () => copied(this.#field, element("rehearsal-said")));
    element("rehearsal-end").addEventListener("click", async () => {
      if ((await ask("ask-rehearsed")) === "yes") await perform("end");
    });
  }

  /** @param {import("./hall.js").Hall} hall */
  show(hall) {
    element("rehearse").hidden = !(hall.hosts && hall.state === "scheduled");
    element("rehearsal").hidden = !hall.isRehearsal;
    element("rehearsal-hosts").hidden = element("rehearsal-listeners").hidden = !hall.hosts;
    element("rehearsal-end").hidden = !hall.isHost;
    this.#field.value = hall.listen;
    const link = /** @type {HTMLAnchorElement} */ (element("listen-link"));
    if (hall.listen) link.href = hall.listen;
  }

  get #field() {
    return /** @type {HTMLInputElement} */ (element("rehearsal-url"));
  }
}
