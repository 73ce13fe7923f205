/**
 * Shows what is: the step, the person's own panel, the light, the lists. Decides nothing about
 * the room; reads it all from the parts it was given whenever one of them says `changed`.
 */

import { t } from "../strings.js";
import { showSums } from "../listener/reactions.js";
import { light } from "./audience.js";
import { element, write } from "./dom.js";
import { shown } from "./meter.js";
import { isBroken } from "./microphone.js";
import { echoWords, heardWords, refusalWords, stateWord, troubleWords } from "./words.js";

/**
 * @typedef {object} Parts
 * @property {import("./hall.js").Hall} hall
 * @property {import("./line.js").Line} line
 * @property {import("./microphone.js").Microphone} microphone
 * @property {import("./audience.js").Audience} audience
 * @property {import("./people.js").People} people
 * @property {import("./desk.js").Desk} desk
 * @property {{show: (hall: import("./hall.js").Hall) => void}[]} panels
 * @property {import("./hands.js").Hands} hands
 * @property {import("./readiness.js").Readiness} readiness
 * @property {import("./control.js").Control} control
 */

const QUIET_S = 2; // levels come five times a second while the room is open
const STEPS = ["wait", "join", "rules", "check", "room"];

export class View {
  #bars = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".meter"));
  #speakingSince = NaN;
  #planned = false;
  #light = "";

