import { defineConfig } from 'vitest/config';

const alias = {
  '@avance/client': new URL('clients/client/src/index.ts', import.meta.url).pathname,
  '@avance/react': new URL('clients/react/src/index.ts', import.meta.url).pathname,
};
const factor = Number(process.env.AVANCE_TEST_TIMEOUT_FACTOR ?? 1);
// What a test changes of its world it puts back, so one world does for all files of a project: happy-dom and React are loaded once.
const shared = { isolate: false, pool: 'threads' } as const;

export default defineConfig({
  test: {
    testTimeout: 20_000 * factor,
    hookTimeout: 20_000 * factor,
    expect: { poll: { timeout: 20_000 * factor } },
    maxWorkers: 2,
    projects: [
      'console/vitest.config.ts',
      {
        extends: true,
        resolve: { alias },
        test: {
          ...shared,
          name: 'client',
          environment: 'node',
          include: ['clients/client/test/*.test.ts'],
        },
      },
      {
        extends: true,
        resolve: { alias },
        test: {
          ...shared,
          name: 'react',
          env: { REACT_MAJOR: '19' },
          environment: 'happy-dom',
          include: ['clients/react/test/*.test.{ts,tsx}'],
        },
      },
      {
        extends: true,
        resolve: {
          alias: {
            ...alias,
            react: new URL('clients/react18/node_modules/react', import.meta.url).pathname,
            // Its CommonJS form would ask for React past these names.
            '@testing-library/react': new URL(
              'node_modules/@testing-library/react/dist/@testing-library/react.esm.js',
              import.meta.url,
            ).pathname,
            'react-dom': new URL('clients/react18/node_modules/react-dom', import.meta.url).pathname,
          },
        },
        test: {
          ...shared,
          name: 'react18',
          env: { REACT_MAJOR: '18' },
          environment: 'happy-dom',
          include: ['clients/react/test/*.test.{ts,tsx}'],
          // So that it meets the same React as what it tests.
          server: { deps: { inline: ['@testing-library/react'] } },
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
