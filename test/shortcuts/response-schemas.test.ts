import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  JSONRPCErrorResponseSchema,
  JSONRPCRequestSchema,
  JSONRPCResultResponseSchema,
} from '@modelcontextprotocol/core';
import { isJSONRPCErrorResponse, isJSONRPCRequest, isJSONRPCResultResponse } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { refuseOthersEarly } from '../../src/shortcuts/response-schemas.ts';

// As an entry does.
refuseOthersEarly();

/** Something that says whether the SDK looked for what responses have. */
function message(members: Record<string, unknown>) {
  let asked = false;
  const value = Object.defineProperty({ jsonrpc: '2.0', id: 1, ...members }, 'result', {
    enumerable: true,
    get() {
      asked = true;
      return {};
    },
  });
  return { value, wasAsked: () => asked };
}

test('does not check whether what has a method is a response', () => {
  const { value, wasAsked } = message({ method: 'ping' });
  assert.deepEqual([isJSONRPCResultResponse(value), isJSONRPCErrorResponse(value), wasAsked()], [false, false, false]);
  const response = message({});
  assert.deepEqual([isJSONRPCResultResponse(response.value), response.wasAsked()], [true, true]);
});

test('does not check whether what has no id is a request', () => {
  let asked = false;
  const method = {
    enumerable: true,
    get() {
      asked = true;
      return 'ping';
    },
  };
  const wasAsked = (value: object) => [isJSONRPCRequest(Object.defineProperty(value, 'method', method)), asked];
  assert.deepEqual(wasAsked({ jsonrpc: '2.0' }), [false, false]);
  assert.deepEqual(wasAsked({ jsonrpc: '2.0', id: 1 }), [true, true]);
});

for (const [what, value] of Object.entries({
  'a request': { jsonrpc: '2.0', id: 1, method: 'ping' },
  'a response that has a method': { jsonrpc: '2.0', id: 1, result: {}, method: 'ping' },
  'a result': { jsonrpc: '2.0', id: 1, result: {} },
  'an error': { jsonrpc: '2.0', id: 1, error: { code: 1, message: '' } },
  'a notification': { jsonrpc: '2.0', method: 'ping' },
  'what inherits an id': Object.assign(Object.create({ id: 1 }) as object, { jsonrpc: '2.0', method: 'ping' }),
  'what inherits a method': Object.create({ method: 'ping' }) as unknown,
  'a list': ['method'],
  nothing: null,
})) {
  test(`finds the same wrong with ${what} as a response and as a request`, () => {
    for (const schema of [JSONRPCResultResponseSchema, JSONRPCErrorResponseSchema, JSONRPCRequestSchema]) {
      const { success, error } = schema.safeParse(value);
      const expected = z.safeParse(schema as z.ZodType, value);
      assert.deepEqual([success, error?.issues], [expected.success, expected.error?.issues]);
    }
  });
}
