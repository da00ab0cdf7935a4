import { createMemorySessionStore } from '../../src/memory/memory-session-store.ts';
import { sessionStoreContract } from './session-store.contract.ts';

sessionStoreContract('memory', (options) => createMemorySessionStore(options));
