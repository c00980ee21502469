// A pipeline as it is being written: its inputs and steps with their types, for whoever completes references.
import { ANY, choiceOf, fieldsOf, INTEGER, listOf, typeOf } from "./types.js";
import { at, child } from "./yaml.js";

const entriesOf = (root, key) => child(root, key)?.entries ?? [];
const textOf = (node, key) => child(node, key)?.text ?? "";

/** The inputs: `{ name, type, missing }`. */
export const inputsOf = (root) =>
  entriesOf(root, "inputs").map(({ key, value }) => ({ name: key, type: inputType(value), missing: mayBeMissing(value) }));

function inputType(input) {
  const type = textOf(input, "type");
  if (type === "choice") return choiceOf((child(input, "choices")?.items ?? []).map((each) => each?.text ?? ""));
  return type ? typeOf(type) : ANY;
}

const mayBeMissing = (input) => textOf(input, "required") === "false" && !child(input, "default");

/** Names of the steps that stand before one; all, for what is no step. */
export function stepsBefore(root, name) {
  const names = entriesOf(root, "steps").map(({ key }) => key);
  const place = names.indexOf(name);
  return place < 0 ? names : names.slice(0, place);
}

export const capabilityOf = (step) => textOf(step, "uses").split(".")[0];

/** The providers that a step may be served by: `tts.espeak`. All that are installed, where nobody names one. */
export function providersOf(root, step, known) {
  const uses = textOf(step, "uses");
  const capability = capabilityOf(step);
  const installed = [...(known.capabilities[capability]?.providers.keys() ?? [])];
  if (uses.includes(".")) return [uses];
  const named = namesIn(child(step, "provider")) ?? namesIn(at(root, ["defaults", "provider", capability]));
  return named?.map((name) => (name.includes(".") ? name : `${capability}.${name}`)) ?? installed;
}

function namesIn(node) {
  if (node?.text) return [node.text];
  return node?.items?.map((each) => each?.text ?? "") ?? null;
}

/** What references to the steps before one begin with: `{ name, type, missing }`. */
export function resultsBefore(root, name, known) {
  return stepsBefore(root, name).map((each) => {
    const step = at(root, ["steps", each]);
    const { results = {} } = known.capabilities[capabilityOf(step)] ?? {};
    const one = results[textOf(child(step, "with"), "returns")] ?? results[""];
    const type = one ? typeOf(one) : ANY;
    const missing = Boolean(child(step, "when")) || textOf(step, "optional") === "true";
    return { name: each, type: child(step, "for_each") ? listOf(type) : type, missing };
  });
}

/** What `${…}` may begin with at a path: inputs, steps before, and in a `for_each` the item. */
export function scopeAt(root, path, known) {
  const name = path[0] === "steps" ? path[1] : "";
  const scope = { inputs: inputsOf(root), values: resultsBefore(root, name, known), types: known.types };
  const goesOver = name && path[2] !== "for_each" ? child(at(root, ["steps", name]), "for_each") : null;
  if (goesOver) {
    const item = itemOf(goesOver, scope);
    scope.values = [{ name: "item", type: item, missing: false }, { name: "index", type: INTEGER, missing: false }, ...scope.values];
  }
  return scope;
}

function itemOf(node, scope) {
  const path = /^\$\{\s*([\w.]+)\s*\}$/.exec(node.text ?? "")?.[1];
  const list = path ? resolve(path.split("."), scope) : null;
  return list?.type.kind === "list" ? list.type.item : ANY;
}

/** What a reference by these names gives: `{ type, missing }`; null for what nobody knows. */
export function resolve([first, ...rest], scope) {
  const start = first === "inputs" ? scope.inputs : scope.values.filter((each) => each.name === first);
  const names = first === "inputs" ? rest.slice(1) : rest;
  const root = first === "inputs" ? start.find((each) => each.name === rest[0]) : start[0];
  return names.reduce((owner, name) => owner && member(owner, name, scope.types), root ?? null);
}

function member(owner, name, types) {
  if (owner.type.kind === "any" || owner.type.kind === "mapping") return { type: ANY, missing: owner.missing };
  const field = fieldsOf(owner.type, types).find((each) => each.name === name);
  return field ? { type: field.type, missing: owner.missing || field.missing } : null;
}
