/** Turns the values that tools keep into JSON, and refuses what would not come back as it went in. */

/** A key or value that cannot be kept, or a scope that does not exist. The message says what to do. */
export class StateError extends Error {
  override name = 'StateError';
}

/**
 * The JSON of a value: null, a boolean, a finite number, a string, or an array or plain object of these.
 *
 * As usual, properties that are `undefined` are left out, and an object with a `toJSON` method, such as a `Date`, counts
 * as what the method returns. Anything else that JSON cannot express, or would change without a word (`NaN`, functions,
 * a `Map`, instances of classes, `undefined` in an array …), throws a {@link StateError}.
 *
 * @param key - The key of the value, for the message.
 */
export function stateJson(key: string, value: unknown): string {
  const refuse = (problem: string, cause?: unknown) =>
    new StateError(`The value of ${JSON.stringify(key)} cannot be kept: ${problem}.`, { cause });
  function check(this: unknown, name: string, part: unknown): unknown {
    const problem = problemOf(part, this);
    if (problem === undefined) return part;
    throw refuse(`${name === '' ? 'it' : JSON.stringify(name)} is ${problem}, which JSON cannot express`);
  }
  let text: string | undefined;
  try {
    text = JSON.stringify(value, check);
  } catch (error) {
    if (error instanceof StateError) throw error;
    // It is circular or nested too deeply, or one of its own functions has failed.
    const [line] = error instanceof Error ? error.message.split('\n') : [String(error)];
    throw refuse(`it has no JSON (${line})`, error);
  }
  if (text === undefined) throw refuse('it is undefined. To remove a value, use delete');
  return text;
}

/** @param holder - What it is a part of. The whole value is a part of a plain object, too. */
function problemOf(part: unknown, holder: unknown): string | undefined {
  switch (typeof part) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(part) ? undefined : String(part);
    case 'object':
      return part === null || Array.isArray(part) || isPlain(part) ? undefined : `an instance of ${nameOf(part)}`;
    case 'undefined':
      return Array.isArray(holder) ? 'undefined' : undefined;
    default:
      return `a ${typeof part}`;
  }
}

/** Whether the prototype of an object is that of object literals, in whichever realm, or none. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function nameOf({ constructor }: object): string {
  return typeof constructor === 'function' ? constructor.name : 'a class';
}
