/**
 * What hosts need when something goes wrong: who runs the room when a host's line is gone, the
 * panic button and its way back, warnings, and who was removed.
 */

import { t } from "../strings.js";
import { element, make, write } from "./dom.js";

/** @typedef {import("./hall.js").Hall} Hall */

export class Emergency {
  /** @param {(command: string, args?: Record<string, unknown>) => Promise<any>} perform */
  constructor(perform) {
    this.perform = perform;
    this.panic = false;
    element("warning-seen").addEventListener("click", () => this.#warn(""));
    element("panic").addEventListener("click", () => perform(this.panic ? "calm" : "panic"));
  }

  /** @param {Hall} hall */
  show(hall) {
    this.panic = hall.panic;
    const alone = hall.inCharge && !hall.isHost;
    write(element("charge"), alone ? t("No host is connected: you run the room until one is back.") : "");
    const button = element("panic");
    button.setAttribute("aria-pressed", String(hall.panic));
    write(button, hall.panic ? t("Give the stage back") : t("Clear the stage"));
    write(
      element("panic-said"),
      hall.panic
        ? hall.hosts
          ? t("Only hosts are on stage; the room is locked and takes no hands. Whoever comes back has to unmute themselves.")
          : t("The hosts have cleared the stage for a moment.")
        : "",
    );
    this.#removed(hall);
  }

  /** Something that hosts should know, until they have read it. @param {{code: string, name: string}} warning */
  warn({ code, name }) {
    if (code !== "seat_taken") return;
    const words = t("Somebody tries to come in by the link of {name} on another device. If they did not do it themselves, the link has leaked: remove them and send a new one.", { name: `\u2068${name}\u2069` });
    this.#warn(words);
  }

  /** @param {string} words */
  #warn(words) {
    element("warning").hidden = !words;
    write(element("warning-words"), words);
  }

  /** @param {Hall} hall */
  #removed({ removed, hosts }) {
    element("removed-part").hidden = !hosts || !removed.length;
    const list = element("removed");
    const key = removed.map(({ id }) => id).join();
    if (list.dataset.key === key) return;
    list.dataset.key = key;
    list.replaceChildren(
      ...removed.map(({ id, name }) => {
        const button = make("button", { type: "button" }, t("Let back in"));
        button.setAttribute("aria-label", `${t("Let back in")}: ${name}`);
        button.addEventListener("click", () => this.perform("readmit", { participant: id }));
        return make("li", { class: "hand" }, make("bdi", { class: "name" }, name), button);
      }),
    );
  }
}
