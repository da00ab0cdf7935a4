/** An entry that serves what the conformance suite asks for, as a node of a cluster. */
import { serve } from '../../src/node/serve.ts';
import { createConformanceServer } from '../conformance/server.ts';

const { NODE_NAME: _, ...env } = process.env;
await serve(createConformanceServer, { env });
