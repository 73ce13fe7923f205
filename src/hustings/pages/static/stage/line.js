/**
 * One connection for sound: our microphone to the stage, everybody but us back (mix-minus). Comes
 * back by itself after a failure, a network change or a restart of the stage. The server answers
 * without our candidates and finds us by our checks, so nothing waits for ICE gathering, unless
 * relays are in use.
 */

import { pause } from "./control.js";
import { Refusal } from "./seat.js";

const CONNECT_S = 10; // then begin again; a failed ICE may never report
const SHAKY_S = 4; // "disconnected" often mends itself
const GATHER_S = 2; // for relays only

/** @typedef {"off" | "connecting" | "connected" | "lost" | "refused"} State */
/** @typedef {import("./seat.js").Seat} Seat */

/**
 * What browsers want to know of a STUN or TURN server: `turn:user:secret@host?transport=tcp`.
 * @param {string} url
 * @returns {RTCIceServer}
 */
export function iceServer(url) {
  const [, scheme = "", user, credential, host] = /^(\w+):(?:([^:@]*):([^@]*)@)?(.*)$/.exec(url) ?? [];
  const urls = `${scheme}:${host ?? ""}`;
  return user === undefined || credential === undefined ? { urls } : { urls, username: user, credential };
}

export class Line {
  /** @type {RTCIceServer[]} relays for those who cannot reach the stage; the stage tells them */
  servers = [];
  /** @type {State} */
  state = "off";
  /** why the stage refused; "" if it did not */
  code = "";
  /** @type {RTCPeerConnection | null} */
  #peer = null;
  /** @type {MediaStreamTrack | null} */
  #track = null;
  #hangUp = async () => {};
  /** in a row, without a connection in between */
  failures = 0;
  #timer = 0;
  #wanted = false;

  /**
   * @param {Seat} seat
   * @param {HTMLAudioElement} audio  plays what comes back
   * @param {() => void} changed
   */
  constructor(seat, audio, changed) {
    this.seat = seat;
    this.audio = audio;
    this.changed = changed;
  }

  /** @param {MediaStreamTrack | null} track  null: hear only, until there is a microphone */
  async use(track) {
    this.#track = track;
    await this.#peer?.getSenders()[0]?.replaceTrack(track);
  }

  start() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#connect();
  }

  /** The stage knows nothing of us, or the network is another: begin anew, at once. */
  again() {
    if (!this.#wanted || (this.state === "connecting" && this.#peer)) return;
    this.failures = 0;
    this.#connect();
  }

  async stop() {
    this.#wanted = false;
    this.#drop();
    this.#set("off");
    await this.#hangUp();
  }

  /** What the browser measures; null while there is no connection. */
  async statistics() {
    for (const report of (await this.#peer?.getStats())?.values() ?? []) {
      if (report.type === "remote-inbound-rtp") {
        return { rttMs: report.roundTripTime * 1000, loss: report.fractionLost };
      }
    }
    return null;
  }

  async #connect() {
    this.#drop();
    this.#set("connecting");
    const peer = new RTCPeerConnection({ iceServers: this.servers });
    this.#peer = peer;
    this.#timer = setTimeout(() => this.#failed(peer), CONNECT_S * 1000);
    peer.onconnectionstatechange = () => this.#moved(peer);
    peer.ontrack = ({ track }) => {
      this.audio.srcObject = new MediaStream([track]);
      this.audio.play().catch(() => {}); // a page that records may play; else the next click
    };
    try {
      peer.addTransceiver(this.#track ?? "audio", { direction: "sendrecv" });
      await peer.setLocalDescription(await peer.createOffer());
      if (this.servers.length) await gathered(peer);
      const answer = await this.seat.offer(peer.localDescription?.sdp ?? "");
      if (peer !== this.#peer) return void answer.hangUp();
      this.#hangUp = answer.hangUp;
      await peer.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    } catch (error) {
      if (peer !== this.#peer) return;
      if (error instanceof Refusal && !error.passing) await this.#refused(peer, error);
      else this.#failed(peer);
    }
  }

  /**
   * @param {RTCPeerConnection} peer
   * @param {Refusal} error
   */
  async #refused(peer, error) {
    this.code = error.code;
    if (error.code.startsWith("token_")) {
      await this.seat.resume().catch(() => {});
      this.#failed(peer);
    } else {
      this.#wanted = false;
      this.#drop();
      this.#set("refused");
    }
  }

  /** @param {RTCPeerConnection} peer */
  #moved(peer) {
    if (peer !== this.#peer) return;
    clearTimeout(this.#timer);
    if (peer.connectionState === "connected") {
      this.failures = 0;
      this.#set("connected");
    } else if (peer.connectionState === "disconnected") {
      this.#timer = setTimeout(() => this.#failed(peer), SHAKY_S * 1000);
    } else if (peer.connectionState === "failed") {
      this.#failed(peer);
    } else {
      this.#timer = setTimeout(() => this.#failed(peer), CONNECT_S * 1000);
    }
  }

  /** @param {RTCPeerConnection} peer */
  #failed(peer) {
    if (peer !== this.#peer || !this.#wanted) return;
    this.#drop();
    this.#set("lost");
    this.#timer = setTimeout(() => this.#connect(), pause(this.failures, Math.random()) * 1000);
    this.failures += 1;
  }

  #drop() {
    clearTimeout(this.#timer);
    const peer = this.#peer;
    this.#peer = null;
    peer?.close();
  }

  /** @param {State} state */
  #set(state) {
    this.state = state;
    if (state !== "refused") this.code = "";
    this.changed();
  }
}

/**
 * Wait for relayed candidates, which the stage cannot find by itself.
 * @param {RTCPeerConnection} peer
 * @returns {Promise<void>}
 */
function gathered(peer) {
  return new Promise((resolve) => {
    const look = () => peer.iceGatheringState === "complete" && resolve();
    peer.addEventListener("icegatheringstatechange", look);
    setTimeout(resolve, GATHER_S * 1000);
    look();
  });
}
