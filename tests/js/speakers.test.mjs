/** The speakers' page without a browser: pauses, silence, reasons, the light, the room. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { clockOf, written } from "../../src/hustings/pages/static/stage/agenda.js";
import { airWords } from "../../src/hustings/pages/static/stage/air.js";
import { light } from "../../src/hustings/pages/static/stage/audience.js";
import { pause } from "../../src/hustings/pages/static/stage/control.js";
import { Hall } from "../../src/hustings/pages/static/stage/hall.js";
import { chosen } from "../../src/hustings/pages/static/stage/hands.js";
import { iceServer } from "../../src/hustings/pages/static/stage/line.js";
import { decibels, flat, shown } from "../../src/hustings/pages/static/stage/meter.js";
import { troubleOf } from "../../src/hustings/pages/static/stage/microphone.js";
import { Report } from "../../src/hustings/pages/static/stage/report.js";
import { Silence, Signs } from "../../src/hustings/pages/static/stage/signs.js";
import { heardWords } from "../../src/hustings/pages/static/stage/words.js";
import { Refusal, Seat } from "../../src/hustings/pages/static/stage/seat.js";

test("pauses grow, are spread, and stay within two seconds", () => {
  for (let failures = 0; failures < 50; failures += 1) {
    assert.ok(pause(failures, 0) < pause(failures, 0.999));
    assert.ok(pause(failures + 1, 0.5) >= pause(failures, 0.5));
    assert.ok(pause(failures, 0.999) <= 2);
  }
  assert.ok(pause(0, 0.999) <= 0.3);
});

test("silence is told after five seconds and forgotten at the first sound", () => {
  const silence = new Silence();
  assert.equal(silence.heard(-90, 0), false);
  assert.equal(silence.heard(-90, 4.9), false);
  assert.equal(silence.heard(-Infinity, 5), true);
  assert.equal(silence.heard(-50, 5.1), false);
  assert.equal(silence.heard(-90, 5.2), false);
  assert.equal(silence.heard(-90, 10), false);
  silence.reset();
  assert.equal(silence.heard(-90, 10.3), false);
});

/** Signs after each of so many seconds of 20 measurements; `sound(n)` is [level, flat samples]. */
function judged(signs, seconds, sound, from = 0) {
  const told = [];
  for (let n = 0; n < seconds * 20; n += 1) {
    const [db, flat] = sound(n);
    const sign = signs.heard(db, flat, from + n / 20);
    if (n % 20 === 19) told.push(sign);
  }
  return told;
}

/** Words of half a second, half a second apart, above a room's noise. */
const words = (db, flat = 0) => (n) => n % 20 < 10 ? [db, flat] : [-66, 0];

test("ordinary speech, a listener in a quiet room and a loud room are no trouble", () => {
  for (const sound of [words(-25), () => [-66, 0], (n) => [-40 + (n % 7), 0], words(-20, 1)]) {
    assert.deepEqual(new Set(judged(new Signs(), 30, sound)), new Set([""]));
  }
});

test("somebody far from the microphone is told within ten seconds, and no more once they are nearer", () => {
  const signs = new Signs();
  const told = judged(signs, 12, words(-50));
  assert.equal(told[1], "");
  assert.equal(told[9], "quiet");
  const after = judged(signs, 12, words(-30), 12);
  assert.equal(after.at(-1), "");
});

test("a coughing listener is not told that they are quiet", () => {
  const cough = (n) => (n % 100 < 4 ? [-48, 0] : [-66, 0]);
  assert.deepEqual(new Set(judged(new Signs(), 30, cough)), new Set([""]));
});

test("distortion is told within two seconds and forgotten ten seconds after the last", () => {
  const signs = new Signs();
  assert.ok(judged(signs, 2, words(-6, 12)).includes("clipping"));
  const after = judged(signs, 12, words(-25), 2);
  assert.equal(after[0], "clipping");
  assert.equal(after.at(-1), "");
});

test("a switched-off microphone is silent until it sounds, and muting forgets all", () => {
  const signs = new Signs();
  assert.equal(judged(signs, 6, () => [-Infinity, 0]).at(-1), "silent");
  assert.equal(signs.heard(-30, 0, 6.1), "");
  judged(signs, 12, words(-50), 7);
  signs.reset();
  assert.equal(signs.heard(-50, 0, 30), "");
});

