import { mergeConfig } from 'vite';
import { defineConfig } from 'vitest/config';
import vite from './vite.config.ts';

const factor = Number(process.env.AVANCE_TEST_TIMEOUT_FACTOR ?? 1);

export default defineConfig((environment) =>
  mergeConfig(vite(environment), {
    test: {
      name: 'console',
      environment: 'happy-dom',
      include: ['test/**/*.test.{ts,tsx}', 'src/**/*.test.{ts,tsx}'],
      testTimeout: 20_000 * factor,
      maxWorkers: 2,
      // Its tests are of functions that keep nothing, so one world does for all of them.
      isolate: false,
    },
  }),
);
