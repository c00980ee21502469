// The field in which notes are written: with headings and lists as they look, or as plain text.
import { fail } from "./toasts.js";
import { remember } from "./settings.js";
import { _ } from "./text.js";

const PLAIN = /(^|; )coursewright_notes=plain/;

/** A component for a `field` of kind document, inside the component that has it. */
export const notesField = () => {
  let editor = null; // apart from the component, since ProseMirror bears no proxies
  return {
    plain: PLAIN.test(document.cookie),
    formatted: false,
    pressed: [],
    tool: "heading", // that of the tools which Tab goes to; arrows go to the others
    async begin(field) {
      if (!this.plain) await this.format(field);
    },
    /** Until the editor is there, or when it cannot be had, the notes are plain text. */
    async format(field) {
      try {
        const { notesEditor } = await import("../notes/view.js");
        const changed = (text, pressed) => {
          this.pressed = pressed;
          field.text = text;
        };
        const writing = document.activeElement?.id === field.id;
        editor = notesEditor(this.$refs.notes, { text: field.text, attributes: () => attributesOf(field), changed });
        this.formatted = true;
        if (writing) editor.focus();
      } catch (error) {
        this.plain = true;
        fail(error);
      }
    },
    /** The field has changed: its text by something else, or what is wrong with it. */
    changed(text) {
      editor?.take(text);
    },
    press(name) {
      editor?.press(name);
    },
    beside(event, side) {
      event.target[side]?.focus();
    },
    isPressed(name) {
      return this.pressed.includes(name);
    },
    named(field) {
      this.formatted ? editor.focus() : document.getElementById(field.id).focus();
    },
    async other(field) {
      this.plain = !this.plain;
      remember("notes", this.plain ? "plain" : "");
      if (this.plain) this.destroy();
      else await this.format(field);
      this.$nextTick(() => this.named(field));
    },
    destroy() {
      editor?.destroy();
      editor = null;
      this.formatted = false;
    },
  };
};

const attributesOf = (field) => ({
  id: field.id,
  class: "control notes",
  role: "textbox",
  "aria-multiline": "true",
  "aria-label": field.title,
  "aria-describedby": `${field.id}-error ${field.id}-help`,
  "aria-invalid": String(Boolean(field.error)),
  "data-hint": _("Write or paste what the course is to say."),
});
