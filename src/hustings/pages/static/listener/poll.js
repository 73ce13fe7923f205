/**
 * The poll on the listener's page, and its result (also on the speakers' page). Loaded when there
 * is a poll. Without scripts the same form is an ordinary one, and the server writes the result.
 */

import { formatNumber, n, t } from "../strings.js";

/** @typedef {import("./room.js").Poll} Poll */

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
let prepared = false;
let shown = ""; // the poll whose choices stand in the form

/**
 * How the votes fell: a bar, the number and the share of each choice.
 * @param {HTMLElement} list
 * @param {string[]} choices
 * @param {number[]} counts
 */
export function showResult(list, choices, counts) {
  const all = Math.max(1, counts.reduce((sum, count) => sum + count, 0));
  list.replaceChildren(
    ...choices.map((choice, place) => {
      const count = counts[place] ?? 0;
      const item = document.createElement("li");
      const name = document.createElement("bdi");
      const bar = document.createElement("meter");
      const number = document.createElement("span");
      name.textContent = choice;
      bar.max = all;
      bar.value = count;
      bar.setAttribute("aria-label", choice);
      number.textContent = `${formatNumber(count / all, { style: "percent" })} · ${formatNumber(count)}`;
      item.append(name, bar, number);
      return item;
    }),
  );
}

/**
 * How many voted, and how far that may be wrong.
 * @param {number} votes
 * @param {number} moved
 */
export function counted(votes, moved) {
  const all = n("{count} vote", "{count} votes", votes);
  const twice = n("at most {count} counted twice", "at most {count} counted twice", moved);
  return moved ? `${all} · ${twice}` : all;
}

/**
 * @param {string} live
 * @param {import("./session.js").Session} session
 */
export function showPoll(live, session) {
  const form = /** @type {HTMLFormElement} */ (byId("poll-form"));
  const poll = session.room.poll ?? {};
  if (!prepared) {
    prepared = true;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      vote(live, session, form);
    });
  }
  const { id = "", question = "", choices = [], state = "open", counts = [], votes = 0, moved = 0 } = poll;
  byId("poll").hidden = !id;
  form.hidden = state !== "open";
  byId("poll-question").textContent = question;
  byId("poll-result").hidden = state !== "counted";
  if (id && id !== shown) fill(form, id, choices, chosen(live, id));
  if (state === "counted") showResult(byId("poll-result"), choices, counts);
  if (state === "counted") say(counted(votes, moved));
  else if (state === "closed") say(t("The votes are being counted."));
  else say(chosen(live, id) < 0 ? "" : t("Your vote is in. You may change it until the poll is closed."));
}

/**
 * @param {HTMLFormElement} form
 * @param {string} id
 * @param {string[]} choices
 * @param {number} mine  the one that was chosen before; -1: none
 */
function fill(form, id, choices, mine) {
  shown = id;
  const hidden = /** @type {HTMLInputElement} */ (form.elements.namedItem("poll"));
  hidden.value = id;
  byId("poll-choices").replaceChildren(
    ...choices.map((choice, place) => {
      const label = document.createElement("label");
      const input = document.createElement("input");
      const words = document.createElement("bdi");
      input.type = "radio";
      input.name = "choice";
      input.required = true;
      input.value = String(place);
      input.checked = place === mine;
      words.textContent = choice;
      label.append(input, words);
      return label;
    }),
  );
}

/**
 * @param {string} live
 * @param {import("./session.js").Session} session
 * @param {HTMLFormElement} form
 */
async function vote(live, session, form) {
  const fields = new FormData(form);
  const poll = String(fields.get("poll"));
  const choice = Number(fields.get("choice"));
  const ballot = { poll, choice, ticket: session.pass.ticket, again: chosen(live, poll) >= 0 };
  try {
    const headers = { "Content-Type": "application/json" };
    const { status } = await fetch(`${live}/poll`, { method: "POST", headers, body: JSON.stringify(ballot) });
    if (status === 204) {
      sessionStorage.setItem(`hustings-poll ${live}`, JSON.stringify({ poll, choice }));
      say(t("Your vote is in. You may change it until the poll is closed."));
    } else say(status === 409 ? t("This is closed now.") : t("Too many at once. Try again in a moment."));
  } catch {
    say(t("No connection. Try again in a moment."));
  }
}

/**
 * What this page chose in that poll, or -1.
 * @param {string} live
 * @param {string} poll
 * @returns {number}
 */
function chosen(live, poll) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(`hustings-poll ${live}`) ?? "{}");
    return kept.poll === poll ? kept.choice : -1;
  } catch {
    return -1;
  }
}

/** @param {string} words */
function say(words) {
  const target = byId("poll-said");
  if (target.textContent !== words) target.textContent = words;
}
