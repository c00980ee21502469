// What comes as a whole: pasted from word processors, web pages and texts, or dictated.
import { DOMParser, Fragment, Slice } from "prosemirror-model";
import { parsed, schema } from "./markdown.js";

const BEGUN = /\n|^(#{1,6}|[-+*]|\d+\.)\s/;

/** Text of several lines, or one that begins a heading or list, is read as Markdown. */
export const sliceOf = (text) =>
  BEGUN.test(text) ? Slice.maxOpen(parsed(text).content) : new Slice(Fragment.from(schema.text(text)), 0, 0);

const STYLE = "data-style";

/**
 * Without style sheets, and styles under another name: the page's policy forbids them even where nothing is shown.
 * Google's documents come within a <b> that is not bold, but a block.
 */
export const unstyled = (html) =>
  html
    .replace(/<style\b.*?<\/style>/gis, "")
    .replace(/<b\s[^<>]*font-weight:\s*(normal|400)[^<>]*>/gi, "<div>")
    .replace(/<[^<>]*>/g, (tag) => tag.replace(/\sstyle\s*=/gi, ` ${STYLE}=`));

const styled = (pattern) => ({ tag: `[${STYLE}]`, consuming: false, getAttrs: (node) => pattern.test(node.getAttribute(STYLE)) && null });

/** A table, which has no form of its own here, as Markdown writes it. */
function tableOf(table) {
  const rows = [...table.querySelectorAll("tr")].map((row) => [...row.querySelectorAll("td, th")].map(cellOf));
  if (!rows.length) return Fragment.empty;
  const [head, ...rest] = rows.map((cells) => `| ${cells.join(" | ")} |`);
  const lines = [head, `|${" --- |".repeat(rows[0].length)}`, ...rest];
  return Fragment.from(lines.flatMap((line, index) => [...(index ? [schema.nodes.hard_break.create()] : []), schema.text(line)]));
}
const cellOf = (cell) => cell.textContent.replace(/\s+/g, " ").trim();

export const reader = new DOMParser(schema, [
  { ...styled(/font-weight:\s*(bold|[6-9]00)/i), mark: "strong" },
  { ...styled(/font-style:\s*italic/i), mark: "em" },
  { tag: "table", node: "paragraph", getContent: tableOf },
  { tag: "head, title, style, script, template", ignore: true },
  ...DOMParser.schemaRules(schema).filter(({ style }) => !style),
]);
