// The language part of the editor of pipelines, on what is installed: test_web_editor_language.py runs it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CompletionContext } from "@codemirror/autocomplete";
import { EditorState } from "@codemirror/state";
import { completing } from "../src/coursewright_web/frontend/editor/completion.js";
import { fixesOf, offsetOf, spanOf } from "../src/coursewright_web/frontend/editor/problems.js";
import { FILTERS } from "../src/coursewright_web/frontend/editor/references.js";
import { fits, knowledge, typeOf } from "../src/coursewright_web/frontend/editor/types.js";

const { providers, schema, filters, fitting } = JSON.parse(readFileSync(process.env.COURSEWRIGHT_TEST_FACTS, "utf8"));
const facts = { schema, known: knowledge(providers), files: ["prompts/a.md"], missing: "may be missing", needed: "needed" };
const source = completing(() => facts);

/** What is offered at the bar of a text, by label. */
function offered(marked, explicit = true) {
  const pos = marked.indexOf("▮");
  const state = EditorState.create({ doc: marked.replace("▮", "") });
  const found = source(new CompletionContext(state, pos, explicit));
  const typed = found ? state.sliceDoc(found.from, pos) : "";
  return (found?.options ?? []).filter(({ label }) => label.startsWith(typed));
}
const labels = (marked, explicit) => offered(marked, explicit).map(({ label }) => label);

const COURSE = `name: course
inputs:
  notes: {type: document}
  topic: {type: text, required: false}
  pace: {type: choice, choices: [slow, fast], default: slow}
  minutes: {type: integer, default: 5}
steps:
  text:
    uses: document
    with: {file: "\${inputs.notes}"}
  script:
    uses: llm
    with: {data: {notes: "\${text.markdown}"}, returns: script}
  voice:
    uses: tts.espeak
    for_each: \${script.scenes}
    with:
      text: \${item.narration}
`;

test("the words for types mean here what they mean to the checker", () => {
  for (const [given, wanted, answer] of fitting) assert.equal(fits(typeOf(given), typeOf(wanted)), answer, `${given} → ${wanted}`);
});

test("the filters are those that the language has", () => assert.deepEqual(FILTERS, filters));

test("a reference goes to inputs and earlier steps, and only to what fits", () => {
  const found = labels(COURSE.replace("${item.narration}", "${▮}"));
  assert.deepEqual(found.slice(0, 2), ["inputs.topic", "inputs.pace"]);
  for (const fitting of ["item.title", "item.narration", "text.markdown", "script.title"]) assert.ok(found.includes(fitting), fitting);
  for (const other of ["inputs.notes", "inputs.minutes", "index", "script", "script.scenes", "voice", "voice.text"])
    assert.ok(!found.includes(other), other);
});

test("inside a longer text numbers may stand too, and in an expression anything", () => {
  const within = labels(COURSE.replace("${item.narration}", "Scene ${▮}, please"));
  assert.ok(within.includes("index") && within.includes("inputs.minutes") && !within.includes("script.scenes"));
  assert.ok(labels(COURSE.replace("${item.narration}", "${▮ | length}")).includes("script.scenes"));
  assert.deepEqual(labels(COURSE.replace("${item.narration}", "${script.scenes | le▮}")), ["length"]);
});

test("behind a dot stand the fields that fit, or lead to one", () => {
  assert.deepEqual(labels(COURSE.replace("${script.scenes}", "${script.▮}").replace("for_each: ", "when: ")).length, 6);
  const found = labels(COURSE.replace("${item.narration}", '"${script.re▮"'));
  assert.deepEqual(found, ["script.report"]);
  assert.deepEqual(labels(COURSE.replace("${item.narration}", "${item.ti▮}")), ["item.title"]);
  assert.deepEqual(labels(COURSE.replace("${item.narration}", "${nothing.▮}")), []);
});

test("what may be missing says so where a value is needed", () => {
  const [topic] = offered(COURSE.replace("${item.narration}", "${inputs.to▮}"));
  assert.equal(topic.detail, "text, may be missing");
});

/** The text when the first that is offered at the bar is taken. */
function taken(marked) {
  const [first] = offered(marked);
  const pos = marked.indexOf("▮");
  let state = EditorState.create({ doc: marked.replace("▮", "") });
  const { from } = source(new CompletionContext(state, pos, true));
  if (typeof first.apply === "string") return `${state.sliceDoc(0, from)}${first.apply}${state.sliceDoc(pos)}`;
  first.apply({ state, dispatch: (...specs) => (state = state.update(...specs).state) }, first, from, pos);
  return state.sliceDoc();
}

