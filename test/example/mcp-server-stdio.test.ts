/** The example over stdio: what the process writes to stdout. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOG_LEVEL_META_KEY } from '@modelcontextprotocol/server';
import { startEntry } from '../support/process.ts';
import { STDIO_ERAS, wireTo } from '../support/stdio-wire.ts';

/** What a batch of two equal titles logs. */
const NUMBERED = { level: 'notice', data: 'Slugs taken and numbered: 1', logger: 'slugify-batch' };
const MADE = { level: 'info', data: 'Slugs made: 2', logger: 'slugify-batch' };

for (const [era, { opening, request }] of Object.entries(STDIO_ERAS)) {
  test(`speaks nothing but JSON-RPC of ${era} over stdio, with progress and log messages`, async (t) => {
    const server = startEntry(t, 'src/stdio-server.ts');
    const wire = wireTo(server);
    for (const message of opening) wire.send(message);
    const _meta = { progressToken: 'token', [LOG_LEVEL_META_KEY]: 'info' };
    const requests = [
      request('tools/call', { name: 'slugify', arguments: { text: 'Hello World' } }),
      request('tools/call', { name: 'slugify-batch', arguments: { titles: ['a', 'a'] }, _meta }),
    ];
    for (const message of requests) wire.send(message);
    const [slug, batch] = await Promise.all(requests.map((message) => wire.answer(message)));
    assert.deepEqual(slug?.result?.structuredContent, { slug: 'hello-world' });
    assert.deepEqual(batch?.result?.structuredContent, { slugs: ['a', 'a-2'] });

    server.endStdin();
    assert.deepEqual(await server.exit(), { code: 0, signal: null });
    const notifications = wire.messages().filter(({ method }) => method !== undefined);
    assert.deepEqual(
      notifications.map(({ method, params }) => [method, params]),
      [
        ...[1, 2].map((done) => ['notifications/progress', { progressToken: 'token', progress: done, total: 2 }]),
        ['notifications/message', NUMBERED],
        ['notifications/message', MADE],
      ],
    );
    // One answer to each request.
    assert.equal(wire.messages().length - notifications.length, requests.length + 1);
  });
}
