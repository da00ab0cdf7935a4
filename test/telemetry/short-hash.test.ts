import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { createShortHash } from '../../src/telemetry/short-hash.ts';

const SECRET = new Uint8Array(32).fill(7);

test('names a text by twelve hexadecimal digits, the same for the same secret, and at once when it is known', async () => {
  const [one, other] = [createShortHash(SECRET), createShortHash(SECRET)];
  const name = await one('alice');
  assert.match(name, /^[0-9a-f]{12}$/);
  assert.equal(one('alice'), name);
  assert.equal(await other('alice'), name);
  assert.notEqual(await one('bob'), name);
});

test('uses other names with another secret, and without one', async () => {
  const hashes = [createShortHash(SECRET), createShortHash(new Uint8Array(32)), createShortHash(), createShortHash()];
  const names = await Promise.all(hashes.map(async (hash) => hash('alice')));
  assert.equal(new Set(names).size, 4);
});

test('cannot be computed without the secret, nor with it for another purpose', async () => {
  const name = await createShortHash(SECRET)('alice');
  const others = [createHash('sha256'), createHmac('sha256', SECRET)].map((hash) => hash.update('alice').digest('hex'));
  assert.ok(others.every((hex) => !hex.startsWith(name)));
});

test('forgets the oldest of more than 10,000 names, which stays the same', async () => {
  const hash = createShortHash(SECRET);
  const name = await hash('first');
  for (let number = 1; number < 10_000; number += 1) await hash(String(number));
  assert.equal(hash('first'), name);
  await hash('one more');
  const again = hash('first');
  assert.ok(again instanceof Promise);
  assert.equal(await again, name);
});
