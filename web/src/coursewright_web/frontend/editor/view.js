// The text field of the editor: CodeMirror in a shadow root, where its styles need no exception from the page's policy.
import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, indentOnInput, indentService, indentUnit } from "@codemirror/language";
import { lintGutter, nextDiagnostic, setDiagnostics } from "@codemirror/lint";
import { search, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { _ } from "../lib/text.js";
import { fixesOf, spanOf } from "./problems.js";
import { pipelineLook, theme } from "./theme.js";

// CodeMirror's words, of those parts of it that are used here.
const PHRASES = {
  "Control character": _("Control character"),
  Completions: _("Suggestions"),
  "Selection deleted": _("Selection deleted"),
  Find: _("Search"),
  Replace: _("Replace by"),
  next: _("Next"),
  previous: _("Back"),
  all: _("Mark all"),
  "match case": _("Match case"),
  regexp: _("Pattern"),
  "by word": _("Whole words"),
  replace: _("Replace"),
  "replace all": _("Replace all"),
  "replaced match on line $": _("Replaced in line $"),
  "replaced $ matches": _("Replaced $ times"),
  "current match": _("Found"),
  "on line": _("in line"),
  close: _("Close"),
};
const SEVERITY = { error: "error", warning: "warning", deprecation: "warning" };

/** Below a key that has no value yet, one writes further in. */
const below = indentService.of((context, position) => {
  const { text } = context.lineAt(position, -1);
  return /^[^#]*:\s*$/.test(text) ? /^(\s|- )*/.exec(text)[0].length + context.unit : undefined;
});

/**
 * An editor below `parent`. `label` names it, `changed()` hears of every change by the person, `complete` is a source of
 * completions. The first of its texts has no name.
 */
export function textEditor(parent, { label, changed, complete }) {
  const root = parent.attachShadow({ mode: "open" });
  const listen = EditorView.updateListener.of((update) => update.docChanged && changed());
  const common = [
    lintGutter(),
    lineNumbers(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    highlightSpecialChars(),
    history(),
    search({ top: true }),
    drawSelection(),
    indentUnit.of("  "),
    bracketMatching(),
    closeBrackets(),
    EditorView.lineWrapping,
    EditorState.phrases.of(PHRASES),
    theme,
    keymap.of([
      { key: "Tab", run: acceptCompletion },
      { key: "F8", run: nextDiagnostic },
      ...closeBracketsKeymap,
      ...completionKeymap,
      ...searchKeymap.filter((each) => each.key !== "Mod-Alt-g"), // the list of problems leads to lines
      ...defaultKeymap,
      ...historyKeymap,
      indentWithTab,
    ]),
    listen,
  ];
  const suggesting = autocompletion({ override: [complete], icons: false, compareCompletions: () => 0 });
  const pipeline = [yaml(), below, indentOnInput(), suggesting, pipelineLook];
  const made = (text, name) => {
    const named = EditorView.contentAttributes.of({ "aria-label": name || label, tabindex: "0" });
    return EditorState.create({ doc: text, extensions: [common, name ? [] : pipeline, named] });
  };
  const states = new Map([["", made("", "")]]);
  let shown = "";
  const view = new EditorView({ state: states.get(""), root, parent: root });
  const stateOf = (name) => (name === shown ? view.state : states.get(name));

  return {
    focus: () => view.focus(),
    /** The texts of all files, by name; the pipeline's has none. */
    texts: () => Object.fromEntries([...states.keys()].map((name) => [name, stateOf(name).doc.toString()])),
    /** Put in all texts, as if they had been there from the beginning. */
    load(texts) {
      states.clear();
      for (const [name, text] of Object.entries(texts)) states.set(name, made(text, name));
      shown = shown in texts ? shown : "";
      view.setState(states.get(shown));
    },
    /** Change to one of the texts; a new one is begun when there is none of that name. */
    show(name) {
      states.set(shown, view.state);
      if (!states.has(name)) states.set(name, made("", name));
      shown = name;
      view.setState(states.get(name));
    },
    /** Mark the problems of the text that is shown; `of(problem)` says of which it is. */
    mark(problems, of) {
      const text = view.state.doc.toString();
      const found = problems.filter((each) => of(each) === shown).map((each) => diagnosticOf(each, text));
      view.dispatch(setDiagnostics(view.state, found));
    },
    /** Put the cursor to a problem. */
    go(problem) {
      const { from } = spanOf(view.state.doc.toString(), problem);
      view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
      view.focus();
    },
    /** What can be put right by itself in the text that is shown, with the words for it. */
    fixes: (problem) => fixesOf(view.state.doc.toString(), problem).map((each) => ({ ...each, text: written(each) })),
    fix({ word, from, to }) {
      view.dispatch({ changes: { from, to, insert: word }, selection: { anchor: from + word.length } });
      view.focus();
    },
  };
}

const written = ({ word }) => _("Write “%(word)s”", { word });

function diagnosticOf(problem, text) {
  const message = [`${problem.message} [${problem.code}]`, problem.hint].filter(Boolean).join("\n");
  const actions = fixesOf(text, problem).map((fix) => ({
    name: written(fix),
    apply: (view) => view.dispatch({ changes: { from: fix.from, to: fix.to, insert: fix.word } }),
  }));
  return { ...spanOf(text, problem), severity: SEVERITY[problem.severity], message, actions };
}
