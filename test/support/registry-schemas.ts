/**
 * The constraints of the published schemas for what registries and hosts read, as far as this project writes their fields. A
 * field that is not listed here is an error, so that a wrong name is noticed.
 *
 * @see https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json
 * @see https://github.com/modelcontextprotocol/experimental-ext-server-card/blob/main/schema.json
 */
import * as z from 'zod';

const STATIC = 'https://static.modelcontextprotocol.io/schemas';
const text = (max: number) => z.string().min(1).max(max);

const identity = {
  name: z
    .string()
    .min(3)
    .max(200)
    .regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/),
  version: z.string().max(255),
  description: text(100),
  title: text(100).optional(),
  websiteUrl: z.url().optional(),
};
const header = z.strictObject({
  name: z.string(),
  description: z.string(),
  isRequired: z.boolean(),
  isSecret: z.boolean(),
});
const remote = {
  type: z.enum(['streamable-http', 'sse']),
  url: z.string().regex(/^https?:\/\/\S+$/),
  headers: z.array(header).optional(),
};
const icon = {
  mimeType: z.enum(['image/png', 'image/jpeg', 'image/jpg', 'image/svg+xml', 'image/webp']).optional(),
  sizes: z.array(z.string().regex(/^(\d+x\d+|any)$/)).optional(),
  theme: z.enum(['light', 'dark']).optional(),
};

/** A server card (SEP-2127). */
export const CARD = z.strictObject({
  ...identity,
  $schema: z.literal(`${STATIC}/v1/server-card.schema.json`),
  icons: z.array(z.strictObject({ ...icon, src: z.url(), mimeType: z.string().optional() })).optional(),
  remotes: z.array(z.strictObject({ ...remote, supportedProtocolVersions: z.array(z.string()) })),
});

/** The `server.json` of the MCP registry. */
export const SERVER_JSON = z.strictObject({
  ...identity,
  $schema: z.literal(`${STATIC}/2025-12-11/server.schema.json`),
  icons: z.array(z.strictObject({ ...icon, src: z.url({ protocol: /^https$/ }).max(255) })).optional(),
  remotes: z.array(z.strictObject(remote)),
  repository: z.strictObject({ url: z.url(), source: z.string() }).optional(),
});
