// Messages in the page's language. The source is English; catalogues come with the page (web/locale).
const { plural = (n) => Number(n !== 1), texts = {} } = window.messages ?? {};

const filled = (text, values) => text.replace(/%\((\w+)\)s/g, (whole, name) => values[name] ?? whole);

/** A message: `_("Saved as %(name)s", { name })`. */
export const _ = (message, values = {}) => filled(texts[message] || message, values);

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
