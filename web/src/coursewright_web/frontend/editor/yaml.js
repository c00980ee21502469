// What a YAML text says, as far as it can be read while somebody writes it, and where in it a place is.
import { yamlLanguage } from "@codemirror/lang-yaml";

/**
 * The text as nodes: `{ entries: [{ key, from, to, value }] }`, `{ items: [node] }` or `{ text }`; null for nothing.
 * `from` and `to` are those of the key.
 */
export function read(text) {
  const root = yamlLanguage.parser.parse(text).topNode.getChild("Document")?.firstChild;
  return root ? valueOf(root, text) : null;
}

function valueOf(node, text) {
  if (!node) return null;
  if (node.name.endsWith("Mapping")) return { entries: node.getChildren("Pair").map((pair) => entryOf(pair, text)) };
  if (node.name.endsWith("Sequence")) return { items: node.getChildren("Item").map((item) => valueOf(inside(item), text)) };
  if (node.name === "Anchored" || node.name === "Tagged") return valueOf(node.lastChild, text);
  return { text: plain(node, text) };
}

function entryOf(pair, text) {
  const key = pair.getChild("Key");
  const value = pair.lastChild;
  const given = value && value.name !== "Key" && value.name !== ":" && !value.type.isError ? value : null;
  const { from, to } = key ?? pair;
  return { key: key ? plain(key, text) : "", from, to, value: valueOf(given, text) };
}

const inside = (item) => (item.lastChild?.name === "-" ? null : item.lastChild);

function plain(node, text) {
  const found = text.slice(node.from, node.to);
  return /^(["']).*\1$/s.test(found) ? found.slice(1, -1) : found;
}

/** The node under a key or at a place of a list. */
export function child(node, step) {
  if (typeof step === "number") return node?.items?.[step] ?? null;
  return node?.entries?.find((each) => each.key === step)?.value ?? null;
}

export const at = (node, path) => path.reduce(child, node);

/**
 * Where somebody writes who has written `before`: the `path` of keys and places in lists; `key`: a key is being written
 * below it; `from` where the value or key begins; `flow`: between brackets, where a reference wants quotes; `inside` the
 * kind of node. Null where nothing can be said, such as in a comment.
 */
export function placeOf(before) {
  const line = before.slice(before.lastIndexOf("\n") + 1);
  const bare = /(^|[\s[{,:-])$/.test(before);
  const text = bare ? `${before}x` : before;
  const plainly = resolved(text);
  if (plainly.name === "Comment") return null;
  const free = !plainly.flow && plainly.name !== "QuotedLiteral" && !plainly.name.startsWith("BlockLiteral");
  const place = free && /^\s*(- +)*[\w-]*$/.test(line) ? resolved(`${text}: `, text.length) : plainly;
  return { ...place, from: bare ? before.length : place.from };
}

function resolved(text, position = text.length) {
  let node = yamlLanguage.parser.parse(text).resolveInner(position, -1);
  const found = { name: node.name, from: node.from, path: [], key: false, flow: false };
  for (let below = null; node; [below, node] = [node, node.parent]) {
    if (node.name === "Key") found.key ||= found.path.length === 0;
    if (node.name === "Pair" && below?.name !== "Key") found.path.unshift(keyOf(node, text));
    if (node.name === "Item") found.path.unshift(placeInList(node));
    if (node.name.startsWith("Flow")) found.flow = true;
  }
  return found;
}

function keyOf(pair, text) {
  const key = pair.getChild("Key");
  return key ? plain(key, text) : "";
}

function placeInList(item) {
  let count = 0;
  for (let node = item.prevSibling; node; node = node.prevSibling) if (node.name === "Item") count += 1;
  return count;
}
