// A choice from many, by typing a part of its name: the pattern "editable combobox with list" of the ARIA guide, by hand
// because the libraries for it write styles into the page, which its policy forbids.
import { _, ngettext } from "./text.js";

const plain = (text) => text.normalize("NFD").replace(/\p{Mn}/gu, "").toLowerCase();
const NOT = 3;

/** How well an option fits what is typed: best by the beginning of its name, then of another name, then of any word. */
function rankOf({ text, also = [] }, wanted) {
  const names = [text, ...also].map(plain);
  if (names[0].startsWith(wanted)) return 0;
  if (names.some((name) => name.startsWith(wanted))) return 1;
  return names.some((name) => name.split(/[^\p{L}\p{N}]+/u).some((word) => word.startsWith(wanted))) ? 2 : NOT;
}

/**
 * A component for the macro `ui.search_select`. Options are `{ value, text, also }`; `also` are other words by which one is
 * found, and `more(typed)` gives options that are not in the list. It sends `picked` with the value.
 */
export const searchSelect = () => ({
  options: [],
  value: "",
  typed: "",
  wanted: "", // what is searched for; empty when nothing was typed since the last choice
  open: false,
  at: -1,
  more: () => [],
  offer(options, value, more) {
    Object.assign(this, { options, value, more: more ?? this.more });
    if (!this.open) this.settle();
  },
  get found() {
    const wanted = plain(this.wanted.trim());
    if (!wanted) return this.options;
    const ranked = this.options.map((option) => ({ option, rank: rankOf(option, wanted) })).filter(({ rank }) => rank < NOT);
    if (!ranked.length) return this.more(this.wanted.trim());
    return ranked.sort((one, other) => one.rank - other.rank).map(({ option }) => option);
  },
  get counted() {
    if (!this.open) return "";
    return this.found.length ? ngettext("%(n)s choice", "%(n)s choices", this.found.length) : _("Nothing is called like that.");
  },
  get currentId() {
    return this.open && this.found[this.at] ? this.optionId(this.at) : null;
  },
  optionId(index) {
    return `${this.$root.dataset.id}-option-${index}`;
  },
  show() {
    if (this.open) return;
    this.open = true;
    this.at = this.found.findIndex((each) => each.value === this.value);
    this.reveal();
  },
  search(event) {
    this.wanted = event.target.value;
    this.open = true;
    this.at = this.found.length && this.wanted ? 0 : -1;
    this.reveal();
  },
  move(step) {
    if (!this.open) return this.show();
    const count = this.found.length;
    if (count) this.at = (this.at + step + (this.at < 0 && step < 0 ? 1 : 0) + count) % count;
    this.reveal();
  },
  reveal() {
    this.$nextTick(() => document.getElementById(this.currentId)?.scrollIntoView({ block: "nearest" }));
  },
  /** Enter chooses, and sends the form only when the list is closed. */
  take(event) {
    if (!this.open) return;
    event.preventDefault();
    if (this.found[this.at]) this.choose(this.found[this.at]);
  },
  choose(option) {
    this.value = option.value;
    this.$dispatch("picked", option.value);
    this.settle(option.text);
  },
  shut(event) {
    if (!this.open) return;
    event.stopPropagation();
    this.settle();
  },
  left() {
    const exact = this.wanted && this.found.find((each) => plain(each.text) === plain(this.wanted.trim()));
    exact ? this.choose(exact) : this.settle();
  },
  /** Show what is chosen. */
  settle(text = null) {
    const chosen = [...this.options, ...this.more(this.value)].find((each) => each.value === this.value);
    Object.assign(this, { open: false, wanted: "", at: -1, typed: text ?? chosen?.text ?? "" });
  },
});
