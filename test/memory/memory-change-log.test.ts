import { createMemoryChangeLog } from '../../src/memory/memory-change-log.ts';
import { changeLogContract } from './change-log.contract.ts';

changeLogContract('in memory', (options) => createMemoryChangeLog(options));
