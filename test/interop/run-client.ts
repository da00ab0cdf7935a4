/** Has one client do its part, in a place of its own, and judges it by what it sent as well. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Feature, InteropClient, Stage } from './client.ts';
import type { Outcome } from './matrix.ts';
import { startProtectedEntry } from './protected-entry.ts';
import { createScope } from './scope.ts';
import { revisionIn, tapHttp, tapStdio } from './wire.ts';

/** A client that is not done by then hangs; on a machine that is not busy, the slowest one takes a tenth of that. */
const RUN_MS = 180_000;

/** What all clients find: the endpoint of the HTTP entry, and what is passed on to their stage. */
export interface Surroundings extends Pick<Stage, 'origins' | 'artifacts'> {
  endpoint: string;
}

/** Runs a client; whatever it or its adapter started is gone afterwards. Never throws. */
export async function runClient(client: InteropClient, { endpoint, ...rest }: Surroundings): Promise<Outcome> {
  const { t, close } = createScope();
  const features = new Set<Feature>();
  const outcome: Outcome = { client, revision: undefined, saw: features };
  try {
    const folder = await mkdtemp(join(tmpdir(), 'interop-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const { url, ...http } = await tapHttp(t, client.signsIn ? (tapped) => startProtectedEntry(t, tapped) : endpoint);
    const { command, ...stdio } = tapStdio(folder);
    const { sent } = client.transport === 'HTTP' ? http : stdio;
    const saw = (feature: Feature) => void features.add(feature);
    await withinTime(client.run({ ...rest, url, command, folder, t, sent, saw }));
    const spoken = revisionIn(sent());
    outcome.revision = spoken?.revision;
    const expected = client.era === 'either' ? spoken !== undefined : spoken?.era === client.era;
    if (!expected) throw new Error(`it was to be ${client.era}, and spoke ${spoken?.revision}`);
  } catch (error) {
    outcome.error = error instanceof Error ? error : new Error(String(error));
    // A failure at the end is a failure, too.
    if (client.shows.every((feature) => features.has(feature))) features.clear();
  } finally {
    await close();
  }
  return outcome;
}

function withinTime(run: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not done after ${RUN_MS / 1000} s`)), RUN_MS);
    run.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
