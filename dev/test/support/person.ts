/** A person with a browser: keeps cookies, follows redirects, fills in the form of the development IdP. */

/** How they fill in the form. */
export interface Answer {
  /** The name they enter. @default the name they were made with */
  name?: string;
  /** What they click. @default 'allow' */
  answer?: 'allow' | 'deny';
}

/** A user who signs in. */
export interface Person {
  /** Follows the URL of a client; resolves to the redirect with the answer. */
  visit(authorizationUrl: URL, answer?: Answer): Promise<URL>;
}

/** Most redirects of a sign-in. */
const MAX_STEPS = 20;

/** Makes a person who has not signed in anywhere. */
export function person(ownName: string): Person {
  const cookies = new Map<string, string>();

  async function request(url: URL, init: RequestInit = {}): Promise<Response> {
    const cookie = [...cookies].map(([key, value]) => `${key}=${value}`).join('; ');
    const response = await fetch(url, { ...init, redirect: 'manual', headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, key = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') cookies.delete(key);
      else cookies.set(key, value);
    }
    return response;
  }

  return {
    async visit(authorizationUrl, { name = ownName, answer = 'allow' } = {}) {
      let url = authorizationUrl;
      let response = await request(url);
      for (let step = 0; step < MAX_STEPS; step += 1) {
        const location = response.headers.get('location');
        if (location !== null) {
          url = new URL(location, url);
          if (url.origin !== authorizationUrl.origin) return url;
          response = await request(url);
          continue;
        }
        const page = await response.text();
        const [, action] = /<form method="post" action="([^"]+)"/.exec(page) ?? [];
        if (action === undefined) throw new Error(`${url.href} answers ${response.status} without a form: ${page}`);
        url = new URL(action, url);
        const hidden = [...page.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)];
        const fields = Object.fromEntries(hidden.map(([, field = '', value = '']) => [field, value]));
        const body = new URLSearchParams({ ...fields, name, answer });
        response = await request(url, { method: 'POST', body });
      }
      throw new Error(`${name} is sent around in circles`);
    },
  };
}
