/** Answers a request; `env` is what the runtime's adapter passes for `connInfo`. */
export type FetchHandler = (request: Request, env?: unknown) => Response | Promise<Response>;
