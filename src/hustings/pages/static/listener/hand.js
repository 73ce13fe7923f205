/** Raising a hand; loaded when the form is opened. Contract: `POST /live/<room>/hand`. */

import { t } from "../strings.js";
import { element, write } from "./view.js";

let prepared = false;

/**
 * @param {string} live
 * @param {import("./session.js").Session} session
 */
export function prepare(live, session) {
  if (prepared) return;
  prepared = true;
  const form = /** @type {HTMLFormElement} */ (element("hand-form"));
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    const said = await raise(live, new FormData(form));
    write(element("hand-answer"), said.words);
    button.disabled = said.raised;
    if (!said.raised) return;
    const called = setInterval(() => {
      if (session.room.called?.hand !== said.hand) return;
      clearInterval(called);
      write(element("hand-answer"), t("The hosts call on you."));
      showWay(said.ticket);
    }, 500);
  });
}

/**
 * To the speakers' page, which takes the ticket for an invitation; the fragment stays in the browser.
 * @param {string} ticket
 */
function showWay(ticket) {
  const { stage, room } = /** @type {HTMLElement} */ (document.querySelector(".listener")).dataset;
  const way = /** @type {HTMLAnchorElement} */ (element("hand-way"));
  way.href = `${stage}/s/${room}#h=${ticket}`;
  way.hidden = false;
  way.focus();
}

/**
 * @param {string} live
 * @param {FormData} fields
 * @returns {Promise<{raised: boolean, hand: string, ticket: string, words: string}>}
 */
async function raise(live, fields) {
  try {
    const answer = await fetch(`${live}/hand`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name: fields.get("name"), question: fields.get("question") }),
    });
    if (answer.ok) {
      const { hand, ticket } = await answer.json();
      return { raised: true, hand, ticket, words: t("Your hand is up. Stay here; the hosts will see it.") };
    }
    const { code } = await answer.json().catch(() => ({}));
    if (code === "stage_away") {
      return { raised: false, hand: "", ticket: "", words: t("The stage cannot be reached just now. Try again in a moment.") };
    }
    if (answer.status === 429 || answer.status === 503) {
      return { raised: false, hand: "", ticket: "", words: t("Too many hands at once. Try again in a moment.") };
    }
    return { raised: false, hand: "", ticket: "", words: t("That did not work. Check your name and question.") };
  } catch {
    return { raised: false, hand: "", ticket: "", words: t("No connection. Try again in a moment.") };
  }
}