test("samples at full scale are counted on both sides", () => {
  assert.equal(flat(Float32Array.of(1, -1, 0.99, 0.98, 0, -0.2)), 3);
});

test("each change of the microphone is told once, and again to a stage that forgot it", () => {
  const said = [];
  const control = { state: "open", do: async (_, { trouble }) => said.push(trouble) };
  const microphone = { trouble: "" };
  const report = new Report(control, microphone);
  report.welcome("");
  assert.deepEqual(said, []);
  microphone.trouble = "clipping";
  report.changed();
  report.changed();
  assert.deepEqual(said, ["clipping"]);
  control.state = "lost";
  microphone.trouble = "";
  report.changed();
  assert.deepEqual(said, ["clipping"]);
  control.state = "open";
  report.welcome("clipping"); // the stage kept it
  assert.deepEqual(said, ["clipping", ""]);
  microphone.trouble = "switched"; // another one works: nothing for the hosts to mend
  report.changed();
  assert.deepEqual(said, ["clipping", ""]);
});

test("levels are RMS, and the meter has a floor and an end", () => {
  assert.ok(Math.abs(decibels(new Float32Array(100).fill(1))) < 1e-6);
  assert.ok(Math.abs(decibels(new Float32Array(100).fill(0.1)) + 20) < 1e-4);
  assert.equal(decibels(new Float32Array(4)), -Infinity);
  assert.deepEqual([-120, -60, -30, 0, 6].map(shown), [0, 0, 0.5, 1, 1]);
});

test("why a microphone is off", () => {
  const because = (name) => troubleOf(new DOMException("", name));
  assert.equal(because("NotAllowedError"), "refused");
  assert.equal(because("NotFoundError"), "none");
  assert.equal(because("OverconstrainedError"), "none");
  assert.equal(because("NotReadableError"), "busy");
  assert.equal(because("AbortError"), "busy");
  assert.equal(because("TypeError"), "failed");
  assert.equal(troubleOf("what"), "failed");
});

const ON_AIR = {
  state: "live",
  onStage: true,
  muted: false,
  microphone: true,
  line: true,
  stage: true,
  edge: true,
  hold: false,
  filling: false,
  delayS: 0,
  speakingS: 0.1,
  namedS: NaN,
};

test("the light is green only when the edge names me", () => {
  assert.equal(light({ ...ON_AIR, namedS: 0 }), "heard");
  assert.equal(light({ ...ON_AIR, namedS: 2.9 }), "heard");
  assert.equal(light({ ...ON_AIR, namedS: 3.1, speakingS: NaN }), "silent");
  assert.equal(light(ON_AIR), "silent");
  assert.equal(light({ ...ON_AIR, speakingS: 3.5 }), "late");
});

test("with a broadcast delay the light waits for it", () => {
  assert.equal(light({ ...ON_AIR, delayS: 5.12, speakingS: 8 }), "silent");
  assert.equal(light({ ...ON_AIR, delayS: 5.12, speakingS: 8.2 }), "late");
  assert.equal(light({ ...ON_AIR, delayS: 5.12, filling: true, hold: true, namedS: 0 }), "filling");
});

test("how far behind the audience is, in words", () => {
  const hall = new Hall();
  const told = (levels, state = "live", delay_s = 5) => {
    hall.apply({ type: "room", room: { state, delay_s } });
    hall.apply({ type: "levels", levels: {}, speaking: [], ...levels });
    return airWords(hall);
  };
  assert.match(told({}, "lobby"), /will hear everything 5 seconds later/);
  assert.match(told({ delay_s: 5.12, held_s: 2 }), /music until 5\.1 s are held back; 2\.0 s are/);
  assert.match(told({ delay_s: 5.12, held_s: 5.12 }), /everything 5\.1 s later/);
  assert.match(told({}, "live", 0), /at once/);
  assert.match(told({}, "lobby", 0), /at once/);
  hall.apply({ type: "ending", in_s: 5.12 });
  assert.match(told({ delay_s: 5.12, held_s: 3 }), /room ends/);
});

