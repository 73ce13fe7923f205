/**
 * The room as one participant sees it, folded from the control socket's messages; and who may do
 * what, as in docs/protocol.md 4.1 (the stage checks again). No DOM: runs in Node.
 */

import { Applause } from "../listener/room.js";
import { HOSTS, RANK, SILENT, STEWARDS } from "./roles.js";

/** @typedef {{id: string, name: string, role: string, place: string, muted: boolean, connected: boolean, gain_db?: number, alike?: boolean, taken_for?: string}} Person */
/** @typedef {{id: string, name: string, question: string, participant?: string, topic?: string, taken_for?: string}} Hand */
/** @typedef {{title?: string, state?: string, notice?: string, locked?: boolean, hands_closed?: boolean, topics?: string[], delay_s?: number, host?: string, expected?: number, room?: string, rehearsal_of?: string, tracks?: string[], cancelled_ms?: number, live_ms?: number, keep_days?: number}} Facts */
/** @typedef {{id: string, title: string, who: string, participant: string, planned_s: number, spent_s: number}} Point */
/** @typedef {{id: string, text: string, name: string, state: string, votes: number}} Asked */
/** @typedef {{id: string, host: string, hold: boolean, state: string, code: string, since_ms: number}} Target  a platform */
/** @typedef {{items: Point[], now: string}} Order  `now`: id of the current point, or "" */

/** @typedef {"invite" | "talk" | "mute" | "backstage" | "remove"} Action */

export class Hall {
  you = "";
  /** @type {Facts} */
  facts = {};
  /** @type {Person[]} */
  people = [];
  /** @type {Hand[]} */
  hands = [];
  handsUp = 0; // in all, also those that are not in the list
  topics = /** @type {Record<string, number>} */ ({}); // how many of them on each; "": on none
  charge = ""; // who runs the room
  panic = false; // the hosts have cleared the stage
  /** @type {{id: string, name: string}[]} */
  removed = [];
  listeners = 0;
  waiting = 0;
  /** @type {Set<string>} */
  speaking = new Set();
  levels = /** @type {Record<string, number>} */ ({}); // dBFS
  loudness = NaN; // LUFS, of the mix over the last 3 s
  microphones = /** @type {Record<string, string>} */ ({}); // what is wrong with whose
  order = /** @type {Order} */ ({ items: [], now: "" });
  orderAt = 0; // our own clock when it was told, ms
  spoken = /** @type {Record<string, number>} */ ({}); // seconds
  /** @type {{mode: string, questions: Asked[], open: number}} */
  asked = { mode: "off", questions: [], open: 0 };
  /** @type {import("../listener/room.js").Poll & {id: string}} */
  poll = { id: "" };
  pushed = { push: /** @type {Target[]} */ ([]), most: 0 };
  applause = new Applause();
  echoes = /** @type {Record<string, string>} */ ({}); // whose microphone carries whose voice as well
  talks = /** @type {Record<string, string>} */ ({}); // host -> whom they talk with in private
  delayS = 0; // the broadcast delay as it is
  heldS = 0; // and how much of it is filled
  ending = false; // what was said is still to be heard
  invited = false;
  rules = /** @type {import("../rules.js").Rules | null} */ (null); // that hold since they changed
  edge = "";
  listen = "";

  /** @returns {Person | undefined} */
  get me() {
    return this.people.find((person) => person.id === this.you);
  }

  /** With whom I talk in private: their id, or "". */
  get partner() {
    const host = Object.keys(this.talks).find((id) => this.talks[id] === this.you);
    return this.talks[this.you] ?? host ?? "";
  }

  /** What the stage knows of our own microphone by our word; it finds an echo by itself. */
  get said() {
    const sign = this.microphones[this.you] ?? "";
    return sign === "echo" ? "" : sign;
  }

  /**
   * The name of whose voice somebody's microphone carries as well; "" if nobody's.
   * @param {string} id
   */
  echoOf(id) {
    return this.people.find((person) => person.id === this.echoes[id])?.name ?? "";
  }

  /** Whether somebody agreed that their own voice may be had by itself. @param {string} id */
  keepsTrack(id) {
    return (this.facts.tracks ?? []).includes(id);
  }

  get state() {
    return this.facts.state ?? "scheduled";
  }

  /** Whether the audience hears hold audio until the delay has filled. */
  get filling() {
    return this.heldS < this.delayS && !this.ending;
  }

  get isRehearsal() {
    return Boolean(this.facts.rehearsal_of);
  }

  get isHost() {
    return this.me?.role === "host";
  }

