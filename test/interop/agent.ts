/** What an agent program is to the runner. */
import type { InteropClient, Stage } from './client.ts';
import type { NpmPackage } from './packages.ts';

/** How to work one of them. */
export interface Agent {
  name: string;
  package: NpmPackage;
  program: string;
  era: InteropClient['era'];
  /** The transports of its rows. @default both */
  transports?: readonly InteropClient['transport'][];
  /** What stands in its list for a server that it is connected with. Missing if that list does not connect. */
  connected?: RegExp;
  /** What a reader of its rows should know: completes a sentence that begins with the name. */
  note: string;
  /** Tells it of the server; `modelUrl` is where its model listens. */
  configure(stage: Stage, transport: InteropClient['transport'], modelUrl: string): Promise<void>;
  /** The arguments that start a conversation without asking for permission. */
  converse: string[];
  env: (modelUrl: string) => Record<string, string>;
}

export const PROMPT = 'Make slugs';
/** The name of the server in every configuration. */
export const NAME = 'hono-mcp-server';
