// Messages in the page's language. The source is English; catalogues come with the page (web/locale).
const { plural = (n) => Number(n !== 1), texts = {} } = window.messages ?? {};

const filled = (text, values) => text.replace(/%\((\w+)\)s/g, (whole, name) => values[name] ?? whole);

const known = (message) => (Object.hasOwn(texts, message) ? texts[message] : ""); // texts of others may be "constructor"

/** A message: `_("Saved as %(name)s", { name })`. */
export const _ = (message, values = {}) => filled(known(message) || message, values);

/** The values in a text of the form that these pieces have; null when it has another. Looks once over the text. */
function valuesIn(text, pieces) {
  const last = pieces.at(-1);
  const end = text.length - last.length;
  let at = pieces[0].length;
  if (at > end || !text.startsWith(pieces[0]) || !text.endsWith(last)) return null;
  const found = [];
  for (const piece of pieces.slice(1, -1)) {
    const next = text.indexOf(piece, at);
    if (next < 0 || next + piece.length > end) return null;
    found.push(text.slice(at, next));
    at = next + piece.length;
  }
  return [text, ...found, text.slice(at, end)];
}

// Messages of the service are kept with numbered places for their values; those with most words of their own come first.
const NUMBERED = /%\(\d+\)s/;
const own = (pieces) => pieces.join("").length;
const forms = Object.keys(texts)
  .filter((message) => NUMBERED.test(message))
  .map((message) => ({ message, pieces: message.split(NUMBERED) }))
  .sort((one, other) => own(other.pieces) - own(one.pieces));

const LONGEST = 1000; // characters of what is looked up; a text that is longer is none of ours

const WHO = /^%\(1\)s /;
const WHY = /: %\(\d+\)s$/;

/** Values that may be messages themselves: who it is about, at the beginning, and what somebody said, at the end. */
function withMessages(message, [text, ...values]) {
  const isMessage = (at) => (at === 0 && WHO.test(message)) || (at === values.length - 1 && WHY.test(message));
  return [text, ...values.map((value, at) => (isMessage(at) && formed(value)) || value)];
}

/** One message of the service, with its values; empty when it is none. */
function formed(text) {
  if (known(text)) return known(text);
  for (const { message, pieces } of forms) {
    const found = valuesIn(text, pieces);
    if (found) return _(message, withMessages(message, found));
  }
  return "";
}

/** Messages with semicolons between them. The first that is known ends the search for it, so that no text takes long. */
function joined(text) {
  if (known(text)) return known(text);
  for (let at = text.indexOf("; "); at > 0; at = text.indexOf("; ", at + 1)) {
    const first = formed(text.slice(0, at));
    const rest = first && joined(text.slice(at + 2));
    if (rest) return `${first}; ${rest}`;
    if (first) break;
  }
  return formed(text);
}

/** What the service said, in the page's language: a problem, its remedy, or some with semicolons between. */
export const told = (text) => (text && text.length <= LONGEST && joined(text)) || text;

/** A message that counts: `ngettext("%(n)s scene", "%(n)s scenes", n)`. */
export function ngettext(one, many, n, values = {}) {
  const forms = Array.isArray(texts[one]) ? texts[one] : [one, many];
  return filled(forms[plural(n)] ?? many, { n: number(n), ...values });
}

export const language = document.documentElement.lang;
const numbers = new Intl.NumberFormat(language);
const moments = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const ago = new Intl.RelativeTimeFormat(language, { numeric: "auto" });

export const number = (value) => numbers.format(value);
export const percent = (part) => new Intl.NumberFormat(language, { style: "percent" }).format(part);

/** Local date and time of an ISO text; empty for null. */
export const moment = (iso) => (iso ? moments.format(new Date(iso)) : "");

/** "5 minutes ago"; the date when it is more than a week. */
export function since(iso) {
  if (!iso) return "";
  const seconds = (new Date(iso) - Date.now()) / 1000;
  const steps = [
    [60, 1, "second"],
    [3600, 60, "minute"],
    [86400, 3600, "hour"],
    [7 * 86400, 86400, "day"],
  ];
  for (const [below, unit, name] of steps)
    if (Math.abs(seconds) < below) return ago.format(Math.round(seconds / unit), name);
  return moment(iso);
}

/** "2 min 5 s": seconds for people, in at most two units. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return _("%(s)s s", { s: number(whole) });
  if (whole < 3600) {
    const rest = whole % 60;
    const minutes = _("%(m)s min", { m: number(Math.floor(whole / 60)) });
    return rest && whole < 600 ? `${minutes} ${_("%(s)s s", { s: number(rest) })}` : minutes;
  }
  const minutes = Math.round((whole % 3600) / 60);
  const hours = _("%(h)s h", { h: number(Math.floor(whole / 3600)) });
  return minutes ? `${hours} ${_("%(m)s min", { m: number(minutes) })}` : hours;
}

/** "3.4 MB": bytes for people, in powers of 1000 as disks and mail programs count. */
export function size(bytes) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const step = bytes > 0 ? Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3)) : 0;
  const value = bytes / 1000 ** step;
  const options = { style: "unit", unit: units[step], unitDisplay: step ? "short" : "long" };
  return new Intl.NumberFormat(language, { ...options, maximumFractionDigits: value < 10 && step ? 1 : 0 }).format(value);
}
