// From a pipeline's JSON Schema to the steps and fields of a wizard. Nothing here knows a pipeline.
import { TYPES } from "./files.js";
import { languages } from "./languages.js";
import { _, language } from "./text.js";

const GROUPS = [
  { key: "photo", title: _("Photo"), icon: "photo" },
  { key: "script", title: _("Script"), icon: "document-text" },
  { key: "voice", title: _("Voice"), icon: "microphone" },
  { key: "look", title: _("Look"), icon: "swatch" },
];
const REVIEW = { key: "review", title: _("Review"), icon: "check-circle" };
const FILES = {
  image: { group: "photo", type: "portrait" },
  audio: { group: "voice", type: "voice_sample" },
  document: { group: "script", type: "document" },
  video: { group: "look", type: "result" },
  file: { group: "look", type: "slide_theme" },
};
/** The kind of input that takes files of a type; results are made, not given. */
export const kindFor = (type) => (type === "result" ? undefined : Object.keys(FILES).find((kind) => FILES[kind].type === type));
// Inputs of these names are about the script, whatever their type; and these texts are a line long.
const ABOUT_SCRIPT = new Set(["minutes", "style", "audience", "questions", "tone", "level"]);
const FIRST = new Set(["minutes", "questions"]);
const LINES = new Set(["topic", "title", "audience", "subject", "name", "author", "footer"]);

/** The fields of a schema, in its order. */
export function fieldsOf(schema) {
  const required = new Set(schema.required ?? []);
  const all = Object.entries(schema.properties ?? {}).map(([name, about]) => fieldOf(name, about, required.has(name)));
  all.sort((one, other) => one.position - other.position);
  return withTopic(all);
}

function fieldOf(name, about, required) {
  const kind = kindOf(about);
  const file = FILES[about.format];
  // A course is first offered in the language that its author reads these pages in.
  const spoken = name === "language" && kind === "language" ? language : null;
  const initial = spoken ?? about.default ?? (kind === "boolean" ? false : "");
  return {
    name,
    kind,
    required,
    id: `field-${name}`,
    title: about.title ?? name,
    hint: about.description ?? "",
    position: about.position ?? 0,
    group: file?.group ?? groupOf(name, kind),
    type: file?.type ?? "",
    accept: file ? TYPES[file.type].accept : "",
    options: optionsOf(kind, about),
    minimum: about.minimum ?? "",
    maximum: about.maximum ?? "",
    unit: about.unit ? _(about.unit) : "",
    step: about.type === "integer" ? 1 : "any",
    line: kind === "text" && LINES.has(name),
    initial,
    value: initial,
    error: "",
    mode: kind === "document" ? "write" : "", // how a document is given: write, file or topic
    modes: kind === "document" ? ["write", "file"] : [],
    text: "",
    asset: null,
    assets: [],
    cursor: null,
    search: "",
    loaded: false,
    part: null, // of an upload that runs
    waits: false, // does it wait for the connection?
    consent: "", // "", "checking", "needed" or "given"
  };
}

function kindOf(about) {
  if (about.format in FILES) return about.format;
  if (about.enum) return "choice";
  if (about.pattern) return "language";
  if (about.type === "boolean") return "boolean";
  return about.type === "integer" || about.type === "number" ? "number" : "text";
}

const groupOf = (name, kind) => (kind === "text" || ABOUT_SCRIPT.has(name) ? "script" : "look");

function optionsOf(kind, about) {
  if (kind === "choice") return about.enum.map((value) => ({ value, text: _(said(value)) }));
  if (kind !== "language") return [];
  const open = about.default === undefined ? [{ value: "", text: _("As it comes") }] : [];
  return [...open, ...languages(about.default)];
}

/** A choice as people read it: "story_telling" → "Story telling". */
const said = (value) => value[0].toUpperCase() + value.slice(1).replaceAll("_", " ");

/** A pipeline that takes notes or a topic offers the topic as another way to begin. */
function withTopic(all) {
  const document = all.find((field) => field.kind === "document" && !field.required);
  const topic = all.find((field) => field.name === "topic" && field.kind === "text" && !field.required);
  if (document && topic) {
    document.modes = ["write", "file", "topic"];
    document.topic = topic.name;
    topic.within = document.name;
  }
  return all;
}

/** The steps that have something to ask for, and the review. */
export function stepsOf(fields) {
  const asked = GROUPS.filter((group) => fields.some((field) => field.group === group.key));
  return [...asked, REVIEW];
}

/** What stands first on the script's page; the rest can be opened. */
export const isMain = (field) => field.required || field.kind === "document" || field.group !== "script" || FIRST.has(field.name);

/** The name of a note, from its first line. */
export function nameOf(text) {
  const line = text.split("\n").map((each) => each.replace(/^#+\s*/, "").trim()).find(Boolean) ?? "";
  return line.slice(0, 80) || _("Notes");
}

/** What is wrong with a field before the service is asked; empty when nothing is. */
export function faultOf(field, fields) {
  if (field.kind === "document") return faultOfDocument(field, fields);
  if (field.within && fields.find((each) => each.name === field.within).mode !== "topic") return "";
  const empty = field.type ? !field.asset : field.value === "" || field.value === null;
  if (empty && field.type && field.required) return _("Choose one, or add one.");
  if (empty) return field.required || field.within ? _("This is needed.") : "";
  if (field.consent === "needed") return _("The person has to agree first.");
  if (field.kind !== "number") return "";
  const value = Number(field.value);
  if (field.minimum !== "" && value < field.minimum) return _("At least %(n)s.", { n: field.minimum });
  if (field.maximum !== "" && value > field.maximum) return _("At most %(n)s.", { n: field.maximum });
  return Number.isNaN(value) || (field.step === 1 && !Number.isInteger(value)) ? _("A whole number, please.") : "";
}

function faultOfDocument(field) {
  const wanted = field.required || Boolean(field.topic);
  if (field.mode === "write" && !field.text.trim()) return wanted ? _("Write something, or choose a file.") : "";
  if (field.mode === "file" && !field.asset) return wanted ? _("Choose one, or add one.") : "";
  return "";
}

/** What is sent for a field; undefined for nothing. */
export function sentOf(field, fields) {
  if (field.within && fields.find((each) => each.name === field.within).mode !== "topic") return undefined;
  if (field.kind === "document") return field.mode === "topic" ? undefined : field.mode === "file" ? field.asset?.id : field.written?.id;
  if (field.type) return field.asset?.id;
  if (field.value === "" || field.value === null) return undefined;
  return field.kind === "number" ? Number(field.value) : field.value;
}

/** What the review says of a field. */
export function toldOf(field) {
  if (field.kind === "document" && field.mode === "write") return field.text.trim() ? nameOf(field.text) : "";
  if (field.type) return field.mode === "topic" ? "" : (field.asset?.name ?? "");
  if (field.kind === "boolean") return field.value ? _("Yes") : _("No");
  const text = field.options.find((each) => each.value === field.value)?.text ?? String(field.value);
  return text && field.unit ? `${text} ${field.unit}` : text;
}
