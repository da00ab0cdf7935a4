/** Whatever a client puts into its requests, none of it is in metrics or spans. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import * as api from '@opentelemetry/api';
import { createTracing } from '../../src/signals/open-telemetry.ts';
import { testApp } from '../support/app.ts';
import { fixture } from '../support/fixture.ts';
import { testMetrics } from '../support/metrics.ts';
import { startSdk } from '../support/open-telemetry.ts';
import { leaksIn, SECRETIVE_TOOLS, sendSecrets } from '../support/secret-client.ts';

const TOKEN = 'a-token-that-is-given-out-0123456789';
const TOKENS = { MCP_AUTH_TOKENS: `alice:${TOKEN}` };
const sdk = startSdk();
after(() => sdk.stop());

for (const [name, env] of Object.entries({
  'with sessions': TOKENS,
  'without the shortcuts around the SDK': { ...TOKENS, MCP_SHORTCUTS: 'off' },
  'without sessions': { MCP_SESSIONS: 'stateless' },
})) {
  test(`a server ${name} tells no secret of a client in metrics and spans`, async () => {
    sdk.spans();
    const metrics = testMetrics();
    const { createServer } = fixture(SECRETIVE_TOOLS);
    const app = testApp({ LOG_LEVEL: 'silent', ...env }, { createServer, metrics, tracing: createTracing(api) });
    const traffic = await sendSecrets(async (request) => app.fetch(request), TOKEN);
    const spans = sdk.spans();
    const { size } = await metrics.read();
    assert.ok(
      traffic.secrets.length > 800 && spans.length > 30 && size > 200,
      `${spans.length} spans, ${size} samples`,
    );
    assert.deepEqual(leaksIn(traffic, [await metrics.text()]), []);
    const told = spans.map((span) =>
      JSON.stringify([
        span.name,
        span.attributes,
        span.status,
        span.events,
        span.links,
        span.spanContext(),
        span.resource.attributes,
      ]),
    );
    assert.deepEqual(leaksIn(traffic, told), []);
  });
}
