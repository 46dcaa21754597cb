import { defineConfig } from 'vitest/config';

const alias = {
  '@avance/client': new URL('clients/client/src/index.ts', import.meta.url).pathname,
  '@avance/react': new URL('clients/react/src/index.ts', import.meta.url).pathname,
};
const factor = Number(process.env.AVANCE_TEST_TIMEOUT_FACTOR ?? 1);

export default defineConfig({
  test: {
    testTimeout: 20_000 * factor,
    hookTimeout: 20_000 * factor,
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        resolve: { alias },
        test: {
          name: 'client',
          environment: 'node',
          include: ['clients/client/test/*.test.ts'],
        },
      },
      {
        extends: true,
        resolve: { alias },
        test: {
          name: 'react',
          environment: 'happy-dom',
          include: ['clients/react/test/*.test.{ts,tsx}'],
        },
      },
      {
        extends: true,
        resolve: { alias },
        test: {
          name: 'server',
          environment: 'node',
          include: ['clients/client/test/integration/*.test.ts'],
          testTimeout: 60_000 * factor,
          hookTimeout: 60_000 * factor,
        },
      },
    ],
  },
});
