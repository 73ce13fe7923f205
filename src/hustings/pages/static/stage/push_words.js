/** How it goes on other platforms, in words (docs/protocol.md 4.12). */

import { t } from "../strings.js";

/**
 * @param {string} state
 * @param {string} code
 */
export function stateWords(state, code) {
  if (state === "on") return t("On air there.");
  if (state === "waiting") return t("Begins when the room does.");
  if (state === "connecting") return t("Connecting …");
  if (state === "stopped") return t("Nothing is sent there any more, but the disk of this house keeps the key. It is removed as soon as that works.");
  const trying = t("Trying again.");
  return `${troubleWords(code)} ${trying}`;
}

/** @param {string} code  of docs/protocol.md 6 */
export function troubleWords(code) {
  switch (code) {
    case "push_address":
      return t("There is no such server on the public internet. Look at the address again.");
    case "push_unreachable":
      return t("The server does not answer.");
    case "push_tls":
      return t("The server’s certificate is not valid.");
    case "push_refused":
      return t("The platform knows nothing at this address. Look at it again.");
    case "push_key":
      return t("The platform does not take this stream key, or it is in use.");
    case "push_closed":
      return t("The platform hung up. If it does so at once, look at address and key again.");
    case "push_stuck":
      return t("The platform has stopped taking the programme.");
    case "push_edge":
      return t("No edge of this house gives the sound just now.");
    case "push_protocol":
      return t("This server speaks another language than RTMP.");
    default:
      return t("Sending broke off.");
  }
}
