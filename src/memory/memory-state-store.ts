/** Keeps what tools remember in this process. It is lost when the process ends. */
import type { StateStore } from '../context/state-store.ts';

/** Makes an empty store. */
export function createMemoryStateStore(): StateStore {
  const scopes = new Map<string, Map<string, string>>();
  return {
    get: async (scope, key) => scopes.get(scope)?.get(key),
    async replace(scope, key, expected, value) {
      const values = scopes.get(scope) ?? new Map<string, string>();
      if (expected !== null && values.get(key) !== expected) return 'changed';
      scopes.set(scope, values.set(key, value));
      return 'kept';
    },
    delete: async (scope, key) => scopes.get(scope)?.delete(key) ?? false,
    keys: async (scope) => [...(scopes.get(scope)?.keys() ?? [])],
    clear: async (scope) => void scopes.delete(scope),
  };
}
