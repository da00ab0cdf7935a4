import { testApp, openSession } from '/work/main/test/support/app.ts';
import { fixture } from '/work/main/test/support/fixture.ts';
import { manualClock } from '/work/main/test/support/clock.ts';
for (const createServer of [fixture().createServer, undefined]) {
const app = testApp({}, { clock: manualClock(), ...(createServer && { createServer }) });
let t = performance.now();
for (let i = 0; i < 2000; i++) await openSession(app);
console.log((performance.now()-t)/2000, 'ms each');
}
