/** Entry: `npm run dev:idp`. `IDP_PORT` is the port to listen on, `IDP_SCOPES` what clients may ask for. */
import { startIdp } from './server.ts';

const write = (line: string) => void process.stderr.write(`${line}\n`);
const { IDP_PORT = '9000', IDP_SCOPES = '' } = process.env;

const idp = await startIdp({
  port: Number(IDP_PORT),
  scopes: IDP_SCOPES.split(/[\s,]+/).filter(Boolean),
  log: write,
});
write(`For development only: anyone can sign in here, as anybody. Nothing is kept when it stops.`);
write(`Identity provider listening on ${idp.issuer}`);
write(`  MCP server   MCP_OAUTH_ISSUER=${idp.issuer} npm run dev:http`);
