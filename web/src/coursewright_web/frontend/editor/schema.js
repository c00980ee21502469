// What may stand at a place of a pipeline, by its JSON Schema: the keys, and the values that can be listed.
import { child } from "./yaml.js";

const REFERENCE = "\\$\\{";

/** The schemas of which one holds at the path; `root` is what is written, which decides every `if`. */
export function schemasAt(schema, path, root) {
  let found = alternatives(schema, root);
  let node = root;
  for (const step of path) {
    node = child(node, step);
    found = found.flatMap((each) => below(each, step)).flatMap((each) => alternatives(each, node));
  }
  return found;
}

function alternatives(schema, node) {
  const more = [...(schema.anyOf ?? []), ...(schema.allOf ?? [])].flatMap((each) => alternatives(each, node));
  const then = schema.if && holds(schema.if, node) ? alternatives(schema.then, node) : [];
  return schema.if ? then : [schema, ...more];
}

/** Have the properties that the condition names a text that it wants? */
const holds = ({ properties }, node) =>
  Object.entries(properties).every(([name, { pattern }]) => new RegExp(pattern).test(child(node, name)?.text ?? ""));

function below(schema, step) {
  if (typeof step === "number") return schema.items ? [schema.items] : [];
  if (schema.properties?.[step]) return [schema.properties[step]];
  const named = Object.entries(schema.patternProperties ?? {}).filter(([pattern]) => new RegExp(pattern).test(step));
  if (named.length) return named.map(([, each]) => each);
  return typeof schema.additionalProperties === "object" ? [schema.additionalProperties] : [];
}

/** The keys: `{ name, description, opens }`; `opens`: a mapping follows. */
export function keysOf(schemas) {
  const found = new Map();
  for (const { properties = {}, required = [] } of schemas)
    for (const [name, about] of Object.entries(properties)) {
      if (about.deprecated) continue;
      const all = alternatives(about, null);
      const before = found.get(name);
      found.set(name, {
        name,
        description: all.find((each) => each.description)?.description ?? before?.description ?? "",
        default: about.default,
        required: required.includes(name) || Boolean(before?.required),
        opens: all.some((each) => each.properties || each.patternProperties || each.additionalProperties) || Boolean(before?.opens),
      });
    }
  return [...found.values()];
}

/** The values that can be listed. */
export function valuesOf(schemas) {
  const found = new Set();
  for (const { enum: listed = [], type } of schemas) {
    for (const each of listed) found.add(String(each));
    if (type === "boolean") for (const each of ["true", "false"]) found.add(each);
  }
  return [...found];
}

/** May a reference stand there? Where nothing is said, anything may. */
export const takesReference = (schemas) =>
  schemas.some((each) => each.pattern === REFERENCE) || (schemas.length > 0 && schemas.every(open));

const open = (schema) => Object.keys(schema).every((key) => key === "description");
