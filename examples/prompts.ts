/** Prompts: templates that a user picks from a menu. The client proposes values for their arguments while they are typed. */
import { completable, McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';

const FRAMEWORKS = new Map([
  ['python', ['django', 'fastapi', 'flask']],
  ['ruby', ['rails', 'sinatra']],
  ['typescript', ['express', 'fastify', 'hono']],
]);

const startingWith = (start: string, words: Iterable<string>) =>
  Array.from(words).filter((word) => word.startsWith(start.toLowerCase()));

// Not in `cachedSchema`, behind which the SDK would not find the completions.
const planArguments = z.object({
  language: completable(z.string().describe('The programming language'), (start) =>
    startingWith(start, FRAMEWORKS.keys()),
  ),
  // What has been filled in before decides what is proposed.
  framework: completable(z.string().describe('The web framework'), (start, context) =>
    startingWith(start, FRAMEWORKS.get(context?.arguments?.['language'] ?? '') ?? []),
  ),
});

/** Builds a server with two prompts. */
export function createMcpServer(): McpServer {
  const server = new McpServer({ name: 'prompts', version: '1.0.0' });

  server.registerPrompt(
    'plan-service',
    { title: 'Plan a web service', description: 'Asks for the first steps of a service', argsSchema: planArguments },
    ({ language, framework }) => {
      const text = `I want to build a web service in ${language} with ${framework}. What are the first five steps?`;
      return { messages: [{ role: 'user', content: { type: 'text', text } }] };
    },
  );

  server.registerPrompt('explain-error', { description: 'Asks what the last error means' }, () => ({
    messages: [{ role: 'user', content: { type: 'text', text: 'Explain the last error message to me.' } }],
  }));
  return server;
}
