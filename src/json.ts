/** JSON from strangers. */

/** The value of `text`, or `undefined`, which no JSON text stands for. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether `value` has more than `levels` arrays and objects in each other. */
export function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((part) => isDeeperThan(levels - 1, part));
}

/** Whether there are more than `limit` values in `value`, at any depth. */
export function hasMoreValuesThan(limit: number, value: unknown): boolean {
  let left = limit;
  const isOver = (part: unknown): boolean =>
    typeof part === 'object' && part !== null && Object.values(part).some((inner) => --left < 0 || isOver(inner));
  return isOver(value);
}

/** The parameters of the messages in `body`, one or several, without what is input of tools and prompts. */
export function paramsBesideInput(body: unknown): unknown[] {
  return [body].flat().map((message: unknown) => {
    if (typeof message !== 'object' || message === null || !('params' in message)) return undefined;
    const {
      arguments: _arguments,
      inputResponses: _responses,
      ...rest
    } = Object(message.params) as Record<string, unknown>;
    return rest;
  });
}

/** The method that `body` names, when it is a single JSON-RPC message that names one. */
export function methodOf(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('method' in body)) return undefined;
  return typeof body.method === 'string' ? body.method : undefined;
}
