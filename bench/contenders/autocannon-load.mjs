/**
 * Loads a server with autocannon, for the run `check`: a process of its own that gets its plan from the bench. Ids must be
 * unique in a session, so autocannon puts one of its own in place of `[<id>]`; each of its clients has headers of its own.
 */
import { once } from 'node:events';
import autocannon from 'autocannon';

const [{ url, seconds, clients }] = await once(process, 'message');
let next = 0;
const result = await autocannon({
  url,
  method: 'POST',
  connections: clients.length,
  duration: seconds,
  idReplacement: true,
  setupClient(client) {
    const { headers, body } = clients[next++ % clients.length];
    client.setHeadersAndBody(headers, body);
  },
});
const { non2xx, errors, timeouts, duration } = result;
process.send({ count: result['2xx'], failures: non2xx + errors + timeouts, seconds: duration });
process.disconnect();
