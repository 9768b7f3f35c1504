import { deepEqual } from "node:assert/strict";
import { pieces } from "../../../lab/page/static/mail/links.js";

/** Return the texts of the pieces, with links in angle brackets. */
const shape = (text, links) => pieces(text, links).map((piece) => (piece.isLink ? `<${piece.text}>` : piece.text));

Deno.test("a text is split at its links, and nothing of it is lost", () => {
  deepEqual(shape("Open https://a.example/x?t=1+2 now.", ["https://a.example/x?t=1+2"]),
    ["Open ", "<https://a.example/x?t=1+2>", " now."]);
});

Deno.test("if one link is the beginning of another link, the longer link counts", () => {
  deepEqual(shape("https://a.example/x https://a.example", ["https://a.example", "https://a.example/x"]),
    ["<https://a.example/x>", " ", "<https://a.example>"]);
});

Deno.test("a text without links is one piece", () => {
  deepEqual(shape("Hello", ["https://a.example"]), ["Hello"]);
  deepEqual(shape("Hello", []), ["Hello"]);
});

Deno.test("only http and https become links", () => {
  deepEqual(shape("javascript:alert(1)", ["javascript:alert(1)"]), ["javascript:alert(1)"]);
});
