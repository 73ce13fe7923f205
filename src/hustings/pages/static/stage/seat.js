/**
 * One seat in a room: the invitation, the token it is exchanged for, and every HTTP call that
 * needs it. The token renews itself; the device cookie is the browser's affair. No DOM: runs in
 * Node. The contract is docs/protocol.md 4.
 */

import { SILENT, claimOf } from "./roles.js";

/** @typedef {{invitation: string, pass: string, name: string, token: string, went: boolean}} Kept  `pass`: good once, what `invitation` came of */
/** @typedef {{token: string, expires_s: number, participant?: string, name?: string, role?: string, invitation?: string}} Pass */
/** @typedef {{state: "ok" | "warn" | "bad", code: string, said: string, mend: string}} Finding */
/** @typedef {{ready: "ok" | "warn" | "bad", findings: Finding[]}} Verdict  docs/protocol.md 4 */
/**
 * @typedef {object} Store  where a reload finds the seat again
 * @property {() => Partial<Kept>} read
 * @property {(kept: Kept) => void} write
 */

const TRY_MS = 45_000; // a platform may be slow to say no; the stage gives up after 40 s
const LATEST_S = 600; // a token lives 900 s; a page that slept renews when it wakes

/** The stage said no; `code` is one of docs/protocol.md 6. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} title
   * @param {import("../rules.js").Rules} [rules]  that are to be read first
   * @param {string} [invitation]  good here for however long they are read, where a pass was shown
   */
  constructor(status, code, title, rules, invitation) {
    super(title);
    this.status = status;
    this.code = code;
    this.rules = rules;
    this.invitation = invitation;
  }

  /** Whether the same call may succeed later without anybody doing anything. */
  get passing() {
    return this.status >= 500 || this.status === 429 || this.status === 408;
  }
}

export class Seat {
  #timer = 0;
  #renewing = false;

  /**
   * @param {string} base  URL of the stage's `/rooms/<room>`
   * @param {Store} store
   * @param {(token: string) => void} renewed
   */
  constructor(base, store, renewed) {
    this.base = base;
    this.store = store;
    this.renewed = renewed;
    this.rules = ""; // id of those that were agreed to, for the next `join`
    /** @type {((rules: import("../rules.js").Rules, said: string) => Promise<void>) | null} shows rules until they are agreed to; null: nobody can be asked */
    this.reads = null;
    /** @type {Kept} */
    this.kept = { invitation: "", pass: "", name: "", token: "", went: false, ...store.read() };
  }

  get token() {
    return this.kept.token;
  }

  /** The name that the invitation was made for, to begin with; "" if it has none. */
  get invitedName() {
    return claimOf(this.kept.invitation, "name");
  }

  /** Whose seat it is; "" without an invitation. */
  get participant() {
    return claimOf(this.kept.invitation, "sub");
  }

  /** Whether it is the seat of somebody who only listens. */
  get listens() {
    return SILENT.has(claimOf(this.kept.invitation, "role"));
  }

  /** The person has gone on stage (or backstage) with sound: a reload goes there by itself. */
  went() {
    this.#keep({ went: true });
  }

  /**
   * A link was opened: another invitation means another seat.
   * @param {string} invitation
   * @param {string} [rules]  that were agreed to as the hand went up
   */
  invited(invitation, rules = this.rules) {
    this.rules = rules;
    if (invitation && invitation !== this.kept.invitation && invitation !== this.kept.pass) {
      this.#keep({ invitation, pass: "", name: "", token: "", went: false });
    }
  }

  /**
   * A listener's hand was called up: its ticket is worth an invitation. Throws as `join`.
   * @param {string} ticket
   */
  async redeem(ticket) {
    const body = JSON.stringify({ ticket });
    const answer = await this.#call("redeem", { method: "POST", body }, "application/json");
    this.invited((await answer.json()).invitation);
  }

