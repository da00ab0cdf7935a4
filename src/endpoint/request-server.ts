/** Prepares the server of one request of 2026-07-28 for the SDK's handler, which connects it to a transport of its own. */
import {
  SdkError,
  SdkErrorCode,
  type JSONRPCMessage,
  type McpServer,
  type Server,
  type Transport,
} from '@modelcontextprotocol/server';
import { errorOf } from '../transport/call.ts';
import { protocolOf } from '../transport/single-exchange.ts';

/** Options for {@link prepareServer}. */
export interface PrepareServerOptions {
  /** Receives the error of a server that cannot be closed. */
  onerror: (error: Error) => void;
  /** Whether the call is over. */
  isOver: () => boolean;
  /** Called with the method of a notification that belongs to no call, so that nobody hears it. */
  onunheard: (method: string) => void;
  /** Called with each answer, before it is sent. */
  onanswer: (answer: JSONRPCMessage) => void;
}

/**
 * Has a server close if it cannot send its answer, keeps it from starting when its call is over, and watches what it
 * says: answers, and what nobody hears.
 */
export function prepareServer(server: McpServer | Server, options: PrepareServerOptions): void {
  const { onerror, isOver } = options;
  const protocol = protocolOf(server);
  closeUnanswered(protocol, onerror);
  const connect = protocol.connect.bind(protocol);
  const connectUnlessOver = async (transport: Transport) => {
    // Building it, and asking for scopes, may have taken until then.
    if (isOver()) throw new SdkError(SdkErrorCode.ConnectionClosed, 'The call is over');
    watchSent(transport, options);
    return connect(transport);
  };
  protocol.connect = connectUnlessOver;
}

/**
 * Has `protocol` close if it cannot send its answer, such as a circular one, or if a handler throws `null`. The SDK reports
 * that error, but leaves the client waiting. Errors are told apart by their text alone, as they have no type.
 *
 * @see https://github.com/modelcontextprotocol/typescript-sdk/pull/2521
 */
function closeUnanswered(protocol: Server, report: (error: Error) => void): void {
  const { onerror } = protocol;
  const close = async () => {
    try {
      await protocol.close();
    } catch (failure) {
      report(errorOf(failure));
    }
  };
  const closeIfUnsent = (error: Error) => {
    onerror?.(error);
    if (error.message.startsWith('Failed to send response')) void close();
  };
  protocol.onerror = closeIfUnsent;
}

/** Tells of answers, and of notifications that belong to no call: the SDK's transport for one request drops those. */
function watchSent(transport: Transport, { onunheard, onanswer }: PrepareServerOptions): void {
  const send = transport.send.bind(transport);
  const watched: Transport['send'] = (message, options) => {
    const isNotification = 'method' in message && !('id' in message);
    if (isNotification && options?.relatedRequestId === undefined) onunheard(message.method);
    if (!('method' in message)) onanswer(message);
    return send(message, options);
  };
  transport.send = watched;
}
