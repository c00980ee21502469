// Notes as Markdown and as a document, and back: test_web_notes.py runs it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parsed, written } from "../src/coursewright_web/frontend/notes/markdown.js";

const again = (text) => written(parsed(text));

test("what is written in the usual form stays as it is", () => {
  const texts = [
    "# One\n\nText.\n\n## Two\n\n* a\n* b\n\n1. c\n2. d",
    "A line\nand the next, **bold** and *slanted*.",
    "* a\n  * deeper\n* b",
    "> Said.\n> And more.",
    "```\n# no heading\n  code\n```",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "A [link](https://example.org), `code_here`, ![picture](x.png), <b>tags</b>, &amp; and <!-- a comment -->.",
    "5 * 3 * 2, snake_case, a \\* and C:\\new",
    "3. third\n4. fourth",
    "---",
  ];
  for (const text of texts) assert.equal(again(text), text);
});

test("other forms become the usual one", () => {
  assert.equal(again("Title\n=====\n- a\n- b"), "# Title\n\n* a\n* b");
  assert.equal(again("__bold__ _slanted_"), "**bold** *slanted*");
  assert.equal(again("* a\n\n* b"), "* a\n* b");
  assert.equal(again("\r\nwindows\r\nlines\r\n"), "windows\nlines");
});

test("a second time changes nothing", () => {
  for (const text of ["", "#", "# ", "*", "**", "- ", "1.", ">", "```", "a\n\n\n\nb", "    four spaces", "\tTab", "\u2028", "a\\\nb"])
    assert.equal(again(again(text)), again(text), JSON.stringify(text));
});
