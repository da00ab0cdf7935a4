/** Every client, in the order of the matrix. */
import { AGENTS } from './agents.ts';
import { BRIDGE_CLIENTS } from './bridges.ts';
import { BROWSER_PAGE } from './browser-page.ts';
import type { InteropClient } from './client.ts';
import { HOSTED_CLIENTS } from './hosted-clients.ts';
import { INSPECTORS } from './inspector.ts';
import { INSPECTOR_WEB } from './inspector-web.ts';
import { LIBRARIES } from './libraries.ts';
import { SDK_CLIENTS } from './sdk.ts';

export const CLIENTS: readonly InteropClient[] = [
  ...SDK_CLIENTS,
  ...BRIDGE_CLIENTS,
  ...INSPECTORS,
  ...INSPECTOR_WEB,
  ...BROWSER_PAGE,
  ...AGENTS,
  ...LIBRARIES,
  ...HOSTED_CLIENTS,
];
