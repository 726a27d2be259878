// Reads a line: a body in pieces, base64 in a JSON array. Writes a line: the events dispatched.
import { createInterface } from "node:readline";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const installed = join(process.argv[2], "node_modules/eventsource-parser/dist/index.js");
const { createParser } = await import(pathToFileURL(installed));

for await (const line of createInterface({ input: process.stdin })) {
  const events = [];
  const parser = createParser({ onEvent: ({ id, data }) => events.push({ id: id ?? "", data }) });
  const decoder = new TextDecoder();
  for (const piece of JSON.parse(line)) {
    parser.feed(decoder.decode(Buffer.from(piece, "base64"), { stream: true }));
  }
  process.stdout.write(JSON.stringify(events) + "\n");
}
