/** Entry: `npm run dev:idp`. `IDP_PORT` is the port to listen on, 9000 unless it is set; 0 takes a free one. */
import { startIdp } from './server.ts';

const write = (line: string) => void process.stderr.write(`${line}\n`);

try {
  const { issuer } = await startIdp({ port: Number(process.env['IDP_PORT'] || 9000), log: write });
  write('For development only: anyone can sign in here, as anybody. Nothing is kept when it stops.');
  write(`Identity provider listening on ${issuer}`);
  write(`  MCP server   MCP_OAUTH_ISSUER=${issuer} npm run dev:http`);
} catch (error) {
  write(`Cannot listen: ${error instanceof Error ? error.message : String(error)}. IDP_PORT sets the port.`);
  process.exitCode = 1;
}
