/** The prompts that the suite's scenarios list, get and complete. */
import {
  acceptedContent,
  completable,
  inputRequired,
  type GetPromptResult,
  type InputRequiredResult,
  type McpServer,
} from '@modelcontextprotocol/server';
import * as z from 'zod';
import { embedded, image, text } from './content.ts';

const CITIES = ['Tartu', 'Tampere', 'Trondheim', 'Turku'];
const subject = z.object({ context: z.string() });

export function registerPrompts(server: McpServer): void {
  server.registerPrompt('test_simple_prompt', { description: 'One message' }, () =>
    fromUser(text('Say something nice.')),
  );
  server.registerPrompt(
    'test_prompt_with_arguments',
    {
      description: 'A message made of two arguments',
      argsSchema: z.object({
        arg1: completable(z.string().describe('Where from'), startingWith(CITIES)),
        arg2: completable(z.string().describe('Where to'), startingWith(CITIES)),
      }),
    },
    ({ arg1, arg2 }) => fromUser(text(`How do I get from ${arg1} to ${arg2}?`)),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    {
      description: 'A message that carries a resource',
      argsSchema: z.object({ resourceUri: z.string().describe('URI of the resource') }),
    },
    ({ resourceUri }) =>
      fromUser(embedded(resourceUri, 'text/plain', 'What the resource says.'), text('Sum that up for me.')),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'A message that carries a picture' }, () =>
    fromUser(image, text('What is in this picture?')),
  );
  server.registerPrompt(
    'test_input_required_result_prompt',
    { description: 'A message about what the user says when asked' },
    ({ mcpReq }): GetPromptResult | InputRequiredResult => {
      const answer = acceptedContent(mcpReq.inputResponses, 'user_context', subject);
      if (answer) return fromUser(text(`Tell me more about ${answer.context}.`));
      const user_context = inputRequired.elicit({ message: 'What should it be about?', requestedSchema: subject });
      return inputRequired({ inputRequests: { user_context } });
    },
  );
}

function fromUser(...contents: GetPromptResult['messages'][number]['content'][]): GetPromptResult {
  return { messages: contents.map((content) => ({ role: 'user', content })) };
}

function startingWith(words: string[]) {
  return (value: string) => words.filter((word) => word.toLowerCase().startsWith(value.toLowerCase()));
}
