/** Changes to messages and to bytes, as a seed decides. */
import type { Random } from '../support/random.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const KEYS = ['__proto__', 'constructor', 'prototype', 'toString', 'id', 'method', 'params', 'jsonrpc', '_meta', ''];
const TEXTS = ['', ' ', '\0', '\r\n\r\n', '\ud800', '\u2028', 'ﷺ', '../../etc/passwd', '${x}', '%00', '__proto__'];
const NUMBERS = ['-0', '1e999', '-1', '1.5', '9007199254740993', '1'.repeat(400), '1e-400'];
const METHODS = ['tools/list', 'initialize', 'ping', 'notifications/cancelled', 'subscriptions/listen', 'rpc.x', '*'];

/** JSON text of something unexpected. */
function hostileValue(random: Random): string {
  const kinds = [
    () => random.pick(NUMBERS),
    () => JSON.stringify(random.pick(TEXTS)),
    () => JSON.stringify(random.pick(METHODS)),
    () => JSON.stringify('x'.repeat(10 ** random.int(1, 5))),
    () => `[${'[],'.repeat(random.int(0, 300))}[]]`,
    () => '['.repeat(random.int(1, 400)) + ']'.repeat(random.int(1, 400)),
    () => nested(random, 10 ** random.int(1, 5)),
    () => `{${KEYS.map((key) => `${JSON.stringify(key)}:{"x":1}`).join(',')}}`,
    () => random.pick(['null', 'true', '[]', '{}', '""', 'undefined', 'NaN', '"\\ud800"', '"\\x"', '\u0001']),
  ];
  return random.pick(kinds)();
}

function nested(random: Random, levels: number): string {
  const [open, close] = random.pick([
    ['[', ']'],
    ['{"a":', '}'],
    ['[{"a":', '}]'],
  ] as const);
  return `${open.repeat(levels)}1${close.repeat(levels)}`;
}

/** JSON text of `value` with changes at about one place in `rarity`. */
function write(random: Random, value: Json, rarity: number): string {
  if (random.int(1, rarity) === 1) return hostileValue(random);
  if (Array.isArray(value)) return `[${value.map((part) => write(random, part, rarity)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).flatMap(([key, part]) => {
    const name = random.int(1, rarity) === 1 ? random.pick(KEYS) : key;
    const member = `${JSON.stringify(name)}:${write(random, part, rarity)}`;
    const change = random.int(1, rarity * 3);
    if (change === 1) return [];
    if (change === 2) return [member, `${JSON.stringify(key)}:${hostileValue(random)}`];
    return change === 3 ? [`"__proto__":${hostileValue(random)}`, member] : [member];
  });
  return `{${members.join(',')}}`;
}

/** JSON text of `message`, with some of it changed. It may be no JSON any more. */
export function mutatedMessage(random: Random, message: unknown): string {
  return write(random, message as Json, random.pick([4, 8, 16, 32]));
}

const SPLICES = ['\r\n', '\n', '\r', '\0', ':', ' ', '\t', '%', '\x7f', '\xff', ',', ';', 'chunked', '\r\n\r\n'];

/** `bytes` with some changed, left out, doubled or put in. */
export function mutatedBytes(random: Random, bytes: string): Buffer {
  let text = bytes;
  for (let changes = random.int(1, 6); changes > 0; changes -= 1) {
    // The head is short and decides what the rest is, so half of the changes are there.
    const end = random.int(0, 1) === 0 ? Math.max(text.indexOf('\r\n\r\n'), 1) : text.length;
    const at = random.int(0, end);
    const length = random.pick([1, 1, 2, 8, 40]);
    const put = random.pick([
      () => '',
      () => text.slice(at, at + length).repeat(2),
      () => String.fromCharCode(random.int(0, 255)),
      () => random.pick(SPLICES),
      () => `${random.pick(SPLICES)}${text.slice(at, at + length)}`,
    ])();
    text = text.slice(0, at) + put + text.slice(at + length);
  }
  return Buffer.from(text, 'latin1');
}

/** Values for headers that are read: well formed for Node.js, and nothing that the app expects. */
export function hostileHeaderValue(random: Random): string {
  return random.pick([
    () => '',
    () => '__proto__',
    () => 'x'.repeat(random.int(1, 9000)),
    () => `,${' ,'.repeat(random.int(1, 4000))}`,
    () => `"${'\\'.repeat(random.int(1, 999))}`,
    () => `a;${'q=0;'.repeat(random.int(1, 2000))}`,
    () => String.fromCharCode(...Array.from({ length: random.int(1, 40) }, () => random.int(0x80, 0xff))),
    () => `=?base64?${'A'.repeat(random.int(0, 50))}?=`,
    () => random.pick(['*/*;q=0', 'application/json;q=x', 'text/*', '2026-07-28', '2025-11-25', '1999-01-01', 'null']),
    () => random.pick(['http://localhost', 'file://', 'http://[::1', 'javascript:1', 'http://evil.example', '//']),
    () => random.pick(['1._GET_stream', '0', '-1', '../..', '%0d%0aX-A: b', 'a\tb', '1.deadbeef._GET_stream']),
  ])();
}
