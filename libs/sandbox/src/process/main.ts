import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { encodeFrame, FrameReader } from '../frames.js';
import type { SandboxLimits } from '../limits.js';
import { memoryMark, stuckMark, type Request } from '../protocol.js';
import { ScriptProcess } from './script-process.js';

/**
 * Entry of the process that runs the scripts of one account. V8 ends a whole process for some of the things that a
 * script can do, so this one holds nothing that another account, or the platform, would miss: no secret, no
 * environment, no network, no file but its own code.
 */

/** V8 cannot be asked for the memory of a busy isolate, so the process watches its own. */
const memoryCheckMs = 100;
/** What a socket holds by default, and some more: a frame arrives in few pieces, always in the same memory. */
const readBytes = 256 * 1024;

const limits = JSON.parse(process.argv[2]!) as SandboxLimits;
const reader = new FrameReader(Infinity, (head, body) => scripts.handle(JSON.parse(head) as Request, body));
const wire = new Socket({
  fd: 3,
  readable: true,
  writable: true,
  onread: {
    buffer: Buffer.allocUnsafeSlow(readBytes),
    callback: (length, buffer) => {
      reader.push((buffer as Buffer).subarray(0, length));
      return true;
    },
  },
});
// The worker is gone, or its frames make no sense: there is nobody to run scripts for. Running threads cannot be joined.
const end = (): void => void process.kill(process.pid, 'SIGKILL');
wire.on('close', end);
wire.on('error', end);

function endSaying(words: string): void {
  writeSync(process.stderr.fd, words);
  end();
}

const scripts = new ScriptProcess(
  limits,
  (head, body) => wire.write(encodeFrame(head, [body])),
  (callId) => endSaying(stuckMark(callId)),
);

setInterval(() => {
  if (process.memoryUsage.rss() > limits.processMemoryMb * 1024 * 1024) endSaying(memoryMark);
}, memoryCheckMs);

wire.write(encodeFrame({ id: 0, kind: 'ready' }, []));
