/** Raising a hand; loaded when the form is opened. Contract: `POST /live/<room>/hand`. */

import { t } from "../strings.js";
import { Pledge } from "./pledge.js";
import { element, write } from "./view.js";

const AGAIN_S = 5; // a crowd whose line broke raises its hands again spread over this

/** @typedef {{hand: string, ticket: string, name: string, question: string, topic: string, rules: string}} Raised */
/** @typedef {{raised: Raised | null, words: string, unread?: import("../rules.js").Rules}} Said */

let prepared = false;
/** @type {Raised | null} */
let raised = null;
/** @type {Promise<import("./up.js").Way> | null} */
let up = null; // to the stage, once called

/**
 * @param {string} live
 * @param {import("./session.js").Session} session
 */
export function prepare(live, session) {
  if (prepared) return;
  prepared = true;
  showTopics(session.room.facts?.topics ?? []);
  const form = /** @type {HTMLFormElement} */ (element("hand-form"));
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
  const lower = /** @type {HTMLButtonElement} */ (element("hand-lower"));
  const pledge = new Pledge(form, live, session);
  pledge.prepare();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (raised) return;
    button.disabled = true;
    const fields = new FormData(form);
    const field = (/** @type {string} */ name) => String(fields.get(name) ?? "");
    const rules = pledge.sign();
    const said = await raise(live, { name: field("name"), question: field("question"), topic: field("topic"), rules });
    raised = said.raised;
    if (said.unread) pledge.show(said.unread);
    write(element("hand-answer"), said.words);
    button.disabled = Boolean(raised);
    lower.hidden = !raised;
    if (raised) watch(live, session, raised);
  });
  lower.addEventListener("click", () => {
    goDown(live);
    write(element("hand-answer"), t("Your hand is down."));
    button.disabled = false;
    lower.hidden = true;
    button.focus();
  });
  addEventListener("pagehide", ({ persisted }) => !persisted && goDown(live));
}

/**
 * Until it is called or down: hear the call at once, and raise it again after a broken line, as the
 * edge that held it may be gone.
 * @param {string} live
 * @param {import("./session.js").Session} session
 * @param {Raised} mine
 */
function watch(live, session, mine) {
  let away = false;
  session.called = (hand) => {
    if (raised !== mine || hand !== mine.hand) return;
    raised = null;
    element("hand-lower").hidden = true;
    write(element("hand-answer"), t("The hosts call on you."));
    showWay(mine, session);
  };
  const timer = setInterval(() => {
    if (raised !== mine) return clearInterval(timer);
    const open = session.line === "open";
    if (open && away) setTimeout(() => raised === mine && raise(live, mine), Math.random() * AGAIN_S * 1000);
    away = !open;
    return undefined;
  }, 200);
}

/** Whoever leaves is not called. @param {string} live */
function goDown(live) {
  if (!raised) return;
  const body = JSON.stringify({ ticket: raised.ticket, raised: false });
  navigator.sendBeacon(`${live}/hand`, new Blob([body], { type: "application/json" }));
  raised = null;
}

/**
 * What hands may be about, as the hosts say; nothing if they do not.
 * @param {string[]} topics
 */
function showTopics(topics) {
  if (!topics.length) return;
  const select = document.createElement("select");
  select.name = "topic";
  select.dir = "auto";
  select.append(new Option(t("Something else"), ""), ...topics.map((each) => new Option(each, each)));
  const label = document.createElement("label");
  label.append(t("Topic"), select);
  const field = document.createElement("div");
  field.className = "field";
  field.append(label);
  element("hand-question").parentElement?.before(field);
}

/**
 * To the speakers' page, which takes the ticket for an invitation; the fragment stays in the browser.
 * That page is loaded at once and waits for the button.
 * @param {Raised} called
 * @param {import("./session.js").Session} session
 */
function showWay(called, session) {
  const { ticket, name, rules } = called;
  const { stage, room } = /** @type {HTMLElement} */ (document.querySelector(".listener")).dataset;
  const way = /** @type {HTMLAnchorElement} */ (element("hand-way"));
  way.href = `${stage}/s/${room}#h=${ticket}&n=${encodeURIComponent(name)}&r=${rules}`;
  way.hidden = false;
  way.focus();
  up?.then((before) => before.close());
  const mine = (up = import("./up.js").then(({ Way }) => new Way(way.href, session, () => showWay(called, session))));
  way.onclick = async (event) => {
    event.preventDefault();
    (await mine).go();
    way.hidden = true;
    write(element("hand-answer"), "");
    document.querySelector("#hand-form button")?.removeAttribute("disabled");
  };
}

/**
 * @param {string} live
 * @param {{name: string, question: string, topic: string, rules: string, ticket?: string}} said
 * @returns {Promise<Said>}
 */
async function raise(live, { name, question, topic, rules, ticket }) {
  try {
    const answer = await fetch(`${live}/hand`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name, question, topic, rules, ticket }),
    });
    if (answer.ok) {
      const made = await answer.json();
      return { raised: { ...made, name, question, topic, rules }, words: t("Your hand is up. Stay here; the hosts will see it.") };
    }
    const { code, rules: unread } = await answer.json().catch(() => ({}));
    if (code === "rules_unread") return { ...no(t("Read the rules above and agree to them, then raise your hand.")), unread };
    if (code === "stage_away") return no(t("The stage cannot be reached just now. Try again in a moment."));
    if (code === "hands_closed") return no(t("The hosts take no more hands just now."));
    if (answer.status === 429 || answer.status === 503) return no(t("Too many hands at once. Try again in a moment."));
    return no(t("That did not work. Check your name and question."));
  } catch {
    return no(t("No connection. Try again in a moment."));
  }
}

/** @param {string} words */
const no = (words) => ({ raised: null, words });
