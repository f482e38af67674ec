// Says what xterm (its headless build, from web/ui/node_modules) shows. One line of JSON in: {cols, rows, data (base64), at: [offsets]}.
// One line out for each: [{x, y, lines}] after as many bytes as each offset says.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../../../web/ui/package.json", import.meta.url));
const { Terminal } = require("@xterm/headless");
const { Unicode11Addon } = require("@xterm/addon-unicode11");

// screen gives what is visible, without blanks at line ends.
function screen(term) {
  const buffer = term.buffer.active;
  const lines = [];
  for (let y = 0; y < term.rows; y++) lines.push(buffer.getLine(buffer.baseY + y).translateToString(true).trimEnd());
  return { x: Math.min(buffer.cursorX, term.cols - 1), y: buffer.cursorY, lines };
}

async function screens({ cols, rows, data, at }) {
  const term = new Terminal({ cols, rows, allowProposedApi: true, scrollback: 0, logLevel: "off" });
  term.loadAddon(new Unicode11Addon());
  term.unicode.activeVersion = "11"; // the default, 6, has narrow emoji
  const bytes = Buffer.from(data, "base64");
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const got = [];
  let from = 0;
  for (const to of at) {
    const text = decoder.decode(bytes.subarray(from, to), { stream: true });
    await new Promise((done) => term.write(text, done));
    got.push(screen(term));
    from = to;
  }
  term.dispose();
  return got;
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await screens(JSON.parse(line))));
}
