/**
 * Private talk-back: says with whom one talks in private, and lets the host end it. It is begun
 * in the person's menu (people.js).
 */

import { t } from "../strings.js";
import { element, write } from "./dom.js";

export class Talkback {
  /** @param {import("./desk.js").Do} perform  shows errors itself */
  constructor(perform) {
    element("hush").addEventListener("click", () => perform("hush"));
  }

  /** @param {import("./hall.js").Hall} hall */
  show(hall) {
    const name = hall.people.find((person) => person.id === hall.partner)?.name ?? "";
    element("private").hidden = !name;
    element("hush").hidden = !hall.talks[hall.you];
    write(element("private-words"), name ? t("You talk with {name} in private. Nobody else hears the two of you.", { name }) : "");
  }
}
