/** Requests with a Host and an address of their own, which `fetch` does not have. */
import { request } from 'node:http';
import { text } from 'node:stream/consumers';

export interface PlainRequest {
  /** @default 'GET' */
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: unknown;
  /** The address that the client has, such as 127.0.0.2. @default that of the machine */
  from?: string;
}

export interface PlainAnswer {
  status: number | undefined;
  headers: NodeJS.Dict<string | string[]>;
  body: string;
}

/** Sends a request to `port` on a connection of its own, and reads the whole answer. */
export function send(port: number, { method = 'GET', path, headers, body, from }: PlainRequest): Promise<PlainAnswer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method, path, headers, agent: false, localAddress: from };
    const sent = request(options, (response) => {
      const { statusCode: status, headers: received } = response;
      text(response).then((read) => resolve({ status, headers: received, body: read }), reject);
    });
    sent.once('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
