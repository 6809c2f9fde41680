import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['e2e/**/*.e2e.ts'],
    environment: 'node',
    fileParallelism: false,
    // Each step begins where the one before ended.
    bail: 1,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
