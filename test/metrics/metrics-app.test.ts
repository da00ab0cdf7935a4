import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetricsApp } from '../../src/metrics/metrics-app.ts';
import { settled } from '../support/time.ts';

const failures: string[] = [];

function appOn(host: string, text = async () => 'a_metric 1\n') {
  const onerror = (error: Error) => void failures.push(error.message);
  const app = createMetricsApp({
    metrics: { contentType: 'text/plain; version=0.0.4; charset=utf-8', text },
    host,
    lifecycle: { phase: 'serving' },
    onerror,
  });
  return (method: string, url: string) => app.fetch(new Request(url, { method }));
}

test('answers GET and HEAD on /metrics with the text and its media type', async () => {
  const request = appOn('127.0.0.1');
  const response = await request('GET', 'http://127.0.0.1:9464/metrics');
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  assert.equal(await response.text(), 'a_metric 1\n');
  assert.equal((await request('HEAD', 'http://127.0.0.1:9464/metrics')).status, 200);
});

test('answers 405 with Allow to another method, and 404 to another path', async () => {
  const request = appOn('127.0.0.1');
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const response = await request(method, 'http://127.0.0.1:9464/metrics');
    assert.equal(response.status, 405);
    assert.equal(response.headers.get('allow'), 'GET, HEAD');
  }
  for (const path of ['/', '/mcp', '/livez', '/metrics/']) {
    assert.equal((await request('GET', `http://127.0.0.1:9464${path}`)).status, 404);
  }
});

test('answers 403 on loopback to a page whose host name leads here, and beyond it to nobody', async () => {
  assert.equal((await appOn('127.0.0.1')('GET', 'http://rebound.example:9464/metrics')).status, 403);
  assert.equal((await appOn('127.0.0.1')('GET', 'http://localhost:9464/metrics')).status, 200);
  assert.equal((await appOn('0.0.0.0')('GET', 'http://node-1.example:9464/metrics')).status, 200);
});

test('makes the text once for all scrapes that arrive meanwhile, and anew for the next one', async () => {
  const texts: ((text: string) => void)[] = [];
  const request = appOn('127.0.0.1', () => new Promise((resolve) => texts.push(resolve)));
  const scrape = async () => (await request('GET', 'http://127.0.0.1:9464/metrics')).text();
  const scrapes = [scrape(), scrape(), scrape()];
  await settled();
  texts[0]?.('a_metric 1\n');
  assert.deepEqual(await Promise.all(scrapes), Array(3).fill('a_metric 1\n'));
  const next = scrape();
  await settled();
  texts[1]?.('a_metric 2\n');
  assert.equal(await next, 'a_metric 2\n');
  assert.equal(texts.length, 2);
});

test('answers 500 without detail if the metrics fail, and reports why', async () => {
  const request = appOn('127.0.0.1', async () => {
    throw new Error('no metrics');
  });
  const response = await request('GET', 'http://127.0.0.1:9464/metrics');
  assert.deepEqual([response.status, await response.text()], [500, 'Internal error\n']);
  assert.deepEqual(failures, ['no metrics']);
});
