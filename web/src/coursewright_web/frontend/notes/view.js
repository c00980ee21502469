// The field for notes: ProseMirror, with Markdown coming in and going out.
import { baseKeymap, chainCommands, exitCode, setBlockType, toggleMark } from "prosemirror-commands";
import { history, redo, undo } from "prosemirror-history";
import { inputRules, textblockTypeInputRule, undoInputRule, wrappingInputRule } from "prosemirror-inputrules";
import { keymap } from "prosemirror-keymap";
import { liftListItem, sinkListItem, splitListItem, wrapInList } from "prosemirror-schema-list";
import { EditorState } from "prosemirror-state";
import { EditorView } from "prosemirror-view";
import { parsed, schema, written } from "./markdown.js";
import { reader, sliceOf, unstyled } from "./pasting.js";

const { bullet_list, hard_break, heading, list_item, ordered_list, paragraph } = schema.nodes;
const { em, strong } = schema.marks;

/** Is the selection in such a node? */
function within(state, type, attrs = {}) {
  const { $from } = state.selection;
  const fits = (node) => node.type === type && Object.entries(attrs).every(([name, value]) => node.attrs[name] === value);
  return Array.from({ length: $from.depth + 1 }, (_, depth) => $from.node(depth)).some(fits);
}

function marked(state, type) {
  const { empty, from, to, $from } = state.selection;
  return empty ? Boolean(type.isInSet(state.storedMarks ?? $from.marks())) : state.doc.rangeHasMark(from, to, type);
}

const titled = (level) => ({
  on: (state) => within(state, heading, { level }),
  run: (state, ...how) => setBlockType(...(within(state, heading, { level }) ? [paragraph] : [heading, { level }]))(state, ...how),
});
const listed = (type) => ({
  on: (state) => within(state, type),
  run: (state, ...how) => (within(state, type) ? liftListItem(list_item) : wrapInList(type))(state, ...how),
});
const emphasised = (type) => ({ on: (state) => marked(state, type), run: toggleMark(type) });

/** What the buttons do, by name. */
const ACTIONS = {
  heading: titled(1),
  subheading: titled(2),
  bold: emphasised(strong),
  italic: emphasised(em),
  bullets: listed(bullet_list),
  numbers: listed(ordered_list),
  undo: { on: () => false, run: undo },
  redo: { on: () => false, run: redo },
};

const broken = chainCommands(exitCode, (state, dispatch) => {
  if (!state.selection.$from.parent.type.contentMatch.matchType(hard_break)) return false;
  dispatch?.(state.tr.replaceSelectionWith(hard_break.create()).scrollIntoView());
  return true;
});
const keys = {
  "Mod-b": ACTIONS.bold.run,
  "Mod-i": ACTIONS.italic.run,
  "Mod-z": undo,
  "Shift-Mod-z": redo,
  "Mod-y": redo,
  "Mod-]": sinkListItem(list_item),
  "Mod-[": liftListItem(list_item),
  Enter: splitListItem(list_item),
  "Shift-Enter": broken,
  Backspace: undoInputRule,
};
const typed = inputRules({
  rules: [
    textblockTypeInputRule(/^(#{1,6})\s$/, heading, ([, signs]) => ({ level: signs.length })),
    wrappingInputRule(/^\s*[-+*]\s$/, bullet_list),
    wrappingInputRule(/^(\d+)\.\s$/, ordered_list, ([, order]) => ({ order: Number(order) })),
  ],
});
const plugins = [typed, keymap(keys), keymap(baseKeymap), history()];

/** Several lines at once, as by dictation. */
function inserted(view, event) {
  if (event.inputType !== "insertText" || !event.data?.includes("\n")) return false;
  event.preventDefault();
  view.dispatch(view.state.tr.replaceSelection(sliceOf(event.data)).scrollIntoView());
  return true;
}

/** The names of the actions that hold where the cursor is. */
const holding = (state) => Object.keys(ACTIONS).filter((name) => ACTIONS[name].on(state));

/**
 * An editor within `place`; `attributes` gives those of the field, and `changed(text, holding)` hears of every change: the
 * Markdown, which stays as it came until the person changes it, and the names of the actions that hold.
 */
export function notesEditor(place, { text, attributes, changed }) {
  const begun = () => EditorState.create({ doc: parsed(text), plugins });
  const view = new EditorView(place, {
    state: begun(),
    attributes: ({ doc }) => ({ ...attributes(), ...(doc.textContent || doc.childCount > 1 ? {} : { "data-empty": "" }) }),
    clipboardParser: reader,
    clipboardTextParser: sliceOf,
    transformPastedHTML: unstyled,
    handleDOMEvents: { beforeinput: inserted },
    dispatchTransaction(transaction) {
      view.updateState(view.state.apply(transaction));
      if (transaction.docChanged) text = written(view.state.doc);
      changed(text, holding(view.state));
    },
  });
  changed(text, holding(view.state));
  return {
    focus: () => view.focus(),
    /** Something else has changed the text, or the attributes. */
    take(other) {
      if (other === text) return view.setProps({});
      text = other;
      view.updateState(begun());
      changed(text, holding(view.state));
    },
    press(name) {
      ACTIONS[name].run(view.state, view.dispatch, view);
      view.focus();
    },
    destroy: () => view.destroy(),
  };
}
