import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { StateError, stateJson } from '../../src/context/state-json.ts';

const circular: Record<string, unknown> = {};
circular['self'] = circular;
let deep: unknown[] = [];
for (let level = 0; level < 100_000; level += 1) deep = [deep];

for (const [what, value, expected] of [
  ['null', null, null],
  ['true', true, true],
  ['a number', -1.5, -1.5],
  ['an empty text', '', ''],
  ['a text', 'ü\u2028"\\', 'ü\u2028"\\'],
  ['an array', [1, [null]], [1, [null]]],
  ['an object', { a: { '': 1 } }, { a: { '': 1 } }],
  ['an object without a prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  ['an object of another realm', runInNewContext('({ a: [1] })'), { a: [1] }],
  ['a property that is undefined, by leaving it out', { a: 1, b: undefined }, { a: 1 }],
  ['a date, as its JSON', { at: new Date(0) }, { at: '1970-01-01T00:00:00.000Z' }],
] as [string, unknown, unknown][]) {
  test(`keeps ${what}`, () => {
    assert.deepEqual(JSON.parse(stateJson('key', value)), expected);
  });
}

for (const [what, value, problem] of [
  ['undefined', undefined, /it is undefined.*delete/],
  ['a function', () => {}, /it is a function/],
  ['a symbol', Symbol('s'), /it is a symbol/],
  ['a bigint', 1n, /it is a bigint/],
  ['NaN', NaN, /it is NaN/],
  ['Infinity', Infinity, /it is Infinity/],
  ['NaN in an object', { a: [{ b: NaN }] }, /"b" is NaN/],
  ['a bigint in an array', [1n], /"0" is a bigint/],
  ['a function in an object', { f() {} }, /"f" is a function/],
  ['undefined in an array', [1, undefined], /"1" is undefined/],
  ['a hole in an array', Array(1), /"0" is undefined/],
  ['a map', { seen: new Map() }, /"seen" is an instance of Map/],
  ['a promise that was not awaited', Promise.resolve(1), /it is an instance of Promise/],
  ['an instance of a class', new URLSearchParams('a=1'), /an instance of URLSearchParams/],
  ['bytes', new Uint8Array(3), /an instance of Uint8Array/],
  ['what is JSON of nothing', { toJSON: () => undefined }, /undefined/],
  ['a circle', circular, /it has no JSON \(Converting circular structure to JSON\)\.$/],
  ['what is too deep', deep, /it has no JSON/],
  [
    'what throws',
    {
      toJSON: () => {
        throw new Error('broken');
      },
    },
    /it has no JSON \(broken\)/,
  ],
] as [string, unknown, RegExp][]) {
  test(`refuses ${what}, and says what it is`, () => {
    assert.throws(
      () => stateJson('my "key"', value),
      (error) => {
        assert.ok(error instanceof StateError);
        assert.match(error.message, /^The value of "my \\"key\\"" cannot be kept: /);
        assert.match(error.message, problem);
        return true;
      },
    );
  });
}

test('names the error of a value as the cause', () => {
  const broken = new Error('broken');
  const value = {
    toJSON: () => {
      throw broken;
    },
  };
  assert.throws(
    () => stateJson('key', value),
    (error) => error instanceof StateError && error.cause === broken,
  );
});
