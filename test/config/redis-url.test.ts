import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRedisUrl, parseRedisUrl, placeOf } from '../../src/config/redis-url.ts';

const NOBODY = { username: undefined, password: undefined };
const PLAIN = { ...NOBODY, db: 0, isSecure: false };

test('reads where Redis is, as whom to connect, the database, and whether with TLS', () => {
  assert.deepEqual(parseRedisUrl('redis://localhost'), { ...PLAIN, places: [{ host: 'localhost', port: 6379 }] });
  assert.deepEqual(parseRedisUrl('rediss://us%3Aer:p%40s:s%2F@redis.example:6380/12'), {
    places: [{ host: 'redis.example', port: 6380 }],
    username: 'us:er',
    password: 'p@s:s/',
    db: 12,
    isSecure: true,
  });
  const withPassword = { ...PLAIN, password: 'secret', places: [{ host: '10.0.0.1', port: 6379 }] };
  assert.deepEqual(parseRedisUrl('redis://:secret@10.0.0.1/'), withPassword);
});

test('reads addresses of IPv6, several hosts, and the path of a socket', () => {
  assert.deepEqual(parseRedisUrl('redis://[::1]:7000').places, [{ host: '::1', port: 7000 }]);
  assert.deepEqual(parseRedisUrl('redis://a:7000,b,c.example:7002').places, [
    { host: 'a', port: 7000 },
    { host: 'b', port: 6379 },
    { host: 'c.example', port: 7002 },
  ]);
  assert.deepEqual(parseRedisUrl('unix://user:secret@/run/redis/redis.sock?db=3'), {
    places: [{ path: '/run/redis/redis.sock' }],
    username: 'user',
    password: 'secret',
    db: 3,
    isSecure: false,
  });
});

test('takes nothing else for the URL of a Redis', () => {
  const wrong = [
    '',
    'redis',
    '6379',
    'redis:/a',
    'redis://a:0',
    'redis://a:65536',
    'redis://a,,b',
    'redis://a b',
    'redis://a/0/1',
    'redis://a?db=1',
    'redis://user:%@a',
    'unix://redis.sock',
    'unix:///r.sock?db=x',
    'http://a',
  ];
  for (const text of wrong) {
    assert.equal(isRedisUrl(text), false, text);
    assert.throws(() => parseRedisUrl(text), TypeError);
  }
});

test('names the place without user and password', () => {
  assert.equal(placeOf(parseRedisUrl('redis://user:secret@a:1/2')), 'a:1');
  assert.equal(placeOf(parseRedisUrl('rediss://:secret@[::1],b')), '[::1]:6379');
  assert.equal(placeOf(parseRedisUrl('unix://:secret@/r.sock')), '/r.sock');
});
