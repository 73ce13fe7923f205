/**
 * The speakers' page: wires seat, control socket, sound connection, microphone and the light to
 * the elements. Three steps: come in (a name), check the microphone, be there.
 */

import { loadStrings, t } from "../strings.js";
import { Audience } from "./audience.js";
import { stayAwake } from "./awake.js";
import { CommandError, Control } from "./control.js";
import { Desk } from "./desk.js";
import { ask, element, write } from "./dom.js";
import { Emergency } from "./emergency.js";
import { fragment, frame } from "./frame.js";
import { Hall } from "./hall.js";
import { Hands } from "./hands.js";
import { Line, iceServer } from "./line.js";
import { Microphone } from "./microphone.js";
import { panels } from "./panels.js";
import { People } from "./people.js";
import { Report } from "./report.js";
import { Readiness } from "./readiness.js";
import { Refusal, Seat } from "./seat.js";
import { tabStore } from "./tab_store.js";
import { View } from "./view.js";
import { refusalWords } from "./words.js";

await loadStrings();

const article = /** @type {HTMLElement} */ (document.querySelector(".speakers"));
const AGAIN = new Set(["name_missing", "room_locked", "room_full", "seat_taken"]); // refusals that people can mend
const room = article.dataset.room ?? "";
const base = `${location.origin}${location.pathname.slice(0, location.pathname.lastIndexOf("/s/"))}/rooms/${room}`;
const sound = /** @type {HTMLAudioElement} */ (element("sound"));

const hall = new Hall();
const seat = new Seat(base, tabStore(room), (token) => control.renewed(token));
const control = new Control(`${base.replace(/^http/, "ws")}/control`, () => seat.token, {
  message: heard,
  line: () => view.changed(),
  bye: leftFor,
  unwelcome: () => seat.resume(),
});
const microphone = new Microphone(microphoneChanged);
const report = new Report(control, microphone);
const line = new Line(seat, sound, () => view.changed());
const audience = new Audience(() => view.changed());
const people = new People(onPerson);
const readiness = new Readiness(seat, perform);
const desk = new Desk(perform, () => readiness.agreed());
const hands = new Hands(perform);
const emergency = new Emergency(perform);
const shown = [hands, emergency, ...panels(perform, seat)];
const view = new View({ hall, line, microphone, audience, people, hands, desk, readiness, control, panels: shown });

/** In the room, for the first time or again. */
const sit = () => (line.start(), stayAwake(seat), frame("seated"));

let lostTimer = 0;
let entering = false; // pressed, perhaps sooner than the stage's welcome came
const opened = new URLSearchParams(await fragment());
seat.invited(opened.get("i") ?? "", opened.get("r") ?? "");
const ticket = opened.get("h") ?? ""; // of a listener's hand that was called up
if (location.hash) history.replaceState(null, "", location.pathname + location.search);
wire();
begin();

/** A fresh link asks for a name; a reload goes back to where it was. */
async function begin() {
  if (ticket && !seat.kept.invitation && !(await tried(() => seat.redeem(ticket), { again: begin }))) return;
  const { kept } = seat;
  if (kept.name && (kept.token || kept.invitation)) {
    view.step("wait");
    if (await tried(() => seat.resume(), { again: begin })) await comeIn();
  } else if (kept.invitation && ticket && opened.get("n")) {
    await join(opened.get("n") ?? ""); // the name that their hand went up under
  } else if (kept.invitation) {
    const field = /** @type {HTMLInputElement} */ (element("name"));
    field.value = seat.invitedName;
    view.step("join");
  } else {
    view.trouble(refusalWords("invitation_missing", ""), null);
  }
}

/** @param {string} name */
async function join(name) {
  if (await tried(() => seat.join(name), { again: () => view.step("join") })) await comeIn();
}

async function comeIn() {
  if ((control.open(), seat.listens)) return enter(); // without a microphone
  view.step(seat.kept.went ? "room" : "check");
  await microphone.open();
  if (seat.kept.went) sit();
}

/** From the microphone check into the room. */
function enter() {
  seat.went();
  view.step("room");
  sit();
  entering = true;
  goUp();
}

/** Hosts and who was called go on stage as they enter, once the stage has said who they are; others wait backstage. */
function goUp() {
  if (!entering || !hall.me) return;
  entering = false;
  if ((hall.hosts || hall.invited) && hall.me.place === "backstage") perform("accept");
}

/**
 * @param {() => Promise<void>} work
 * @param {{again: () => void}} options  what the trouble's button does
 */
