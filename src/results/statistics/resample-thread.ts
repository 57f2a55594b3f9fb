import { workerData } from 'node:worker_threads';
import { type SharedResampling, takeBlocks } from './resample-blocks.js';

/* Runs in the thread that `resampleSums` starts. */

takeBlocks(workerData as SharedResampling);
