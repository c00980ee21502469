// What the LMS keeps for us between sessions, as two short ASCII texts without quotes or markup,
// which some LMSs would escape: a bookmark, and a state that begins with its version.

const VERSION = "cw1";
const RATES = { slowest: 0.5, fastest: 2 };

/** The bookmark always has a value: some LMSs do not let an empty one replace an old one. */
export function encodeBookmark(second) {
  return `film ${second.toFixed(1)}`;
}

/** The second of a bookmark, 0 when there is none or it cannot be read. */
export function decodeBookmark(text) {
  const found = /^film (\d{1,6}(?:\.\d)?)$/.exec(text);
  return found ? Number(found[1]) : 0;
}

export function encodeState({ watched, captions, rate }) {
  return `${VERSION};w=${watched};c=${captions ? 1 : 0};r=${rate}`;
}

/** The state of an earlier session, or a fresh one when there is none or it cannot be read. */
export function decodeState(text) {
  const found = /^cw1;w=([\w-]*);c=([01]);r=([\d.]{1,4})$/.exec(text);
  if (!found) return { watched: "", captions: true, rate: 1 };
  const rate = Math.min(Math.max(Number(found[3]) || 1, RATES.slowest), RATES.fastest);
  return { watched: found[1], captions: found[2] === "1", rate };
}
