/**
 * The operator's board: asks web every two seconds, shows what it says. Nothing here decides
 * anything; all text goes in as text.
 */

import { formatNumber, loadStrings, t } from "../strings.js";
import { History, line } from "./rates.js";

const EVERY_MS = 2_000;
/** @type {Intl.DateTimeFormatOptions} */
const SECOND = { hour: "numeric", minute: "2-digit", second: "2-digit", timeZoneName: "short" };
const SILENT_S = 12; // edges report every 5

await loadStrings();
const history = new History();
turn();

async function turn() {
  if (!document.hidden) await look();
  setTimeout(turn, EVERY_MS);
}

async function look() {
  try {
    const answer = await fetch("/board.json", { cache: "no-store" });
    if (answer.status === 401) return say("trouble", t("You are no longer host on this device."));
    if (!answer.ok) return say("trouble", t("The stage does not answer just now. The numbers below are old."));
    const board = await answer.json();
    history.take(board);
    show(board);
    return say("trouble", "");
  } catch {
    return say("trouble", t("No connection. The numbers below are old."));
  }
}

/** @param {any} board */
function show(board) {
  say("as-of", t("As of {time}", { time: new Date(board.wall_ms).toLocaleTimeString(document.documentElement.lang, SECOND) }));
  for (const name of /** @type {const} */ (["listeners", "waiting", "joins", "bits", "refused", "hands"])) plot(name);
  table("edges", board.edges.map(edgeRow));
  table("rooms", board.rooms.map(roomRow));
  table("refusals", history.refusals.map(({ code, perSecond, all }) => [code, number(perSecond, 1), number(all)]));
  const { ticks, late_ticks: late, skipped_ticks: skipped, troubles } = board.stage;
  const share = number(ticks ? (100 * (ticks - late)) / ticks : 100, 2);
  const health = t("{share} % of the mixer's turns were on time, {skipped} were skipped.", { share, skipped: number(skipped) });
  say("stage-health", [health, ...troubles].join(" · "));
}

/** @param {any} edge */
function edgeRow(edge) {
  const rate = history.rate(edge.edge);
  const rung = edge.rung ?? {};
  return [
    `${edge.credential} ${edge.name ?? ""}`,
    [rung.name ?? "", rung.reason ?? ""].filter(Boolean).join(": "),
    number(edge.pressure ?? 0, 2),
    `\u2066${number(rate.core * 100)} %\u2069`,
    number(edge.listeners ?? 0),
    number(edge.waiting ?? 0),
    `\u2066${number(edge.connections ?? 0)} / ${number(edge.limit ?? 0)}\u2069`, // from left to right everywhere
    number(rate.joins, 1),
    number(rate.bits / 1e6, 1),
    number(sum(rate.refused), 1),
    edge.silent_s > SILENT_S ? t("{seconds} s ago!", { seconds: number(edge.silent_s) }) : t("now"),
  ];
}

/** @param {any} room */
function roomRow(room) {
  const states = /** @type {Record<string, string>} */ ({ live: t("Live"), lobby: t("Lobby open") });
  const counts = ["now", "live", "low", "hls", "waiting", "peak", "unique", "hands_up", "on_stage"];
  return [`\u2068${room.title}\u2069`, states[room.state] ?? room.state, ...counts.map((name) => number(room[name] ?? 0))];
}

/** @param {"listeners" | "waiting" | "joins" | "bits" | "refused" | "hands"} name */
function plot(name) {
  const scale = name === "bits" ? 1e-6 : 1;
  const series = history.points.map((point) => ({ at: point.at, value: point[name] * scale }));
  const figure = /** @type {HTMLElement} */ (document.getElementById(`plot-${name}`));
  const [svg] = figure.getElementsByTagName("svg");
  const points = line(series);
  const now = number(series.at(-1)?.value ?? 0, 1);
  const most = t("At most {count} in five minutes", { count: number(Math.max(0, ...series.map(({ value }) => value)), 1) });
  write(figure.querySelector(".now"), now);
  write(figure.querySelector(".most"), most);
  svg?.setAttribute("aria-label", `${figure.querySelector("figcaption span")?.textContent}: ${now}. ${most}`);
  const first = points[0]?.[0] ?? 300;
  shape(svg, "polygon", [[first, 60], ...points, [300, 60]]);
  shape(svg, "polyline", points);
}

/**
 * @param {SVGSVGElement | undefined} svg
 * @param {string} kind
 * @param {(number | undefined)[][]} points
 */
function shape(svg, kind, points) {
  let found = svg?.querySelector(kind);
  if (!found) {
    found = document.createElementNS("http://www.w3.org/2000/svg", kind);
    svg?.append(found);
  }
  found.setAttribute("points", points.map((point) => point.join()).join(" "));
}

/**
 * Rows are kept and written anew, so that neither focus nor a selection is lost.
 * @param {string} id
 * @param {string[][]} rows
 */
function table(id, rows) {
  const body = /** @type {HTMLTableSectionElement} */ (document.getElementById(id));
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, at) => {
    const row = body.rows[at] ?? body.insertRow();
    cells.forEach((text, column) => write(row.cells[column] ?? row.insertCell(), text));
  });
  document.getElementById(`${id}-none`)?.toggleAttribute("hidden", rows.length > 0);
  body.closest(".wide")?.toggleAttribute("hidden", rows.length === 0);
}

/**
 * @param {number} value
 * @param {number} [digits]
 */
const number = (value, digits = 0) => formatNumber(value, { maximumFractionDigits: digits });

/** @param {Record<string, number>} counts */
const sum = (counts) => Object.values(counts).reduce((a, b) => a + b, 0);

/**
 * @param {string} id
 * @param {string} text
 */
const say = (id, text) => write(document.getElementById(id), text);

/**
 * @param {Element | null} target
 * @param {string} text
 */
function write(target, text) {
  if (target && target.textContent !== text) target.textContent = text;
}
