/**
 * A called listener goes on stage inside their listener page (`listener/up.js`), which loads this
 * page in a frame: out of sight first, with the fragment `#wait`, until its person wants to come.
 * It hears when this page is ready, when they are in and when they have left. No words.
 */

const { edge = "" } = /** @type {HTMLElement} */ (document.querySelector(".speakers")).dataset;
const framed = window.parent !== window;
document.documentElement.toggleAttribute("data-framed", framed);

const listeners = () => new URL(edge, location.href).origin;

/** @param {"ready" | "seated" | "left"} hustings */
export function frame(hustings) {
  if (framed && edge) window.parent.postMessage({ hustings }, listeners());
}

/** What the link says behind its #; where it says `wait`, what the listeners' page says in its place. */
export async function fragment() {
  if (location.hash !== "#wait" || !framed || !edge) return location.hash.slice(1);
  return new Promise((resolve) => {
    addEventListener("message", ({ source, origin, data }) => {
      if (source === window.parent && origin === listeners() && data?.hustings === "come") resolve(String(data.fragment));
    });
    frame("ready");
  });
}
