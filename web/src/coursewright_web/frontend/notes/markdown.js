// Notes as a document that is edited, and as the Markdown that the service reads.
import MarkdownIt from "markdown-it";
import { defaultMarkdownParser, defaultMarkdownSerializer, MarkdownParser, MarkdownSerializer, schema as all } from "prosemirror-markdown";
import { Schema } from "prosemirror-model";

const nodeOf = (name) => all.spec.nodes.get(name);
const list = ({ tight, ...attrs }) => attrs; // no lines are left empty between points
/** What is edited as what it is. Links, tables, pictures and code in a line stay the text that they are written as. */
export const schema = new Schema({
  nodes: all.spec.nodes
    .remove("image")
    .update("heading", { ...nodeOf("heading"), content: "text*" })
    .update("bullet_list", { ...nodeOf("bullet_list"), attrs: list(nodeOf("bullet_list").attrs) })
    .update("ordered_list", { ...nodeOf("ordered_list"), attrs: list(nodeOf("ordered_list").attrs) }),
  marks: all.spec.marks.remove("link").remove("code"),
});

const LITERAL = ["autolink", "backticks", "code", "entity", "escape", "image", "link", "reference"];
const reader = new MarkdownIt("commonmark", { html: false }).disable(LITERAL);
const { image, code_block, ...tokens } = defaultMarkdownParser.tokens;
const known = Object.fromEntries(Object.entries(tokens).filter(([, { mark = "em" }]) => mark in schema.marks));
const parser = new MarkdownParser(schema, reader, { ...known, softbreak: { node: "hard_break" } });

// What somebody types is not escaped: "# One" on a line of its own is meant as a heading, and "5 * 3" is read aloud.
const { image: pictures, ...nodes } = defaultMarkdownSerializer.nodes;
const { em, strong } = defaultMarkdownSerializer.marks;
const serializer = new MarkdownSerializer(
  { ...nodes, hard_break: (state) => state.write("\n"), text: (state, node) => state.text(node.text, false) },
  { em, strong },
);

/** The document of a text. */
export const parsed = (text) => parser.parse(text);

/** The text of a document. */
export const written = (document) => serializer.serialize(document, { tightLists: true });
