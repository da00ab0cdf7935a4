/** Host names: which of them can only be reached from this machine, and in which form they are compared. */

/** Whether `host`, a name or an address with or without brackets, can only be reached from this machine. */
export function isLoopback(host: string): boolean {
  const name = urlHostname(host);
  return name === 'localhost' || name === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(name);
}

/** Whether listening on `host` means listening on every address. */
export function isWildcard(host: string): boolean {
  return ['0.0.0.0', '[::]'].includes(urlHostname(host));
}

/** `host` as `URL` writes it: lower case, IPv6 in brackets, IPv4 as four numbers. */
export function urlHostname(host: string): string {
  const bracketed = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  return URL.canParse(`http://${bracketed}`) ? new URL(`http://${bracketed}`).hostname : host;
}
