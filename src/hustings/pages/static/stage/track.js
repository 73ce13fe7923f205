/**
 * One's own track: whether people may download one's voice by itself. Off unless the person
 * chooses it here, and nobody else can (docs/protocol.md 4.1 `keep_track`).
 */

import { t } from "../strings.js";
import { element, write } from "./dom.js";

export class Track {
  #asking = false;

  /** @param {import("./desk.js").Do} perform  shows errors itself */
  constructor(perform) {
    this.box.addEventListener("change", async () => {
      const wanted = this.box.checked;
      this.#asking = true;
      const done = await perform(wanted ? "keep_track" : "drop_track");
      this.#asking = false;
      if (done === undefined) this.box.checked = !wanted;
      else write(element("own-track-said"), wanted ? t("Your voice is kept from now on.") : erased());
    });
  }

  get box() {
    return /** @type {HTMLInputElement} */ (element("keep-track"));
  }

  /** @param {import("./hall.js").Hall} hall */
  show(hall) {
    element("own-track").hidden = hall.isRehearsal;
    if (!this.#asking) this.box.checked = hall.keepsTrack(hall.you);
  }
}

/** What somebody is told who took it back. */
export const erased = () => t("What was kept of your voice is erased, and nothing more is kept.");
