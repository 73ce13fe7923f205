/**
 * The control socket (docs/protocol.md 4.1): says hello, hands on every message, carries commands
 * and their answers, and comes back by itself until the stage says goodbye for good. No DOM.
 */

const HELLO_S = 6; // until `welcome`
const ANSWER_S = 8; // until a command is answered; else the line is dead, whatever TCP thinks
const HERE_S = 1; // so often the stage hears that this page lives
const LONGEST_PAUSE_S = 2; // few people, and a stage that is back within 3 s

/** Goodbyes after which coming back makes no sense. */
const FINAL = new Set(["elsewhere", "left", "removed", "revoked", "room_ended", "not_in_room"]);

/** @typedef {"connecting" | "open" | "lost" | "over"} LineState */
/**
 * @typedef {object} Hears
 * @property {(message: any) => void} message
 * @property {() => void} line  its state changed
 * @property {(code: string, title: string) => void} bye  a final one
 * @property {() => Promise<void>} unwelcome  the token was not good: get another
 */

/** A command that the stage refused, or that was not answered. */
export class CommandError extends Error {
  /**
   * @param {string} code
   * @param {string} title
   */
  constructor(code, title) {
    super(title);
    this.code = code;
  }
}

/**
 * Seconds before the n-th try in a row (n from 0).
 * @param {number} failures
 * @param {number} random  0 to 1
 */
export function pause(failures, random) {
  return Math.min(LONGEST_PAUSE_S, 0.3 * 1.6 ** failures) * (0.4 + 0.6 * random);
}

export class Control {
  /** @type {LineState} */
  state = "over";
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Map<number, {done: (result: any) => void, failed: (error: Error) => void, timer: number}>} */
  #waiting = new Map();
  #heardAt = 0;
  #next = 1;
  #failures = 0;
  #over = false;
  #timer = 0;
  #beat = 0;

  /**
   * @param {string} url  ws(s)://.../control
   * @param {() => string} token  as it is now
   * @param {Hears} hears
   */
  constructor(url, token, hears) {
    this.url = url;
    this.token = token;
    this.hears = hears;
  }

  open() {
    this.#over = false;
    this.#set("connecting");
    const socket = new WebSocket(this.url);
    this.#socket = socket;
    this.#timer = setTimeout(() => socket.close(), HELLO_S * 1000);
    socket.onopen = () => this.#say({ type: "hello", token: this.token() });
    socket.onmessage = ({ data }) => this.#heard(socket, JSON.parse(data));
    socket.onclose = () => this.#lost(socket);
  }

  /** Seconds since the stage last said anything. */
  get quietS() {
    return (performance.now() - this.#heardAt) / 1000;
  }

  /** The network changed or the page woke up: do not wait for the next planned try. */
  hurry() {
    if (this.#over || this.#socket) return;
    clearTimeout(this.#timer);
    this.open();
  }

  close() {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
    this.#socket = null;
    this.#set("over");
  }

  /** @param {string} token  a renewed one */
  renewed(token) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#say({ type: "token", token });
  }

  /**
   * @param {string} command
   * @param {Record<string, unknown>} [args]
   * @returns {Promise<any>} the result; rejects with CommandError
   */
  do(command, args = {}) {
    const id = this.#next++;
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) {
      return Promise.reject(new CommandError("away", "The stage cannot be reached."));
    }
    return new Promise((done, failed) => {
      const timer = setTimeout(() => socket.close(), ANSWER_S * 1000);
      this.#waiting.set(id, { done, failed, timer });
      this.#say({ type: "do", id, command, ...args });
    });
  }

  /** @param {object} message */
  #say(message) {
    this.#socket?.send(JSON.stringify(message));
  }

  /**
   * @param {WebSocket} socket
   * @param {any} message
   */
  #heard(socket, message) {
    if (socket !== this.#socket) return;
    this.#heardAt = performance.now();
    if (message.type === "bye") return this.#goodbye(message);
    if (message.type === "done" || message.type === "error") return this.#answered(message);
    if (message.type === "welcome") {
      clearTimeout(this.#timer);
      this.#failures = 0;
      this.#beat = setInterval(() => this.#here(), HERE_S * 1000);
      this.#set("open");
    }
    this.hears.message(message);
  }

  /** @param {{id: number, type: string, result?: unknown, code?: string, title?: string}} message */
  #answered(message) {
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return;
    this.#waiting.delete(message.id);
    clearTimeout(waiting.timer);
    if (message.type === "done") waiting.done(message.result ?? {});
    else waiting.failed(new CommandError(message.code ?? "", message.title ?? ""));
  }

  /** @param {{code: string, title: string}} message */
  #goodbye({ code, title }) {
    if (FINAL.has(code)) {
      this.close();
      this.#giveUp();
      this.hears.bye(code, title);
    } else if (code === "moved") {
      this.#moved();
    } else if (code.startsWith("token_")) {
      this.hears.unwelcome().catch(() => {}); // the next try tells
    }
  }

  /** @param {WebSocket} socket */
  #lost(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    clearTimeout(this.#timer);
    this.#giveUp();
    if (this.#over) return;
    this.#set("lost");
    this.#timer = setTimeout(() => this.open(), pause(this.#failures, Math.random()) * 1000);
    this.#failures += 1;
  }

  /** Everybody is somewhere else now, perhaps by our own command: its answer comes no more. */
  #moved() {
    for (const { done, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      done({});
    }
    this.#waiting.clear();
  }

  #here() {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#say({ type: "here" });
  }

  #giveUp() {
    clearInterval(this.#beat);
    for (const { failed, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      failed(new CommandError("away", "The stage cannot be reached."));
    }
    this.#waiting.clear();
  }

  /** @param {LineState} state */
  #set(state) {
    this.state = state;
    this.hears.line();
  }
}
