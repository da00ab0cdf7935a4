/** Floor: node:http alone, with no check and no protocol; it parses the body, makes the slug and writes the answer. */
import { createServer } from 'node:http';
import { hostname, port, slugify } from './tools.mjs';

const defaults = { separator: '-', lowercase: true, characters: 'auto' };

createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const { id, params } = JSON.parse(Buffer.concat(chunks).toString());
    const result = slugify.call({ ...defaults, ...params.arguments });
    const body = JSON.stringify({ result, jsonrpc: '2.0', id });
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(body);
  });
}).listen(port, hostname);
