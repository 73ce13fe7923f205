/**
 * House rules: shown before somebody raises a hand or comes on stage, and agreed to once for each
 * version of their text, in whatever room it stands. What was agreed to stays in this browser, by
 * the id that is made of the texts; no server keeps it. Contract: docs/protocol.md 2.13.
 */

/** @typedef {{id: string, house?: Record<string, string>, own?: string}} Rules */

const KEY = "hustings-rules";
const KEPT = 50; // versions; whoever agreed to more is asked again for the oldest

/** @type {string[]} where the browser keeps nothing for us: until the page is left */
let here = [];

/** Whether this browser's person agreed to that version. @param {string} id */
export const agreed = (id) => known().includes(id);

/** They do. @param {string} id */
export function agree(id) {
  here = [...known().filter((each) => each !== id), id].slice(-KEPT);
  try {
    localStorage.setItem(KEY, JSON.stringify(here));
  } catch {
    // it is asked again next time
  }
}

/**
 * What a reader of this language gets: the house's text in it, else in English, else in any; then the room's own.
 * @param {Rules} rules
 * @param {string} language  of the page
 * @param {string} spoken  in the room
 * @returns {{text: string, language: string}[]}
 */
export function told({ house = {}, own = "" }, language, spoken) {
  const first = [language, "en", ...Object.keys(house)].find((each) => house[each]);
  const texts = first ? [{ text: house[first] ?? "", language: first }] : [];
  return own ? [...texts, { text: own, language: spoken }] : texts;
}

/**
 * @param {HTMLElement} box
 * @param {Rules} rules
 * @param {string} spoken
 */
export function fill(box, rules, spoken) {
  const texts = told(rules, document.documentElement.lang, spoken).map(({ text, language }) => {
    const part = document.createElement("p");
    part.className = "rules";
    part.dir = "auto";
    part.lang = language;
    part.textContent = text;
    return part;
  });
  box.replaceChildren(...texts);
}

/** @returns {string[]} */
function known() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    if (Array.isArray(kept)) return kept.map(String);
  } catch {
    // as if there was nothing
  }
  return here;
}
