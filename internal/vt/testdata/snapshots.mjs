// Judges snapshots in the two terminals that get them: xterm (headless) and avt, the terminal of asciinema-player, taken out of its package.
// One line of JSON in: {cols, rows, raw, snapshot, rest} (base64). A terminal that had the raw output and one that had the snapshot must
// show the same, in every cell, and again after the rest. One line out: {xterm, avt}, where they first differ, or "".
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { readFileSync, readdirSync } from "node:fs";

const ui = new URL("../../../web/ui/", import.meta.url);
const require = createRequire(new URL("package.json", ui));
const { Terminal } = require("@xterm/headless");
const { Unicode11Addon } = require("@xterm/addon-unicode11");
const text = (base64) => Buffer.from(base64, "base64").toString("utf8");

function xterm(cols, rows) {
  const term = new Terminal({ cols, rows, allowProposedApi: true, scrollback: 0, logLevel: "off" });
  term.loadAddon(new Unicode11Addon());
  term.unicode.activeVersion = "11";
  const cell = (c) => [c.getChars() || " ", c.getWidth(), c.getFgColorMode(), c.getFgColor(), c.getBgColorMode(), c.getBgColor(), c.isBold() !== 0, c.isDim() !== 0,
    c.isItalic() !== 0, c.isUnderline() !== 0, c.isBlink() !== 0, c.isInverse() !== 0, c.isInvisible() !== 0, c.isStrikethrough() !== 0, c.isOverline() !== 0].join(",");
  return {
    feed: (s) => new Promise((done) => term.write(s, done)),
    show() {
      const buffer = term.buffer.active;
      const lines = Array.from({ length: rows }, (_, y) => Array.from({ length: cols }, (_, x) => cell(buffer.getLine(buffer.baseY + y).getCell(x))).join(" "));
      return [`cursor ${buffer.cursorX} ${buffer.cursorY}`, ...lines];
    },
  };
}

// The player keeps avt as WebAssembly in one of its files, between these two places.
const dist = new URL("node_modules/asciinema-player/dist/", ui);
const source = readFileSync(new URL(readdirSync(dist).find((name) => name.startsWith("opts-")), dist), "utf8");
const begin = source.lastIndexOf("\n", source.indexOf("let wasm;"));
const end = source.indexOf("const memory = vt.then");
const wasm = await new Function(`${source.slice(begin, end)}; return vt;`)();
const memory = (await wasm.default()).memory;

// color reads a colour of avt: a tag, and what the tag says of the three bytes after it.
const color = (v, at) => [v.getUint8(at), ...Array.from({ length: { 3: 1, 4: 3 }[v.getUint8(at)] ?? 0 }, (_, i) => v.getUint8(at + 1 + i))].join(".");

// The colour of a blank without a line through or under it is not seen: avt keeps it where something was erased.
const letters = (text, color, attrs) => [...text].map((c) => [c, c === " " && !(attrs & (UNDERLINE | STRIKE)) ? "" : color + "/" + attrs].join(""));
const UNDERLINE = 1 << 3, STRIKE = 1 << 4;

// What the player draws of a line: how long each item is, and how it is read.
const parts = {
  bg: [8, (v, i) => [v.getUint16(i, true), v.getUint16(i + 2, true), color(v, i + 4)]],
  raster_symbols: [12, (v, i) => [v.getUint16(i, true), v.getUint32(i + 4, true), color(v, i + 8)]],
  vector_symbols: [16, (v, i) => [v.getUint16(i, true), v.getUint32(i + 4, true), color(v, i + 8), v.getUint8(i + 12)]],
  text: [12, (v, i, points) => letters(String.fromCodePoint(...points.subarray(v.getUint16(i + 2, true), v.getUint16(i + 2, true) + v.getUint16(i + 4, true))), color(v, i + 6), v.getUint8(i + 10))],
};

function avt(cols, rows) {
  const vt = wasm.create(cols, rows, 0, false);
  function show(y) {
    const line = vt.getLine(y, false);
    const points = new Uint32Array(memory.buffer, ...line.codepoints);
    return Object.entries(parts).map(([name, [size, read]]) => {
      const [at, n] = line[name];
      const view = new DataView(memory.buffer, at, n * size);
      return name + " " + Array.from({ length: n }, (_, i) => read(view, i * size, points)).flat().join(" ");
    }).join(" ");
  }
  return {
    feed: async (s) => void vt.feed(s),
    show: () => [`cursor ${vt.getCursor()}`, ...Array.from({ length: rows }, (_, y) => show(y))],
  };
}

async function difference(make, { cols, rows, raw, snapshot, rest }) {
  const a = make(cols, rows), b = make(cols, rows);
  await a.feed(text(raw));
  await b.feed(text(snapshot));
  for (const when of ["at once", "after the rest"]) {
    const want = a.show(), got = b.show();
    const y = want.findIndex((line, i) => line !== got[i]);
    if (y >= 0) return `${when}, ${y === 0 ? "" : `line ${y - 1}: `}${got[y].slice(0, 400)} not ${want[y].slice(0, 400)}`;
    await a.feed(text(rest));
    await b.feed(text(rest));
  }
  return "";
}

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  console.log(JSON.stringify({ xterm: await difference(xterm, question), avt: await difference(avt, question) }));
}