  /** @param {Parts} parts */
  constructor(parts) {
    this.parts = parts;
    this.selects = /** @type {HTMLSelectElement[]} */ ([...document.querySelectorAll("select.microphones")]);
    setInterval(() => this.#meters(), 50);
    setInterval(() => this.#showLight(), 500);
  }

  /** @param {string} step  of STEPS */
  step(step) {
    for (const each of STEPS) element(`step-${each}`).hidden = each !== step;
    if (step === "join") element("name").focus();
    if (step === "check" || step === "room") element(`${step}-title`).focus();
    this.changed();
  }

  /**
   * Something that stops everything; "" takes it away.
   * @param {string} words
   * @param {{words: string, act: () => void} | null} way  out of it
   */
  trouble(words, way) {
    const box = element("trouble");
    box.hidden = !words;
    if (words) for (const each of STEPS) element(`step-${each}`).hidden = true;
    write(element("trouble-words"), words);
    const button = /** @type {HTMLButtonElement} */ (element("trouble-way"));
    button.hidden = !way;
    button.textContent = way?.words ?? "";
    button.onclick = () => {
      box.hidden = true;
      way?.act();
    };
  }

  /** Ways on from a room that has ended: to its recording, and for hosts to its page in web, where that is known. */
  over() {
    const { facts, hosts, isRehearsal } = this.parts.hall;
    const recorded = Boolean(facts.live_ms) && facts.keep_days !== 0 && !isRehearsal;
    const manage = document.getElementById("manage");
    element("recording").hidden = !recorded;
    if (manage) manage.hidden = !hosts;
    element("after-end").hidden = !(recorded || (manage && hosts));
  }

  /** A sentence about the last command; "" for none. @param {string} words */
  say(words) {
    write(element("said"), words);
  }

  /** Something changed; several changes are shown once. */
  changed() {
    if (this.#planned) return;
    this.#planned = true;
    queueMicrotask(() => {
      this.#planned = false;
      this.#show();
    });
  }

  /** Five times a second, from the stage. */
  levels() {
    const { hall, people, hands } = this.parts;
    people.showLevels(hall);
    this.parts.desk.air.levels(hall);
    hands.showCounts(hall);
    showSums(element("applause"), hall.applause.sums(performance.now() / 1000));
    if (!hall.speaking.has(hall.you)) this.#speakingSince = NaN;
    else if (Number.isNaN(this.#speakingSince)) this.#speakingSince = performance.now() / 1000;
  }

  #show() {
    const { hall, people, desk, panels, readiness, audience } = this.parts;
    this.#showMicrophone();
    if (!hall.me) return;
    if (hall.facts.title) write(element("title"), hall.facts.title);
    const badge = element("badge");
    const off = Boolean(hall.facts.cancelled_ms);
    badge.className = `badge ${off ? "off" : hall.state}`;
    const stand = off ? t("Cancelled") : stateWord(hall.state);
    write(badge, hall.isRehearsal ? t("Rehearsal · {state}", { state: stand }) : stand);
    const open = hall.state === "lobby" || hall.state === "live";
    const base = hall.edge || (document.querySelector("article")?.dataset.edge ?? "");
    const room = hall.facts.room ?? document.querySelector("article")?.dataset.room ?? "";
    audience.listen(open && base ? `${base}/live/${room}/opus-low.mp4?probe` : "");
    this.#showMe();
    this.#showConnection();
    people.show(hall);
    desk.show(hall);
    for (const panel of panels) panel.show(hall);
    readiness.show(hall);
    this.#showLight();
  }

  #showMe() {
    const { hall, microphone } = this.parts;
    const me = hall.me;
    if (!me) return;
    const onStage = me.place === "stage";
    document.querySelector(".speakers")?.toggleAttribute("data-listens", hall.listens);
    const mute = element("mute");
    mute.setAttribute("aria-pressed", String(microphone.muted));
    write(element("mute-word"), microphone.muted ? t("Unmute") : t("Mute"));
    write(element("place"), onStage ? t("You are on stage") : hall.listens ? t("You listen backstage") : t("You are backstage"));
    const hand = hall.hands.some((each) => each.participant === me.id || each.id === me.id);
    element("invited").hidden = !hall.invited || onStage;
    element("go-up").hidden = onStage || !hall.hosts || hall.invited;
    element("step-down").hidden = !onStage;
    element("raise").hidden = onStage || hall.listens || hall.hosts || hand || hall.invited || hall.panic;
    element("lower").hidden = onStage || !hand;
    write(
      element("enter-hint"),
      hall.hosts || hall.invited ? t("You go on stage.") : t("You wait backstage until a host brings you on stage."),
    );
  }

  #showConnection() {
    const { line, control, hall } = this.parts;
    let words = "";
    if (control.state === "lost" || control.state === "connecting") {
      words = t("The connection to the stage is gone. Your seat is kept; trying again …");
    } else if (line.failures >= 2 && isFirefoxAtHome()) {
      words = t("Firefox makes no sound connections to 127.0.0.1. Use another browser on this machine, or let the stage listen on a network address (--host 0.0.0.0).");
    } else if (line.state === "connecting") words = t("Connecting the sound …");
    else if (line.state === "lost") {
      words = t("The sound connection broke. Your seat is kept; trying again …");
    } else if (line.state === "refused") words = refusalWords(line.code, t("The stage refused the sound connection."));
    write(element("connection"), hall.state === "ended" ? "" : words);
  }

  #showMicrophone() {
    const { microphone, hall } = this.parts;
    const echo = echoWords(hall.echoOf(hall.you), hall.echoes[hall.you] === hall.you);
    const words = troubleWords(microphone.trouble, microphone.name) || echo;
    const broken = isBroken(microphone.trouble);
    for (const suffix of ["", "-2"]) {
      write(element(`microphone-trouble${suffix}`), words);
      element(`retry-microphone${suffix}`).hidden = !broken;
    }
    write(element("enter"), microphone.track || !broken ? t("Join the stage") : t("Go in without a microphone"));
    const chosen = microphone.track?.getSettings().deviceId ?? "";
    const key = microphone.devices.map((device) => device.deviceId + device.label).join() + chosen;
    for (const select of this.selects) {
      if (select.dataset.key === key) continue;
      select.dataset.key = key;
      select.replaceChildren(
        ...microphone.devices.map((device, place) => {
          const name = device.label || t("Microphone {number}", { number: place + 1 });
          return new Option(name, device.deviceId, false, device.deviceId === chosen);
        }),
      );
      select.disabled = microphone.devices.length === 0;
    }
  }

  #meters() {
    const level = String(shown(Number.isNaN(this.parts.microphone.db) ? -120 : this.parts.microphone.db));
    for (const meter of this.#bars) meter.style.setProperty("--level", level);
  }

  #showLight() {
    const { hall, line, microphone, audience, control } = this.parts;
    const me = hall.me;
    if (!me || hall.listens) return;
    const heard = light({
      state: hall.state,
      onStage: me.place === "stage",
      talks: hall.partner !== "",
      muted: microphone.muted,
      microphone: microphone.track !== null,
      line: line.state === "connected",
      stage: control.state === "open" && (hall.state === "scheduled" || control.quietS < QUIET_S),
      edge: audience.flows,
      hold: audience.hold,
      filling: hall.filling,
      delayS: hall.delayS,
      speakingS: performance.now() / 1000 - this.#speakingSince,
      namedS: audience.named(me.id),
    });
    const box = element("light");
    box.dataset.heard = heard === "heard" ? "yes" : heard === "silent" ? "ready" : "no";
    write(element("light-words"), heardWords(heard, hall.listeners, audience.behind + hall.delayS));
    const steady = this.#light === "heard" && heard === "silent"; // a pause is no news to the ear
    if (heard === this.#light || steady) return;
    this.#light = heard;
    write(element("light-said"), heardWords(heard, NaN, NaN));
  }
}

/** Measured with Firefox 153: its ICE never uses the loopback interface, whatever is in the answer. */
function isFirefoxAtHome() {
  return "mozGetUserMedia" in navigator && /^(localhost|127\.|\[::1\])/.test(location.hostname);
}
