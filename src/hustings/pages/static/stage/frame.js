/**
 * A called listener goes on stage inside their listener page (`listener/up.js`), which shows this
 * page in a frame: it hears when they are in and when they have left. No frame, no words.
 */

const { edge = "" } = /** @type {HTMLElement} */ (document.querySelector(".speakers")).dataset;
const framed = window.parent !== window;
document.documentElement.toggleAttribute("data-framed", framed);

/** @param {"seated" | "left"} hustings */
export function frame(hustings) {
  if (framed && edge) window.parent.postMessage({ hustings }, new URL(edge, location.href).origin);
}
