/**
 * The part of the page's script that starts it: copy buttons, a form for each tool, and the field for a token, which lists
 * the tools that its holder may see.
 *
 * It fills the HTML of `tool-html.ts` with text, and never makes HTML of its own.
 */

/** Plain JavaScript, for the module in the page. It uses what `CALL_SCRIPT`, `FORM_SCRIPT` and `WORDS_SCRIPT` declare. */
export const BROWSER_SCRIPT = String.raw`
/**
 * The element for a selector, which must be there.
 *
 * @template {HTMLElement} [E=HTMLElement]
 * @param {ParentNode} parent
 * @param {string} selector
 * @returns {E}
 */
function find(parent, selector) {
  const element = parent.querySelector(selector);
  if (!element) throw new Error('The page has no ' + selector);
  return /** @type {E} */ (element);
}

/** @param {string} id @returns {HTMLElement} */
function cloned(id) {
  const template = /** @type {HTMLTemplateElement} */ (find(document, '#' + id));
  return /** @type {HTMLElement} */ (/** @type {Element} */ (template.content.firstElementChild).cloneNode(true));
}

/** @param {ParentNode} parent @param {string} selector @param {string} text */
function write(parent, selector, text) {
  find(parent, selector).textContent = text;
}

/** @param {string} tag @param {string} text @param {string} [className] */
function element(tag, text, className = '') {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

/** @param {HTMLElement} button */
function enableCopy(button) {
  const label = /** @type {Text} */ (button.firstChild);
  const code = find(/** @type {HTMLElement} */ (button.parentElement), 'code');
  button.hidden = false;
  button.addEventListener('click', async () => {
    let feedback = 'Copied';
    try {
      await navigator.clipboard.writeText(code.textContent ?? '');
    } catch {
      // Without https, browsers have no clipboard for pages.
      getSelection()?.selectAllChildren(code);
      feedback = 'Selected';
    }
    label.data = feedback;
    write(document, '#copied', feedback === 'Copied' ? 'Copied' : 'Selected: copy it with your keyboard');
    setTimeout(() => {
      label.data = 'Copy';
      write(document, '#copied', '');
    }, 2000);
  });
}

/** Fills the template of a tool, as tool-html.ts does. @param {Json} tool @returns {HTMLElement} */
function toolElement({ name, title, description = '', inputSchema, outputSchema, annotations = {} }) {
  const tool = cloned('tool-template');
  tool.dataset.tool = name;
  write(tool, 'h3', title ?? annotations.title ?? name);
  write(tool, '.name', name);
  write(tool, '.description', description);
  const hints = hintsOf({ annotations });
  find(tool, '.hints').replaceChildren(...hints.map((hint) => element('li', hint)));
  find(tool, '.hints').hidden = hints.length === 0;
  const parameters = Object.entries(inputSchema.properties ?? {});
  find(tool, '.parameters').replaceChildren(
    ...parameters.map(([key, schema]) => parameterElement(key, schema ?? {}, inputSchema.required?.includes(key) === true)),
  );
  find(tool, '.parameters').hidden = parameters.length === 0;
  write(tool, '.input-schema', JSON.stringify(inputSchema, null, 2));
  write(tool, '.output-schema', outputSchema ? JSON.stringify(outputSchema, null, 2) : 'not declared');
  return tool;
}

/** @param {string} name @param {Json} schema @param {boolean} isRequired */
function parameterElement(name, schema, isRequired) {
  const term = element('dt', '');
  term.append(element('code', name), ' ', element('span', parameterText(schema), 'type'));
  if (isRequired) term.append(' ', element('span', 'required', 'required'));
  const group = element('div', '');
  group.append(term, element('dd', typeof schema.description === 'string' ? schema.description : ''));
  return group;
}

/** @param {HTMLFormElement} form */
function enableToken(form) {
  const outcome = find(form, '.outcome');
  const list = find(document, '#tool-list');
  form.hidden = false;
  // The browser may keep the page for its back button.
  addEventListener('pagehide', () => {
    token = '';
    form.reset();
    outcome.replaceChildren();
    list.replaceChildren();
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    token = /** @type {HTMLInputElement} */ (find(form, '#token')).value.trim();
    list.replaceChildren();
    tell(outcome, 'Asking the server…', true);
    try {
      const { tools, exchange } = await listTools();
      const failure = failureOf(exchange);
      if (failure !== undefined) return tell(outcome, failure, false);
      tell(outcome, tools.length === 1 ? 'You may see 1 tool.' : 'You may see ' + tools.length + ' tools.', true);
      const elements = tools.map(toolElement);
      elements.forEach(addForm);
      list.replaceChildren(...elements);
    } catch (error) {
      tell(outcome, unreachable(error), false);
    }
    return undefined;
  });
}

find(document, '#no-script').hidden = true;
/** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.copy')).forEach(enableCopy);
/** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.tool')).forEach(addForm);
const tokenForm = /** @type {HTMLFormElement | null} */ (document.querySelector('#token-form'));
if (tokenForm) enableToken(tokenForm);
`;
