/** Makes what serves the two protocol eras, from the settings and the engines that the app has chosen. */
import type { Config } from '../config/config.ts';
import type { BuildServer, CreateServer } from '../context/context.ts';
import type { Engines } from '../contracts/engines.ts';
import type { Notifier } from '../context/notifier.ts';
import { createRequestStates } from '../context/request-state.ts';
import type { StateSource } from '../context/state.ts';
import { Sessions, type SessionsOptions } from '../sessions/sessions.ts';
import { createCallsInFlight, type CallsInFlight } from '../lib/calls-in-flight.ts';
import { withoutQuotes } from '../telemetry/log.ts';
import { createLossLog } from '../telemetry/loss-log.ts';
import type { ShortHash } from '../telemetry/short-hash.ts';
import type { Metrics, Readings } from '../signals/metrics.ts';
import type { LegacyRequests } from '../transport/exchange.ts';
import { createServerBuilder, loggingFailures } from './create-server.ts';
import { createModern, type ModernRequests } from './modern.ts';
import { createStateless } from './stateless.ts';

type SharedParts = 'clock' | 'log' | 'lifecycle' | 'callsInFlight' | 'watchMemory' | 'onSessionEnd';

/** Options for {@link createEras}. */
export interface ErasOptions extends Pick<SessionsOptions, SharedParts>, Engines {
  config: Config;
  notify: Notifier;
  /** Names sessions in the log. */
  shortHash: ShortHash;
  /** As in `AppOptions`. @default 100 */
  streamAfterMs?: number;
  /** As in `AppOptions`. */
  metrics?: Metrics | undefined;
  /** As in `AppOptions`. */
  isAvailable?: () => boolean;
}

/** What serves the two eras. */
export interface Eras {
  legacy: LegacyRequests;
  modern: ModernRequests;
  /** Builds a server for the host itself. Whoever asks for one logs its failure, and closes it. */
  buildServer: BuildServer;
  /** Cuts off the calls that are still running, and ends every stream. */
  close(): Promise<void>;
}

/** Makes them, and passes on to their clients what is notified; `close()` ends what they hold. */
export function createEras(createServer: CreateServer, options: ErasOptions): Eras {
  const { config, log, notify, changes, shortHash, streamAfterMs = 100 } = options;
  const bindRequestState = createRequestStates({ keys: config.stateKeys, warn: (message) => log.warn(message) });
  const onerror = async (error: Error, requestId?: string, sessionId?: string) => {
    if (log.isLevelEnabled?.('debug') === false) return;
    const session = sessionId === undefined ? undefined : await shortHash(sessionId);
    log.debug('reported by the SDK', { requestId, session, error: withoutQuotes(error) });
  };
  const state = stateSourceOf(options);
  const buildServer = createServerBuilder(createServer, { notify, state, bindRequestState, onerror });
  const losses = createLossLog(log);
  const openStreams = createCallsInFlight();
  const shared = {
    ...options,
    buildServer: loggingFailures(buildServer, log),
    keepAliveMs: config.keepAliveSeconds * 1000,
    callTimeoutMs: config.callTimeoutSeconds * 1000,
    shortcuts: config.shortcuts,
    streamAfterMs,
    openStreams,
    onerror,
    onunheard: (method: string) => losses.unheard(method),
  };
  const legacy: LegacyRequests =
    config.sessions === 'stateless'
      ? createStateless(shared)
      : new Sessions({
          ...config,
          ...shared,
          // The app logs its failures.
          buildServer,
          maxCalls: config.maxCallsPerSession,
          maxLive: config.maxLiveSessions,
          liveIdleMs: config.liveIdleSeconds === undefined ? undefined : config.liveIdleSeconds * 1000,
          losses,
          idleMs: config.sessionIdleSeconds * 1000,
          store: options.sessionStore,
        });
  const modern = createModern({
    ...shared,
    // What sessions with a GET stream are to earlier revisions.
    maxSubscriptions: config.maxSessions,
    maxSubscriptionsPerPrincipal: config.maxSessionsPerPrincipal,
  });
  options.metrics?.attach(readingsOf(options, legacy, openStreams));
  const detach = notify.attach({
    publish: (event) => changes.publish(event),
    log: (sessionId, message) =>
      void legacy
        .log(sessionId, message)
        .catch((error: unknown) => log.error('a log message could not be sent', { error: String(error) })),
  });
  return {
    legacy,
    modern,
    buildServer,
    async close() {
      detach();
      await Promise.all([modern.close(), legacy.close()]);
    },
  };
}

/** What lasts longer than a request. */
function readingsOf(options: ErasOptions, legacy: LegacyRequests, openStreams: CallsInFlight): Readings {
  const { sessionStore, eventLog, callsInFlight, isAvailable = () => true } = options;
  return {
    countSessions: () => sessionStore.count(),
    liveSessions: () => legacy.live,
    openStreams: () => openStreams.count,
    runningCalls: () => callsInFlight.count,
    eventLogBytes: () => eventLog.bytes?.(),
    isAvailable,
  };
}

function stateSourceOf({ stateStore, sessionStore }: ErasOptions): StateSource {
  return { store: stateStore, hasSession: async (id) => (await sessionStore.get(id)) !== undefined };
}
