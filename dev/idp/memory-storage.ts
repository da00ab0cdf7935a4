/** The storage of the development IdP, in memory. It is separate because it survives a change of keys. */
import type { Adapter, AdapterPayload } from 'oidc-provider';

/** Most entries of all kinds; beyond that, the oldest go. Enough to try things out. */
const MAX_ENTRIES = 10_000;
/** What ends along with a consent. */
const GRANTED = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken']);

interface Entry {
  kind: string;
  id: string;
  payload: AdapterPayload;
}

/** Storage for `oidc-provider`. */
export interface MemoryStorage {
  /** The storage of one kind of thing, such as `Session` or `RefreshToken`. */
  adapter(kind: string): Adapter;
  /** Forgets the consents of `accountId` and their refresh tokens. Returns how many consents there were. */
  revokeConsent(accountId: string): number;
}

const keyOf = (kind: string, id: string) => `${kind}:${id}`;

/** Makes an empty storage. Expired entries stay until they are the oldest; `oidc-provider` checks the time itself. */
export function createMemoryStorage(): MemoryStorage {
  const entries = new Map<string, Entry>();
  const removeGranted = (grantId: string) => {
    for (const [key, { kind, payload }] of entries) {
      if (GRANTED.has(kind) && payload.grantId === grantId) entries.delete(key);
    }
  };

  return {
    adapter: (kind) => ({
      async upsert(id, payload) {
        entries.set(keyOf(kind, id), { kind, id, payload });
        const [oldest] = entries.keys();
        if (entries.size > MAX_ENTRIES && oldest !== undefined) entries.delete(oldest);
      },
      find: async (id) => entries.get(keyOf(kind, id))?.payload,
      findByUid: async (uid) =>
        [...entries.values()].find((entry) => entry.kind === kind && entry.payload.uid === uid)?.payload,
      // For devices without a browser, which are not supported here.
      findByUserCode: async () => undefined,
      async consume(id) {
        const entry = entries.get(keyOf(kind, id));
        if (entry) entry.payload.consumed = Math.floor(Date.now() / 1000);
      },
      async destroy(id) {
        entries.delete(keyOf(kind, id));
      },
      async revokeByGrantId(grantId) {
        removeGranted(grantId);
      },
    }),
    revokeConsent(accountId) {
      const consents = [...entries.values()].filter(
        ({ kind, payload }) => kind === 'Grant' && payload.accountId === accountId,
      );
      for (const { kind, id } of consents) {
        entries.delete(keyOf(kind, id));
        removeGranted(id);
      }
      return consents.length;
    },
  };
}
