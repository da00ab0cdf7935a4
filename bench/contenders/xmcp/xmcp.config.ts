/** xmcp reads its port when it is built, not when it is started: `PORT` in `bench/contenders.ts` must be the same. */
import type { XmcpConfig } from 'xmcp';

const config: XmcpConfig = {
  http: { host: '127.0.0.1', port: 41_873, bodySizeLimit: 4 * 1024 * 1024 },
  paths: { tools: 'src/tools', prompts: false, resources: false },
};

export default config;
