/** Which roles may what, as in docs/protocol.md 4.1 (the stage checks again). */

export const HOSTS = new Set(["host", "cohost"]);
export const STEWARDS = new Set(["host", "cohost", "moderator"]);
export const SILENT = new Set(["checker"]); // hear all, and are never heard
export const RANK = ["host", "cohost", "moderator", "speaker", "checker"];

/** What an invitation says of itself; "" if it is none. @param {string} invitation @param {"name" | "sub" | "role"} claim */
export function claimOf(invitation, claim) {
  try {
    const [claims = ""] = invitation.replaceAll("-", "+").replaceAll("_", "/").split(".");
    const bytes = Uint8Array.from(atob(claims), (each) => each.charCodeAt(0));
    return String(JSON.parse(new TextDecoder().decode(bytes))[claim] ?? "");
  } catch {
    return ""; // no invitation of ours: the stage will say so
  }
}
