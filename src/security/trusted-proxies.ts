/**
 * Finds the address that a request comes from: that of the socket, or the one that trusted proxies report.
 *
 * Every proxy appends the address of its peer to `X-Forwarded-For`. Clients can send a list of their own to begin with,
 * so the list is read from its end, and only as far as the trusted proxies reach.
 */
import {
  convertIPv4BinaryToString,
  convertIPv4MappedIPv6ToIPv4,
  convertIPv4ToBinary,
  convertIPv6BinaryToString,
  convertIPv6ToBinary,
  distinctRemoteAddr,
  isIPv4MappedIPv6,
} from 'hono/utils/ipaddr';
import type { Context } from 'hono';
import type { GetConnInfo } from 'hono/conninfo';

/** Maximum number of proxies in a row. A larger number is a mistake. */
const MAX_HOPS = 10;
/** The bits of an IPv6 address that identify a customer, who chooses the rest (RFC 6177). */
const IPV6_CUSTOMER_BITS = 64;

interface Address {
  /** The length of the address. IPv4-mapped IPv6 addresses count as IPv4. */
  bits: 32 | 128;
  value: bigint;
}

interface Network extends Address {
  /** The number of leading bits that count. */
  prefix: number;
}

/** The proxies to trust. */
export type TrustedProxies =
  /** The number of proxies in front of the server. Only safe if nobody can bypass them. */
  { hops: number } | { networks: readonly Network[] };

/** Parses a number of proxies, or a list of addresses and networks. Returns `undefined` if `text` is neither. */
export function parseTrustedProxies(text: string): TrustedProxies | undefined {
  if (/^\d+$/.test(text)) return Number(text) <= MAX_HOPS ? { hops: Number(text) } : undefined;
  const networks = text.split(',').map((part) => parseNetwork(part.trim()));
  const known = networks.filter((network) => network !== undefined);
  return known.length === networks.length ? { networks: known } : undefined;
}

/**
 * The address that a request comes from, as a key for counting: an IPv4 address, or the 64-bit network of an IPv6
 * address. `unknown` if the address of the socket is unknown.
 *
 * @param socketAddress - The address of the peer.
 * @param forwardedFor - The `X-Forwarded-For` header.
 */
export function clientAddress(
  socketAddress: string | undefined,
  forwardedFor: string | null,
  trusted: TrustedProxies,
): string {
  const direct = parseAddress(socketAddress ?? '');
  if (!direct) return 'unknown';
  const list = forwardedFor?.split(',') ?? [];
  if ('hops' in trusted) {
    const entry = trusted.hops === 0 ? undefined : list.at(-trusted.hops);
    return keyOf((entry !== undefined && parseAddress(entry)) || direct);
  }
  let client = direct;
  while (trusted.networks.some((network) => isIn(network, client))) {
    const next = parseAddress(list.pop() ?? '');
    if (!next) break;
    client = next;
  }
  return keyOf(client);
}

/** Parses an address; `undefined` if it is not one. Some proxies append a port, which is ignored. */
function parseAddress(text: string): Address | undefined {
  const bare = text.trim().replace(/^\[([^\]]*)\](?::\d+)?$|^([\d.]+):\d+$/, '$1$2');
  try {
    if (distinctRemoteAddr(bare) === 'IPv4') return { bits: 32, value: convertIPv4ToBinary(bare) };
    const value = convertIPv6ToBinary(bare);
    return isIPv4MappedIPv6(value) ? { bits: 32, value: convertIPv4MappedIPv6ToIPv4(value) } : { bits: 128, value };
  } catch {
    return undefined;
  }
}

/** Whether the peer of a connection is a trusted proxy. With a number of them, nobody else can reach the server. */
export function isTrustedPeer(socketAddress: string | undefined, trusted: TrustedProxies): boolean {
  if ('hops' in trusted) return trusted.hops > 0;
  const address = parseAddress(socketAddress ?? '');
  return address !== undefined && trusted.networks.some((network) => isIn(network, address));
}

/** Returns a function that finds the {@link clientAddress} of a request, given what the runtime knows of its connection. */
export function clientAddressOf(connInfo: GetConnInfo | undefined, trusted: TrustedProxies): (c: Context) => string {
  return (c) => clientAddress(connInfo?.(c).remote.address, c.req.header('x-forwarded-for') ?? null, trusted);
}

function parseNetwork(text: string): Network | undefined {
  const [, name = '', digits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = parseAddress(name);
  if (!address) return undefined;
  const prefix = digits === undefined ? address.bits : Number(digits);
  return prefix <= address.bits ? { ...address, prefix } : undefined;
}

function isIn({ bits, value, prefix }: Network, address: Address): boolean {
  const rest = BigInt(bits - prefix);
  return address.bits === bits && address.value >> rest === value >> rest;
}

function keyOf({ bits, value }: Address): string {
  if (bits === 32) return convertIPv4BinaryToString(value);
  const rest = BigInt(bits - IPV6_CUSTOMER_BITS);
  return `${convertIPv6BinaryToString((value >> rest) << rest)}/${IPV6_CUSTOMER_BITS}`;
}
