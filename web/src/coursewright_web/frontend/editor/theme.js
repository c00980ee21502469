// How the text of the editor looks: the page's own colours, by day and by night.
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { Decoration, EditorView, MatchDecorator, ViewPlugin } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const color = (name) => `var(--color-${name})`;
const FLOATING = {
  border: `1px solid ${color("line")}`,
  borderRadius: "var(--radius-control)",
  backgroundColor: color("raised"),
  color: color("ink"),
  boxShadow: "var(--shadow-float)",
};

const DEEPEST = 24; // spaces at a line's beginning, of which as many levels are no longer read

/** Where a line is too long, its rest stands below its own beginning. */
const hanging = Object.fromEntries(
  Array.from({ length: DEEPEST + 1 }, (_each, depth) => [
    `.cm-line-${depth}`,
    { paddingLeft: `calc(${depth + 2}ch + 6px)`, textIndent: `-${depth + 2}ch` },
  ]),
);

const frame = EditorView.theme({
  ...hanging,
  "&": { height: "100%", backgroundColor: color("surface"), color: color("ink"), fontSize: "0.875rem" },
  "&.cm-focused": { outline: "none" }, // the frame around it shows the focus
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "1.65" },
  ".cm-content": { caretColor: color("ink"), padding: "0.5rem 0" },
  ".cm-cursor": { borderLeftColor: color("ink"), borderLeftWidth: "2px" },
  ".cm-gutters": { backgroundColor: color("sunken"), color: color("muted"), borderRight: `1px solid ${color("line")}` },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: `color-mix(in srgb, ${color("accent-soft")} 55%, transparent)` },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: `color-mix(in srgb, ${color("accent")} 28%, transparent)`,
  },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: color("accent-soft"), outline: `1px solid ${color("accent")}` },
  "&.cm-focused .cm-nonmatchingBracket": { backgroundColor: color("bad-soft") },
  ".cm-reference": { color: color("warn"), fontWeight: "600" },
  ".cm-reference *": { color: "inherit" },
  ".cm-tooltip": { ...FLOATING, overflow: "hidden", maxWidth: "min(34rem, 92vw)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--font-mono)", maxHeight: "16rem" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "0.25rem 0.75rem", lineHeight: "1.5" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: color("accent"), color: color("on-accent") },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
  ".cm-completionDetail": { fontStyle: "normal", opacity: "0.8", marginLeft: "1rem" },
  ".cm-tooltip.cm-completionInfo": { padding: "0.5rem 0.75rem", fontFamily: "var(--font-sans)" },
  ".cm-diagnostic": { padding: "0.5rem 0.75rem", fontFamily: "var(--font-sans)", borderLeftWidth: "4px" },
  ".cm-panels": { backgroundColor: color("sunken"), color: color("ink"), borderBottom: `1px solid ${color("line")}` },
  ".cm-panel.cm-search": { display: "flex", flexWrap: "wrap", alignItems: "center", gap: "0.375rem", padding: "0.5rem 3rem 0.5rem 0.5rem" },
  ".cm-panel.cm-search br": { display: "none" },
  ".cm-panel.cm-search input, .cm-panel.cm-search button, .cm-panel.cm-search label": { margin: "0", fontSize: "0.875rem", fontFamily: "var(--font-sans)" },
  ".cm-panel.cm-search label": { display: "inline-flex", alignItems: "center", gap: "0.375rem", minHeight: "44px" },
  ".cm-textfield": { minHeight: "44px", border: `1px solid ${color("edge")}`, borderRadius: "0.5rem", backgroundColor: color("surface"), color: color("ink"), padding: "0 0.75rem" },
  ".cm-button, .cm-panel.cm-search [name=close]": {
    minHeight: "44px",
    minWidth: "44px",
    border: `1px solid ${color("edge")}`,
    borderRadius: "0.5rem",
    backgroundImage: "none",
    backgroundColor: color("surface"),
    color: color("ink"),
    cursor: "pointer",
  },
  ".cm-searchMatch": { backgroundColor: color("warn-soft"), outline: `1px solid ${color("warn")}` },
  ".cm-searchMatch-selected": { backgroundColor: color("accent-soft"), outline: `2px solid ${color("accent")}` },
  ":is(.cm-textfield, button, input):focus-visible": { outline: `2px solid ${color("accent")}`, outlineOffset: "1px" },
  ".cm-diagnosticAction": { backgroundColor: color("accent"), color: color("on-accent"), padding: "0.25rem 0.75rem", borderRadius: "0.375rem" },
  "@media (pointer: coarse)": {
    ".cm-scroller": { fontSize: "1rem" },
    ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "0.625rem 0.75rem" },
    ".cm-diagnosticAction": { padding: "0.625rem 1rem" },
  },
});

const highlight = HighlightStyle.define([
  { tag: [tags.definition(tags.propertyName), tags.propertyName], color: color("accent"), fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: color("good") },
  { tag: tags.comment, color: color("muted"), fontStyle: "italic" },
  { tag: [tags.separator, tags.punctuation, tags.bracket, tags.meta], color: color("muted") },
  { tag: [tags.labelName, tags.typeName], color: color("bad") },
]);

const matched = new MatchDecorator({ regexp: /\$\{[^}\n]*\}/g, decoration: Decoration.mark({ class: "cm-reference" }) });

const references = ViewPlugin.define(
  (view) => ({
    decorations: matched.createDeco(view),
    update(update) {
      this.decorations = matched.updateDeco(update, this.decorations);
    },
  }),
  { decorations: (plugin) => plugin.decorations },
);

const depthOf = (text) => Math.min(DEEPEST, /^ */.exec(text)[0].length);

const lines = ViewPlugin.define(
  (view) => ({
    decorations: linesOf(view),
    update(update) {
      if (update.docChanged || update.viewportChanged) this.decorations = linesOf(update.view);
    },
  }),
  { decorations: (plugin) => plugin.decorations },
);

function linesOf({ state, viewport }) {
  const found = [];
  for (let line = state.doc.lineAt(viewport.from); ; line = state.doc.line(line.number + 1)) {
    found.push(Decoration.line({ class: `cm-line-${depthOf(line.text)}` }).range(line.from));
    if (line.to >= viewport.to) return Decoration.set(found);
  }
}

export const theme = [frame, syntaxHighlighting(highlight)];
export const pipelineLook = [references, lines];
