/** What Redis must be like, and what the start says when it is not. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { ConfigError } from '../../src/config/config.ts';
import type { OpenEngines } from '../../src/contracts/engines.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createRedisEngines } from '../../src/redis/redis-engines.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { startEntry, startHttpEntry } from '../support/process.ts';
import { NO_OPENSSL, NO_REDIS, startRedis, type TestRedis } from '../support/redis.ts';
import { freePort } from '../support/ports.ts';
import { listedRights, useAll } from './use-all.ts';
import { linesAt, messagesAt } from '../support/log-lines.ts';

async function start(t: TestContext, args?: string[]): Promise<TestRedis> {
  const redis = await startRedis(args);
  t.after(() => redis.stop());
  return redis;
}

async function open(t: TestContext, url: string): Promise<{ engines: OpenEngines; log: string[] }> {
  const lines: string[] = [];
  const log = createLogger({ level: 'info', write: (line) => void lines.push(line) });
  const engines = await createRedisEngines({ url, clock: systemClock, log, idleMs: 60_000 });
  t.after(() => engines.close());
  return { engines, log: lines };
}

/** The line that the start ends with. */
async function refusalOf(t: TestContext, url: string): Promise<string> {
  const error = await open(t, url).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ConfigError, String(error));
  assert.doesNotMatch(error.message, /\n|secret/);
  return error.message;
}

