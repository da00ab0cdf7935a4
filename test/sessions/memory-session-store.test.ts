import { createMemorySessionStore } from '../../src/sessions/memory-session-store.ts';
import { sessionStoreContract } from './session-store.contract.ts';

sessionStoreContract('memory', (options) => createMemorySessionStore(options));