test("a rehearsal that ended leaves nothing of its sound in the room itself", () => {
  const hall = new Hall();
  hall.apply({ ...WELCOME, room: { room: "rehearsal-a", state: "live", delay_s: 5 } });
  hall.apply({ type: "levels", levels: {}, speaking: [], delay_s: 5, held_s: 1 });
  hall.apply({ type: "ending", in_s: 5 });
  hall.apply({ ...WELCOME, room: { room: "r", state: "live" } });
  assert.match(airWords(hall), /at once/);
  hall.apply({ type: "ending", in_s: 5 });
  hall.apply({ ...WELCOME, room: { room: "r", state: "live" } }); // only the line was lost
  assert.match(airWords(hall), /room ends/);
});

test("the light names what is to be mended first", () => {
  const named = { ...ON_AIR, namedS: 0 };
  assert.equal(light({ ...named, hold: true }), "hold");
  assert.equal(light({ ...named, edge: false, hold: true }), "edge");
  assert.equal(light({ ...named, stage: false, edge: false, line: false }), "stage");
  assert.equal(light({ ...named, muted: true, edge: false }), "muted");
  assert.equal(light({ ...named, state: "lobby", muted: true }), "lobby");
  assert.equal(light({ ...named, state: "scheduled" }), "scheduled");
  assert.equal(light({ ...named, onStage: false, state: "lobby" }), "backstage");
  assert.equal(light({ ...named, talks: true }), "private");
  assert.equal(light({ ...named, line: false, onStage: false }), "line");
  assert.equal(light({ ...named, microphone: false, line: false }), "microphone");
  assert.equal(light({ ...named, microphone: false, state: "ended" }), "ended");
});

test("how many hear me, and how late, is said with its number and not where it is not known", () => {
  assert.equal(heardWords("heard", 12431, 0.62), "You are heard by 12,431 people, 0.6 s behind");
  assert.equal(heardWords("heard", 1, 5.6), "You are heard by 1 person, 5.6 s behind");
  assert.equal(heardWords("heard", 2, NaN), "You are heard by 2 people");
  assert.match(heardWords("heard", 0, 0.6), /nobody listens yet/);
  assert.equal(heardWords("heard", NaN, NaN), "The audience hears you");
});

const person = (id, role, place, more = {}) => ({ id, name: id, role, place, ...more });
const WELCOME = {
  type: "welcome",
  you: "me",
  room: { title: "T" },
  roster: [
    person("sp", "speaker", "backstage"),
    person("me", "cohost", "backstage"),
    person("ho", "host", "stage", { connected: true }),
    person("on", "speaker", "stage"),
  ],
  hands: [],
  speaking: [],
  asked: ["me"],
  edge: "e",
  listen: "l",
};

test("the room is folded from messages", () => {
  const hall = new Hall();
  assert.equal(hall.me, undefined);
  hall.apply(WELCOME);
  assert.deepEqual(hall.people.map((each) => each.id), ["ho", "me", "on", "sp"]);
  assert.equal(hall.state, "scheduled");
  assert.equal(hall.invited, true);
  assert.equal(hall.me.connected, false);
  hall.apply({ type: "roster", roster: [person("me", "cohost", "stage")] });
  assert.equal(hall.invited, false);
  hall.apply({ type: "invited" });
  assert.equal(hall.invited, false);
  hall.apply({ type: "levels", levels: { me: -20 }, speaking: ["me"] });
  assert.ok(hall.speaking.has("me"));
  hall.apply({ type: "something new" });
});

test("what one may do to whom", () => {
  const hall = new Hall();
  const acts = (you, id) => {
    hall.apply({ ...WELCOME, you });
    return hall.actions(hall.people.find((each) => each.id === id)).join(" ");
  };
  assert.equal(acts("me", "sp"), "invite remove");
  assert.equal(acts("me", "on"), "mute backstage remove");
  assert.equal(acts("me", "ho"), "");
  assert.equal(acts("ho", "me"), "invite remove");
  assert.equal(acts("ho", "ho"), "");
  assert.equal(acts("sp", "on"), "");
});

test("both ends of a private talk know of it, and a host can begin one at a time", () => {
  const hall = new Hall();
  hall.apply({ ...WELCOME, roster: WELCOME.roster.map((each) => ({ ...each, connected: true })) });
  const actions = () => hall.actions(hall.people.find((each) => each.id === "sp")).join(" ");
  assert.equal(actions(), "invite talk remove");
  hall.apply({ type: "roster", roster: hall.people, talks: { me: "sp" } });
  assert.equal(hall.partner, "sp");
  assert.equal(actions(), "invite remove");
  hall.apply({ type: "roster", roster: hall.people, talks: { ho: "me" } });
  assert.equal(hall.partner, "ho");
  hall.apply({ type: "roster", roster: hall.people });
  assert.equal(hall.partner, "");
});

