// A page without a browser: says what it sees as lines of JSON, and does what lines on its input say.
// node page.mjs <module> <class> <url> <options>

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { WebSocket } from "ws";

// That of Node 20 says nothing when nobody answers; this one closes, as those of browsers do.
globalThis.WebSocket = WebSocket;

const [, , module, name, url, options] = process.argv;
const told = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const { [name]: Client } = await import(pathToFileURL(module));
const log = { log: (...words) => told({ logged: words.join(" ") }), warn: (...words) => told({ logged: words.join(" ") }) };
Object.assign(console, log);
const client = new Client(url, {
  ...JSON.parse(options ?? "{}"),
  onDocumentUpdate: (documentId, status, ocrResult) => told({ update: documentId, status, ocrResult }),
  onDocumentStatus: (documentId, frame) => told({ answer: documentId, status: frame?.status ?? frame }),
  onState: (state, attempt) => told({ state, attempt }),
});
told({ made: { reconnectMs: client.reconnectMs, attemptsMax: client.attemptsMax } });
createInterface({ input: process.stdin }).on("line", (line) => {
  const [method, ...given] = JSON.parse(line);
  told({ did: method, gave: client[method](...given) ?? null });
});
client.connect();