async function tried(work, { again }) {
  try {
    await work();
    view.trouble("", null);
    return true;
  } catch (error) {
    const refused = error instanceof Refusal;
    const words = refused ? refusalWords(error.code, error.message) : refusalWords("away", "");
    const final = refused && !error.passing && !AGAIN.has(error.code);
    view.trouble(words, final ? null : { words: t("Try again"), act: again });
    return false;
  }
}

/**
 * A command; an error is said to the person and answered with undefined.
 * @param {string} command
 * @param {Record<string, unknown>} [args]
 */
async function perform(command, args) {
  try {
    const result = await control.do(command, args);
    view.say("");
    return result;
  } catch (error) {
    const { code, message } = error instanceof CommandError ? error : new CommandError("away", "");
    view.say(refusalWords(code, message));
    return undefined;
  }
}

/** @param {any} message  from the control socket */
function heard(message) {
  if (message.type === "media") return mediaNews(message);
  if (message.type === "warning") return emergency.warn(message);
  const [before, muted] = [hall.facts.room, hall.me?.muted];
  hall.apply(message);
  if (before !== hall.facts.room) view.say(""); // what went wrong there is no matter here
  if (message.type === "levels") return view.levels();
  if (message.type === "welcome") {
    line.servers = (message.ice ?? []).map(iceServer);
    settled();
  } else if (hall.me && hall.me.muted !== muted) microphone.muted = hall.me.muted;
  view.changed();
}

/** Back after an absence: muted if either side says so, and with sound if the stage lost it. */
function settled() {
  const { me } = hall;
  if (!me) return;
  report.welcome(hall.said);
  if (me.muted) microphone.muted = true;
  else if (microphone.muted) perform("mute");
  if (!me.connected) line.again();
  goUp();
}

/** The stage lost our sound: if it does not find it again soon, begin anew. @param {any} news */
function mediaNews(news) {
  clearTimeout(lostTimer);
  if (news.state === "lost") lostTimer = setTimeout(() => line.again(), 3_000);
}

/** @param {string} code @param {string} title  of a goodbye for good */
async function leftFor(code, title) {
  audience.listen("");
  await line.stop();
  if (code === "left" || code === "room_ended") frame("left"); // else there is something to read first
  const back = () => (view.trouble("", null), begin());
  if (code === "left") {
    microphone.close();
    return view.trouble(t("You have left the room."), { words: t("Come in again"), act: back });
  }
  if (code === "elsewhere") {
    const here = { words: t("Use it here"), act: back };
    return view.trouble(t("You have opened this room in another tab or on another device. It goes on there."), here);
  }
  seat.close();
  microphone.close();
  if (code === "room_ended") view.over();
  const own = code === "room_ended" && hall.keepsTrack(hall.you);
  view.trouble(refusalWords(code, title), own ? { words: t("Your own track"), act: () => location.reload() } : null);
}

function microphoneChanged() {
  line.use(microphone.track);
  report.changed();
  view.changed();
}

/** @type {import("./people.js").Act} */
async function onPerson(command, args, name) {
  if (command === "remove" && (await ask("ask-remove", () => write(element("remove-name"), name))) !== "yes") return;
  await perform(command, args);
}

async function toggleMute() {
  const muted = !microphone.muted;
  microphone.muted = muted; // at once, whatever the network does
  if (!microphone.track && !muted) await microphone.open();
  view.changed();
  await perform(muted ? "mute" : "unmute");
}

function wire() {
  const form = /** @type {HTMLFormElement} */ (element("join-form"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    join(String(new FormData(form).get("name")).trim());
  });
  on("enter", enter);
  on("mute", toggleMute);
  for (const id of ["retry-microphone", "retry-microphone-2"]) on(id, () => microphone.open());
  on("accept", () => perform("accept"));
  on("decline", () => perform("decline").then(() => ((hall.invited = false), view.changed())));
  on("go-up", () => perform("accept"));
  on("step-down", () => perform("backstage"));
  on("leave", () => control.do("leave").catch(() => {})); // the goodbye says it
  on("raise", () => hands.raise(hall));
  on("lower", () => perform("lower"));
  for (const select of view.selects) {
    select.addEventListener("change", () => microphone.open(select.value));
  }
  window.addEventListener("online", () => (control.hurry(), line.again()));
  document.addEventListener("visibilitychange", () => !document.hidden && (control.hurry(), stayAwake(seat)));
  document.addEventListener("click", () => sound.paused && sound.srcObject && sound.play().catch(() => {}));
  window.addEventListener("pagehide", () => line.stop());
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());
}

/** @param {string} id @param {() => unknown} act */
function on(id, act) {
  element(id).addEventListener("click", () => act());
}
