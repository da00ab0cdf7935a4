import type { McpServer, ServerContext } from '@modelcontextprotocol/server';
import { rpc, type LegacySession, type SseEvent } from './app.ts';
import type { Tool } from './fixture.ts';

/** A call that says what the test tells it to, until the test lets it end. */
export interface Speech {
  context: ServerContext;
  /** Says `text` on the stream of the call. */
  say: (text: string) => Promise<void>;
  /** Says `text` on the GET stream. */
  tell: (text: string) => Promise<void>;
  /** Ends the call with `text`. */
  end: (text: string) => void;
}

/** A tool named `speak`, and its calls in the order they came. */
export interface Speaker {
  tools: { speak: Tool };
  /** The next call that was not asked for yet, once it has come. */
  next: () => Promise<Speech>;
}

export function createSpeaker(): Speaker {
  const speeches: Speech[] = [];
  const waiting: ((speech: Speech) => void)[] = [];
  const tool: Tool = ({ context, server }) =>
    new Promise((resolve) => {
      const speech = createSpeech(context, server, resolve);
      const whoWaits = waiting.shift();
      if (whoWaits) whoWaits(speech);
      else speeches.push(speech);
    });
  return {
    tools: { speak: tool },
    next: () => {
      const speech = speeches.shift();
      return speech ? Promise.resolve(speech) : new Promise((resolve) => waiting.push(resolve));
    },
  };
}

function createSpeech(context: ServerContext, server: McpServer, end: (text: string) => void): Speech {
  return {
    context,
    say: (text) => context.mcpReq.log('info', text),
    tell: (text) => server.sendLoggingMessage({ level: 'info', data: text }, context.sessionId),
    end,
  };
}

/** Calls `speak`. */
export function speak(session: LegacySession, id?: string | number): Promise<Response> {
  return session.post(rpc('tools/call', { name: 'speak', arguments: {} }, id));
}

/** What is said in events: `priming`, the text of a log message, `= text` for a result, `! code` for an error. */
export function said(...events: SseEvent[]): string[] {
  return events.map(({ message }) => {
    if (!message) return 'priming';
    const { params, result, error } = message as {
      params?: { data: string };
      result?: { content: { text: string }[] };
      error?: { code: number };
    };
    if (error) return `! ${error.code}`;
    return params ? params.data : `= ${JSON.parse(result?.content[0]?.text ?? 'null')}`;
  });
}
