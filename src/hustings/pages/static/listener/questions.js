/**
 * The audience's questions: the list that all listeners share, a vote for each, and one's own.
 * Loaded when somebody opens them; asks for the list only while they are open and in sight.
 */

import { formatNumber, t } from "../strings.js";
import { element, write } from "./view.js";

const EACH_S = 5; // as often as the list changes; spread, as all have the same list

/** @typedef {{id: string, text: string, name?: string, votes?: number, answered?: boolean}} Question */

let prepared = false;

/**
 * @param {string} live
 * @param {import("./session.js").Session} session
 */
export function prepare(live, session) {
  if (prepared) return;
  prepared = true;
  const box = /** @type {HTMLDetailsElement} */ (element("ask"));
  const form = /** @type {HTMLFormElement} */ (element("ask-form"));
  const voted = remembered(live);
  /** @type {Question[]} */
  let questions = [];

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
    button.disabled = true;
    const fields = new FormData(form);
    const said = { text: String(fields.get("text")), name: String(fields.get("name")) };
    const status = await send(`${live}/question`, said);
    write(element("ask-answer"), outcome(status));
    if (status === 202) form.reset();
    button.disabled = false;
  });
  element("questions").addEventListener("click", async (event) => {
    const button = /** @type {Element} */ (event.target).closest("button");
    const id = button?.dataset.id;
    if (!button || !id) return;
    const up = !voted.has(id);
    const status = await send(`${live}/vote`, { question: id, up, ticket: session.pass.ticket });
    if (status !== 204) return write(element("ask-answer"), outcome(status));
    up ? voted.add(id) : voted.delete(id);
    remember(live, voted);
    const mine = questions.find((each) => each.id === id);
    if (mine) mine.votes = Math.max(0, (mine.votes ?? 0) + (up ? 1 : -1)); // until the next list
    return show(questions, voted);
  });
  box.addEventListener("toggle", () => box.open && load());
  setInterval(() => box.open && !document.hidden && !box.hidden && setTimeout(load, Math.random() * 1000), EACH_S * 1000);
  load();

  async function load() {
    try {
      const answer = await fetch(`${live}/questions.json`);
      if (!answer.ok) return;
      questions = (await answer.json()).top ?? [];
      show(questions, voted);
    } catch {
      // the list that is there stays
    }
  }
}

/**
 * @param {Question[]} questions
 * @param {Set<string>} voted
 */
function show(questions, voted) {
  const list = element("questions");
  element("no-questions").hidden = questions.length > 0;
  const focused = document.activeElement;
  const items = questions.map((question) => {
    const known = /** @type {HTMLElement | null} */ (list.querySelector(`[data-question="${CSS.escape(question.id)}"]`));
    return describe(known ?? make(), question, voted.has(question.id));
  });
  if (items.length !== list.children.length || items.some((item, place) => item !== list.children[place])) {
    list.replaceChildren(...items);
    if (focused instanceof HTMLElement && list.contains(focused)) focused.focus();
  }
}

/** @returns {HTMLElement} */
function make() {
  const item = document.createElement("li");
  const button = document.createElement("button");
  const words = document.createElement("p");
  const name = document.createElement("bdi");
  button.type = "button";
  button.append(document.createElement("span"), Object.assign(document.createElement("span"), { className: "unseen" }));
  words.dir = "auto";
  name.className = "soft small";
  item.append(button, words, name);
  return item;
}

/**
 * @param {HTMLElement} item
 * @param {Question} question
 * @param {boolean} mine
 */
function describe(item, { id, text, name = "", votes = 0, answered = false }, mine) {
  const [button, words, who] = /** @type {HTMLElement[]} */ ([...item.children]);
  if (!button || !words || !who) return item;
  item.dataset.question = button.dataset.id = id;
  item.toggleAttribute("data-answered", answered);
  button.toggleAttribute("disabled", answered);
  button.setAttribute("aria-pressed", String(mine));
  const [sign, purpose] = /** @type {HTMLElement[]} */ ([...button.children]);
  if (sign) write(sign, answered ? "✓" : `▲ ${formatNumber(votes)}`);
  if (purpose) write(purpose, t("Vote for: {question}", { question: text }));
  write(words, text);
  write(who, answered ? t("Answered") : name);
  return item;
}

/** @param {string} url @param {object} body @returns {Promise<number>} the answer's status; 0: no line */
async function send(url, body) {
  try {
    const headers = { "Content-Type": "application/json" };
    return (await fetch(url, { method: "POST", headers, body: JSON.stringify(body) })).status;
  } catch {
    return 0;
  }
}

/** @param {number} status */
function outcome(status) {
  if (status === 202) return t("Your question is with the hosts.");
  if (status === 0) return t("No connection. Try again in a moment.");
  if (status === 409) return t("This is closed now.");
  if (status === 429 || status === 503) return t("Too many at once. Try again in a moment.");
  return t("That did not work.");
}

/** @param {string} live @returns {Set<string>} */
function remembered(live) {
  try {
    return new Set(JSON.parse(sessionStorage.getItem(`hustings-votes ${live}`) ?? "[]"));
  } catch {
    return new Set();
  }
}

/** @param {string} live @param {Set<string>} voted */
function remember(live, voted) {
  try {
    sessionStorage.setItem(`hustings-votes ${live}`, JSON.stringify([...voted].slice(-200)));
  } catch {
    // as long as the page, then
  }
}
