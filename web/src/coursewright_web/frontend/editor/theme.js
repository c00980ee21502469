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

const frame = EditorView.theme({
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

export const theme = [frame, syntaxHighlighting(highlight)];
export const pipelineLook = [references];
