// Node ≥ 22.18 runs TypeScript by itself; older versions get tsx.
if (!process.features.typescript) (await import('tsx/esm/api')).register();
