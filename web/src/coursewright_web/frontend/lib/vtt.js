// Reading WebVTT, as far as our films have it: times and plain text.

const SECONDS = /(?:(\d+):)?(\d\d):(\d\d)[.,](\d{3})/;

function secondsOf(text) {
  const found = SECONDS.exec(text);
  if (!found) return NaN;
  const [, hours = 0, minutes, seconds, thousandths] = found;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds) + Number(thousandths) / 1000;
}

const entities = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&nbsp;": " ", "&lrm;": "", "&rlm;": "" };

/** The cues of a file: `{ start, end, text }`, in seconds. What is no cue is passed over. */
export function cuesOf(text) {
  const blocks = text.replace(/\r\n?/g, "\n").split(/\n{2,}/);
  const found = [];
  for (const block of blocks) {
    const lines = block.split("\n");
    const at = lines.findIndex((line) => line.includes("-->"));
    if (at < 0) continue;
    const [start, end] = lines[at].split("-->").map(secondsOf);
    const words = lines.slice(at + 1).join(" ").replace(/<[^>]*>/g, "");
    if (Number.isFinite(start) && Number.isFinite(end))
      found.push({ start, end, text: words.replace(/&\w+;/g, (each) => entities[each] ?? each) });
  }
  return found;
}

/** "1:05": a place in a film. */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const rest = `${String(Math.floor(whole / 60) % 60).padStart(whole >= 3600 ? 2 : 1, "0")}:${String(whole % 60).padStart(2, "0")}`;
  return whole >= 3600 ? `${Math.floor(whole / 3600)}:${rest}` : rest;
}