  /**
   * Take the seat. Throws Refusal, or TypeError if the stage cannot be reached.
   * @param {string} name
   * @returns {Promise<void>}
   */
  async join(name) {
    const { invitation } = this.kept;
    const body = JSON.stringify({ invitation, name, rules: this.rules });
    const answer = await this.#call("join", { method: "POST", body }, "application/json").catch(async (error) => {
      if (!(error instanceof Refusal && error.rules && this.reads)) throw error;
      if (error.invitation) this.#keep({ invitation: error.invitation, pass: invitation });
      await this.reads(error.rules, this.rules);
      this.rules = error.rules.id;
    });
    if (!answer) return this.join(name);
    const pass = /** @type {Pass} */ (await answer.json());
    this.#keep({ name: pass.name ?? name });
    if (pass.invitation) this.#keep({ invitation: pass.invitation, pass: invitation });
    this.#take(pass);
  }

  /** Nobody may have this seat's voice by itself any more; works when all is over too. Throws as `join`. */
  async dropTrack() {
    const body = JSON.stringify({ invitation: this.kept.invitation });
    await this.#call("drop_track", { method: "POST", body }, "application/json");
  }

  /** After a reload: the same seat again, by the token or else by the invitation. */
  async resume() {
    try {
      await this.renew();
    } catch (error) {
      if (!(error instanceof Refusal) || error.passing || !this.kept.invitation) throw error;
      await this.join(this.kept.name);
    }
  }

  /** A fresh token for the old one. */
  async renew() {
    const answer = await this.#call("renew", { method: "POST" }, "");
    this.#take(/** @type {Pass} */ (await answer.json()));
  }

  /**
   * Offer a connection for sound; the answer's SDP, and how to hang it up.
   * @param {string} sdp
   */
  async offer(sdp) {
    const answer = await this.#call("rtc", { method: "POST", body: sdp }, "application/sdp");
    const path = answer.headers.get("Location")?.split("/").at(-1) ?? "";
    return { sdp: await answer.text(), hangUp: () => this.#hangUp(path) };
  }

  /**
   * Whether the room can go live; for hosts. Throws as `join`.
   * @param {string} language  of the sentences
   * @returns {Promise<Verdict>}
   */
  async readiness(language) {
    const answer = await this.#call(`readiness?lang=${language}`, { method: "GET" }, "");
    return answer.json();
  }

  /** The picture that other platforms show; for hosts. Throws as `join`. @param {Blob} picture */
  async pushCard(picture) {
    await this.#call("push/card", { method: "PUT", body: picture }, "image/jpeg");
  }

  /**
   * Whether a platform takes us, and how far that came; for hosts. Throws as `join`.
   * @param {{ url: string, key: string, publish: boolean }} wanted
   * @returns {Promise<{ step: string, code: string }>}
   */
  async pushTry(wanted) {
    const init = { method: "POST", body: JSON.stringify(wanted) };
    return (await this.#call("push/try", init, "application/json", TRY_MS)).json();
  }

  close() {
    clearTimeout(this.#timer);
  }

  /** @param {string} peer */
  async #hangUp(peer) {
    if (!peer) return;
    try {
      await this.#call(`rtc/${peer}`, { method: "DELETE", keepalive: true }, "");
    } catch {
      // it is gone already, or the stage is: both are what we want
    }
  }

  /** @param {Pass} pass */
  #take(pass) {
    this.#keep({ token: pass.token });
    clearTimeout(this.#timer);
    const wait = Math.min(LATEST_S, pass.expires_s * 0.6);
    this.#timer = setTimeout(() => this.#renewInTime(), wait * 1000);
    this.renewed(pass.token);
  }

  async #renewInTime() {
    if (this.#renewing) return;
    this.#renewing = true;
    try {
      await this.resume();
    } catch {
      this.#timer = setTimeout(() => this.#renewInTime(), 5_000);
    } finally {
      this.#renewing = false;
    }
  }

  /** @param {Partial<Kept>} news */
  #keep(news) {
    this.kept = { ...this.kept, ...news };
    this.store.write(this.kept);
  }

  /**
   * @param {string} path
   * @param {RequestInit} init
   * @param {string} type
   */
  async #call(path, init, type, within_ms = 8_000) {
    /** @type {Record<string, string>} */
    const headers = type ? { "Content-Type": type } : {};
    if (path !== "join") headers.Authorization = `Bearer ${this.token}`;
    const signal = AbortSignal.timeout(within_ms);
    const answer = await fetch(`${this.base}/${path}`, { ...init, headers, signal });
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => ({}));
    const code = String(problem.code ?? `http_${answer.status}`);
    throw new Refusal(answer.status, code, String(problem.title ?? code), problem.rules, problem.invitation);
  }
}
