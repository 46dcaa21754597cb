import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const here = (path: string): string => new URL(path, import.meta.url).pathname;
const server = process.env.AVANCE_URL ?? 'http://127.0.0.1:8030';

export default defineConfig(({ command }) => ({
  plugins: [react()],
  // The server writes where it is mounted into the page, so the built files name no place.
  base: command === 'build' ? './' : '/console/',
  resolve: {
    alias: {
      '@avance/react/styles.css': here('../clients/react/src/styles.css'),
      '@avance/client': here('../clients/client/src/index.ts'),
      '@avance/react': here('../clients/react/src/index.ts'),
    },
  },
  build: {
    outDir: here('../src/avance/edge/_console'),
    emptyOutDir: true,
    // A data: URL would be refused by the policy of the page.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      // One file for what every screen needs: each file more is one request more before anything is drawn.
      output: { codeSplitting: { groups: [{ name: 'index', tags: ['$initial'] }] } },
    },
  },
  server: {
    port: 3030,
    strictPort: true,
    // All but the console itself: the systems have addresses and sockets of their own.
    proxy: { '^/(?!console/)': { target: server, ws: true } },
  },
}));
