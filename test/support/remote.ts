/** A server behind a socket, called like an app in this process. */
import type { TestApp } from './app.ts';

/** Sends requests to the server whose endpoint is `url`. */
export function remoteApp(url: string): Pick<TestApp, 'request'> {
  return {
    request(method, { path = '/mcp', headers = {}, body, signal } = {}) {
      const init: RequestInit = { method, headers };
      if (body !== undefined) init.body = typeof body === 'string' ? body : JSON.stringify(body);
      if (signal) init.signal = signal;
      return fetch(new URL(path, url), init);
    },
  };
}
