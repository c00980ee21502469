// The languages of the world, by their names in the page's language.
import { language } from "./text.js";

const VARIANTS = "de-AT de-CH en-AU en-GB en-US es-MX fr-CA pt-BR pt-PT zh-Hans zh-Hant".split(" ");
const LETTERS = "abcdefghijklmnopqrstuvwxyz".split("");

/** The name of a language in `own`, by default the page's; undefined when it is none. */
function named(code, own = language) {
  try {
    return new Intl.DisplayNames([own], { type: "language", fallback: "none" }).of(code);
  } catch {
    return undefined; // no tag at all
  }
}

const current = (code) => Intl.getCanonicalLocales(code)[0] === code; // not the old name of another
const optionOf = (value) => ({ value, text: named(value) ?? value, also: [value, named(value, value)].filter(Boolean) });
let all = null;

/** Options for a choice of one; `first` is among them, whatever it is. */
export function languages(first) {
  all ??= LETTERS.flatMap((one) => LETTERS.map((other) => one + other)).filter((code) => current(code) && named(code));
  const codes = new Set([...all, ...VARIANTS, ...(first ? [first] : [])]);
  return [...codes].map(optionOf).sort((one, other) => one.text.localeCompare(other.text, language));
}

/** The option for a tag such as "pt-AO"; none when it is not one. */
export function tagged(text) {
  try {
    const [tag] = Intl.getCanonicalLocales(text);
    return tag && named(tag) ? [optionOf(tag)] : [];
  } catch {
    return [];
  }
}
