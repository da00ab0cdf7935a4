import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientAddress, parseTrustedProxies } from '../../src/security/trusted-proxies.ts';

const PROXY = '10.0.0.1';

interface Case {
  trust: string;
  socket?: string;
  forwarded?: string;
  client: string;
}

const CASES: Record<string, Case> = {
  'the socket, when no proxy is trusted': { trust: '0', forwarded: '1.1.1.1', client: PROXY },
  'the socket, when there is no header': { trust: '1', client: PROXY },
  'the last entry, behind one proxy': { trust: '1', forwarded: '6.6.6.6, 1.1.1.1', client: '1.1.1.1' },
  'the last but one, behind two proxies': { trust: '2', forwarded: '6.6.6.6, 1.1.1.1, 10.0.0.2', client: '1.1.1.1' },
  'the socket, when there are fewer entries than proxies': { trust: '2', forwarded: '6.6.6.6', client: PROXY },
  'the socket, when the entry is not an address': { trust: '1', forwarded: '1.1.1.1, unknown', client: PROXY },
  'the first address from the end that is not trusted': {
    trust: '10.0.0.0/8',
    forwarded: '6.6.6.6, 1.1.1.1, 10.9.9.9',
    client: '1.1.1.1',
  },
  'the socket, when it is not a trusted proxy': {
    trust: '10.0.0.0/8',
    socket: '2.2.2.2',
    forwarded: '1.1.1.1',
    client: '2.2.2.2',
  },
  'the first entry, when all are trusted': {
    trust: '10.0.0.0/8',
    forwarded: '10.0.0.3, 10.0.0.2',
    client: '10.0.0.3',
  },
  'the last address before a malformed entry': {
    trust: '10.0.0.0/8',
    forwarded: '1.1.1.1, <script>, 10.0.0.2',
    client: '10.0.0.2',
  },
  'an address without its port': { trust: '1', forwarded: '1.1.1.1:5678', client: '1.1.1.1' },
  'an IPv4-mapped IPv6 address as IPv4': {
    trust: '10.0.0.1',
    socket: '::ffff:10.0.0.1',
    forwarded: '::ffff:1.1.1.1',
    client: '1.1.1.1',
  },
  'an IPv6 address by its first 64 bits': {
    trust: '1',
    forwarded: '2001:db8:1:2:3:4:5:6',
    client: '2001:db8:1:2::/64',
  },
  'an IPv6 address in brackets, with a port': {
    trust: '1',
    forwarded: '[2001:DB8:1:2::9]:443',
    client: '2001:db8:1:2::/64',
  },
  'the entry of a trusted IPv6 proxy': {
    trust: '::1, 10.0.0.0/8',
    socket: '::1',
    forwarded: '1.1.1.1',
    client: '1.1.1.1',
  },
  'an IPv6 network': { trust: 'fd00::/8', socket: 'fd12::1', forwarded: '1.1.1.1', client: '1.1.1.1' },
};

for (const [what, { trust, socket = PROXY, forwarded = null, client }] of Object.entries(CASES)) {
  test(`takes as the client ${what}`, () => {
    const trusted = parseTrustedProxies(trust);
    assert.ok(trusted);
    assert.equal(clientAddress(socket, forwarded, trusted), client);
  });
}

test('returns unknown if the address of the socket is unknown, whatever the header says', () => {
  assert.equal(clientAddress(undefined, '1.1.1.1', { hops: 1 }), 'unknown');
});

test('does not match an IPv4 address with an IPv6 network of the same bits', () => {
  const trusted = parseTrustedProxies('::/0');
  assert.ok(trusted);
  assert.equal(clientAddress(PROXY, '1.1.1.1', trusted), PROXY);
});

for (const text of [
  '11',
  '-1',
  '1.5',
  'true',
  '*',
  'nginx',
  '10.0.0.0/33',
  '10.0.0.256',
  '::1/129',
  '10.0.0.0/',
  '10.0.0.1,,10.0.0.2',
  '10.0.0.1 10.0.0.2',
]) {
  test(`refuses ${text} as a list of proxies`, () => assert.equal(parseTrustedProxies(text), undefined));
}