/** A seat whose calls are answered from a list: [path, status, body]. */
function seatWith(t, answers, kept = {}) {
  const calls = [];
  t.mock.method(globalThis, "fetch", async (url, init) => {
    const [path, status, body] = answers[calls.length];
    assert.ok(url.endsWith(path), url);
    calls.push([path, init]);
    return new Response(JSON.stringify(body), { status });
  });
  let stored = kept;
  const store = { read: () => stored, write: (news) => (stored = news) };
  const renewed = [];
  const seat = new Seat("http://stage/rooms/x", store, (token) => renewed.push(token));
  t.after(() => seat.close());
  return { seat, calls, renewed, stored: () => stored };
}

const PASS = { token: "t1", expires_s: 900 };

test("an invitation is exchanged and remembered", async (t) => {
  const { seat, calls, renewed, stored } = seatWith(t, [["join", 200, { ...PASS, name: "Kim" }]]);
  seat.invited("inv");
  await seat.join("kim");
  assert.deepEqual(JSON.parse(calls[0][1].body), { invitation: "inv", name: "kim", rules: "" });
  assert.equal(calls[0][1].headers.Authorization, undefined);
  assert.deepEqual(renewed, ["t1"]);
  assert.equal(stored().name, "Kim");
  assert.equal(stored().token, "t1");
});

test("of a pass, which is good once, comes an invitation for this browser", async (t) => {
  const answer = { ...PASS, name: "Mo", invitation: "here" };
  const { seat, calls, stored } = seatWith(t, [["join", 200, answer], ["join", 200, PASS]]);
  seat.invited("pass");
  await seat.join("Mo");
  assert.equal(stored().invitation, "here");
  seat.invited("pass"); // back in the history: it is still the same seat
  assert.equal(stored().token, "t1");
  await seat.join("Mo");
  assert.equal(JSON.parse(calls[1][1].body).invitation, "here");
  seat.invited("another");
  assert.deepEqual([stored().invitation, stored().pass, stored().token], ["another", "", ""]);
});

test("a pass that runs out while the rules are read has become an invitation by then", async (t) => {
  const unread = { code: "rules_unread", title: "Read", rules: { id: "r1" }, invitation: "here" };
  const { seat, calls, stored } = seatWith(t, [["join", 428, unread], ["join", 200, PASS]]);
  seat.invited("pass");
  seat.reads = async () => assert.equal(stored().invitation, "here"); // a reload comes in by it too
  await seat.join("Mo");
  assert.deepEqual(JSON.parse(calls[1][1].body), { invitation: "here", name: "Mo", rules: "r1" });
  seat.invited("pass"); // back in the history: it is still the same seat
  assert.equal(stored().token, "t1");
});

test("a checker only listens, and the hosts can only remove them", () => {
  const role = btoa(JSON.stringify({ role: "checker" }));
  const seat = new Seat("", { read: () => ({ invitation: `${role}.x` }), write: () => {} }, () => {});
  assert.ok(seat.listens);
  const hall = new Hall();
  const kay = { id: "k", name: "Kay", role: "checker", connected: true };
  hall.apply({ type: "roster", roster: [kay, { id: "a", name: "Ada", role: "host" }] });
  hall.you = "a";
  assert.deepEqual(hall.actions(hall.people[1]), ["remove"]);
  assert.equal(hall.listens, false);
  hall.you = "k";
  assert.ok(hall.listens);
});

test("a refusal brings the rules that are to be read, and which ones were agreed to is said", async (t) => {
  const rules = { id: "r1", house: { en: "Be kind." } };
  const unread = { code: "rules_unread", title: "Read", rules };
  const { seat, calls } = seatWith(t, [["join", 428, unread], ["join", 428, unread], ["join", 200, PASS]]);
  seat.invited("inv");
  await assert.rejects(seat.join("kim"), (error) => error instanceof Refusal && !error.passing && error.rules?.id === "r1");
  const asked = [];
  seat.reads = async (said, before) => asked.push([said.id, before]);
  await seat.join("kim");
  assert.deepEqual(asked, [["r1", ""]]);
  assert.equal(JSON.parse(calls[2][1].body).rules, "r1");
});

