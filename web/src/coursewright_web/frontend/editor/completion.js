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

function inReference(reference, { root, before, after, schema, known, missing }) {
  const { from, path: typed, before: operand, source } = reference;
  const place = placeOf(`${before.slice(0, from)}x`);
  if (!place || !takesReference(schemasAt(schema, place.path, root))) return null;
  const start = before.length - typed.length;
  if (operand.endsWith("|")) return { from: start, options: FILTERS.map((label) => ({ label, type: "function" })), validFor: /^\w*$/ };
  const { rest, closed, alone, bare } = around(place, before.slice(0, from), after);
  const free = operand !== "" || (closed && OPERATOR.test(rest));
  const close = source.trim() === typed && !closed ? "}" : "";
  const put = (label) => (bare ? inQuotes(label, from, closed ? rest.length : -1) : label + close);
  const found = referencesAt(root, place.path, { typed, alone, free }, known);
  const options = found.map((each) => ({ ...shown(each, missing), apply: put(each.label) }));
  const dots = typed.split(".").length;
  return options.length ? { from: start, options, validFor: (now) => /^[\w.]*$/.test(now) && now.split(".").length === dots } : null;
}

/** What stands around a reference: its `rest` behind the cursor, whether it is `closed`, `alone`, and `bare` of quotes it needs. */
function around(place, before, after) {
  const quote = place.name === "QuotedLiteral" ? before[place.from] : "";
  const rest = new RegExp(`^[^}\\n${quote}]*`).exec(after)[0];
  const closed = after[rest.length] === "}";
  const behind = after.slice(closed ? rest.length + 1 : 0).split("\n")[0];
  const alone = before.slice(place.from) === quote && ENDS.test(behind);
  return { rest, closed, alone, bare: alone && place.flow && !quote };
}

/** Between brackets a reference stands in quotes; `rest` is how far behind the cursor its end is, if it has one. */
const inQuotes = (label, begin, rest) => (view, completion, from, to) => {
  const end = rest < 0 ? [{ from, to, insert: `${label}}"` }] : [{ from, to, insert: label }, { from: to + rest + 1, insert: '"' }];
  const annotations = pickedCompletion.of(completion);
  view.dispatch({ changes: [{ from: begin, insert: '"' }, ...end], annotations });
  view.dispatch({ selection: { anchor: from + label.length + 2 + (rest < 0 ? 1 : 0) } });
};

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
  const within = place.name === "QuotedLiteral" || place.name.startsWith("BlockLiteral");
  const listed = within ? [] : [...valuesOf(schemas), ...namesAt(place.path, root, files)];
  const values = listed.filter(Boolean).map((label) => ({ label, type: "enum", detail: summaryOf(label, place, known), boost: 3 }));
  if (within || !takesReference(schemas)) return values;
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

function summaryOf(label, { path }, known) {
  if (path[2] !== "uses") return "";
  const capability = known.capabilities[label.split(".")[0]];
  return capability?.providers.get(label)?.summary ?? capability?.summary ?? "";
}
