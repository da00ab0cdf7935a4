/** What a client is to the runner, and what every one of them is asked to do. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { StdioCommand } from '../support/clients.ts';
import type { PackageName } from './packages.ts';

/** The features, in the order of the matrix. */
export const FEATURES = ['connect', 'list', 'slugify', 'slugify-batch', 'progress'] as const;
export type Feature = (typeof FEATURES)[number];

/** For a client that shows everything but how far a call has come. */
export const ALL_BUT_PROGRESS = FEATURES.filter((feature) => feature !== 'progress');

/** *legacy*: the revisions with a handshake, up to 2025-11-25. *modern*: 2026-07-28. */
export type Era = 'legacy' | 'modern';

/** A client that others wrote, in one of its modes. */
export interface InteropClient {
  name: string;
  /** Its mode, if it has several, or the program it works for. */
  mode?: string;
  version: string;
  /** What it is expected to speak; the runner compares it with what the client sent. `either` if that may depend on the machine. */
  era: Era | 'either';
  transport: 'HTTP' | 'stdio';
  /** Whether the server wants a token, so that it must sign in. @default false */
  signsIn?: boolean;
  /** What it can show. The rest of its row stays open. */
  shows: readonly Feature[];
  /** What a reader of its rows should know: completes a sentence that begins with the name. */
  note?: string;
  /** What it takes to connect it anew: completes a sentence with "until". @default it is connected anew */
  reconnecting?: string;
  /** The packages to install for it. */
  needs: readonly PackageName[];
  /** Drives it; throws at the first thing that is not as it should be. */
  run(stage: Stage): Promise<void>;
  /**
   * Connects over HTTP and stays connected, so that the server can be restarted meanwhile; resolves to how its user calls
   * `slugify` then. May be called again, in another folder, for a new connection. Missing for a client that is done after a
   * call, or that starts its server itself.
   */
  stay?: (stage: Stage) => Promise<CallSlugify>;
}

/** Calls `slugify` with a text; resolves to what the client shows, which has the slug in it, or rejects with that. */
export type CallSlugify = (text: string) => Promise<string>;

/** The environment of one run of a client. */
export interface Stage {
  /** The endpoint, for this client only. */
  url: string;
  /** The command that starts the stdio server. */
  command: StdioCommand;
  /** A folder to work in, and the client's home; removed afterwards. */
  folder: string;
  /** Two origins that serve the page of `page.html`: the server allows one of them. */
  origins: { allowed: string; refused: string };
  /** Where to leave what a person may want to look at. */
  artifacts: string;
  /** Ends with the run, and everything that was started in its name with it. */
  t: TestContext;
  /** What the client has sent so far, over the transport of its row. */
  sent: () => string;
  /** Says that a feature works. */
  saw: (feature: Feature) => void;
}

export const TEXT = 'Hello World';
export const SLUG = 'hello-world';
/**
 * Enough for some steps to be on their way long before the result: clients of the SDK drop what they read
 * of a call's progress together with its result.
 */
export const TITLES: string[] = Array.from({ length: 40 }, () => 'Chapter');
export const SLUGS = slugsOf(TITLES);

/** What `slugify-batch` makes of titles that are all "Chapter". */
export function slugsOf(titles: readonly string[]): string[] {
  return titles.map((_, index) => (index === 0 ? 'chapter' : `chapter-${index + 1}`));
}

/** The client with its mode. */
export function titleOf({ name, mode }: InteropClient): string {
  return mode === undefined ? name : `${name}, ${mode}`;
}

/** A client library, driven from here. */
export interface Driver {
  listTools: () => Promise<string[]>;
  /** Calls a tool; resolves to its structured content. */
  call: (name: string, args: Record<string, unknown>, onProgress: (progress: number) => void) => Promise<unknown>;
}

/** How the user of a client library calls `slugify`. */
export function slugifyOf({ call }: Driver): CallSlugify {
  return async (text) => JSON.stringify(await call('slugify', { text }, () => {})) ?? 'nothing';
}

/** Makes a connected client use every feature. */
export async function exercise({ listTools, call }: Driver, saw: Stage['saw']): Promise<void> {
  saw('connect');
  assert.deepEqual(await listTools(), ['slugify', 'slugify-batch']);
  saw('list');
  const seen: number[] = [];
  assert.deepEqual(await call('slugify', { text: TEXT }, () => {}), { slug: SLUG });
  saw('slugify');
  assert.deepEqual(await call('slugify-batch', { titles: TITLES }, (progress) => seen.push(progress)), {
    slugs: SLUGS,
  });
  saw('slugify-batch');
  assert.deepEqual(
    seen,
    seen.toSorted((a, b) => a - b),
  );
  if (seen.length > 0) saw('progress');
}