test("a reload renews; if the token has died it joins again", async (t) => {
  const dead = ["renew", 401, { code: "token_expired", title: "No." }];
  const kept = { invitation: "inv", name: "Kim", token: "old" };
  const { seat, calls, renewed } = seatWith(t, [dead, ["join", 200, PASS]], kept);
  await seat.resume();
  assert.equal(calls[0][1].headers.Authorization, "Bearer old");
  assert.deepEqual(renewed, ["t1"]);
});

test("a stage that is starting is no reason to join again", async (t) => {
  const kept = { invitation: "inv", name: "Kim", token: "old" };
  const { seat, calls } = seatWith(t, [["renew", 503, { code: "busy", title: "Busy." }]], kept);
  await assert.rejects(seat.resume(), (error) => error instanceof Refusal && error.passing);
  assert.equal(calls.length, 1);
});

test("another link is another seat", (t) => {
  const kept = { invitation: "one", name: "Kim", token: "old", went: true };
  const { seat } = seatWith(t, [], kept);
  seat.invited("one");
  assert.equal(seat.token, "old");
  seat.invited("two");
  assert.deepEqual([seat.token, seat.kept.name, seat.kept.went], ["", "", false]);
});

test("relays are told to the browser in its own form", () => {
  assert.deepEqual(iceServer("stun:stun.example:3478"), { urls: "stun:stun.example:3478" });
  assert.deepEqual(iceServer("turn:kim:se:cret@turn.example?transport=tcp"), {
    urls: "turn:turn.example?transport=tcp",
    username: "kim",
    credential: "se:cret",
  });
});

test("the clock of a point counts down, says when it is nearly up, and counts on", () => {
  assert.deepEqual(clockOf(300, 10.9), { seconds: 290, stand: "left" });
  assert.deepEqual(clockOf(300, 240), { seconds: 60, stand: "soon" });
  assert.deepEqual(clockOf(300, 312), { seconds: 12, stand: "over" });
  assert.deepEqual(clockOf(45, 1), { seconds: 44, stand: "left" }); // a short point is not nearly up from the start
  assert.deepEqual(clockOf(0, 75), { seconds: 75, stand: "free" });
  assert.deepEqual([0, 65, 3_671].map(written), ["0:00", "1:05", "1:01:11"]);
});

test("what is told of the running order and of speaking times is kept", () => {
  const hall = new Hall();
  hall.apply({ type: "agenda", agenda: { items: [{ id: "i1" }], now: "i1" } });
  hall.apply({ type: "spoken", spoken: { amina: 12 } });
  assert.equal(hall.order.now, "i1");
  assert.equal(hall.spoken.amina, 12);
});

test("hosts see the top of one topic, of none, or of all", () => {
  const hall = new Hall();
  const hands = Array.from({ length: 130 }, (_, n) => ({ id: `${n}`, name: `n${n}`, question: "", topic: n % 13 ? "Rent" : "Trams" }));
  hall.apply({ type: "room", room: { topics: ["Trams"] } });
  hall.apply({ type: "hands", hands, hands_up: 100_000, topics: { Trams: 10, "": 99_990 } });
  assert.equal(chosen(hall, "*").length, 50);
  assert.deepEqual(chosen(hall, "Trams").map(({ name }) => name), hands.filter(({ topic }) => topic === "Trams").map(({ name }) => name));
  assert.ok(chosen(hall, "").every(({ topic }) => topic === "Rent")); // a topic that is gone is none
  hall.apply({ type: "levels", levels: {}, speaking: [], hands_up: 99_999, topics: { Trams: 9, "": 99_990 } });
  assert.equal(hall.topics.Trams, 9);
});

test("a co-host knows when they run the room, and who was asked and is no more", () => {
  const hall = new Hall();
  const roster = [{ id: "c", name: "Cem", role: "cohost", place: "backstage" }];
  hall.apply({ type: "welcome", you: "c", room: {}, roster, asked: ["c"], charge: "h", hands: [], speaking: [] });
  assert.deepEqual([hall.inCharge, hall.invited, hall.panic], [false, true, false]);
  hall.apply({ type: "roster", roster, asked: [], charge: "c", panic: true, removed: [{ id: "x", name: "X" }] });
  assert.deepEqual([hall.inCharge, hall.invited, hall.panic], [true, false, true]);
  assert.equal(hall.removed.length, 1);
});
