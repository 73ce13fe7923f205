/**
 * What the speakers' page says about states, troubles and refusals, in the page's language. Each
 * sentence says what is the matter and, where the person can mend it, how.
 */

import { formatNumber, n, t } from "../strings.js";

/** @param {string} role */
export function roleWord(role) {
  if (role === "host") return t("Host");
  if (role === "cohost") return t("Co-host");
  if (role === "moderator") return t("Moderator");
  if (role === "checker") return t("Checker");
  return t("Speaker");
}

/** @param {string} state  of the room */
export function stateWord(state) {
  if (state === "live") return t("Live");
  if (state === "lobby") return t("Lobby open");
  if (state === "ended") return t("Ended");
  return t("Not open yet");
}

/**
 * @param {import("./microphone.js").Trouble} trouble
 * @param {string} name  of the microphone in use, as the system calls it
 */
export function troubleWords(trouble, name) {
  switch (trouble) {
    case "insecure":
      return t("Browsers give microphones to secure pages only. Open this page by HTTPS, or on the machine itself under the name localhost.");
    case "unsupported":
      return t("This browser has no microphone for pages. Try a current Firefox, Chrome, Edge or Safari.");
    case "refused":
      return t("The browser was told not to give the microphone to this page. Allow it beside the address, or in the settings of the system, then try again.");
    case "none":
      return t("No microphone was found. Plug one in: this page notices it.");
    case "busy":
      return t("The microphone is in use by another program, or does not start. Close the other program, then try again.");
    case "unplugged":
      return t("The microphone was unplugged. Plug it in again, or choose another.");
    case "silent":
      return t("The microphone is on but silent. Is its own switch off, or is another one chosen?");
    case "clipping":
      return t("Your microphone is too loud: the sound is distorted. Turn it down in the settings of the system, or move away from it a little.");
    case "quiet":
      return t("Your microphone is very quiet. Come nearer, turn it up in the settings of the system, or choose another.");
    case "switched": {
      const other = t("another microphone");
      return t("The microphone was unplugged. In use now: {name}", { name: name || other });
    }
    case "paused":
      return t("The system has paused the microphone: a call, perhaps, or a privacy switch.");
    case "failed":
      return t("The microphone could not be opened. Try again, or choose another.");
    default:
      return "";
  }
}

/**
 * What somebody whose microphone carries another sound as well is told, and how to mend it.
 * @param {string} name  whose voice; "" for nobody's
 * @param {boolean} own  their own voice, come back
 */
export function echoWords(name, own) {
  if (!name) return "";
  if (own) return t("Your own voice comes back into your microphone. Close other pages that play this room, or use headphones.");
  return t("Your microphone picks up {name} as well, which makes an echo. Use headphones; if you are here on two devices, mute one of them.", { name });
}

/**
 * What the hosts read beside somebody whose microphone is in trouble; "" if there is nothing to say.
 * @param {string} sign  docs/protocol.md 4.1 `microphones`
 * @param {string} name  whose voice they send as well
 */
export function signWords(sign, name) {
  switch (sign) {
    case "":
      return "";
    case "silent":
      return t("microphone silent");
    case "clipping":
      return t("microphone too loud");
    case "quiet":
      return t("microphone too quiet");
    case "echo":
      return t("echo of {name}", { name });
    case "unplugged":
      return t("microphone unplugged");
    default:
      return t("no microphone");
  }
}

/**
 * @param {import("./audience.js").Heard} heard
 * @param {number} listeners  at all edges; NaN: say no numbers
 * @param {number} behind  seconds from the mouth to their ears; NaN if not known
 */
