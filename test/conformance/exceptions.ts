/**
 * What the runner does not ask for, each with its reason; `docs/conformance.md` says the same to people.
 *
 * The runner fails when something else does not pass, and also when something of this does.
 */

/** Scenarios of 2025-11-25 that `MCP_SESSIONS=stateless` cannot pass. Those of 2026-07-28 it passes all. */
export const STATELESS_CANNOT: Readonly<Record<string, string>> = {
  'tools-call-sampling': 'a call cannot ask the client for anything',
  'tools-call-elicitation': 'a call cannot ask the client for anything',
  'elicitation-sep1034-defaults': 'a call cannot ask the client for anything',
  'elicitation-sep1330-enums': 'a call cannot ask the client for anything',
  'server-session-lifecycle': 'there is no session to end',
  'server-sse-polling': 'a stream cannot be ended and resumed',
  'server-sse-multiple-streams': 'the suite does not try without a session; calls at the same time do work',
};

/** Checks that the suite skips, in either mode: none. */
export const SKIPPED_CHECKS: Readonly<Record<string, string>> = {};

/** Scenarios of the tasks extension (SEP-2663), which is not built. They are run and not counted. */
export const isOfTasksExtension = (scenario: string) => scenario.startsWith('tasks-');
