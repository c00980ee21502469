// The editor of pipelines: the text with what is wrong with it, its steps and its form beside it, versions that are saved.
import { get, post } from "../lib/api.js";
import { askedBy, asking } from "../lib/asking.js";
import { register } from "../lib/components.js";
import { consentPart } from "../lib/consent.js";
import { confirmed } from "../lib/dialogs.js";
import { dropDraft, readDraft, writeDraft } from "../lib/drafts.js";
import { stepsOf } from "../lib/fields.js";
import { draw } from "../lib/graph.js";
import { localised, servedBy } from "../lib/pipelines.js";
import { notesField } from "../lib/notes.js";
import { allInstalled } from "../lib/providers.js";
import { recorder } from "../lib/recorder.js";
import { searchSelect } from "../lib/searching.js";
import { fail, sentence, toast } from "../lib/toasts.js";
import { _, ngettext } from "../lib/text.js";
import { completing } from "../editor/completion.js";
import { bodyOf, changesOf, saving, textsOf } from "../editor/saving.js";
import { trying } from "../editor/trying.js";
import { knowledge } from "../editor/types.js";
import { textEditor } from "../editor/view.js";
import { soundWave } from "../lib/waves.js";

const PATIENCE_MS = 300;
const MAIN = "pipeline.yaml"; // what the checker calls the text
const FIRST = `name: my_course
title: ${_("My course")}
description: ${_("What comes out, in a sentence.")}

inputs:
  text: {type: text, title: ${_("What to say")}}

steps:
  speech:
    title: ${_("Speak the text")}
    uses: tts
    with: {text: "\${inputs.text}"}

outputs:
  audio: \${speech.audio}
`;
const TONES = { error: "bad", warning: "warn", deprecation: "warn" };
const KEPT = ["value", "mode", "text", "other", "asset", "written"];

const touched = (field) => field.value !== field.initial || field.text || field.asset;

