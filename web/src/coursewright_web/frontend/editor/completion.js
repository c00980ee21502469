// Completion in the editor of pipelines: keys and values by the schema, references by what fits.
import { insertCompletionText, pickedCompletion, startCompletion } from "@codemirror/autocomplete";
import { capabilityOf, providersOf, stepsBefore } from "./outline.js";
import { FILTERS, openReference, referencesAt } from "./references.js";
import { keysOf, schemasAt, takesReference, valuesOf } from "./schema.js";
import { at, placeOf, read } from "./yaml.js";

const WORD = /^[\w.-]*$/;
const OPERATOR = /[|+*/%~<>=-]|\b(and|or|if|in|is|not)\b/;
const ENDS = /^\s*(["'\]},#]|$)/;

/**
 * A source for CodeMirror's `autocompletion`. `facts()` gives the `schema`, what is `known` of the installation (from
 * `knowledge`), names of `files` beside the pipeline, and in the person's words `missing` and `needed`; null until it has them.
 */
export const completing = (facts) => (context) => {
  const given = facts();
  if (!given) return null;
  const text = context.state.sliceDoc();
  const before = text.slice(0, context.pos);
  const root = read(text);
  const reference = openReference(before);
  if (reference) return inReference(reference, { root, before, after: text.slice(context.pos), ...given });
  const place = placeOf(before);
  if (!place || (!context.explicit && place.from === context.pos)) return null;
  const schemas = schemasAt(given.schema, place.path, root);
  const all = { ...given, root, schemas, place, after: text.slice(context.pos) };
  const keys = place.key ? keyOptions(all) : [];
  const options = keys.length ? keys : valueOptions(all);
  return options.length ? { from: place.from, options, validFor: WORD } : null;
};

function inReference({ from, path: typed, before: operand, source }, { root, before, after, schema, known, missing }) {
  const place = placeOf(`${before.slice(0, from)}x`);
  if (!place || !takesReference(schemasAt(schema, place.path, root))) return null;
  const start = before.length - typed.length;
  if (operand.endsWith("|")) return { from: start, options: FILTERS.map((label) => ({ label, type: "function" })), validFor: /^\w*$/ };
  const rest = /^[^}\n]*/.exec(after)[0];
  const closed = after[rest.length] === "}";
  const behind = after.slice(closed ? rest.length + 1 : 0).split("\n")[0];
  const alone = before.slice(place.from, from).replace(/^["']/, "") === "" && ENDS.test(behind);
  const free = operand !== "" || (closed && OPERATOR.test(rest));
  const close = source.trim() === typed && !closed ? "}" : "";
  const found = referencesAt(root, place.path, { typed, alone, free }, known);
  const options = found.map((each) => ({ ...shown(each, missing), apply: each.label + close }));
  const dots = typed.split(".").length;
  return options.length ? { from: start, options, validFor: (now) => /^[\w.]*$/.test(now) && now.split(".").length === dots } : null;
}

const shown = ({ label, type, lacks }, missing) => ({
  label,
  type: "variable",
  detail: lacks ? `${type}, ${missing}` : type,
  boost: lacks ? -2 : /^item\b/.test(label) ? 2 : label.startsWith("inputs.") ? 1 : 0,
});

function keyOptions({ root, schemas, place, after, known, needed }) {
  const there = (at(root, place.path)?.entries ?? []).filter((each) => each.from !== place.from).map((each) => each.key);
  const fitting = optionsOf(place.path, root, known);
  return keysOf(schemas)
    .filter((key) => !there.includes(key.name) && (!fitting || fitting.has(key.name)))
    .map((key) => ({
      label: key.name,
      type: "property",
      detail: key.required ? needed : [undefined, null, ""].includes(key.default) ? "" : String(key.default),
      info: key.description || undefined,
      boost: key.required ? 1 : 0,
      apply: written(key, place, after),
    }));
}

/** Under `with` of a step only what its own providers know; null elsewhere. */
function optionsOf(path, root, known) {
  if (path.length !== 3 || path[0] !== "steps" || path[2] !== "with") return null;
  const step = at(root, path.slice(0, 2));
  const capability = known.capabilities[capabilityOf(step)];
  if (!capability) return null;
  const options = providersOf(root, step, known).flatMap((id) => capability.providers.get(id)?.options ?? []);
  return new Set([...capability.takes, ...options].map((each) => each.name));
}

const written = (key, place, after) => (view, completion, from, to) => {
  const { state } = view;
  const indent = " ".repeat(from - state.doc.lineAt(from).from + 2);
  const follows = /^\s*:/.test(after) ? "" : key.opens && !place.flow ? `:\n${indent}` : ": ";
  const change = insertCompletionText(state, key.name + follows, from, to);
  view.dispatch({ ...change, annotations: pickedCompletion.of(completion) });
  startCompletion(view);
};

function valueOptions({ root, schemas, place, known, files, missing }) {
  const quoted = place.name === "QuotedLiteral" || place.name.startsWith("BlockLiteral");
  const listed = quoted ? [] : [...valuesOf(schemas), ...namesAt(place.path, root, files)];
  const values = listed.filter(Boolean).map((label) => ({ label, type: "enum", detail: summaryOf(label, known), boost: 3 }));
  if (quoted || !takesReference(schemas)) return values;
  const quote = place.flow ? '"' : "";
  const references = referencesAt(root, place.path, {}, known);
  return [...values, ...references.map((each) => ({ ...shown(each, missing), apply: `${quote}\${${each.label}}${quote}` }))];
}

/** Names that no schema knows: steps to wait for, and the files beside the pipeline. */
function namesAt([area, step, key, inner], root, files) {
  if (area !== "steps") return [];
  if (key === "needs") return stepsBefore(root, step);
  return key === "with" && inner === "prompt" ? files : [];
}

function summaryOf(label, known) {
  const capability = known.capabilities[label.split(".")[0]];
  return capability?.providers.get(label)?.summary ?? capability?.summary ?? "";
}
