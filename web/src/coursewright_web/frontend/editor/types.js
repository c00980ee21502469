// What values are, in the words of the pipeline language ("list of scene"), and what fits where: as the checker has it.
const PLAIN = new Set(["text", "language", "integer", "number", "boolean", "mapping"]);
const FILES = new Set(["document", "image", "audio", "video", "file"]);

export const ANY = { kind: "any" };
export const TEXT = { kind: "text" };
export const INTEGER = { kind: "integer" };
export const BOOLEAN = { kind: "boolean" };
/** Of a place inside a longer text: what reads as text. */
export const IN_TEXT = { kind: "in text" };
export const listOf = (item) => ({ kind: "list", item });
export const choiceOf = (choices) => ({ kind: "choice", choices });

/** A type from its name. What has no known name fits everywhere; the checker knows more. */
export function typeOf(name) {
  if (name.startsWith("list of ")) return listOf(typeOf(name.slice(8)));
  if (name.startsWith("one of ")) return choiceOf(name.slice(7).split(", "));
  if (name === "any value" || name.includes(" or ")) return ANY;
  if (PLAIN.has(name)) return { kind: name };
  return { kind: FILES.has(name) ? "file" : "struct", name };
}

/** How a type is called in a list of completions. */
export function nameOf(type) {
  if (type.kind === "list") return `list of ${nameOf(type.item)}`;
  return type.kind === "choice" ? "choice" : (type.name ?? type.kind);
}

/** May a value of the one type stand where the other is wanted? */
export function fits(given, wanted) {
  if (given.kind === "any" || wanted.kind === "any") return true;
  switch (wanted.kind) {
    case "in text":
      return ["text", "language", "choice", "integer", "number", "boolean"].includes(given.kind);
    case "file":
      return given.kind === "file" && (wanted.name === "file" || wanted.name === given.name);
    case "struct":
      return given.kind === "struct" && given.name === wanted.name;
    case "list":
      return given.kind === "list" && fits(given.item, wanted.item);
    case "choice":
      return given.kind === "choice" && given.choices.every((each) => wanted.choices.includes(each));
    case "text":
      return ["text", "language", "choice"].includes(given.kind);
    case "language":
      return given.kind === "language" || (given.kind === "choice" && given.choices.every(isLanguage));
    case "number":
      return given.kind === "integer" || given.kind === "number";
    default:
      return given.kind === wanted.kind;
  }
}

const isLanguage = (choice) => /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(choice);

/** What is known of the installation, from `GET /api/providers`, by name. */
export function knowledge({ capabilities, types }) {
  const found = {};
  for (const { name, takes, results, providers, summary } of capabilities)
    found[name] = { takes: fields(takes), results, summary, providers: new Map(providers.map((each) => [each.id, each])) };
  return { capabilities: found, types: Object.fromEntries(Object.entries(types).map(([name, all]) => [name, fields(all)])) };
}

const fields = (all) => all.map(({ name, type, missing }) => ({ name, type: typeOf(type), missing }));

/** The fields that a reference may go on with; those of a list are lists of its items' fields. */
export function fieldsOf(type, types) {
  if (type.kind === "list") return fieldsOf(type.item, types).map((field) => ({ ...field, type: listOf(field.type) }));
  return types[type.name] ?? [];
}
