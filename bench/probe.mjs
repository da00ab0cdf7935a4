/** Loaded into every server that is measured, alike: tells the bench, when asked, what the process has used so far. */
process.on('message', (message) => {
  if (message?.ask !== 'usage') return;
  if (message.collect) globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  process.send?.({ usage: { cpuMicroseconds: user + system, ...process.memoryUsage() } });
});
// The server runs as long as it would without being watched.
process.channel?.unref();
// Nor longer than the bench, however that ends.
process.once('disconnect', () => process.exit());