  get inCharge() {
    return this.you !== "" && this.charge === this.you;
  }

  get hosts() {
    return HOSTS.has(this.me?.role ?? "");
  }

  get listens() {
    return SILENT.has(this.me?.role ?? "");
  }

  get stewards() {
    return STEWARDS.has(this.me?.role ?? "");
  }

  get onStage() {
    return this.people.filter((person) => person.place === "stage");
  }

  get backstage() {
    return this.people.filter((person) => person.place === "backstage");
  }

  /** @param {any} message  anything but answers to commands */
  apply(message) {
    switch (message.type) {
      case "welcome":
        if (message.room.room !== this.facts.room) this.#enter();
        this.you = message.you;
        this.facts = message.room;
        this.edge = message.edge;
        this.listen = message.listen;
        this.hands = message.hands;
        this.handsUp = message.hands_up ?? 0;
        this.topics = message.topics ?? {};
        this.speaking = new Set(message.speaking);
        this.microphones = message.microphones ?? {};
        this.echoes = message.echoes ?? {};
        this.#seat(message);
        this.invited = (message.asked ?? []).includes(this.you);
        this.spoken = message.spoken ?? {};
        this.asked = message.questions ?? this.asked;
        this.poll = message.poll ?? this.poll;
        this.#order(message.agenda);
        break;
      case "agenda":
        this.#order(message.agenda);
        break;
      case "reactions":
        this.applause.hear(message.reactions, performance.now() / 1000);
        break;
      case "rules":
        this.rules = message.rules;
        break;
      case "poll":
        this.poll = message.poll;
        break;
      case "push":
        this.pushed = message;
        break;
      case "questions":
        this.asked = message.questions;
        break;
      case "spoken":
        this.spoken = message.spoken;
        break;
      case "room":
        this.facts = message.room;
        break;
      case "roster":
        this.#seat(message);
        break;
      case "hands":
        this.hands = message.hands;
        this.handsUp = message.hands_up ?? 0;
        this.topics = message.topics ?? {};
        break;
      case "levels":
        this.levels = message.levels;
        this.loudness = message.loudness ?? NaN;
        this.delayS = message.delay_s ?? 0;
        this.heldS = message.held_s ?? 0;
        this.handsUp = message.hands_up ?? this.handsUp;
        this.topics = message.topics ?? this.topics;
        this.listeners = message.listeners ?? 0;
        this.waiting = message.waiting ?? 0;
        this.speaking = new Set(message.speaking);
        break;
      case "microphones":
        this.microphones = message.microphones;
        this.echoes = message.echoes ?? {};
        break;
      case "ending":
        this.ending = true;
        break;
      case "invited":
        this.invited = this.me?.place !== "stage";
        break;
    }
  }

  /** Another room, to a rehearsal or back: what the one before said about its sound holds no more. */
  #enter() {
    this.ending = false;
    this.delayS = this.heldS = 0;
  }

  /** @param {Order} [order] */
  #order(order = { items: [], now: "" }) {
    this.order = order;
    this.orderAt = performance.now();
  }

  /** @param {{roster: Partial<Person>[], asked?: string[], charge?: string, panic?: boolean, removed?: {id: string, name: string}[], talks?: Record<string, string>}} seats */
  #seat({ roster, asked, charge = "", panic = false, removed = [], talks = {} }) {
    this.talks = talks;
    this.charge = charge;
    this.panic = panic;
    this.removed = removed;
    const whole = { id: "", name: "", role: "speaker", place: "backstage", muted: false, connected: false };
    this.people = roster
      .map((person) => ({ ...whole, ...person }))
      .sort((a, b) => RANK.indexOf(a.role) - RANK.indexOf(b.role) || a.name.localeCompare(b.name));
    if (this.me?.place === "stage" || (asked && !asked.includes(this.you))) this.invited = false;
  }

  /** What I may do to somebody, in the order of the buttons. @param {Person} person @returns {Action[]} */
  actions(person) {
    if (person.id === this.you || !this.stewards) return [];
    if (person.role === "host" && !this.isHost) return [];
    if (SILENT.has(person.role)) return ["remove"];
    const onStage = person.place === "stage";
    const all = /** @type {[Action, boolean][]} */ ([
      ["invite", this.hosts && !onStage],
      ["talk", this.hosts && !onStage && person.connected && !this.partner],
      ["mute", onStage && !person.muted],
      ["backstage", onStage],
      ["remove", true],
    ]);
    return all.filter(([, possible]) => possible).map(([action]) => action);
  }
}
