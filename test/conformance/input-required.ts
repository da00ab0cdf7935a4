/**
 * The tools that need something of the client: a form filled in, a model's answer, its roots.
 *
 * They return what they need and are called again with the answers. To clients of the 2025 revisions the
 * SDK sends the same as requests while the call is open; so each tool is written once for both eras.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr
 */
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  inputRequired,
  inputResponse,
  type CallToolResult,
  type ClientCapabilities,
  type InputRequests,
  type InputRequiredResult,
  type McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server';
import * as z from 'zod';
import type { RequestState } from '../../src/tools.ts';
import { text } from './content.ts';
import { DEFAULTS_FORM, ENUMS_FORM } from './forms.ts';

/** What a client carries from one round of a call to the next, signed for this call. */
interface RoundState {
  /** What was learned in the first round, from the second on. */
  name?: string;
}

type ToolAnswer = CallToolResult | InputRequiredResult;

const nameForm = z.object({ name: z.string() });
const colorForm = z.object({ color: z.string() });
const askName = inputRequired.elicit({ message: 'Who are you?', requestedSchema: nameForm });
const askConsent = inputRequired.elicit({ message: 'Go on?', requestedSchema: z.object({ ok: z.boolean() }) });
const askModel = (prompt: string) =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: text(prompt) }], maxTokens: 100 });

/** Tools that ask once, and say what the answer was. */
const ASKING: Record<string, InputRequests> = {
  test_elicitation_sep1034_defaults: { form: inputRequired.elicit(DEFAULTS_FORM) },
  test_elicitation_sep1330_enums: { form: inputRequired.elicit(ENUMS_FORM) },
  test_streaming_elicitation: { user_name: askName },
  test_missing_capability: { thought: askModel('Think of a number.') },
  test_input_required_result_elicitation: { user_name: askName },
  test_input_required_result_sampling: { capital_question: askModel('Which city is the capital of Estonia?') },
  test_input_required_result_list_roots: { client_roots: inputRequired.listRoots() },
};

/** The same, with a state that must come back unchanged. */
const ASKING_WITH_STATE: Record<string, InputRequests> = {
  test_input_required_result_request_state: { confirm: askConsent },
  test_input_required_result_tampered_state: { confirm: askConsent },
  test_input_required_result_multiple_inputs: {
    user_name: askName,
    greeting: askModel('Greet somebody.'),
    client_roots: inputRequired.listRoots(),
  },
};

export function registerAskingTools(server: McpServer, states: RequestState): void {
  for (const [name, requests] of Object.entries(ASKING)) {
    server.registerTool(name, { description: 'Asks the client and says what it got' }, (context) =>
      ask(requests, context),
    );
  }
  for (const [name, requests] of Object.entries(ASKING_WITH_STATE)) {
    server.registerTool(name, { description: 'Asks the client and checks the state' }, async (context) => {
      if (context.mcpReq.requestState<RoundState>()) return ask(requests, context, 'state-ok');
      return inputRequired({ inputRequests: requests, requestState: await states.mint({}, context) });
    });
  }
  server.registerTool(
    'test_sampling',
    { description: "Asks the client's model", inputSchema: z.object({ prompt: z.string() }) },
    ({ prompt }, context) => ask({ answer: askModel(prompt) }, context),
  );
  server.registerTool(
    'test_elicitation',
    { description: 'Asks the user for name and address', inputSchema: z.object({ message: z.string() }) },
    ({ message }, context) => {
      const requestedSchema = z.object({ username: z.string(), email: z.string() });
      return ask({ user: inputRequired.elicit({ message, requestedSchema }) }, context);
    },
  );
  server.registerTool(
    'test_input_required_result_capabilities',
    { description: 'Asks only for what the client said it can do' },
    (context) => {
      const envelope = context.mcpReq.envelope as Record<string, ClientCapabilities> | undefined;
      const can = envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? {};
      const requests: InputRequests = {
        ...(can.elicitation && { user_name: askName }),
        ...(can.sampling && { thought: askModel('Think of a word.') }),
        ...(can.roots && { client_roots: inputRequired.listRoots() }),
      };
      return ask(requests, context);
    },
  );
  registerMultiRound(server, states);
}

/** Asks for a name, then for a color; the state carries the name over the second round. */
function registerMultiRound(server: McpServer, states: RequestState): void {
  const tool = 'test_input_required_result_multi_round';
  server.registerTool(tool, { description: 'Asks twice' }, async (context): Promise<ToolAnswer> => {
    const { mcpReq } = context;
    const mint = (state: RoundState) => states.mint(state, context);
    const known = mcpReq.requestState<RoundState>()?.name;
    const name = known ?? acceptedContent(mcpReq.inputResponses, 'step1', nameForm)?.name;
    if (name === undefined) return inputRequired({ inputRequests: { step1: askName }, requestState: await mint({}) });
    const color = acceptedContent(mcpReq.inputResponses, 'step2', colorForm)?.color;
    if (known !== undefined && color !== undefined) return { content: [text(`${name} likes ${color}.`)] };
    const step2 = inputRequired.elicit({ message: `Which color do you like, ${name}?`, requestedSchema: colorForm });
    return inputRequired({ inputRequests: { step2 }, requestState: await mint({ name }) });
  });
}

const KIND_OF_ANSWER = { 'elicitation/create': 'elicit', 'sampling/createMessage': 'sampling', 'roots/list': 'roots' };

/** Says what the client answered to `requests`, or asks for all of them while one is missing. */
function ask(requests: InputRequests, { mcpReq }: ServerContext, prefix = 'Got'): ToolAnswer {
  const answers = Object.entries(requests).map(([key, request]) => {
    const answer = inputResponse(mcpReq.inputResponses, key);
    return answer.kind === KIND_OF_ANSWER[request.method] ? answer : undefined;
  });
  if (answers.includes(undefined)) return inputRequired({ inputRequests: requests });
  return { content: [text(`${prefix} ${JSON.stringify(answers)}`)] };
}
