import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
import { BROWSER_SCRIPT } from '../../src/page/browser-script.ts';
import { CALL_SCRIPT } from '../../src/page/call-script.ts';
import { FORM_SCRIPT } from '../../src/page/form-script.ts';
import { hintsOf, parameterText, WORDS_SCRIPT } from '../../src/page/tool-html.ts';
import { PROJECT_ROOT } from '../support/process.ts';

const COMPILER = join(PROJECT_ROOT, 'node_modules/typescript/bin/tsc');
const OPTIONS = '--noEmit --allowJs --checkJs --strict --target es2023 --module esnext --moduleDetection force'.split(
  ' ',
);

type Schema = Record<string, unknown>;

/** A function of the script, run outside of a browser. */
function fromScript(text: string, name: string): unknown {
  const globals = { URL, TextEncoder, btoa, location: { href: 'http://127.0.0.1:3000/' } };
  return runInNewContext(`${text};${name}`, globals);
}

/** A value of another realm as one of this. */
const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;

test('the script of the page is correct by its types, and makes no HTML from text', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'page-script-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const script = CALL_SCRIPT + FORM_SCRIPT + WORDS_SCRIPT + BROWSER_SCRIPT;
  await writeFile(join(folder, 'script.js'), script);
  const args = [COMPILER, ...OPTIONS, '--lib', 'es2023,dom,dom.iterable', '--types', '', join(folder, 'script.js')];
  await promisify(execFile)(process.execPath, args, { cwd: folder }).catch(({ stdout }: { stdout: string }) =>
    assert.fail(stdout),
  );
  assert.doesNotMatch(script, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|localStorage|<\/script/);
});

test('makes an example of the arguments of a tool from its schema', () => {
  const exampleOf = fromScript(FORM_SCRIPT, 'exampleOf') as (schema: Schema) => unknown;
  const type = 'string';
  const cases: [Schema, unknown][] = [
    [
      { type: 'object', properties: { text: { type }, suffix: { type } }, required: ['text'] },
      { text: 'Hello, world' },
    ],
    [{ type: 'object', properties: {} }, {}],
    [{ type, default: 'given' }, 'given'],
    [{ type, enum: ['a', 'b'] }, 'a'],
    [{ type, examples: ['example'], minLength: 3 }, 'example'],
    [{ const: 7 }, 7],
    [{ type, maxLength: 5 }, 'Hello'],
    [{ type, minLength: 14 }, 'Hello, world..'],
    [{ type, format: 'email' }, 'someone@example.com'],
    [{ type: 'integer', minimum: 3 }, 3],
    [{ type: 'number', maximum: 0.5 }, 0.5],
    [{ type: ['boolean', 'null'] }, false],
    [{ type: 'array', items: { type: 'integer' }, minItems: 2 }, [1, 1]],
    [{ anyOf: [{ type: 'boolean' }, { type: 'null' }] }, false],
    [{ $defs: { point: { const: 'p' } }, type: 'array', items: { $ref: '#/$defs/point' } }, ['p']],
    [{ $ref: '#' }, null],
    [{}, null],
  ];
  for (const [schema, example] of cases) assert.deepEqual(plain(exampleOf(schema)), example, JSON.stringify(schema));
});

test('begins with no arguments if no example can be made from the schema', () => {
  const exampleJson = fromScript(FORM_SCRIPT, 'exampleJson') as (schema: Schema) => string;
  const withA = (a: unknown): Schema => ({ properties: { a }, required: ['a'] });
  assert.deepEqual(JSON.parse(exampleJson(withA({ type: 'integer' }))), { a: 1 });
  for (const odd of [
    { $ref: '#/%' },
    { type: 'array', items: {}, minItems: 1e10 },
    { type: 'string', minLength: 1e10 },
  ]) {
    assert.equal(exampleJson(withA(odd)), '{}', JSON.stringify(odd));
  }
});

test('sends the name of a tool, and the parameters that declare a header, as the specification encodes them', () => {
  type CallHeaders = (name: string, schema: Schema, args: Schema) => unknown;
  const callHeaders = fromScript(CALL_SCRIPT, 'callHeaders') as CallHeaders;
  const region = { type: 'string', 'x-mcp-header': 'Region' };
  const nested = { type: 'object', properties: { zone: { type: 'integer', 'x-mcp-header': 'Zone' } } };
  const schema = { type: 'object', properties: { region, nested, other: { type: 'string' } } };
  assert.deepEqual(plain(callHeaders('a-tool', schema, { region: 'eu west', nested: { zone: 4 }, other: 'x' })), {
    'Mcp-Name': 'a-tool',
    'Mcp-Param-Region': 'eu west',
    'Mcp-Param-Zone': '4',
  });
  assert.deepEqual(plain(callHeaders('ü', schema, { region: null })), { 'Mcp-Name': '=?base64?w7w=?=' });
  assert.deepEqual(plain(callHeaders('a', schema, { region: ' x' })), {
    'Mcp-Name': 'a',
    'Mcp-Param-Region': '=?base64?IHg=?=',
  });
});

test('the browser has the same words for hints and types as the server', () => {
  const inBrowser = (name: string) => fromScript(WORDS_SCRIPT, name) as (value: Schema) => unknown;
  const type = 'string';
  const schemas: [Schema, string][] = [
    [{}, 'any'],
    [{ type: 7 }, 'any'],
    [{ type }, 'string'],
    [{ type: [type, 'null'], default: null }, 'string or null, default null'],
    [{ type, enum: ['a', 1] }, 'one of "a", 1'],
    [{ type: 'integer', minimum: 0, maximum: 9, default: 3 }, 'integer, from 0, up to 9, default 3'],
    [{ type: 'integer', minimum: '0' }, 'integer'],
  ];
  for (const [schema, words] of schemas) {
    assert.equal(parameterText(schema), words);
    assert.equal(inBrowser('parameterText')(schema), words);
  }
  const tools: [Parameters<typeof hintsOf>[0], string[]][] = [
    [{}, []],
    [{ annotations: { readOnlyHint: true, destructiveHint: true, openWorldHint: false } }, ['read-only']],
    [{ annotations: { destructiveHint: true, idempotentHint: true } }, ['destructive', 'idempotent']],
    [{ annotations: { openWorldHint: true } }, ['open world']],
  ];
  for (const [tool, words] of tools) {
    assert.deepEqual(hintsOf(tool), words);
    assert.deepEqual(plain(inBrowser('hintsOf')(tool)), words);
  }
});
