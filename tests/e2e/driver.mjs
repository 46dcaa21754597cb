// Run one script after the other in one browser: each line in is `{"script", "url", "folder", "more"}`, each answer a line of JSON.
import { launch, readLine, run } from './browser.mjs';

let browser;
for (let line = await readLine(); line !== undefined; line = await readLine()) {
  const { script, ...given } = JSON.parse(line);
  if (!browser?.isConnected()) browser = await launch();
  const { script: chosen } = await import(new URL(script, import.meta.url));
  const { told, failure } = await run(chosen, { browser, ...given });
  process.stdout.write(`${JSON.stringify({ told, failure })}\n`);
}
await browser?.close();
