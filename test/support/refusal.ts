import assert from 'node:assert/strict';

/** How a request is refused. */
export interface Refusal {
  status: number;
  /** The code of the JSON-RPC error. */
  code: number;
  /** The id that the error answers. @default null */
  id?: string | number | null;
  /** Headers that must have these values. */
  headers?: Record<string, string>;
}

/** Checks that `response` is a refusal with a JSON-RPC body; returns the message of its error. */
export async function assertRefused(response: Response, { status, code, id = null, headers = {} }: Refusal) {
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
  const body = (await response.json()) as { jsonrpc: string; id: unknown; error: { code: number; message: string } };
  assert.deepEqual(
    { status: response.status, jsonrpc: body.jsonrpc, code: body.error.code, id: body.id },
    { status, jsonrpc: '2.0', code, id },
  );
  for (const [name, value] of Object.entries(headers)) assert.equal(response.headers.get(name), value);
  assert.ok(body.error.message.length > 0);
  return body.error.message;
}
