/**
 * The work of TM Dev Lab's second comparison of MCP servers, rebuilt from the description in its repository
 * (`ADDING_SERVERS.md`, `benchmark/benchmark.js` and `infra/redis/seed.py` of thiagomendes/benchmark-mcp-servers-v2, 1 March
 * 2026): the three tools' calls and what is checked of their answers. `contenders/work-tools.mjs` has the tools.
 */
import type { Answer } from './answer-reader.ts';
import { messagesIn } from './answers.ts';
import type { Call } from './requests.ts';

/** Concurrent users, each with a cart and a history. */
export const USERS = 50;
/** How long a user waits after a session of each kind. */
export const PAUSE_MS = 50;
/** Products between 50 and 500 in the category that is searched. */
const FOUND = 2251;
const LISTED = 10;
const RECENT = 5;
const ITEMS = [
  { product_id: 42, quantity: 2 },
  { product_id: 1337, quantity: 1 },
];

/** A call with a check of the JSON in its answer. */
export interface WorkCall {
  call: Call;
  isRight: (told: Told) => boolean;
}

/** What the tools tell, as far as it is checked. */
interface Told {
  total_found?: number;
  products?: unknown[];
  top10_popular_ids?: unknown[];
  cart?: { items?: unknown[] };
  recent_history?: unknown[];
  status?: string;
  total?: number;
  items_count?: number;
}

/** The id of a user, from 1. */
export function userId(user: number): string {
  return `user-${String(user).padStart(5, '0')}`;
}

/** The calls of a user. A session with `tools/list` follows them. */
export function workCalls(user: number): WorkCall[] {
  const user_id = userId(user);
  return [
    {
      call: {
        tool: 'search_products',
        args: { category: 'Electronics', min_price: 50, max_price: 500, limit: LISTED },
      },
      isRight: ({ total_found, products, top10_popular_ids }) =>
        total_found === FOUND && products?.length === LISTED && top10_popular_ids?.length === LISTED,
    },
    {
      call: { tool: 'get_user_cart', args: { user_id } },
      isRight: ({ cart, recent_history }) => Boolean(cart?.items?.length) && recent_history?.length === RECENT,
    },
    {
      call: { tool: 'checkout', args: { user_id, items: ITEMS } },
      isRight: ({ status, total = 0, items_count }) =>
        status === 'confirmed' && total > 0 && items_count === ITEMS.length,
    },
  ];
}

/** What is wrong with the answer to a call of theirs under `id`; `undefined` if it is right. */
export function problemWithWork(answer: Answer, id: number, isRight: WorkCall['isRight']): string | undefined {
  const shown = answer.body.toString().slice(0, 300);
  if (answer.status !== 200) return `status ${answer.status}: ${shown}`;
  const message = messagesIn(answer).find((each) => each.id === id);
  const [content] = (message?.result?.['content'] ?? []) as { text?: string }[];
  if (content?.text === undefined || message?.result?.['isError'] === true) return `no result: ${shown}`;
  return isRight(JSON.parse(content.text) as Told) ? undefined : `wrong result: ${shown}`;
}

/** The same for `tools/list`, which must have at least the three. */
export function problemWithList(answer: Answer, id: number): string | undefined {
  const message = answer.status === 200 ? messagesIn(answer).find((each) => each.id === id) : undefined;
  const tools = (message?.result?.['tools'] ?? []) as { name: string }[];
  const names = new Set(tools.map(({ name }) => name));
  const isWhole = workCalls(1).every(({ call }) => names.has(call.tool));
  return isWhole ? undefined : `status ${answer.status}, not all tools: ${answer.body.toString().slice(0, 300)}`;
}
