// What a form made from a pipeline's inputs does with its fields: in the wizard, and where designers try a pipeline.
import { fieldsOf, nameOf, sentOf } from "./fields.js";
import { tagged } from "./languages.js";
import { picking } from "./picking.js";
import { sentence } from "./toasts.js";
import { _, duration, language, ngettext } from "./text.js";

const WORDS_PER_MINUTE = 150; // as the estimates of scripts suppose; in languages without spaces a word is two characters
const words = new Intl.Segmenter(language, { granularity: "word" });

/** The fields of a schema, for a component with `asking`. */
export function askedBy(schema) {
  const fields = fieldsOf(schema).map((field) => ({ ...field, written: null }));
  for (const field of fields) field.noteName = () => nameOf(field.text);
  return fields;
}

/** A part of a component that has the `fields`, for the macro `field` of components/wizard.html. */
export const asking = {
  ...picking,
  fields: [],
  fieldOf(name) {
    return this.fields.find((field) => field.name === name);
  },
  setMode(field, mode) {
    field.mode = mode;
    field.error = "";
    if (mode === "file" && !field.loaded) this.library(field);
  },
  topicOf(field) {
    return this.fieldOf(field.topic) ?? field;
  },
  /** How long a text is, and takes to say. */
  lengthOf(text) {
    const spoken = [...words.segment(text)].filter((each) => each.isWordLike).length;
    const time = duration((spoken / WORDS_PER_MINUTE) * 60);
    return `${ngettext("%(n)s character", "%(n)s characters", text.length)} · ${_("about %(time)s when spoken", { time })}`;
  },
  tagged,
  /** What is given, by name; texts that were written here become documents first. */
  async given() {
    const written = this.fields.filter((field) => field.kind === "document" && field.mode === "write" && field.text.trim());
    for (const field of written) await this.writeDown(field);
    const all = this.fields.map((field) => [field.name, sentOf(field, this.fields)]);
    return Object.fromEntries(all.filter(([, value]) => value !== undefined));
  },
  /** Say what the service finds wrong at its fields; the first of them. */
  blamed(error) {
    let first = null;
    for (const { pointer = "", message } of error.errors) {
      const field = this.fieldOf(pointer.split("/")[2]);
      if (!field) continue;
      field.error = sentence(message);
      if (error.code === "consent_missing") field.consent = "needed";
      first ??= field;
    }
    return first;
  },
};
