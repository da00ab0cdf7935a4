/** What the development IdP remembers: everything, until it ends. It survives a change of keys, so it stands alone. */
import type { Adapter, AdapterPayload } from 'oidc-provider';

/** Most entries of all kinds; beyond that, the oldest go. Enough to try things out. */
const MAX_ENTRIES = 10_000;
/** What ends with the consent that it was given under. */
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
  /** Forgets what `accountId` consented to, and the refresh tokens that came of it. Returns how many consents it were. */
  revokeConsent(accountId: string): number;
}

const keyOf = (kind: string, id: string) => `${kind}:${id}`;

/** Makes an empty storage. What has expired stays in until it is the oldest: `oidc-provider` looks at the time itself. */
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
      // For devices without a browser, which are not served here.
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
