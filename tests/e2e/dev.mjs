// The console as its developers see it: from its sources, live, with the API behind it.
import { scenario } from './browser.mjs';

export const script = await scenario(import.meta.url, async ({ url, told, open }) => {
  const page = await open();
  const asked = [];
  page.on('websocket', (socket) => asked.push(new URL(socket.url()).pathname));
  await page.goto(`${url}/`);
  told.title = await page.getByRole('heading', { level: 1, name: 'Ahora' }).textContent();
  await page.getByText('En directo').waitFor();
  told.home = page.url();
  told.sockets = [...new Set(asked)].sort();
  told.isFromSource = await page.locator('script[src*="/src/main.tsx"]').count();
});
