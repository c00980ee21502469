// What something will take, in words.
import { _, duration, number } from "./text.js";

/** Money, as far as every provider names its price. */
export function costOf({ costs }) {
  if (costs === null) return _("Not known: a provider names no price.");
  if (!costs.length) return _("Nothing");
  return costs.map((each) => `${number(each.money)} ${each.currency}`).join(" + ");
}

/** Time, as it usually was or as the providers estimate. */
export function timeOf({ usual_s: usual, seconds }) {
  if (usual !== null) return _("about %(time)s, as usual", { time: duration(usual) });
  if (seconds !== null) return _("about %(time)s", { time: duration(seconds) });
  return _("Not known yet: nothing like it was made here.");
}

/** Both in a few words, for a line: "about 40 s · free". What is not known is not named. */
export function briefly({ seconds, known_s: known, costs }) {
  const words = [];
  if (seconds !== null) words.push(_("about %(time)s", { time: duration(Math.max(1, seconds)) }));
  else if (known > 0) words.push(_("more than %(time)s", { time: duration(Math.max(1, known)) }));
  if (costs !== null) words.push(costs.length ? costOf({ costs }) : _("free"));
  return words.join(" · ");
}
