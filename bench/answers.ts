/** Checks answers. A contender with a wrong answer is out of the run, since its speed would mean nothing. */
import { isDeepStrictEqual } from 'node:util';
import { headerOf, type Answer } from './answer-reader.ts';

/** The part of a JSON-RPC message that is checked. */
export interface Message {
  id?: unknown;
  method?: string;
  params?: { progress?: number };
  result?: Record<string, unknown>;
  error?: unknown;
}

/** A call, and its expected answer. */
export interface Expected {
  text: string;
  structuredContent: Record<string, unknown>;
  /** Fewest progress notifications before the result. @default 0 */
  progress?: number;
}

/** The messages in an answer: the JSON body, or the events of a stream. */
export function messagesIn({ head, body }: Answer): Message[] {
  const type = headerOf(head, 'content-type') ?? '';
  const text = body.toString();
  if (type.startsWith('application/json')) return [JSON.parse(text) as Message];
  if (!type.startsWith('text/event-stream')) throw new Error(`Content-Type ${type}`);
  return text.split(/\r?\n\r?\n/).flatMap((event) => {
    const lines = event.split(/\r?\n/).filter((line) => line.startsWith('data:'));
    const data = lines.map((line) => line.slice(5).trimStart()).join('\n');
    return data === '' ? [] : [JSON.parse(data) as Message];
  });
}

/** What is wrong with the answer to call `id`; `undefined` if it is right. */
export function problemWith(answer: Answer, id: number, expected: Expected): string | undefined {
  if (answer.status !== 200) return `status ${answer.status}: ${shown(answer)}`;
  let messages: Message[];
  try {
    messages = messagesIn(answer);
  } catch (error) {
    return `unreadable (${String(error)}): ${shown(answer)}`;
  }
  const answers = messages.filter((message) => message.method === undefined);
  const [message] = answers;
  if (answers.length !== 1 || message?.id !== id) return `not the answer to ${id}: ${shown(answer)}`;
  const { result } = message;
  if (result === undefined || result['isError'] === true) return `no result: ${shown(answer)}`;
  const right =
    isDeepStrictEqual(result['content'], [{ type: 'text', text: expected.text }]) &&
    isDeepStrictEqual(result['structuredContent'], expected.structuredContent);
  if (!right) return `wrong result: ${shown(answer)}`;
  const progress = messages.filter((each) => each.method === 'notifications/progress').length;
  if (progress < (expected.progress ?? 0)) return `${progress} progress notifications instead of ${expected.progress}`;
  return undefined;
}

/**
 * A quick version of that check for every answer under load, where parsing each would cost more than serving it:
 * it checks the status, and that the body contains the id and the structured result as `JSON.stringify` writes them.
 */
export function createQuickCheck(structuredContent: object): (answer: Answer, id: number) => boolean {
  const result = Buffer.from(`"structuredContent":${JSON.stringify(structuredContent)}`);
  return ({ status, body }, id) => status === 200 && body.includes(result) && body.includes(`"id":${id}`);
}

/** Whether an answer refuses arguments that the tool's schema does not allow: as a tool error, or as a protocol error. */
export function isRefusal(answer: Answer): boolean {
  if (answer.status !== 200) return answer.status >= 400 && answer.status < 500;
  const message = messagesIn(answer).find(({ method }) => method === undefined);
  return message !== undefined && (message.error !== undefined || message.result?.['isError'] === true);
}

function shown({ body }: Answer): string {
  return body.toString().slice(0, 300).trim();
}
