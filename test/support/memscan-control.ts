/** The positive control of the memory scan: a process that does nothing but hold what it was given until its stdin ends. */
import { readSync } from 'node:fs';

const planted = readPlanted();
process.stdout.write(`${JSON.stringify({ event: 'holding', octets: planted.length })}\n`);
process.stdin.resume().on('end', () => {
  // Used once more, so that no optimizer may think it is not needed.
  process.exitCode = planted.length > 0 ? 0 : 1;
});

function readPlanted(): Buffer {
  let digits = '';
  const one = Buffer.alloc(1);
  while (readSync(0, one, 0, 1, null) === 1 && one[0] !== 0x0a) digits += one.toString('latin1');
  const bytes = Buffer.allocUnsafeSlow(Number(digits));
  for (let at = 0; at < bytes.length;) at += readSync(0, bytes, at, bytes.length - at, null);
  return bytes;
}