export function heardWords(heard, listeners, behind) {
  switch (heard) {
    case "heard": {
      if (Number.isNaN(listeners)) return t("The audience hears you");
      if (listeners === 0) return t("The audience’s stream carries you; nobody listens yet.");
      if (Number.isNaN(behind)) return n("You are heard by {count} person", "You are heard by {count} people", listeners);
      const seconds = formatNumber(behind, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
      return n("You are heard by {count} person, {seconds} s behind", "You are heard by {count} people, {seconds} s behind", listeners, { seconds });
    }
    case "silent":
      return t("You are on air. Speak: this light turns green when the audience hears you.");
    case "muted":
      return t("The audience does not hear you: you are muted.");
    case "microphone":
      return t("The audience does not hear you: your microphone is off.");
    case "line":
      return t("The audience does not hear you: there is no connection for sound.");
    case "backstage":
      return t("You are backstage: the hosts and those beside you hear you, the audience does not.");
    case "private":
      return t("The audience does not hear you: you talk in private.");
    case "lobby":
      return t("The lobby is open: the audience hears music, not you.");
    case "scheduled":
      return t("The room is not open yet: nobody listens.");
    case "stage":
      return t("The stage does not answer right now: the audience hears music until it is back.");
    case "filling":
      return t("The audience hears music until the broadcast delay has filled.");
    case "hold":
      return t("The audience hears music: the stage’s sound does not reach it right now.");
    case "edge":
      return t("It is not certain that the audience hears you: its stream does not reach this page.");
    case "late":
      return t("You speak, but the audience’s stream does not carry you yet.");
    default:
      return t("The room has ended.");
  }
}

/**
 * A refusal of the stage in the person's language; unknown ones in its own words.
 * @param {string} code
 * @param {string} title
 */
export function refusalWords(code, title) {
  switch (code) {
    case "invitation_missing":
      return t("The link is not whole. Open your invitation again, or copy all of it.");
    case "token_missing":
    case "token_bad":
    case "token_kind":
    case "token_room":
      return t("This invitation is not for this room, or not whole. Ask the host for a new link.");
    case "token_expired":
    case "token_device":
      return t("This page was away for too long. Open your invitation again, or come in from “My rooms” again.");
    case "pass_used":
      return t("This way in was used in another browser. Come in from “My rooms” again.");
    case "checker_silent":
      return t("A checker listens, and is never on stage.");
    case "revoked":
      return t("This invitation was withdrawn. Ask the host for a new link.");
    case "removed":
    case "not_in_room":
      return t("A host has removed you from this room.");
    case "room_ended":
      return t("This room has ended.");
    case "room_cancelled":
      return t("This room is cancelled. Take that back on its page first.");
    case "room_locked":
      return t("The host has locked this room. Ask them to unlock it.");
    case "panic":
      return t("The hosts have cleared the stage. Wait until they open it again.");
    case "seat_taken":
      return t("This link is in use on another device. Leave the room there first, or ask the host for a link of your own.");
    case "topics_bad":
      return t("A room has at most eight topics.");
    case "room_full":
      return t("The room is full. Try again when somebody has left.");
    case "stage_full":
      return t("All seats on stage are taken.");
    case "room_unknown":
      return t("There is no such room on this stage.");
    case "name_missing":
      return t("Say under which name people shall hear you.");
    case "not_asked":
      return t("Wait until a host asks you on stage, or raise your hand.");
    case "role_denied":
      return t("Your role does not allow this.");
    case "tracks_full":
      return t("So many people’s own tracks are kept already that there is no room for yours.");
    case "track_soon":
      return t("Wait some seconds to choose it again.");
    case "push_url":
      return t("This is no address that the programme can be sent to. It begins with rtmps:// or rtmp:// and names an application, as in /live.");
    case "push_key_bad":
      return t("Paste the stream key as the platform shows it.");
    case "push_twice":
      return t("The programme is sent there already.");
    case "push_full":
      return t("It is sent to as many platforms as this house allows. Stop one first.");
    case "push_try_rate":
      return t("Wait some seconds to try it again.");
    case "away":
      return t("The stage cannot be reached right now.");
    default:
      return title;
  }
}
