/**
 * Keeps what tools and their libraries print off stdout, which belongs to the protocol over stdio.
 *
 * The entries call this before they import the tool file, because libraries also print while they are loaded. It does not
 * catch what is written to `process.stdout` itself, or through a console imported from `node:console`.
 */
import { Console } from 'node:console';

/**
 * From now on, the global `console` prints to stderr. A line of text on stdout would reach the client as a message that is
 * not JSON.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#stdio
 */
export function printToStderr(): void {
  globalThis.console = new Console(process.stderr);
}
