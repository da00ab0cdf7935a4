/**
 * Where a request comes from: the socket's address, or what proxies that are trusted say of it.
 *
 * `X-Forwarded-For` is a list to which each proxy adds, at its end, whom it heard from. Anybody can send one
 * that is filled already, so it is read from the end, and no further than the trusted proxies reach.
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

/** More proxies than anybody has in a row. */
const MAX_HOPS = 10;
/** Bits of an IPv6 address that tell one customer from another (RFC 6177); the rest is theirs to choose. */
const IPV6_CUSTOMER_BITS = 64;

interface Address {
  /** Its length: 32 bits, or 128. IPv4 addresses in IPv6 form are of 32. */
  bits: 32 | 128;
  value: bigint;
}

interface Network extends Address {
  /** How many of its bits count. */
  prefix: number;
}

/** Proxies whose word counts. */
export type TrustedProxies =
  /** So many are always in front. Only safe where nobody can get past them. */
  { hops: number } | { networks: readonly Network[] };

/** Reads a number of proxies, or a list of addresses and networks; `undefined` when it is neither. */
export function parseTrustedProxies(text: string): TrustedProxies | undefined {
  if (/^\d+$/.test(text)) return Number(text) <= MAX_HOPS ? { hops: Number(text) } : undefined;
  const networks = text.split(',').map((part) => parseNetwork(part.trim()));
  const known = networks.filter((network) => network !== undefined);
  return known.length === networks.length ? { networks: known } : undefined;
}

/**
 * The address that a request comes from, as a key to count by: IPv4 addresses as they are, IPv6 networks of 64
 * bits. `unknown` where there is no socket to ask.
 *
 * @param socketAddress - Whom the connection is with.
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

/** An address, or `undefined` when it is none. A port behind it, which some proxies add, is left out. */
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
