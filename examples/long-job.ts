/** A long job: it reports progress, stops when it is cancelled, and logs to the client when it is done. */
import { McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { cachedSchema, nextTurn } from '../src/tools.ts';

/** How many numbers are checked in one go, in about a millisecond. All other calls of this process wait for that long. */
const STEP = 10_000;

const countPrimes = {
  description: 'Count the prime numbers below a number.',
  annotations: { title: 'Count primes', readOnlyHint: true },
  inputSchema: cachedSchema(z.object({ below: z.int().min(2).max(5_000_000) })),
  outputSchema: cachedSchema(z.object({ primes: z.int() })),
};

/** Builds a server with a tool that takes its time. */
export function createMcpServer(): McpServer {
  const server = new McpServer({ name: 'primes', version: '1.0.0' }, { capabilities: { logging: {} } });

  server.registerTool('count-primes', countPrimes, async ({ below }, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken;
    let primes = 0;
    for (let from = 2; from < below; from += STEP) {
      const to = Math.min(from + STEP, below);
      primes += primesBetween(from, to);
      if (progressToken !== undefined) {
        const params = { progressToken, progress: to, total: below };
        await mcpReq.notify({ method: 'notifications/progress', params });
      }
      // Lets other calls run, and a cancellation arrive.
      await nextTurn();
      mcpReq.signal.throwIfAborted();
    }
    // Sent if the client's log level allows it.
    await mcpReq.log('info', `Checked ${below - 2} numbers`, 'count-primes');
    return { content: [{ type: 'text', text: String(primes) }], structuredContent: { primes } };
  });
  return server;
}

function primesBetween(from: number, to: number): number {
  let primes = 0;
  for (let number = from; number < to; number += 1) if (isPrime(number)) primes += 1;
  return primes;
}

function isPrime(number: number): boolean {
  for (let divisor = 2; divisor * divisor <= number; divisor += 1) if (number % divisor === 0) return false;
  return true;
}
