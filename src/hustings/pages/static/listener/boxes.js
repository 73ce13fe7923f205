/**
 * MP4 boxes out of a byte stream, and the few fields of them that a listener needs. No DOM, no
 * network: runs in Node. Layouts: ISO/IEC 14496-12; what we send: docs/protocol.md 3.
 */

/** @typedef {{type: string, bytes: Uint8Array}} Box  whole, with its header */
/** @typedef {{start: number, end: number}} Span  media time in samples */
/** @typedef {{scheme: string, id: number, at: number, message: Uint8Array}} Emsg */
/** @typedef {{seq: number, kind: string, at: number, body: any}} RoomEvent */
/** @typedef {{start: number, end: number, bytes: Uint8Array<ArrayBuffer>}} MediaPart */
/** @typedef {new (init: (bytes: Uint8Array<ArrayBuffer>) => void, event: (event: RoomEvent) => void, part: (part: MediaPart) => void) => {push: (chunk: Uint8Array) => void}} SorterClass */

const EVENTS = "urn:hustings:events:1";
const LARGEST = 1 << 20; // the server sends a few kB; more is not our protocol

/** Cuts a stream of bytes, however it was chopped, into whole boxes. */
export class BoxSplitter {
  #rest = new Uint8Array(0);

  /**
   * @param {Uint8Array} chunk
   * @returns {Box[]} the boxes that are complete now
   */
  push(chunk) {
    const bytes = this.#rest.length ? joined([this.#rest, chunk]) : chunk;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const boxes = [];
    let at = 0;
    while (bytes.length - at >= 8) {
      const size = view.getUint32(at);
      if (size < 8 || size > LARGEST) throw new Error(`box of ${size} bytes`);
      if (bytes.length - at < size) break;
      boxes.push({ type: fourcc(view, at + 4), bytes: bytes.subarray(at, at + size) });
      at += size;
    }
    this.#rest = bytes.slice(at);
    return boxes;
  }
}

/**
 * The media time that a `moof` covers.
 * @param {Uint8Array} moof
 * @returns {Span}
 */
export function spanOf(moof) {
  let start = 0;
  let frame = 0;
  let frames = 0;
  for (const { type, view } of children(moof, 8)) {
    if (type !== "traf") continue;
    for (const inner of children(bytesOf(view), 8)) {
      const flags = inner.view.getUint32(8) & 0xffffff;
      if (inner.type === "tfdt") start = Number(inner.view.getBigUint64(12));
      if (inner.type === "trun") frames += inner.view.getUint32(12);
      if (inner.type === "tfhd") {
        // default_sample_duration comes after base-data-offset and description-index, if they are there
        frame = inner.view.getUint32(16 + (flags & 1 ? 8 : 0) + (flags & 2 ? 4 : 0));
      }
    }
  }
  return { start, end: start + frames * frame };
}

/**
 * @param {Uint8Array} box  an `emsg`
 * @returns {Emsg | null} null if it is not of version 1
 */
export function emsgOf(box) {
  const view = new DataView(box.buffer, box.byteOffset, box.byteLength);
  if (view.getUint8(8) !== 1) return null;
  const schemeEnd = box.indexOf(0, 32);
  const valueEnd = box.indexOf(0, schemeEnd + 1);
  if (schemeEnd < 0 || valueEnd < 0) return null;
  return {
    scheme: new TextDecoder().decode(box.subarray(32, schemeEnd)),
    id: view.getUint32(28),
    at: Number(view.getBigUint64(16)),
    message: box.subarray(valueEnd + 1),
  };
}

/**
 * @param {Uint8Array[]} pieces
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function joined(pieces) {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/**
 * @param {Uint8Array} bytes
 * @param {number} from  where the first child begins
 */
function* children(bytes, from) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = from; at + 8 <= bytes.length; ) {
    const size = view.getUint32(at);
    if (size < 8 || at + size > bytes.length) throw new Error("a box that does not fit its parent");
    yield {
      type: fourcc(view, at + 4),
      view: new DataView(bytes.buffer, bytes.byteOffset + at, size),
    };
    at += size;
  }
}

/** @param {DataView} view */
const bytesOf = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/**
 * @param {DataView} view
 * @param {number} at
 */
const fourcc = (view, at) =>
  String.fromCharCode(...[0, 1, 2, 3].map((offset) => view.getUint8(at + offset)));

/** Boxes to what they mean: `ftyp`+`moov` the init, `emsg` an event, `moof`+`mdat` a part. */
export class Sorter {
  #splitter = new BoxSplitter();
  /** @type {Uint8Array[]} */
  #held = [];
  #span = { start: 0, end: 0 };

  /**
   * @param {(bytes: Uint8Array<ArrayBuffer>) => void} init
   * @param {(event: RoomEvent) => void} event
   * @param {(part: MediaPart) => void} part
   */
  constructor(init, event, part) {
    this.init = init;
    this.event = event;
    this.part = part;
  }

  /** @param {Uint8Array} chunk */
  push(chunk) {
    for (const { type, bytes } of this.#splitter.push(chunk)) {
      if (type === "emsg") this.#told(bytes);
      else if (type === "ftyp") this.#held = [bytes];
      else if (type === "moov") this.init(joined([...this.#held, bytes]));
      else if (type === "moof") {
        this.#held = [bytes];
        this.#span = spanOf(bytes);
      } else if (type === "mdat") {
        this.part({ ...this.#span, bytes: joined([...this.#held, bytes]) });
        this.#held = [];
      }
    }
  }

  /** @param {Uint8Array} box */
  #told(box) {
    const emsg = emsgOf(box);
    if (emsg?.scheme !== EVENTS) return;
    try {
      this.event(JSON.parse(new TextDecoder().decode(emsg.message)));
    } catch (error) {
      console.warn("listener: an event that could not be read:", String(error));
    }
  }
}
