// What is different between two texts, line by line.
const AROUND = 3;

/** Lines as `{ kind: "same" | "added" | "removed" | "gap", text }`; of what is the same, only what stands near. */
export function difference(before, after) {
  const [a, b] = [before.split("\n"), after.split("\n")];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const same = (text) => ({ kind: "same", text });
  const middle = changed(a.slice(start, a.length - end), b.slice(start, b.length - end));
  return shortened([...a.slice(0, start).map(same), ...middle, ...a.slice(a.length - end).map(same)]);
}

/** By the longest common subsequence; what is equal at both ends was taken off before. */
function changed(a, b) {
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      lengths[i][j] = a[i] === b[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
  const found = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      found.push({ kind: "same", text: a[i++] });
      j++;
    } else if (j >= b.length || (i < a.length && lengths[i + 1][j] >= lengths[i][j + 1])) {
      found.push({ kind: "removed", text: a[i++] });
    } else found.push({ kind: "added", text: b[j++] });
  }
  return found;
}

function shortened(lines) {
  const near = (index) => lines.slice(Math.max(0, index - AROUND), index + AROUND + 1).some((each) => each.kind !== "same");
  const found = [];
  for (const [index, line] of lines.entries()) {
    if (line.kind !== "same" || near(index)) found.push({ ...line, key: index });
    else if (found.at(-1)?.kind !== "gap") found.push({ kind: "gap", text: "", key: index });
  }
  return lines.some((each) => each.kind !== "same") ? found : [];
}
