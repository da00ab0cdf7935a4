/**
 * Asks the server on this machine whether it is ready: the health check of a container, whose image needs no curl for it.
 *
 * `node dist/node/healthcheck.js` reads `HOST` and `PORT` as the server does. It prints one line, and ends with code 0 if
 * `/readyz` answers 200, which a `degraded` server does, too: restarting it would not bring its engines back. Otherwise, or
 * without an answer in time, it ends with code 1.
 */
import { get } from 'node:http';
import { isWildcard, urlHostname } from '../security/loopback.ts';

/** How long to wait for the answer, in milliseconds. Docker's own limit is 30 seconds, that of Kubernetes 1 second. */
const TIMEOUT_MS = 3000;
/** Most of the answer that is printed. */
const MAX_CHARS = 100;

const host = reachableHost(process.env['HOST']?.trim() || '127.0.0.1');
const port = process.env['PORT']?.trim() || '3000';
const url = `http://${urlHostname(host)}:${port}/readyz`;

try {
  if (Number(port) === 0) throw new Error('PORT=0 takes any free port: set PORT to check a fixed one');
  const { status, text } = await ask();
  finish(status === 200, `${url} answers ${status} ${JSON.stringify(text.slice(0, MAX_CHARS))}`);
} catch (error) {
  const { name, message } = error as Error;
  finish(false, name === 'AbortError' ? `${url} does not answer within ${TIMEOUT_MS} ms` : `${url}: ${message}`);
}

/** Where to connect to a server that listens on `address`: a wildcard is not an address. `listen` takes localhost for IPv4. */
function reachableHost(address: string): string {
  if (isWildcard(address)) return address.includes(':') ? '::1' : '127.0.0.1';
  return address === 'localhost' ? '127.0.0.1' : address;
}

function ask(): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const request = get(url, { agent: false, signal }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, text }));
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}

function finish(isHealthy: boolean, line: string): void {
  process.stdout.write(`${line}\n`);
  process.exitCode = isHealthy ? 0 : 1;
}
