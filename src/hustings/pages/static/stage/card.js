/**
 * The picture that other platforms show: title, hosts, and where to listen. Drawn here, since a browser
 * sets every script in its own direction and has the fonts; sent as JPEG (docs/protocol.md 4.12).
 */

const WIDTH = 1280;
const HEIGHT = 720;
const MARGIN = 96;
const MOST_BYTES = 60 * 1024;
const SIZES = [96, 80, 66, 54, 44]; // of the title, px; the first that fits
const LINE = 1.2; // of the size
const TITLE_END = 500; // px; names and link stand below
const NAMES_AT = 570;
const LINK_AT = 646;
const FONTS = "system-ui, 'Noto Sans', 'Noto Sans Arabic', sans-serif";
const RIGHT_TO_LEFT = /^[^\p{L}]*[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}]/u;

/**
 * @param {import("./hall.js").Hall} hall
 * @returns {Promise<Blob>}
 */
export async function draw(hall) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [WIDTH, HEIGHT];
  const pen = canvas.getContext("2d");
  if (!pen) throw new Error("no canvas");
  const hosts = hall.people.filter(({ role }) => role === "host" || role === "cohost").map(({ name }) => name);
  const link = (hall.isRehearsal ? `${hall.edge}/r/${hall.facts.rehearsal_of}` : hall.listen).replace(/^https?:\/\//, "");
  paint(pen, hall.facts.title ?? "", [...new Set([hall.facts.host ?? "", ...hosts])].filter(Boolean), link);
  for (const quality of [0.85, 0.7, 0.5, 0.3]) {
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));
    if (blob instanceof Blob && blob.size <= MOST_BYTES) return blob;
  }
  throw new Error("the picture is too large");
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {string} title
 * @param {string[]} hosts
 * @param {string} link
 */
function paint(pen, title, hosts, link) {
  const sky = pen.createLinearGradient(0, 0, 0, HEIGHT);
  sky.addColorStop(0, "#1b2f52");
  sky.addColorStop(1, "#0f1a2e");
  pen.fillStyle = sky;
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  pen.fillStyle = "#f2b84b";
  pen.fillRect(0, HEIGHT - 12, WIDTH, 12);
  pen.textBaseline = "alphabetic";
  const { size, lines } = fitted(pen, title);
  let y = MARGIN + size;
  for (const line of lines) {
    write(pen, line, `700 ${size}px ${FONTS}`, "#ffffff", y, title);
    y += size * LINE;
  }
  const names = hosts.join(" · ");
  write(pen, shortened(pen, names, `400 40px ${FONTS}`), `400 40px ${FONTS}`, "#d6deeb", NAMES_AT, title);
  write(pen, shortened(pen, link, `600 40px ${FONTS}`), `600 40px ${FONTS}`, "#f2b84b", LINK_AT, title, "ltr");
}

/**
 * One line at the beginning of its own direction; `like` says which side that is.
 * @param {CanvasRenderingContext2D} pen
 * @param {string} text
 * @param {string} font
 * @param {string} colour
 * @param {number} y
 * @param {string} like
 * @param {CanvasDirection} [direction]  of the text, where it is known
 */
function write(pen, text, font, colour, y, like, direction) {
  const backwards = RIGHT_TO_LEFT.test(like);
  pen.font = font;
  pen.fillStyle = colour;
  pen.direction = direction ?? (backwards ? "rtl" : "ltr");
  pen.textAlign = backwards ? "right" : "left";
  pen.fillText(text, backwards ? WIDTH - MARGIN : MARGIN, y);
}

/** @param {CanvasRenderingContext2D} pen  @param {string} title */
function fitted(pen, title) {
  for (const size of SIZES) {
    pen.font = `700 ${size}px ${FONTS}`;
    const lines = wrapped(pen, title);
    if (fits(size, lines.length) && lines.every((line) => pen.measureText(line).width <= WIDTH - 2 * MARGIN)) return { size, lines };
  }
  const size = SIZES.at(-1) ?? 44;
  const lines = wrapped(pen, title).filter((_, at) => fits(size, at + 1));
  return { size, lines: lines.map((line) => shortened(pen, line, pen.font)) };
}

/** @param {number} size  @param {number} lines */
const fits = (size, lines) => MARGIN + lines * size * LINE <= TITLE_END;

/** @param {CanvasRenderingContext2D} pen  @param {string} text */
function wrapped(pen, text) {
  /** @type {string[]} */
  const lines = [];
  for (const word of text.split(/\s+/)) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && pen.measureText(longer).width <= WIDTH - 2 * MARGIN) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** @param {CanvasRenderingContext2D} pen  @param {string} text  @param {string} font */
function shortened(pen, text, font) {
  pen.font = font;
  let letters = [...text];
  if (pen.measureText(text).width <= WIDTH - 2 * MARGIN) return text;
  while (letters.length && pen.measureText(`${letters.join("")}…`).width > WIDTH - 2 * MARGIN) letters = letters.slice(0, -1);
  return `${letters.join("")}…`;
}
