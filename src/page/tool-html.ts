/**
 * One tool on the page: what it does, its parameters, and its schemas. The form that calls it is added in the browser
 * (`browser-script.ts`), which fills the same HTML with the tools that only a token shows.
 */
import type { Tool } from '@modelcontextprotocol/server';
import { html } from 'hono/html';

/** Stands for any tool in the template that the browser fills. */
const NO_TOOL: Tool = { name: '', inputSchema: { type: 'object' } };

/** The JSON Schema of a parameter, in which a tool may have anything. */
type Schema = Readonly<Record<string, unknown>>;

/** The tools of a page, as HTML. Few are shown open. */
export function toolsHtml(tools: readonly Tool[]) {
  const isOpen = tools.length <= 3;
  return html`${tools.map((tool) => toolHtml(tool, isOpen))}`;
}

/** A template of a tool, and one of the form that calls it. */
export function toolTemplates() {
  return html`<template id="tool-template">${toolHtml(NO_TOOL, true)}</template>
    <template id="call-template">
      <form class="call">
        <label>
          <span class="label">Arguments, as JSON</span>
          <textarea rows="4" spellcheck="false" autocomplete="off"></textarea>
        </label>
        <p class="actions">
          <button class="primary">Call the tool</button>
          <button type="button" class="cancel" hidden>Cancel</button>
        </p>
        <div class="outcome" role="status"></div>
        <details class="wire" hidden>
          <summary>Request and answer</summary>
          <h4>Request</h4>
          <pre class="request"></pre>
          <h4>Answer</h4>
          <pre class="answer"></pre>
        </details>
      </form>
    </template>`;
}

function toolHtml(tool: Tool, isOpen: boolean) {
  const { name, description = '', inputSchema, outputSchema } = tool;
  const hints = hintsOf(tool);
  const parameters = parametersHtml(inputSchema);
  return html`<details class="tool" data-tool="${name}" ${isOpen ? 'open' : ''}>
    <summary>
      <h3>${titleOf(tool)}</h3>
      <code class="name">${name}</code>
      <span class="description">${description}</span>
    </summary>
    <ul class="hints" ${hints.length === 0 ? 'hidden' : ''}>
      ${hints.map((hint) => html`<li>${hint}</li>`)}
    </ul>
    <dl class="parameters" ${parameters.length === 0 ? 'hidden' : ''}>${parameters}</dl>
    <details class="schemas">
      <summary>Schemas</summary>
      <h4>Input</h4>
      <pre class="input-schema">${jsonOf(inputSchema)}</pre>
      <h4>Output</h4>
      <pre class="output-schema">${outputSchema ? jsonOf(outputSchema) : 'not declared'}</pre>
    </details>
  </details>`;
}

function titleOf({ name, title, annotations }: Tool): string {
  return title ?? annotations?.title ?? name;
}

function parametersHtml({ properties = {}, required = [] }: Tool['inputSchema']) {
  return Object.entries(properties as Record<string, Schema | null>).map(([name, given]) => {
    // `isSpecType.Tool` lets null pass, which is not a schema.
    const schema = given ?? {};
    const { description } = schema;
    return html`<div>
      <dt>
        <code>${name}</code> <span class="type">${parameterText(schema)}</span>
        ${required.includes(name) ? html`<span class="required">required</span>` : ''}
      </dt>
      <dd>${typeof description === 'string' ? description : ''}</dd>
    </div>`;
  });
}

function jsonOf(value: unknown): string {
  return JSON.stringify(value, undefined, 2);
}

/** What a tool says of its effects, in words. A client cannot rely on it. */
export function hintsOf({ annotations = {} }: Pick<Tool, 'annotations'>): string[] {
  const { readOnlyHint, destructiveHint, idempotentHint, openWorldHint } = annotations;
  const hints: [isTold: boolean, hint: string][] = [
    [readOnlyHint === true, 'read-only'],
    [readOnlyHint !== true && destructiveHint === true, 'destructive'],
    [idempotentHint === true, 'idempotent'],
    [openWorldHint === true, 'open world'],
  ];
  return hints.filter(([isTold]) => isTold).map(([, hint]) => hint);
}

/** The type of a parameter, in words. */
export function parameterText({ type, enum: values, minimum, maximum, default: fallback }: Schema): string {
  const types = Array.isArray(type) ? type.join(' or ') : typeof type === 'string' ? type : 'any';
  const words = [Array.isArray(values) ? `one of ${values.map((value) => JSON.stringify(value)).join(', ')}` : types];
  if (typeof minimum === 'number') words.push(`from ${minimum}`);
  if (typeof maximum === 'number') words.push(`up to ${maximum}`);
  if (fallback !== undefined) words.push(`default ${JSON.stringify(fallback)}`);
  return words.join(', ');
}

/** {@link hintsOf} and {@link parameterText} for the browser, as plain JavaScript. A test compares what they return. */
export const WORDS_SCRIPT = String.raw`
/** @param {Json} tool @returns {string[]} */
function hintsOf({ annotations = {} }) {
  const { readOnlyHint, destructiveHint, idempotentHint, openWorldHint } = annotations;
  /** @type {[isTold: boolean, hint: string][]} */
  const hints = [
    [readOnlyHint === true, 'read-only'],
    [readOnlyHint !== true && destructiveHint === true, 'destructive'],
    [idempotentHint === true, 'idempotent'],
    [openWorldHint === true, 'open world'],
  ];
  return hints.filter(([isTold]) => isTold).map(([, hint]) => hint);
}

/** @param {Json} schema */
function parameterText({ type, enum: values, minimum, maximum, default: fallback }) {
  const types = Array.isArray(type) ? type.join(' or ') : typeof type === 'string' ? type : 'any';
  const words = [Array.isArray(values) ? 'one of ' + values.map((value) => JSON.stringify(value)).join(', ') : types];
  if (typeof minimum === 'number') words.push('from ' + minimum);
  if (typeof maximum === 'number') words.push('up to ' + maximum);
  if (fallback !== undefined) words.push('default ' + JSON.stringify(fallback));
  return words.join(', ');
}
`;
