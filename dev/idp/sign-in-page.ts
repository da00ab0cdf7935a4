/**
 * The only page that a person sees: it asks for a name, and for what the client may do on their behalf. There is no
 * password, which makes this identity provider one for development.
 */
import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { html, raw } from 'hono/html';
import type { Provider } from 'oidc-provider';

const MAX_FORM_BYTES = 4096;
const STYLE = `
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 10vh auto; padding: 0 1rem; color: #222 }
  h1 { font-size: 1.4rem } .warning { background: #fff3cd; padding: .5rem 1rem; border-radius: 4px }
  code { overflow-wrap: anywhere } input, button { font: inherit; padding: .3rem .7rem }
`;

/** Where `oidc-provider` sends people: this path and the id of the interaction. */
export const INTERACTION_PATH = '/interaction/';

/** What the page shows, and how it is answered. */
type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>;

/** A page of this provider as HTML. */
export async function renderPage(title: string, content: Parameters<typeof html>[1]): Promise<string> {
  const page = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${title}</title>
        <style>
          ${raw(STYLE)}
        </style>
      </head>
      <body>
        <p class="warning">For development only: anyone can sign in, as anybody.</p>
        <h1>${title}</h1>
        ${content}
      </body>
    </html>`;
  return page.toString();
}

/**
 * Routes of the page.
 *
 * @param current - Returns the provider, which changes along with the keys.
 * @param log - Receives a line for each answer.
 */
export function signInPage(current: () => Provider, log: (line: string) => void): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.use(async (c, next) => {
    await next();
    c.header('X-Frame-Options', 'DENY');
    c.header('Referrer-Policy', 'no-referrer');
  });
  app.use(bodyLimit({ maxSize: MAX_FORM_BYTES }));

  app.get('/:uid', async (c) => {
    const provider = current();
    const interaction = await provider.interactionDetails(c.env.incoming, c.env.outgoing);
    const client = await provider.Client.find(String(interaction.params['client_id']));
    const name = client?.clientName ?? client?.clientId ?? 'A client';
    return c.html(renderPage(`Let ${name} in?`, form(interaction)));
  });

  app.post('/:uid', async (c) => {
    const provider = current();
    const { incoming, outgoing } = c.env;
    const interaction = await provider.interactionDetails(incoming, outgoing);
    const { name, answer } = await c.req.parseBody();
    const accountId = typeof name === 'string' ? name.trim() : '';
    const allowed = answer === 'allow' && accountId !== '';
    const result = allowed
      ? { login: { accountId }, consent: { grantId: await consent(provider, interaction, accountId) } }
      : { error: 'access_denied', error_description: 'the user said no' };
    const { client_id: client, scope = 'nothing' } = interaction.params;
    log(allowed ? `${accountId} lets ${String(client)} have ${String(scope)}` : `${String(client)} was refused`);
    return c.redirect(await provider.interactionResult(incoming, outgoing, result), 303);
  });
  return app;
}

function form({ params, session, uid }: Interaction): ReturnType<typeof html> {
  const { scope = 'nothing in particular', resource = 'no server in particular', redirect_uri: redirectUri } = params;
  return html`<form method="post" action="${INTERACTION_PATH}${uid}">
    <p>It asks for <code>${String(scope)}</code> at <code>${String(resource)}</code>.</p>
    <p>The answer goes to <code>${String(redirectUri)}</code>.</p>
    <p>
      <label>Your name <input name="name" value="${session?.accountId ?? 'alice'}" maxlength="64" required /></label>
    </p>
    <button name="answer" value="allow">Allow</button>
    <button name="answer" value="deny">Deny</button>
  </form>`;
}

/** Adds the requested scopes to those that the account has granted the client before. */
async function consent(provider: Provider, { params, grantId, session }: Interaction, accountId: string) {
  const before =
    grantId !== undefined && session?.accountId === accountId ? await provider.Grant.find(grantId) : undefined;
  const grant = before ?? new provider.Grant({ accountId, clientId: String(params['client_id']) });
  const scope = typeof params['scope'] === 'string' ? params['scope'] : '';
  grant.addOIDCScope(scope);
  const resources = [params['resource']].flat().filter((resource) => typeof resource === 'string');
  for (const resource of resources) grant.addResourceScope(resource, scope);
  return grant.save();
}
