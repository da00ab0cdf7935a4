/** Preloaded into every server: tells the bench on request what the process has used so far. */
process.on('message', (message) => {
  if (message?.ask !== 'usage') return;
  if (message.collect) globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  const { maxRSS } = process.resourceUsage();
  process.send?.({ usage: { cpuMicroseconds: user + system, maxRss: maxRSS * 1024, ...process.memoryUsage() } });
});
// This must not keep the server alive.
process.channel?.unref();
// The server must not outlive the bench, however that ends.
process.once('disconnect', () => process.exit());
