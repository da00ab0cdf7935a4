/** An engine, such as Redis or a file, cannot be used at the moment. Requests that need it get 503 with `Retry-After`. */
export class UnavailableError extends Error {
  override name = 'UnavailableError';
}