/** A copy has another name; titles may be alike, and are told apart. */
const copied = (text) => text.replace(/^name: *([a-z0-9_-]+)/m, "name: $1_copy").replace(/^(title: .*[^'"\s])$/m, "$1 (2)");

const pipelineEditor = () => {
  let editor = null; // no proxy of Alpine's around it
  let timer = 0;
  let facts = null;
  let turn = 0;
  return {
    ...asking,
    ...saving,
    ...trying,
    ready: false,
    restored: false,
    unsaved: false,
    unkept: false,
    name: "",
    model: "", // of which a new one is a copy
    base: 0,
    saved: {}, // with what differences are shown
    begun: {}, // without what there is nothing to be lost
    files: [""],
    file: "",
    pane: "text",
    checked: false,
    problems: [],
    graph: null,
    form: "",
    steps: [],
    async init() {
      this.name = this.$root.dataset.name;
      this.model = this.name ? "" : (new URLSearchParams(location.search).get("from") ?? "");
      await this.$nextTick(); // for the elements within
      editor = textEditor(this.$refs.text, {
        label: _("Text of the pipeline"),
        changed: () => this.changed(),
        complete: completing(() => facts),
      });
      try {
        await this.load();
      } catch (error) {
        return fail(error);
      }
      this.ready = true;
      await this.check();
      window.addEventListener("coursewright:back", () => this.check());
      window.addEventListener("pagehide", () => this.keep());
      window.addEventListener("beforeunload", (event) => this.unkept && event.preventDefault());
    },
    async load() {
      const from = encodeURIComponent(this.name || this.model);
      const [schema, providers, pipeline] = await Promise.all([
        get("/api/pipelines/schema.json"),
        allInstalled(),
        from && get(`/api/pipelines/${from}`),
      ]);
      facts = { schema, known: knowledge(providers), files: [], missing: _("may be missing"), needed: _("needed") };
      this.begun = pipeline ? textsOf(pipeline) : { "": FIRST };
      if (this.model) this.begun[""] = copied(this.begun[""]);
      this.saved = this.name ? this.begun : {};
      const draft = readDraft(this.key());
      this.restored = Boolean(draft);
      this.base = draft?.base ?? pipeline?.version ?? 0;
      editor.load(draft?.texts ?? this.begun);
      this.list();
      this.unsaved = this.restored;
    },
    /** Of the draft; a copy that was begun is one of its own. */
    key() {
      return this.name ? `edit:${this.name}` : `copy:${this.model}`;
    },
    list() {
      this.files = Object.keys(this.texts());
      facts.files = this.files.filter(Boolean);
    },
    texts: () => editor.texts(),
    focus: () => editor.focus(),

    // What somebody writes

    changed() {
      this.unsaved = true;
      clearTimeout(timer);
      timer = setTimeout(() => {
        this.keep();
        this.check();
      }, PATIENCE_MS);
    },
    /** The draft, as long as there is something to be saved. */
    keep() {
      if (!this.ready) return;
      const texts = this.texts();
      this.unsaved = changesOf(this.begun, texts).length > 0;
      if (this.unsaved) this.unkept = !writeDraft(this.key(), { texts, base: this.base });
      else dropDraft(this.key());
    },
    async afresh() {
      const text = _("What you have written since is lost.");
      if (!(await confirmed(_("Go back to what is saved?"), { text, yes: _("Go back"), danger: true }))) return;
      dropDraft(this.key());
      this.restored = false;
      try {
        await this.load();
      } catch (error) {
        return fail(error);
      }
      await this.check();
    },
    get state() {
      if (this.unkept) return _("Not saved, and this browser keeps no draft.");
      if (this.unsaved) return _("Not saved yet. A draft is kept in this browser.");
      return this.name ? _("Saved as version %(n)s.", { n: this.base }) : _("Not saved yet.");
    },
    show(file) {
      editor.show(file);
      this.file = file;
      this.pane = "text";
      this.list();
      this.mark();
    },
    begin(file) {
      this.show(file);
      this.changed();
      editor.focus();
    },
    called: (file) => file || _("Pipeline"),

    // What is wrong with it

    async check() {
      clearTimeout(timer);
      const now = (turn += 1);
      try {
        const answer = await post("/api/pipelines/check", bodyOf(this.texts()));
        if (now !== turn) return;
        this.problems = answer.problems.map((each, index) => this.found(each, index));
        this.checked = true;
        this.mark();
        if (answer.ok) await this.preview(localised(answer));
      } catch (error) {
        if (now === turn) this.checked = false;
        fail(error);
      }
    },
    found(problem, key) {
      const file = problem.file === MAIN ? "" : problem.file;
      const place = `${problem.line}:${problem.column}`;
      const lacks = problem.code === "CW502" ? /'([^']+)'/.exec(problem.message)?.[1] : "";
      const words = { file, lacks, place: file ? `${file} ${place}` : place, text: sentence(problem.message) };
      const fixes = file === this.file ? editor.fixes(problem) : [];
      return { ...problem, ...words, key, tone: TONES[problem.severity], fixes };
    },
    mark() {
      editor.mark(this.problems, (problem) => problem.file);
    },
    errors() {
      return this.problems.filter((each) => each.severity === "error").length;
    },
    get verdict() {
      if (!this.checked) return _("Not checked now.");
      const errors = this.errors();
      if (errors) return ngettext("%(n)s error", "%(n)s errors", errors);
      const warnings = this.problems.length;
      return warnings ? ngettext("%(n)s warning", "%(n)s warnings", warnings) : _("Nothing is wrong.");
    },
    get verdictTone() {
      if (!this.checked) return "plain";
      return this.errors() ? "bad" : this.problems.length ? "warn" : "good";
    },
    go(problem) {
      this.pane = "text";
      if (problem.file !== this.file) this.show(problem.file);
      this.$nextTick(() => editor.go(problem));
    },
    refuse(text) {
      toast(text, { tone: "bad" });
      this.go(this.problems.find((each) => each.severity === "error"));
    },
    fix(problem, change) {
      this.go(problem);
      editor.fix(change);
    },

    // What it makes

    async preview({ graph, inputs }) {
      this.graph = graph;
      const form = JSON.stringify(inputs);
      if (form !== this.form) this.ask(inputs);
      this.form = form;
      await this.$nextTick();
      draw(this.$refs.graph, graph)(servedBy(graph));
    },
    /** The form anew, with what was given where a field is still what it was. */
    ask(inputs) {
      const before = new Map(this.fields.map((field) => [field.name, field]));
      this.fields = askedBy(inputs);
      for (const field of this.fields) {
        const was = before.get(field.name);
        if (was?.kind === field.kind && touched(was)) for (const each of KEPT) field[each] = was[each];
        if (field.type && !field.loaded) this.library(field);
      }
      this.steps = stepsOf(this.fields).slice(0, -1);
    },
    fieldsOf(step) {
      return this.fields.filter((field) => field.group === step.key && !field.within);
    },
  };
};

register({ pipelineEditor, recorder, consentPart, notesField, searchSelect, soundWave });
