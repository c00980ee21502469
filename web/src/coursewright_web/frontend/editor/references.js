// Which `${…}` fits a place: only inputs and what comes before, only fields they have, only types that fit.
import { capabilityOf, providersOf, resolve, scopeAt } from "./outline.js";
import { ANY, fieldsOf, fits, IN_TEXT, nameOf, TEXT, typeOf } from "./types.js";
import { at } from "./yaml.js";

/** Filters of expressions, as the language has them. */
export const FILTERS = (
  "abs capitalize default first float int join last length lower replace round string title tojson trim upper"
).split(" ");
const DEPTH = 2; // fields of fields that are looked into for one that fits

/**
 * The reference that is being written at the end of a text: where its `${` is, what is in it (`source`), and the `path`
 * that is being written, with what stands `before` it there. Null outside.
 */
export function openReference(text) {
  const line = text.slice(text.lastIndexOf("\n") + 1);
  const found = /(?:^|[^$])\$\{([^}]*)$/.exec(line);
  if (!found) return null;
  const source = found[1];
  const path = /[A-Za-z_][\w.]*$|$/.exec(source)[0];
  const before = source.slice(0, source.length - path.length);
  if ((before.match(/['"]/g) ?? []).length % 2 || /[\d.\]]$/.test(before)) return null;
  return { from: text.length - source.length - 2, source, path, before: before.trim() };
}

/** The type that a place wants, and whether nothing may stand there. */
export function wantedAt(root, path, known) {
  const [area, name, key, ...inner] = path;
  if (area !== "steps" || key !== "with" || !inner.length) return { type: ANY, lacking: true };
  const step = at(root, ["steps", name]);
  const field = fieldOf(root, step, inner[0], known);
  return inner.slice(1).reduce((owner, part) => below(owner.type, part, known.types), field);
}

function fieldOf(root, step, name, known) {
  const capability = known.capabilities[capabilityOf(step)];
  const field = capability?.takes.find((each) => each.name === name);
  if (field) return { type: field.type, lacking: field.missing };
  const options = providersOf(root, step, known).flatMap((id) => capability?.providers.get(id)?.options ?? []);
  const option = options.find((each) => each.name === name);
  return { type: option ? optionType(option) : ANY, lacking: true };
}

/** From JSON Schema's words. */
function optionType({ type, limits }) {
  if (limits.enum) return { kind: "choice", choices: limits.enum };
  const name = type.split(" ")[0];
  return { string: TEXT, object: { kind: "mapping" } }[name] ?? (name === "value" ? ANY : typeOf(name));
}

function below(type, part, types) {
  if (typeof part === "number") return { type: type.kind === "list" ? type.item : ANY, lacking: false };
  const field = type.kind === "struct" && fieldsOf(type, types).find((each) => each.name === part);
  return field ? { type: field.type, lacking: field.missing } : { type: ANY, lacking: true };
}

/**
 * What may be written for `typed`, a path that has begun: `{ label, type, missing, whole }`. Without a dot, what fits among
 * inputs, steps and their fields; behind a dot the fields that fit, or lead to one that does.
 */
export function pathsFor(typed, wanted, scope) {
  const names = typed.split(".").slice(0, -1);
  if (!names.length) return beginnings(wanted, scope);
  if (names.length === 1 && names[0] === "inputs") return inputs(wanted, scope);
  const owner = resolve(names, scope);
  const all = owner ? fieldsOf(owner.type, scope.types) : [];
  return all
    .filter((field) => leads(field.type, wanted, scope.types, DEPTH))
    .map((field) => shown(`${names.join(".")}.${field.name}`, { ...field, missing: owner.missing || field.missing }));
}

const inputs = (wanted, scope) =>
  scope.inputs.filter(({ type }) => leads(type, wanted, scope.types, 0)).map((each) => shown(`inputs.${each.name}`, each));

function beginnings(wanted, scope) {
  const values = scope.values.flatMap((each) => {
    const fields = isFile(each.type) ? [] : fieldsOf(each.type, scope.types);
    const fitting = fields
      .filter((field) => fits(field.type, wanted))
      .map((field) => shown(`${each.name}.${field.name}`, { ...field, missing: each.missing || field.missing }));
    return fits(each.type, wanted) ? [shown(each.name, each), ...fitting] : fitting;
  });
  return [...inputs(wanted, scope), ...values];
}

const shown = (label, { type, missing }) => ({ label, type: nameOf(type), missing });
const isFile = (type) => type.kind === "file" || (type.kind === "list" && isFile(type.item));

/** Does it fit, or something in it? */
function leads(type, wanted, types, depth) {
  if (fits(type, wanted)) return true;
  return depth > 0 && !isFile(type) && fieldsOf(type, types).some((field) => leads(field.type, wanted, types, depth - 1));
}

/** References for a place: `wanted` is its type, `alone` when nothing stands beside the reference. */
export function referencesAt(root, path, { typed = "", alone = true, free = false }, known) {
  const wanted = wantedAt(root, path, known);
  const type = free ? ANY : alone ? wanted.type : IN_TEXT;
  const scope = scopeAt(root, path, known);
  return pathsFor(typed, type, scope).map((each) => ({ ...each, lacks: each.missing && !(alone && wanted.lacking) && !free }));
}