/** A server that answers each command in the same way. */
async function fakeRedis(t: TestContext, answer: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on('data', () => socket.write(answer)).on('error', () => {});
    t.after(() => socket.destroy());
  });
  t.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('starting with Redis', { skip: NO_REDIS }, () => {
  test('fails if Redis cannot be reached', async (t) => {
    const unreachable = `127.0.0.1:${await freePort()}`;
    assert.equal(
      await refusalOf(t, `redis://user:secret@${unreachable}`),
      `REDIS_URL: Redis at ${unreachable} cannot be used: connect ECONNREFUSED ${unreachable}`,
    );
    assert.match(await refusalOf(t, 'unix://:secret@/no/redis.sock'), /at \/no\/redis\.sock cannot be used: .*ENOENT/);
  });

  test('fails if Redis does not answer', async (t) => {
    assert.match(await refusalOf(t, await fakeRedis(t, '')), /cannot be used: Command timed out$/);
  });

  test('fails if the password is wrong or missing', async (t) => {
    const redis = await start(t, ['--requirepass', 'secret']);
    const withPassword = (password: string) => redis.url.replace('://', `://${password}@`);
    assert.match(await refusalOf(t, withPassword(':wrong')), /cannot be used: WRONGPASS/);
    assert.match(await refusalOf(t, withPassword('nobody:secret')), /cannot be used: WRONGPASS/);
    assert.match(await refusalOf(t, redis.url), /cannot be used: NOAUTH/);
    await open(t, withPassword(':secret'));
  });

  test('fails if there is no such database', async (t) => {
    const redis = await start(t);
    assert.match(await refusalOf(t, `${redis.url}?db=1000`), /cannot be used: ERR DB index is out of range/);
  });

  test('fails if Redis is too old', async (t) => {
    const info = 'redis_version:6.0.16\r\nredis_mode:standalone';
    assert.equal(
      await refusalOf(t, await fakeRedis(t, `$${info.length}\r\n${info}\r\n`)),
      'REDIS_URL: version 6.0.16 of Redis is too old: Redis must be 6.2 or later.',
    );
  });

  test('fails if it names several hosts that are not a cluster', async (t) => {
    const port = await freePort();
    await start(t, ['--port', `${port}`, '--bind', '127.0.0.1']);
    const other = await freePort();
    assert.equal(
      await refusalOf(t, `redis://127.0.0.1:${port},127.0.0.1:${other}`),
      `REDIS_URL names several hosts, but 127.0.0.1:${port} does not belong to a Redis Cluster.`,
    );
  });

  test('fails if the user may not do what is needed, or the server is a replica', async (t) => {
    const redis = await start(t);
    await redis.command('ACL', 'SETUSER', 'poor', 'on', '>secret', '~mcp:*', '&*', '+info', '+ping', '+subscribe');
    assert.match(await refusalOf(t, redis.url.replace('://', '://poor:secret@')), /cannot be used: NOPERM/);
    await redis.command('REPLICAOF', '127.0.0.1', await freePort());
    assert.match(await refusalOf(t, redis.url), /cannot be used: READONLY/);
  });

  test('warns of an eviction policy that may remove sessions, and if it cannot know it', async (t) => {
    const redis = await start(t, ['--maxmemory-policy', 'allkeys-lru']);
    const { log } = await open(t, redis.url);
    const [warning] = linesAt('warn', log);
    assert.deepEqual(
      [warning?.msg, warning?.['policy']],
      ['Redis may evict sessions; it should be noeviction', 'allkeys-lru'],
    );
    await redis.command('ACL', 'SETUSER', 'mcp', 'on', '>secret', '~mcp:*', '&*', '+@all', '-info');
    const unknown = await open(t, redis.url.replace('://', '://mcp:secret@'));
    assert.match(messagesAt('warn', unknown.log).join('\n'), /^the Redis user may not run INFO/);
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    assert.deepEqual((await open(t, redis.url)).log, []);
  });

  test('needs no other rights than those that the docs list, and all of them', async (t) => {
    const redis = await start(t);
    const rule = (await listedRights()).one;
    await redis.command('ACL', 'SETUSER', 'mcp', ...rule);
    await redis.command('CONFIG', 'RESETSTAT');
    const { engines, log } = await open(t, redis.url.replace('://', '://mcp:password@').concat('?db=1'));
    await useAll(engines);
    await engines.close();
    assert.deepEqual(log, []);
    const stats = String(await redis.command('INFO', 'commandstats'));
    const used = new Set(Array.from(stats.matchAll(/^cmdstat_([^:]+):/gm), ([, name]) => name));
    const listed = rule.filter((part) => part.startsWith('+')).map((part) => part.slice(1));
    // They run only now and then, or when there is trouble.
    const rare = new Set(['ping', 'evalsha', 'eval']);
    assert.deepEqual(
      listed.filter((name) => !used.has(name) && !rare.has(name)),
      [],
    );
    assert.deepEqual(await redis.command('ACL', 'LOG'), []);
  });

  test(
    'connects with TLS, to a server whose certificate is from an authority that Node.js trusts',
    { skip: NO_OPENSSL },
    async (t) => {
      const port = await freePort();
      const directory = await mkdtemp(join(tmpdir(), 'redis-tls-'));
      t.after(() => rm(directory, { recursive: true }));
      const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
      const name = ['-subj', '/CN=test', '-addext', 'subjectAltName=DNS:localhost', '-days', '2'];
      const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...name];
      execFileSync('openssl', request, { stdio: 'pipe' });
      const tls = ['--tls-port', `${port}`, '--tls-cert-file', cert, '--tls-key-file', key, '--tls-auth-clients', 'no'];
      await start(t, [...tls, '--bind', '127.0.0.1', '--requirepass', 'secret']);
      const url = `rediss://:secret@localhost:${port}`;
      assert.match(await refusalOf(t, url), /cannot be used: self-signed certificate/);
      const server = await startHttpEntry(t, { env: { REDIS_URL: url, NODE_EXTRA_CA_CERTS: cert } });
      assert.equal((await fetch(new URL('/livez', server.url))).status, 200);
      server.signal('SIGTERM');
      assert.deepEqual(await server.exit(), { code: 0, signal: null });
      assert.doesNotMatch(server.stderr, /secret/);
    },
  );

  test('ends the process with one line if Redis cannot be used', async (t) => {
    const url = `redis://:secret@127.0.0.1:${await freePort()}`;
    const server = startEntry(t, 'src/http-server.ts', { env: { PORT: '0', REDIS_URL: url } });
    assert.deepEqual(await server.exit(), { code: 1, signal: null });
    assert.match(server.stderr, /^REDIS_URL: Redis at \S+ cannot be used: connect ECONNREFUSED \S+\n$/);
  });
});
