/** Before any load: whether a contender serves what it should. Who does not is named with the reason, not measured. */
import { isDeepStrictEqual } from 'node:util';
import { isRefusal, messagesIn, problemWith } from './answers.ts';
import { INVALID_CALL, type CallWithAnswer } from './calls.ts';
import { openClient } from './connection.ts';
import { createCallRequest, FIRST_ID, messageRequest, type Era } from './requests.ts';

interface Schema {
  properties?: Record<string, Record<string, unknown>>;
  required?: string[];
}

interface ToolList {
  tools?: { name: string; inputSchema?: Schema }[];
}

/** What is compared of the schema of `slugify`: for each argument, what it may be. */
const ARGUMENTS = {
  text: { type: 'string', maxLength: 10_000 },
  separator: { type: 'string', enum: ['-', '_', '.', '~'] },
  lowercase: { type: 'boolean' },
  maxLength: { type: 'integer', minimum: 1, maximum: 10_000 },
  characters: { type: 'string', enum: ['auto', 'ascii', 'unicode'] },
};

/**
 * Asks a server for its tools, makes the call and one that must be refused. Rejects with what is wrong.
 *
 * @param toolCount - The expected number of tools.
 */
export async function verify(port: number, era: Era, { call, expected }: CallWithAnswer, toolCount = 2): Promise<void> {
  const { client, connection } = await openClient(port, era);
  try {
    if (era !== 'floor') {
      const list = await connection.send(messageRequest(client, { id: FIRST_ID, method: 'tools/list' }));
      const result = messagesIn(list).find((message) => message.result)?.result as ToolList | undefined;
      const problem = problemWithTools(result, toolCount);
      if (problem) throw new Error(problem);
      const refusal = await connection.send(createCallRequest(client, INVALID_CALL)(FIRST_ID + 1));
      if (!isRefusal(refusal)) throw new Error(`takes wrong arguments: ${refusal.body.toString().slice(0, 300)}`);
    }
    const id = FIRST_ID + 2;
    const problem = problemWith(await connection.send(createCallRequest(client, call)(id)), id, expected);
    if (problem) throw new Error(problem);
  } finally {
    connection.close();
  }
}

/** What is wrong with the answer to `tools/list`, or `undefined`. */
export function problemWithTools(list: ToolList | undefined, count: number): string | undefined {
  const tools = list?.tools ?? [];
  if (tools.length !== count) return `${tools.length} tools instead of ${count}`;
  const { properties = {}, required } = tools.find(({ name }) => name === 'slugify')?.inputSchema ?? {};
  const differs = Object.entries(ARGUMENTS).find(([name, wanted]) => {
    const property = properties[name] ?? {};
    return Object.entries(wanted).some(([keyword, value]) => !isDeepStrictEqual(property[keyword], value));
  });
  if (differs) return `slugify takes another ${differs[0]}: ${JSON.stringify(properties[differs[0]])}`;
  return required?.includes('text') ? undefined : 'slugify does not require a text';
}
