/** A button that opens a few more: what may be done to one entry of a list. */

import { make } from "./dom.js";

/**
 * @param {string} name  of the menu, for those who do not see where it stands
 * @param {{words: string, act: () => void, danger?: boolean}[]} entries
 */
export function menu(name, entries) {
  const summary = make("summary", {}, "⋯");
  summary.setAttribute("aria-label", name);
  const whole = make("details", { class: "menu" }, summary);
  const box = make("div", { class: "menu-box" });
  for (const { words, act, danger } of entries) {
    const button = make("button", { type: "button", class: danger ? "quiet danger" : "quiet" }, words);
    button.addEventListener("click", () => {
      whole.open = false;
      act();
    });
    box.append(button);
  }
  whole.append(box);
  whole.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !whole.open) return;
    whole.open = false;
    summary.focus();
  });
  whole.addEventListener("focusout", (event) => {
    const next = event.relatedTarget;
    if (next instanceof Node && !whole.contains(next)) whole.open = false;
  });
  return whole;
}