test("a reference that is not closed is closed, and put in quotes between brackets", () => {
  const wanted = COURSE.replace("item.narration", "item.title");
  assert.equal(taken(COURSE.replace("${item.narration}", "${item.ti▮")), wanted);
  assert.equal(taken(COURSE.replace('"${inputs.notes}"', '"${inputs.no▮"')), COURSE);
  assert.equal(taken(COURSE.replace('"${inputs.notes}"', "${inputs.no▮}")), COURSE);
  const flow = COURSE.replace('"${inputs.notes}"', "▮");
  assert.deepEqual(offered(flow).map((each) => each.apply), ['"${inputs.notes}"']);
});

test("an output may be anything, a step's title nothing", () => {
  const found = labels(`${COURSE}outputs:\n  sound: \${v▮}\n`);
  assert.deepEqual(found, ["voice", "voice.audio", "voice.duration_s", "voice.text", "voice.language", "voice.timings"]);
  assert.deepEqual(labels(COURSE.replace("uses: document", "title: ${▮}")), []);
});

test("keys come from the schema, without those that are there", () => {
  assert.deepEqual(labels(`${COURSE}▮`), ["title", "description", "defaults", "outputs"]);
  assert.ok(labels(`${COURSE}    re▮`).includes("retry"));
  assert.ok(!labels(`${COURSE}    ▮`).includes("uses"));
  assert.deepEqual(labels(COURSE.replace("{type: document}", "{type: document, re▮}")), ["required"]);
});

test("under with stand the fields of the capability and the options of the step's own providers", () => {
  const found = labels(`${COURSE}      ▮`);
  assert.ok(found.includes("language") && found.includes("rate_wpm"));
  assert.ok(!found.includes("noise_scale") && !found.includes("text"));
});

test("values come from the schema: providers, types, choices, yes and no", () => {
  assert.ok(labels(COURSE.replace("tts.espeak", "tts.es▮")).includes("tts.espeak"));
  assert.deepEqual(labels(COURSE.replace("{type: document}", "{type: d▮}")), ["document"]);
  assert.deepEqual(labels(`${COURSE}    cache: ▮`), ["true", "false"]);
  assert.ok(labels(`${COURSE}    provider:\n      - ▮`).includes("piper"));
  assert.ok(labels(`defaults:\n  provider:\n    tts: ▮`).includes("espeak"));
  assert.deepEqual(labels(COURSE.replace("returns: script", "returns: q▮")), ["quiz"]);
});

test("steps to wait for are earlier ones, and prompts are the files that are there", () => {
  assert.deepEqual(labels(`${COURSE}    needs: [▮]`), ["text", "script"]);
  assert.deepEqual(labels(COURSE.replace("data: {", "prompt: ▮, data: {")), ["prompts/a.md"]);
});

test("nothing is offered in comments, in names, and unasked where nothing is written", () => {
  assert.deepEqual(labels(`${COURSE}# ti▮`), []);
  assert.deepEqual(labels(`${COURSE}  fi▮`), []);
  assert.deepEqual(labels(`${COURSE}▮`, false), []);
});

test("places count characters and the checker's lines", () => {
  assert.equal(offsetOf("a\n𝒳𝒴z", 2, 3), 6);
  assert.equal(offsetOf("a\u2028bc\r\nd", 3, 1), 6);
  assert.equal(offsetOf("a", 9, 9), 1);
  const problem = { line: 1, column: 4, end_line: 1, end_column: 6 };
  assert.deepEqual(spanOf("a: ${b.c} d", problem), { from: 3, to: 9 });
});

test("what the checker thinks was meant can be put in", () => {
  const problem = { line: 1, column: 4, end_line: 1, end_column: 6, message: "'b' has no field 'titel'", hint: "did you mean 'title'?\n'b' offers: x" };
  assert.deepEqual(fixesOf("a: ${b.titel}", problem), [{ word: "title", from: 7, to: 12 }]);
  assert.deepEqual(fixesOf("a: ${b.titel}", { ...problem, hint: "'b' offers: title" }), []);
});
