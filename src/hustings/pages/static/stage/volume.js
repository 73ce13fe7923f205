/**
 * A host's hand on somebody's loudness: a slider in the person's menu. The stage levels by itself;
 * this goes on top of it, in steps of 1 dB.
 */

import { formatNumber, t } from "../strings.js";
import { make, write } from "./dom.js";

const MOST_DB = 12; // docs/protocol.md 4.1 `gain`

/**
 * @param {string} name  of the person
 * @param {(db: number) => void} set  once the slider has come to rest
 */
export function volume(name, set) {
  const slider = make("input", { type: "range", min: String(-MOST_DB), max: String(MOST_DB), step: "1" });
  slider.setAttribute("aria-label", t("Loudness of {name}", { name }));
  const value = make("span", { class: "number soft small" });
  const say = () => {
    const sign = Number(slider.value) > 0 ? "+" : "";
    const db = `${sign}${formatNumber(Number(slider.value))}`;
    write(value, t("{db} dB", { db }));
    slider.setAttribute("aria-valuetext", value.textContent ?? "");
  };
  slider.addEventListener("input", say);
  slider.addEventListener("change", () => set(Number(slider.value)));
  return {
    element: make("div", { class: "volume" }, make("span", { class: "soft small", "aria-hidden": "true" }, t("Loudness")), value, slider),
    /** As the stage has it; not while the person moves it. @param {number} db */
    show(db) {
      if (slider !== document.activeElement) slider.value = String(db);
      say();
    },
  };
}
