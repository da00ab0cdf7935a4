import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initializeRequest, modernRequest } from '../support/app.ts';
import { revisionIn } from './wire.ts';

const initialize = (version: string) => JSON.stringify(initializeRequest({}, version));
const modern = JSON.stringify(modernRequest('server/discover').body);

for (const { what, sent, found } of [
  { what: 'initialize', sent: initialize('2025-06-18'), found: { era: 'legacy', revision: '2025-06-18' } },
  { what: "a request's envelope", sent: modern, found: { era: 'modern', revision: '2026-07-28' } },
  {
    what: 'initialize after an attempt at discovery',
    sent: modern + initialize('2025-11-25'),
    found: { era: 'legacy', revision: '2025-11-25' },
  },
  {
    what: 'an envelope after another connection was tried',
    sent: initialize('2025-11-25') + modern,
    found: { era: 'modern', revision: '2026-07-28' },
  },
  { what: 'nothing', sent: '', found: undefined },
]) {
  test(`finds the revision of a client that sent ${what}`, () => assert.deepEqual(revisionIn(sent), found));
}
