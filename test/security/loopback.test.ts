import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopback, isWildcard, urlHostname } from '../../src/security/loopback.ts';

for (const host of ['127.0.0.1', '127.1', '127.255.0.9', '::1', '[::1]', '0:0:0:0:0:0:0:1', 'localhost', 'LOCALHOST']) {
  test(`${host} can be reached only from this machine`, () => assert.ok(isLoopback(host)));
}

for (const host of ['0.0.0.0', '::', '10.0.0.1', 'localhost.example', '127.0.0.1.example', '127.example', '::2', '']) {
  test(`${host || 'an empty host'} can be reached from other machines, for all we know`, () => {
    assert.ok(!isLoopback(host));
  });
}

for (const [host, expected] of [
  ['0.0.0.0', true],
  ['0', true],
  ['::', true],
  ['[::]', true],
  ['127.0.0.1', false],
  ['example.com', false],
] as const) {
  test(`${host} ${expected ? 'means' : 'does not mean'} every address`, () => assert.equal(isWildcard(host), expected));
}

for (const [host, expected] of [
  ['LocalHost', 'localhost'],
  ['127.1', '127.0.0.1'],
  ['2001:DB8:0:0::5', '[2001:db8::5]'],
  ['[::1]', '[::1]'],
  ['not a host', 'not a host'],
] as const) {
  test(`compares ${host} as ${expected}`, () => assert.equal(urlHostname(host), expected));
}
