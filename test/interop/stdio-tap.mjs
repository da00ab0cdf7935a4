// Starts src/stdio-server.ts as in docs/connect.md, and copies what its client sends to the file that is named.
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [, , copy] = process.argv;
const inProject = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const args = ['--import', inProject('loader.mjs'), inProject('src/stdio-server.ts')];
const server = spawn(process.execPath, args, { stdio: ['pipe', 'inherit', 'inherit'] });

process.stdin.on('data', (chunk) => appendFileSync(copy, chunk)).pipe(server.stdin);
server.stdin.on('error', () => {});
server.on('exit', (code) => process.exit(code ?? 1));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => server.kill(signal));
