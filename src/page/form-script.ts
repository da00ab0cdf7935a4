/**
 * The part of the page's script that calls a tool: the form with an example of its arguments, and the answer in words.
 * `call-script.ts` sends the call.
 *
 * It puts text into elements and never HTML, which the page's Content-Security-Policy enforces (Trusted Types).
 */

/** Plain JavaScript, for the module in the page. It uses what `CALL_SCRIPT` and `BROWSER_SCRIPT` declare. */
export const FORM_SCRIPT = String.raw`
/**
 * A value that fits a schema: what it names as a default or an example, and otherwise the simplest of its type. An object
 * has only what is required.
 *
 * @param {Json} schema
 * @param {Json} [root]
 * @param {number} [depth]
 * @returns {unknown}
 */
function exampleOf(schema, root = schema, depth = 0) {
  if (typeof schema !== 'object' || schema === null || depth > 6) return null;
  if (typeof schema.$ref === 'string') return exampleOf(pointedAt(root, schema.$ref), root, depth + 1);
  for (const given of [schema.default, schema.const, schema.examples?.[0], schema.enum?.[0]]) {
    if (given !== undefined) return given;
  }
  const [choice] = schema.anyOf ?? schema.oneOf ?? schema.allOf ?? [];
  if (choice) return exampleOf(choice, root, depth + 1);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case 'object':
      return Object.fromEntries(
        (schema.required ?? []).map((/** @type {string} */ name) => [
          name,
          exampleOf(schema.properties?.[name], root, depth + 1),
        ]),
      );
    case 'array':
      return schema.items ? Array(Math.max(1, schema.minItems ?? 0)).fill(exampleOf(schema.items, root, depth + 1)) : [];
    case 'integer':
    case 'number':
      return schema.minimum ?? Math.min(1, schema.maximum ?? 1);
    case 'boolean':
      return false;
    case 'string':
      return exampleText(schema);
    default:
      return null;
  }
}

/** @param {Json} schema */
function exampleText({ format, maxLength, minLength = 0 }) {
  /** @type {Record<string, string>} */
  const formats = {
    date: '2026-01-31',
    time: '12:00:00Z',
    'date-time': '2026-01-31T12:00:00Z',
    email: 'someone@example.com',
    uri: 'https://example.com/',
    uuid: '123e4567-e89b-42d3-a456-426614174000',
  };
  return formats[format] ?? 'Hello, world'.padEnd(minLength, '.').slice(0, maxLength);
}

/** An example of the arguments. No tool may keep the others from being called, whatever its schema is. @param {Json} schema */
function exampleJson(schema) {
  try {
    return JSON.stringify(exampleOf({ type: 'object', ...schema }), null, 2);
  } catch {
    return '{}';
  }
}

/** @param {Json} root @param {string} pointer */
function pointedAt(root, pointer) {
  const steps = pointer.replace(/^#\/?/, '').split('/').filter(Boolean);
  return steps.reduce((node, step) => node?.[decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')], root);
}

/** @param {HTMLElement} outcome @param {string} text @param {boolean} isGood @param {string} [detail] */
function tell(outcome, text, isGood, detail = '') {
  outcome.classList.toggle('bad', !isGood);
  outcome.replaceChildren(element('p', text, 'verdict'), ...(detail === '' ? [] : [element('pre', detail)]));
}

/** What went wrong, in words; undefined if nothing did. @param {Exchange} exchange */
function failureOf({ status, headers, message }) {
  const seconds = headers.get('retry-after');
  const again = seconds === null ? '' : ' Try again in ' + seconds + ' seconds.';
  const challenge = headers.get('www-authenticate') ?? '';
  const reason = message?.error?.message ?? message?.error_description ?? '';
  if (status === 401) return 'The server needs a token, and this one is missing, wrong or expired.';
  if (status === 403 && challenge !== '') {
    const scope = /scope="([^"]*)"/.exec(challenge)?.[1] ?? '';
    return 'The token may not do this' + (scope === '' ? '.' : ': it needs the scope ' + scope + '.');
  }
  if (status === 403) {
    return reason + ': the server does not take calls from this page. MCP_PUBLIC_URL or MCP_ALLOWED_ORIGINS must name ' + location.origin + '.';
  }
  if (status === 429) return 'Too many requests.' + again;
  if (status === 503) return 'The server is unavailable.' + again;
  if (message?.error) return 'The server answered with an error: ' + reason;
  if (!message?.result) return 'The server gave no answer that this page can read (HTTP ' + status + ').';
  return undefined;
}

/** @param {HTMLElement} outcome @param {Json} result */
function tellResult(outcome, result) {
  if (result.resultType === 'input_required') {
    return tell(outcome, 'The tool asks its user something first. This page cannot answer; a client can.', false);
  }
  const texts = (result.content ?? []).map((/** @type {Json} */ { type, text, uri, mimeType }) =>
    type === 'text' ? text : '(' + [type, uri, mimeType].filter(Boolean).join(', ') + ')',
  );
  return tell(outcome, result.isError ? 'The tool reports an error.' : 'The tool has answered.', !result.isError, texts.join('\n'));
}

/** Adds the form that calls a tool. @param {HTMLElement} tool */
function addForm(tool) {
  const name = tool.dataset.tool ?? '';
  const schema = JSON.parse(find(tool, '.input-schema').textContent ?? '{}');
  const form = cloned('call-template');
  const area = /** @type {HTMLTextAreaElement} */ (find(form, 'textarea'));
  const cancel = find(form, '.cancel');
  const outcome = find(form, '.outcome');
  const send = /** @type {HTMLButtonElement} */ (find(form, '.primary'));
  send.textContent = 'Call ' + name;
  area.value = exampleJson(schema);
  area.rows = Math.min(16, Math.max(3, area.value.split('\n').length));
  /** @type {AbortController | undefined} */
  let running;
  cancel.addEventListener('click', () => running?.abort());
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const args = parsed(area.value);
    if (!args || Array.isArray(args)) return tell(outcome, 'The arguments are not a JSON object.', false);
    if (running) return undefined;
    running = new AbortController();
    cancel.hidden = false;
    tell(outcome, 'Calling…', true);
    await call(form, { name, schema, args, signal: running.signal });
    // A hidden button would lose the focus to the page.
    if (document.activeElement === cancel) send.focus();
    cancel.hidden = true;
    running = undefined;
  });
  find(tool, '.schemas').before(form);
}

/**
 * @param {HTMLElement} form
 * @param {{ name: string, schema: Json, args: Json, signal: AbortSignal }} options
 */
async function call(form, { name, schema, args, signal }) {
  const outcome = find(form, '.outcome');
  const onprogress = (/** @type {Json} */ { progress, total, message = '' }) =>
    tell(outcome, 'Progress: ' + progress + (total === undefined ? '' : ' of ' + total) + ' ' + message, true);
  try {
    const headers = callHeaders(name, schema, args);
    const exchange = await callServer('tools/call', { name, arguments: args }, { headers, signal, onprogress });
    find(form, '.wire').hidden = false;
    write(form, '.request', exchange.sent);
    write(form, '.answer', exchange.received);
    const failure = failureOf(exchange);
    if (failure === undefined) tellResult(outcome, exchange.message?.result);
    else tell(outcome, failure, false);
  } catch (error) {
    tell(outcome, signal.aborted ? 'Cancelled.' : unreachable(error), false);
  }
}

/** @param {unknown} error */
function unreachable(error) {
  return 'The request could not be sent, or its answer could not be read: ' + error;
}
`;
