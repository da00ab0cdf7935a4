/** Controls `fixture.mjs`, which does what no client can ask for. */
import { CONTENDERS, type Contender } from './contenders.ts';
import { nextMessage } from './processes.ts';
import { startServer, type Server, type StartOptions } from './server.ts';

/** More sessions than any run opens. */
const MAX_SESSIONS = 1_000_000;
/** Fewer than some runs open, so that they show what a call costs whose server has to be rebuilt. */
const MAX_LIVE_SESSIONS = 1000;

/** What the fixture does when told to. */
export type FixtureCommand =
  { ask: 'openSessions'; count: number } | { ask: 'logEvents'; count: number } | { ask: 'notifyAll' };

/** A running fixture. */
export interface Fixture extends Server {
  contender: Contender;
  /** Resolves when it is done. */
  tell(command: FixtureCommand): Promise<unknown>;
}

/** Starts the fixture in place of one of this project's contenders. */
export async function startFixture(id: string, options: StartOptions): Promise<Fixture> {
  const contender = CONTENDERS.find((each) => each.id === id);
  if (!contender?.ours) throw new Error(`${id} is not this project`);
  const env = {
    MCP_MAX_SESSIONS: String(MAX_SESSIONS),
    MCP_MAX_LIVE_SESSIONS: String(MAX_LIVE_SESSIONS),
    ...options.env,
  };
  const server = await startServer(contender, { ...options, env, entry: 'bench/fixture.mjs' });
  return {
    ...server,
    contender,
    async tell(command) {
      const told = nextMessage<{ done?: string; value?: unknown; failed?: string }>(
        server.child,
        ({ done }) => done === command.ask,
      );
      server.child.send(command);
      const { value, failed } = await told;
      if (failed !== undefined) throw new Error(failed);
      return value;
    },
  };
}
