// The checker's problems in the text: where they stand, and what can be put right by itself.
const LINE_BREAK = /\r\n|[\n\r\x85\u2028\u2029]/g; // what the checker counts as one

/** The place of a line and column, both from 1; columns count characters as the checker does. */
export function offsetOf(text, line, column) {
  let start = 0;
  LINE_BREAK.lastIndex = 0;
  for (let left = line; left > 1 && LINE_BREAK.test(text); left -= 1) start = LINE_BREAK.lastIndex;
  let offset = start;
  for (let left = column; left > 1 && offset < text.length; left -= 1) offset += text.codePointAt(offset) > 0xffff ? 2 : 1;
  return offset;
}

/** The stretch of a problem: a whole `${…}` where only its beginning is named. */
export function spanOf(text, problem) {
  if (!problem.line) return { from: 0, to: 0 };
  const from = offsetOf(text, problem.line, problem.column);
  const to = Math.max(from, offsetOf(text, problem.end_line, problem.end_column));
  const reference = /^\$\{[^}\n]*\}/.exec(text.slice(from));
  return { from, to: reference && to === from + 2 ? from + reference[0].length : to };
}

/** What the checker thinks was meant, as changes: `{ word, from, to }`. */
export function fixesOf(text, problem) {
  const meant = /did you mean ((?:'[^']+'(?: or )?)+)\?/.exec(problem.hint)?.[1];
  const wrong = problem.message.match(/'[^']*'/g)?.at(-1).slice(1, -1);
  if (!meant || !wrong) return [];
  const { from } = spanOf(text, problem);
  const line = text.slice(from).split("\n")[0];
  const place = line.search(new RegExp(`(?<![\\w-])${wrong.replace(/[^\w-]/g, "\\$&")}(?![\\w-])`));
  if (place < 0) return [];
  return meant.match(/'[^']+'/g).map((each) => ({ word: each.slice(1, -1), from: from + place, to: from + place + wrong.length }));
}
